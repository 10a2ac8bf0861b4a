"""Weights of cuDNN's layers and what Keras 2.2.4 itself makes of them; `python make_cudnn.py` where it is installed."""

import keras
import numpy as np
from keras.engine.saving import _convert_rnn_weights

rng, found = np.random.RandomState(0), {}
for kind, gates, layer in (("LSTM", 4, keras.layers.LSTM(3)), ("GRU", 3, keras.layers.GRU(3, reset_after=True))):
    keras.models.Sequential([keras.layers.InputLayer((4, 2)), layer])
    shapes = [(2, 3 * gates), (3, 3 * gates), (2 * 3 * gates,)]
    weights = [rng.rand(*shape).astype("float32") for shape in shapes]
    for i, converted in enumerate(_convert_rnn_weights(layer, [w.copy() for w in weights])):
        found[f"{kind}w{i}"], found[f"{kind}c{i}"] = weights[i], converted
np.savez("cudnn.npz", **found)
