"""`fk.tree`: nested lists, tuples and dicts, by the rules of Keras; `jax.tree` has those of JAX."""

from .._keras_api import attach_stub

__getattr__, __dir__ = attach_stub(__name__, __file__)
