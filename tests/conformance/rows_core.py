"""Rows: structure, embedding, preprocessing, foreign modules."""

import jax
import numpy as np
import pytest
from flax import linen, nnx

from .descriptors import Row


def double(x):
    return x * 2


def call_jax(params, inputs):
    return inputs @ params["w"]


def init_jax(rng, inputs):
    return {"w": jax.random.normal(rng, (inputs.shape[-1], 2))}


def equinox_layer(nn):
    eqx = pytest.importorskip("equinox")
    return nn.EquinoxLayer(eqx.nn.Linear, args=(4, 5))


ROWS = [
    Row("JaxLayer", {"call_fn": call_jax, "init_fn": init_jax}, keras=False, skip={"dtype": "the functions choose it"}),
    Row("Embedding", {"input_dim": 5, "output_dim": 4}, (3, 6), dtype="int32"),
    Row("Embedding", {"input_dim": 5, "output_dim": 4, "mask_zero": True}, (3, 6), dtype="int32", variant="mask_zero"),
    Row("ReversibleEmbedding", {"input_dim": 5, "output_dim": 4}, (3, 6), dtype="int32"),
    Row("ReversibleEmbedding", {"input_dim": 5, "output_dim": 4, "mask_zero": True, "tie_weights": False}, (3, 6),
        dtype="int32", variant="untied"),
    Row("ReversibleEmbedding", {"input_dim": 5, "output_dim": 4, "logit_soft_cap": 2.0}, (3, 6, 4),
        call_kwargs={"reverse": True}, variant="reverse"),
    Row("ReversibleEmbedding", {"input_dim": 5, "output_dim": 4, "tie_weights": False}, (3, 4),
        call_kwargs={"reverse": True}, variant="untied_reverse"),
    Row("ReversibleEmbedding", {"input_dim": 5, "output_dim": 4, "reverse_dtype": "float32"}, (3, 4),
        call_kwargs={"reverse": True}, variant="reverse_dtype", skip={"dtype": "the way back has a dtype of its own"}),
    Row("Identity", {}),
    Row("Masking", {"mask_value": 0.0}, (3, 5, 2)),
    Row("Lambda", {"function": double}),
    Row("Normalization", {"mean": 1.0, "variance": 4.0}),
    Row("Normalization", {"axis": (1, 2)}, (3, 2, 4), variant="axes"),
    Row("Normalization", {"mean": np.arange(4.0), "variance": np.full(4, 2.0), "invert": True}, variant="invert",
        skip={"config": "Keras's config holds the arrays themselves"}),
    Row("InputLayer", {"shape": (4,), "batch_size": 3}, skip={"dtype": "its dtype is the array's own",
                                                                     "reference": "Keras's cannot be called"}),
    Row("Repeat", {}, (3, 4), keras=False, make=lambda nn: nn.Repeat(nn.Dense(4, activation="tanh"), 3),
        skip={"reference": "tested in tests/nn/test_repeat.py", "dtype": "the block has a dtype of its own"}),
    Row("FlaxLayer", {"module": linen.Dense(5)}, keras=False,
        skip={"dtype": "the module has a dtype of its own",
              "vmap": "", "reference": "tested in tests/nn/test_layers.py"}),
    Row("FlaxLayer", {"module": nnx.Linear, "args": (4, 5)}, keras=False, variant="nnx",
        skip={"dtype": "the module has a dtype of its own",
              "reference": "tested in tests/nn/test_nnx_modules.py"}),
    Row("EquinoxLayer", {}, keras=False, make=equinox_layer,
        skip={"dtype": "the module has a dtype of its own",
              "reference": "tested in tests/nn/test_equinox_guests.py"}),
]  # fmt: skip
