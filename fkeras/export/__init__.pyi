"""`fk.export`: programs for elsewhere are written by `model.export`."""
