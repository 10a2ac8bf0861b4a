"""`fk.layers`: `fk.nn` under the name that Keras has for it."""

from ..nn import *
