"""`fk.ops`: jax.numpy and jax.nn, lifted onto symbolic tensors."""

from ..nn.ops import *
