"""`fk.preprocessing.image`: images as arrays."""

from ..utils import img_to_array as img_to_array
