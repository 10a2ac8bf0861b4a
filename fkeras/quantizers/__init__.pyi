"""`fk.quantizers`: weights in few bits are made by `model.quantize`."""
