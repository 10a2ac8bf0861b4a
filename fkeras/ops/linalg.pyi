"""`fk.ops.linalg`."""

from ..nn._ops._linalg_room import *
