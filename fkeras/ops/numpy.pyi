"""`fk.ops.numpy`."""

from ..nn._ops._numpy_room import *
