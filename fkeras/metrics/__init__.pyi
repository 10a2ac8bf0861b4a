"""`fk.metrics`: what is counted on the way."""

from ..train.metrics import *
