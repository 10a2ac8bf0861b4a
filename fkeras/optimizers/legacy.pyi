"""`fk.optimizers.legacy`: Keras 3 refuses these; each name says which optimizer to use."""
