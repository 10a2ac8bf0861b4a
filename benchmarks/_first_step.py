"""ResNet-50 and a decoder from nothing to their first train step: describe, make weights, trace, compile, run."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
from _child import in_child
from _measure import median_of

# A small batch: what a step computes is not what is measured here.
_BATCH = 2
_STARTS = {"bias": "zeros", "mean": "zeros", "scale": "ones", "var": "ones"}


class _Clock:
    """Seconds between two calls, and what XLA compiled meanwhile.

    JAX counts as compilation what it reads from a persistent cache, of which there is none here.
    """

    def __init__(self) -> None:
        import jax

        self.compiled: list[float] = []
        jax.monitoring.register_event_duration_secs_listener(self._listen)
        jax.block_until_ready(jax.random.key(0))  # the backend is up before the clock starts
        self.began = time.perf_counter()

    def _listen(self, event: str, seconds: float, **_: Any) -> None:
        if event.endswith("backend_compile_duration"):
            self.compiled.append(seconds)

    def lap(self) -> tuple[float, int, float]:
        """`(seconds, compilations, seconds of them)` since the last lap."""
        now, compiled = time.perf_counter(), list(self.compiled)
        found = now - self.began, len(compiled), sum(compiled)
        self.compiled.clear()
        self.began = time.perf_counter()
        return found


def _data(size: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    return rng.normal(size=(_BATCH, size, size, 3)).astype("float32"), np.arange(_BATCH, dtype="int32")


def with_keras(size: int, blocks: list[int], width: int) -> dict[str, float]:
    """Keras, in a process of its own."""
    import jax
    import keras
    from _resnet import resnet

    (x, y), clock = _data(size), _Clock()
    model = resnet(keras, keras.layers, size, tuple(blocks), width)
    jax.block_until_ready([variable.value for variable in model.variables])
    build, _, _ = clock.lap()
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
    model.train_on_batch(x, y)
    step, _, _ = clock.lap()
    return {"keras build": build, "keras first step": build + step}


def with_fkeras(size: int, blocks: list[int], width: int) -> dict[str, float]:
    """fkeras, in a process of its own."""
    import jax
    from _resnet import resnet

    import fkeras as fk

    (x, y), clock = _data(size), _Clock()
    model = resnet(fk, fk.nn, size, tuple(blocks), width)
    describe, _, _ = clock.lap()
    variables = jax.block_until_ready(model.init(jax.random.key(0)))
    init, compilations, init_xla = clock.lap()
    trainer = model.compile("adam", fk.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
    state = jax.block_until_ready(trainer.init(0, variables=variables))
    begin, _, begin_xla = clock.lap()
    jax.block_until_ready(trainer.train_step(state, (x, y)))
    step, _, step_xla = clock.lap()
    weights = jax.tree_util.tree_leaves_with_path(variables)
    distinct = {(_STARTS.get(path[-1].key, "random"), leaf.shape, leaf.dtype.name) for path, leaf in weights}
    total = describe + init + begin + step
    return {
        "describe": describe, "fkeras": init, "fkeras describe and init": describe + init,
        "compilations": compilations, "distinct weights": len(distinct), "trainer.init": begin,
        "fkeras first step": total, "our share": total - init_xla - begin_xla - step_xla,
    }  # fmt: skip


def by_hand(size: int, blocks: list[int], width: int) -> dict[str, float]:
    """Flax and optax, in a process of its own."""
    import jax
    import optax
    from _resnet import Linen

    (x, y), clock, tx = _data(size), _Clock(), optax.adam(1e-3)
    module = Linen(tuple(blocks), width)
    variables = jax.block_until_ready(jax.jit(module.init)(jax.random.key(0), x))
    init, _, _ = clock.lap()

    def loss_of(params: Any, stats: Any) -> Any:
        out, updates = module.apply({"params": params, "batch_stats": stats}, x, mutable=["batch_stats"])
        return optax.softmax_cross_entropy_with_integer_labels(out, y).mean(), updates

    @jax.jit
    def step(params: Any, stats: Any, opt: Any) -> Any:
        (loss, updates), grads = jax.value_and_grad(loss_of, has_aux=True)(params, stats)
        moves, opt = tx.update(grads, opt, params)
        return optax.apply_updates(params, moves), updates, opt, loss

    opt = jax.jit(tx.init)(variables["params"])
    jax.block_until_ready(step(variables["params"], variables["batch_stats"], opt))
    seconds, _, _ = clock.lap()
    return {"linen.init": init, "by hand first step": init + seconds}


def gpt_with(who: str, size: dict[str, int]) -> float:
    """Seconds to describe a decoder and make its first step, by `keras` or `fkeras`, in a process of its own."""
    import importlib

    import jax
    from _gpt import Size, gpt

    library = importlib.import_module(who)
    made, rng = Size(**size), np.random.default_rng(0)
    x = rng.integers(0, made.vocabulary, (_BATCH, made.time)).astype("int32")
    clock, parts = _Clock(), library.nn if who == "fkeras" else library.layers
    model = gpt(library, parts, made)
    trainer = model.compile(
        "adam", library.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"]
    )
    if who == "keras":
        model.train_on_batch(x, x)
    else:
        jax.block_until_ready(trainer.train_step(trainer.init(0), (x, x)))
    return clock.lap()[0]


def gpt_from_nothing(rounds: int, quick: bool) -> dict[str, float]:
    """Seconds from nothing to the first step of a decoder of twelve blocks, each in fresh processes, in turns.

    It is as deep as GPT-2, and narrower: what is measured is not what two cores take to multiply its matrices.
    """
    size = {"width": 32, "heads": 2, "blocks": 1, "time": 8, "vocabulary": 64} if quick else {
        "width": 256, "heads": 4, "blocks": 12, "time": 64, "vocabulary": 8192}  # fmt: skip
    return median_of([{who: in_child(gpt_with, who, size) for who in ("keras", "fkeras")} for _ in range(rounds)])


def resnet_from_nothing(rounds: int, quick: bool) -> dict[str, float]:
    """Seconds to describe and begin ResNet-50, each in fresh processes, in turns."""
    shape = (32, [1], 8) if quick else (64, [3, 4, 6, 3], 64)
    found = [
        {name: value for run in (with_keras, with_fkeras) for name, value in in_child(run, *shape).items()}
        for _ in range(rounds)
    ]
    # The loop by hand has no bar here: once is enough to see where it stands.
    return {**median_of(found), **in_child(by_hand, *shape)}
