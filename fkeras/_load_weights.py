"""`fk.load_weights`: weights that a torch program wrote; `model.load_weights` reads those of fkeras and Keras."""

from .checkpoint import load_torch_weights as load_weights

__all__ = ["load_weights"]
