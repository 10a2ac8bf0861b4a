"""The classes of `fkeras.nn.initializers`, one kind a file."""
