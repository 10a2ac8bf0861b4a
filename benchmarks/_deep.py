"""What XLA takes to compile the gradient of a deep stack, each kind of block once in Keras's words and once in Linen.

XLA's CPU backend copies what it takes for cheap into all who use it. A value on the residual stream that it copies is
copied with all the blocks before it, so that the program grows with the square of the depth, or worse: a normalisation
that is written in an unlucky order makes 48 blocks compile for minutes. Only XLA's own optimizer shows it.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax

_WIDTH = 16
_TIME, _IMAGE = (8, _WIDTH), (6, 6, _WIDTH)
_DEPTHS = (12, 24, 48)
# Seconds after which a stack is not compiled again: some of Linen's take a minute each.
_ENOUGH = 10


class Block(NamedTuple):
    """One block of a stack.

    Attributes:
        ours: of fkeras's layers and a symbolic tensor.
        linen: the same of an array, inside a compact module.
        shape: of one sample, which a block keeps.
    """

    ours: Callable[[Any, Any], Any]
    linen: Callable[[jax.Array], jax.Array]
    shape: tuple[int, ...] = _TIME


def _dense(p: Any, x: Any, activation: Any = None) -> Any:
    return p.Dense(_WIDTH, activation=activation)(x)


def _after(norm: Callable[[Any], Any], linen: Callable[[], Any]) -> Block:
    """A dense layer after a normalisation, and a residual around both."""
    return Block(
        lambda p, x: p.Add()([x, _dense(p, norm(p)(x))]),
        lambda x: x + nn.Dense(_WIDTH)(linen()(x)),
    )


def _heads(p: Any, x: Any) -> Any:
    return p.MultiHeadAttention(2, _WIDTH // 2)(x, x)


def _ours_transformer(p: Any, x: Any) -> Any:
    x = p.Add()([x, _heads(p, p.LayerNormalization()(x))])
    return p.Add()([x, _dense(p, p.Dense(32, activation="gelu")(p.LayerNormalization()(x)))])


def _linen_transformer(x: jax.Array) -> jax.Array:
    y = nn.LayerNorm()(x)
    x = x + nn.MultiHeadDotProductAttention(2, qkv_features=_WIDTH)(y, y)
    return x + nn.Dense(_WIDTH)(nn.gelu(nn.Dense(32)(nn.LayerNorm()(x)), approximate=False))


def _ours_gated(p: Any, x: Any) -> Any:
    y = p.RMSNormalization()(x)
    return p.Add()([x, _dense(p, p.Multiply()([p.Dense(32, activation="silu")(y), p.Dense(32)(y)]))])


def _linen_gated(x: jax.Array) -> jax.Array:
    y = nn.RMSNorm()(x)
    return x + nn.Dense(_WIDTH)(nn.silu(nn.Dense(32)(y)) * nn.Dense(32)(y))


def _ours_convolutional(p: Any, x: Any) -> Any:
    y = p.BatchNormalization()(p.Conv2D(_WIDTH, 3, padding="same")(x))
    y = p.BatchNormalization()(p.Conv2D(_WIDTH, 3, padding="same")(p.ReLU()(y)))
    return p.ReLU()(p.Add()([x, y]))


def _batch_norm() -> nn.Module:
    return nn.BatchNorm(use_running_average=False)


def _linen_convolutional(x: jax.Array) -> jax.Array:
    y = nn.relu(_batch_norm()(nn.Conv(_WIDTH, (3, 3))(x)))
    return nn.relu(x + _batch_norm()(nn.Conv(_WIDTH, (3, 3))(y)))


def _ours_depthwise(p: Any, x: Any) -> Any:
    y = p.LayerNormalization()(p.DepthwiseConv2D(3, padding="same")(x))
    return p.Add()([x, _dense(p, p.Dense(32, activation="gelu")(y))])


def _linen_depthwise(x: jax.Array) -> jax.Array:
    y = nn.LayerNorm()(nn.Conv(_WIDTH, (3, 3), feature_group_count=_WIDTH)(x))
    return x + nn.Dense(_WIDTH)(nn.gelu(nn.Dense(32)(y), approximate=False))


def _ours_squeezed(p: Any, x: Any) -> Any:
    y = p.Conv2D(_WIDTH, 3, padding="same", activation="relu")(x)
    weights = _dense(p, p.GlobalAveragePooling2D(keepdims=True)(y), "sigmoid")
    return p.Add()([x, p.Multiply()([y, weights])])


def _linen_squeezed(x: jax.Array) -> jax.Array:
    y = nn.relu(nn.Conv(_WIDTH, (3, 3))(x))
    return x + y * nn.sigmoid(nn.Dense(_WIDTH)(y.mean((1, 2), keepdims=True)))


def _ours_highway(p: Any, x: Any) -> Any:
    gate = _dense(p, x, "sigmoid")
    carried = p.Subtract()([x, p.Multiply()([gate, x])])
    return p.Add()([p.Multiply()([gate, _dense(p, x, "tanh")]), carried])


def _linen_highway(x: jax.Array) -> jax.Array:
    gate = nn.sigmoid(nn.Dense(_WIDTH)(x))
    return gate * nn.tanh(nn.Dense(_WIDTH)(x)) + (x - gate * x)


def _unit(x: jax.Array) -> jax.Array:
    return x * jax.lax.rsqrt(jnp.maximum(jnp.square(x).sum(-1, keepdims=True), 1e-24))


BLOCKS = {
    "LayerNormalization": _after(lambda p: p.LayerNormalization(), nn.LayerNorm),
    "LayerNormalization after the sum": Block(
        lambda p, x: p.LayerNormalization()(p.Add()([x, _dense(p, x)])),
        lambda x: nn.LayerNorm()(x + nn.Dense(_WIDTH)(x)),
    ),
    "LayerNormalization alone": Block(
        lambda p, x: p.Add()([x, p.ReLU()(p.LayerNormalization()(x))]), lambda x: x + nn.relu(nn.LayerNorm()(x))
    ),
    "RMSNormalization": _after(lambda p: p.RMSNormalization(), nn.RMSNorm),
    "GroupNormalization": _after(lambda p: p.GroupNormalization(4), lambda: nn.GroupNorm(4)),
    "UnitNormalization": _after(lambda p: p.UnitNormalization(), lambda: _unit),
    "BatchNormalization": _after(lambda p: p.BatchNormalization(), _batch_norm),
    "SpectralNormalization": Block(
        lambda p, x: p.Add()([x, p.SpectralNormalization(p.Dense(_WIDTH))(x)]),
        lambda x: x + nn.SpectralNorm(nn.Dense(_WIDTH))(x, update_stats=True),
    ),
    "Transformer": Block(_ours_transformer, _linen_transformer),
    "MultiHeadAttention": Block(
        lambda p, x: p.Add()([x, _heads(p, x)]),
        lambda x: x + nn.MultiHeadDotProductAttention(2, qkv_features=_WIDTH)(x, x),
    ),
    "gated Dense after RMSNormalization": Block(_ours_gated, _linen_gated),
    "Dense": Block(
        lambda p, x: p.Add()([x, _dense(p, p.Dense(32, activation="gelu")(x))]),
        lambda x: x + nn.Dense(_WIDTH)(nn.gelu(nn.Dense(32)(x), approximate=False)),
    ),
    "EinsumDense": Block(
        lambda p, x: p.Add()([x, p.EinsumDense("abc,cd->abd", (None, _WIDTH), bias_axes="d", activation="silu")(x)]),
        lambda x: x + nn.silu(nn.Einsum((_WIDTH, _WIDTH), "abc,cd->abd")(x)),
    ),
    "Dense, no residual": Block(lambda p, x: _dense(p, x, "tanh"), lambda x: nn.tanh(nn.Dense(_WIDTH)(x))),
    "Softmax": Block(
        lambda p, x: p.Add()([x, _dense(p, p.Softmax()(x))]), lambda x: x + nn.Dense(_WIDTH)(nn.softmax(x))
    ),
    "Dropout": Block(
        lambda p, x: p.Add()([x, p.Dropout(0.5)(_dense(p, x, "elu"))]),
        lambda x: x + nn.Dropout(0.5, deterministic=False)(nn.elu(nn.Dense(_WIDTH)(x))),
    ),
    "highway": Block(_ours_highway, _linen_highway),
    "LSTM": Block(
        lambda p, x: p.Add()([x, p.LSTM(_WIDTH, return_sequences=True)(x)]),
        lambda x: x + nn.RNN(nn.OptimizedLSTMCell(_WIDTH))(x),
    ),
    "GRU": Block(
        lambda p, x: p.Add()([x, p.GRU(_WIDTH, return_sequences=True)(x)]),
        lambda x: x + nn.RNN(nn.GRUCell(_WIDTH))(x),
    ),
    "Conv2D and BatchNormalization": Block(_ours_convolutional, _linen_convolutional, _IMAGE),
    "DepthwiseConv2D and LayerNormalization": Block(_ours_depthwise, _linen_depthwise, _IMAGE),
    "Conv2D, squeezed and excited": Block(_ours_squeezed, _linen_squeezed, _IMAGE),
}


class _Stack(nn.Module):
    block: Callable[[jax.Array], jax.Array]
    depth: int

    @nn.compact
    def __call__(self, x):
        for _ in range(self.depth):
            x = self.block(x)
        return x


def stack(block: Block, depth: int, x: np.ndarray) -> dict[str, tuple[Callable[..., Any], Any]]:
    """`{who: (variables -> the output in training, variables)}` of so many blocks."""
    import fkeras as fk

    keys = {"params": jax.random.key(0), "dropout": jax.random.key(1)}
    inputs = outputs = fk.Input(block.shape)
    for _ in range(depth):
        outputs = block.ours(fk.nn, outputs)
    model, module = fk.Model(inputs, outputs), _Stack(block.linen, depth)
    ours, theirs = model.init(keys["params"]), jax.eval_shape(module.init, keys, x)
    return {
        "fkeras": (lambda v: model.apply(v, x, training=True, rngs=keys, mutable=list(v))[0], ours),
        "linen": (lambda v: module.apply(v, x, rngs=keys, mutable=list(v))[0], theirs),
    }


def _gradient(run: Callable[[Any], jax.Array], variables: Any) -> Any:
    """The lowered gradient of the weights."""
    rest = {name: tree for name, tree in variables.items() if name != "params"}

    def loss(params: Any, rest: Any) -> jax.Array:
        return jnp.square(run({"params": params, **rest})).mean()

    return jax.jit(jax.grad(loss)).lower(variables["params"], rest)


def compile_times(name: str, rounds: int, quick: bool, depths: tuple[int, ...] = ()) -> dict[str, float]:
    """Processor seconds that XLA takes, by who and depth, in turns.

    Of the processor, since one compilation uses all cores, and what else runs on them does not count.
    """
    block = BLOCKS[name]
    x = np.random.default_rng(0).normal(size=(2, *block.shape)).astype("float32")
    seconds: dict[str, list[float]] = {}
    depths = depths or ((1, 2) if quick else _DEPTHS)
    for depth in depths:
        ways = stack(block, depth, x)
        for i in range(rounds):
            for who, (run, variables) in list(ways.items())[:: -1 if i % 2 else 1]:
                if sum(seconds.get(f"{who} {depth}", ())) > _ENOUGH:
                    continue
                lowered = _gradient(run, variables)
                began = time.process_time()
                lowered.compile()
                seconds.setdefault(f"{who} {depth}", []).append(time.process_time() - began)
    found = {key: statistics.median(values) for key, values in seconds.items()}
    deepest, shallowest = depths[-1], depths[0]
    return {**found, "fkeras": found[f"fkeras {deepest}"], "linen": found[f"linen {deepest}"],
            "a quarter as deep": found[f"fkeras {shallowest}"]}  # fmt: skip


class _Scanned(nn.Module):
    """The same blocks as Linen's users write them: one, scanned, and computed again where it is asked."""

    block: Callable[[jax.Array], jax.Array]
    depth: int
    policy: str | None

    @nn.compact
    def __call__(self, x):
        class One(nn.Module):
            block: Callable[[jax.Array], jax.Array]

            @nn.compact
            def __call__(self, x, _):
                return self.block(x), None

        keeps = self.policy and getattr(jax.checkpoint_policies, self.policy)
        one = nn.remat(One, prevent_cse=False, policy=keeps) if keeps else One
        split = {"variable_axes": {"params": 0}, "split_rngs": {"params": True}}
        return nn.scan(one, **split, length=self.depth)(self.block)(x, None)[0]


def _scanned(block: Block, depth: int, x: np.ndarray, policy: str | None) -> dict[str, tuple[Any, Any]]:
    """`{who: (variables -> the output in training, variables)}` of so many blocks in one loop."""
    import fkeras as fk

    inputs, outside = fk.Input(block.shape), fk.Input(block.shape)
    repeated = fk.nn.Repeat(fk.Model(inputs, block.ours(fk.nn, inputs)), depth)
    model = fk.Model(outside, (fk.nn.remat(repeated, policy) if policy else repeated)(outside))
    module = _Scanned(block.linen, depth, policy)
    return {
        "fkeras": (lambda v: model.apply(v, x, training=True), model.abstract_variables()),
        "linen": (lambda v: module.apply(v, x), jax.eval_shape(module.init, jax.random.key(0), x)),
    }


def _train_step(run: Callable[[Any], jax.Array], variables: Any) -> tuple[float, float]:
    """Processor seconds to trace and compile a step of Adam, and the bytes that it needs beside what it is given."""
    adam, params = optax.adam(1e-3), variables["params"]

    def step(params: Any, moments: Any) -> Any:
        gradient = jax.grad(lambda params: jnp.square(run({"params": params})).mean())(params)
        updates, moments = adam.update(gradient, moments, params)
        return optax.apply_updates(params, updates), moments

    began = time.process_time()
    compiled = jax.jit(step).lower(params, jax.eval_shape(adam.init, params)).compile()
    return time.process_time() - began, compiled.memory_analysis().temp_size_in_bytes


# What a backward pass keeps of each block.
POLICIES = ("nothing_saveable", "dots_saveable")


def repeated(rounds: int, quick: bool) -> dict[str, float]:
    """A train step of 48 Transformer blocks in one loop: time to trace and compile, and memory with remat."""
    block = BLOCKS["Transformer"]
    # So many rows that what a backward pass keeps is more than the weights' gradients, whose copies are XLA's choice.
    x = np.random.default_rng(0).normal(size=(64, *block.shape)).astype("float32")
    found: dict[str, list[float]] = {}
    for policy in (None, *POLICIES):
        ways = _scanned(block, 2 if quick else _DEPTHS[-1], x, policy)
        for i in range(rounds):
            for who, (run, variables) in list(ways.items())[:: -1 if i % 2 else 1]:
                seconds, size = _train_step(run, variables)
                found.setdefault(who if policy is None else f"{who} {policy}", []).append(seconds)
                found.setdefault(f"{who} {policy} bytes", []).append(size)
    return {key: statistics.median(values) for key, values in found.items()}
