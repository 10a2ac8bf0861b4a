"""How a model learns: the Trainer and its state, losses, metrics, optimizers, callbacks."""
