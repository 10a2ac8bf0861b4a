"""`fk.ops.image`."""

from ..nn._ops._image_room import *
