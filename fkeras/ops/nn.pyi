"""`fk.ops.nn`."""

from ..nn._ops._nn_room import *
