"""Lowers attention for CUDA and prints what is in the programs, as JSON.

Run it where JAX finds a cuDNN: only then does it trace the kernel. No GPU is needed to lower.
"""

import json
import re

import jax
import jax.numpy as jnp
import numpy as np

import fkeras as fk

TIME = 16
X = jnp.ones((2, TIME, 32), jnp.bfloat16)
MASK = jnp.ones((2, TIME), bool)
PREFIX = np.arange(TIME)[None] < np.array([[5], [TIME]])
CAUSAL = {"use_causal_mask": True}


def program(function, *args, platform="cuda"):
    """The custom calls, their masks and windows, and whether there is an array of targets and sources."""
    text = jax.jit(function).trace(*args).lower(lowering_platforms=(platform,)).as_text()
    return {
        "calls": [c.removeprefix("__cudnn$fmha") for c in re.findall(r"custom_call @([\w$]+)", text)],
        "masks": re.findall(r"mask_type\\22: \\22(\w+)", text),
        "windows": [int(w) for w in re.findall(r"sliding_window_length\\22: (\d+)", text)],
        "pairs": f"{TIME}x{TIME}x" in text,
    }


def heads(dtype="bfloat16", **kwargs):
    return fk.nn.MultiHeadAttention(4, 8, dtype=dtype, **kwargs)


def shared(**kwargs):
    return fk.nn.GroupQueryAttention(8, 4, 2, dtype="bfloat16", **kwargs)


def loss(layer, call, y=X):
    return lambda v, x: layer.apply(v, x, y, **call).astype(jnp.float32).sum()


def main():
    found = {}
    cases = {
        "causal": (heads(), CAUSAL),
        "whole": (heads("float16"), {}),
        "window": (heads(sliding_window=4), CAUSAL),
        "window_both_ways": (heads(sliding_window=4), {}),
        "lengths": (shared(), {"value_mask": PREFIX, **CAUSAL}),
        "holes": (heads(), {"value_mask": PREFIX[:, ::-1]}),
        "mask": (heads(), {"value_mask": MASK, **CAUSAL}),
        "padded_targets": (heads(), {"query_mask": MASK, **CAUSAL}),
        "never": (heads(flash_attention=False), CAUSAL),
        "single": (heads("float32"), CAUSAL),
        "odd_heads": (fk.nn.MultiHeadAttention(4, 9, dtype="bfloat16"), CAUSAL),
    }
    variables = {}
    for name, (layer, call) in cases.items():
        v = variables[name] = jax.eval_shape(layer.init, jax.random.key(0), X, X)  # a program is lowered for shapes
        found[name] = program(lambda v, layer=layer, call=call: layer.apply(v, X, X, **call), v)
    layer, v = cases["causal"][0], variables["causal"]
    slope = jax.grad(loss(layer, CAUSAL))
    several = jax.tree.map(lambda a: jax.ShapeDtypeStruct((3, *a.shape), a.dtype), v)
    asks = jax.tree.map(lambda a: None, v)
    asks["params"]["query"] = jax.tree.map(lambda a: 0, v["params"]["query"])
    some = {"params": {**v["params"], "query": several["params"]["query"]}}
    masked = jax.grad(loss(layer, {"value_mask": MASK}))
    found |= {
        "gradient": program(slope, v, X),
        "on_cpu": program(slope, v, X, platform="cpu"),
        "gradient_of_window": program(jax.grad(loss(*cases["window"])), v, X),
        "gradient_of_lengths": program(jax.grad(loss(*cases["lengths"])), variables["lengths"], X),
        "many": program(jax.vmap(slope, (0, None)), several, X),
        "many_queries": program(jax.vmap(slope, (asks, None)), some, X),
        "many_masked": program(jax.vmap(masked, (0, None)), several, X),
        "remat": program(jax.grad(jax.checkpoint(loss(layer, CAUSAL))), v, X),
        "second": program(lambda v, x: jax.jvp(lambda v: slope(v, x), (v,), (v,))[1], v, X),
        "other_length": program(lambda v: layer.apply(v, X[:, :8], X, **CAUSAL), v),
        "one_position": program(lambda v: layer.apply(v, X[:, :1], X), v),
        "one_head": program(lambda x: fk.nn.Attention(dtype="bfloat16").apply({}, [x, x], **CAUSAL), X),
        "scores": program(lambda v: layer.apply(v, X, X, return_attention_scores=True), v),
    }
    inputs = fk.Input((TIME, 32))
    model = fk.Model(inputs, fk.nn.MultiHeadAttention(4, 8)(inputs, inputs, **CAUSAL)).with_dtype_policy(
        "mixed_bfloat16"
    )
    v = model.init(0)
    quantized, low = model.quantize(v, "int8")
    adapted = model.with_lora(2)
    found |= {
        "quantized": program(lambda v: quantized.apply(v, X.astype(jnp.float32)), low),
        "lora": program(lambda v: adapted.apply(v, X.astype(jnp.float32)), adapted.lora_variables(v)),
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main()
