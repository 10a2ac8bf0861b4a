"""`fk.quantizers`: what `model.quantize` and the layers' `quantization_config` take beside a mode."""

from .._keras_api import attach_stub

__getattr__, __dir__ = attach_stub(__name__, __file__)
