"""`fk.callbacks`: what happens between steps and epochs."""

from ..train.callbacks import *
