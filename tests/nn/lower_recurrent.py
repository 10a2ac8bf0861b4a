"""Lowers recurrent layers for CUDA and prints what is in the programs, as JSON.

Run it where JAX finds the module of its CUDA plugin that has cuDNN's LSTM: only then does it trace the kernel. No GPU
is needed to lower.
"""

import json
import re
import tempfile

import jax
import jax.numpy as jnp

import fkeras as fk

X = jnp.ones((2, 6, 3))
MASK = jnp.ones((2, 6), bool)
RNGS = {"dropout": jax.random.key(1)}


def program(function, *args, platform="cuda"):
    """The kernels and how many loops there are."""
    text = jax.jit(function).trace(*args).lower(lowering_platforms=(platform,)).as_text()
    return {"calls": re.findall(r"custom_call @cudnn_rnn_(\w*)ffi", text), "loops": text.count("stablehlo.while")}


def main():
    found = {}
    layers = {
        "sequences": (fk.nn.LSTM(4, return_sequences=True, go_backwards=True), {"mask": MASK}),
        "states": (fk.nn.LSTM(4, return_state=True, stateful=True), {}),
        "dropped": (fk.nn.LSTM(4, dropout=0.5, use_cudnn=True), {"training": True, "rngs": RNGS}),
        "both_ways": (fk.nn.Bidirectional(fk.nn.LSTM(4)), {}),
        "never": (fk.nn.LSTM(4, use_cudnn=False), {}),
        "half": (fk.nn.LSTM(4, dtype="bfloat16"), {}),
        "rectified": (fk.nn.LSTM(4, "relu"), {}),
        "gates": (fk.nn.LSTM(4, recurrent_activation="hard_sigmoid"), {}),
        "no_bias": (fk.nn.LSTM(4, use_bias=False), {}),
        "states_dropped": (fk.nn.LSTM(4, recurrent_dropout=0.5), {}),
        "gru": (fk.nn.GRU(4), {}),
    }
    variables = {}
    for name, (layer, call) in layers.items():
        v = variables[name] = jax.eval_shape(layer.init, jax.random.key(0), X)  # a program is lowered for shapes
        found[name] = program(lambda v, layer=layer, call=call: layer.apply(v, X, **call), v)
    layer, v = fk.nn.LSTM(4), variables["half"]
    slope = jax.grad(lambda v, x=X, mask=None: layer.apply(v, x, mask=mask).sum())
    found |= {
        "gradient": program(slope, v),
        "gradient_masked": program(lambda v, mask: slope(v, mask=mask), v, MASK),
        "remat": program(jax.grad(jax.checkpoint(lambda v: layer.apply(v, X).sum())), v),
        "on_cpu": program(slope, v, platform="cpu"),
        "second": program(lambda v: jax.jvp(slope, (v,), (v,))[1], v),
        "many": program(jax.vmap(slope), jax.tree.map(lambda a: jax.ShapeDtypeStruct((2, *a.shape), a.dtype), v)),
    }
    with jax.default_matmul_precision("bfloat16"):
        found["low"] = program(lambda v: layer.apply(v, X), v)
    inputs = fk.Input((6, 3))
    model = fk.Model(inputs, fk.nn.LSTM(4)(inputs))
    v = model.init(0)
    quantized, low = model.quantize(v, "int8")
    found["quantized"] = program(lambda v: quantized.apply(v, X), low)
    inputs = fk.Input((6, 3), batch_size=2)
    model = fk.Model(inputs, fk.nn.Bidirectional(fk.nn.LSTM(4))(inputs))
    with tempfile.TemporaryDirectory() as place:
        model.export(f"{place}/program", model.init(0), verify=False)
        found["exported"] = fk.load_exported(f"{place}/program")(X).shape
    print(json.dumps(found))


if __name__ == "__main__":
    main()
