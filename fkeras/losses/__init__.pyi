"""`fk.losses`: what a model is to make small."""

from ..train.losses import *
