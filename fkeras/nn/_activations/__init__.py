"""The functions of `fkeras.nn.activations`, one kind a file."""
