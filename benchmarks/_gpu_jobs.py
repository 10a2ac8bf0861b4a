"""One measurement on a GPU: a case by one of those who are compared, as figures in seconds or bytes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import _deep
import _language
import _memory
import _nnx
import _streams
import jax
import jax.numpy as jnp
import numpy as np
from _gpu_cases import cases
from _handwritten import Loop
from _measure import interleaved, slope
from _workloads import Workload

# (figure, who, value, unit)
Found = tuple[str, str, float, str]


def _fkeras(work: Workload, x: Any, y: Any) -> Callable[[int], None]:
    """`fit` on arrays that the device has; each call goes on from the state of the one before."""
    import fkeras as fk

    model = work.build(fk, fk.nn)
    if work.policy != "float32":
        model = model.with_dtype_policy(work.policy)
    trainer, x, y = model.compile("adam", **work.arguments(fk)), jnp.asarray(x), jnp.asarray(y)
    held = [trainer.init(0)]

    def run(epochs: int) -> None:
        held[0], _ = trainer.fit(held[0], x, y, batch_size=work.batch, epochs=epochs, verbose=0)
        jax.block_until_ready(held[0].params)

    return run


def _keras(work: Workload, x: Any, y: Any, steps: int) -> Callable[[int], None]:
    """The `fit` of the Keras that is imported here, from numpy as its users have it."""
    import keras

    keras.config.set_dtype_policy(work.policy)
    model = work.build(keras, keras.layers)
    keras.config.set_dtype_policy("float32")
    model.compile("adam", steps_per_execution=steps, **work.arguments(keras))
    return lambda epochs: model.fit(x, y, batch_size=work.batch, epochs=epochs, verbose=0)


def _way(work: Workload, x: Any, y: Any, who: str) -> Callable[[int], Any]:
    library, _, steps = who.partition("/")
    if library in ("keras", "nightly"):
        return _keras(work, x, y, int(steps))
    if library == "fkeras":
        return _fkeras(work, x, y)
    if library == "nnx":
        assert work.nnx is not None
        return _nnx.by_step(work.nnx, x, y, work.classes, work.batch)
    loop = Loop(work.linen(), x, y, work.classes, work.batch, on_device=who == "scan").begin()
    return loop.by_scan if who == "scan" else loop.by_step


def training(name: str, who: str, smoke: bool) -> Iterator[Found]:
    """A step, the first epoch of a process, and for fkeras what a call costs beside its steps."""
    work = cases(smoke, jax.default_backend() == "gpu")[name]
    x, y = work.data()
    began = time.perf_counter()
    run = _way(work, x, y, who)
    run(1)
    yield f"{name}: from nothing to the end of the first epoch", who, time.perf_counter() - began, "s"
    found = slope(run, 1, work.epochs, 2 if smoke else 9, enough=0 if smoke else 2)
    step = found.epoch / work.steps
    yield name, who, step, "s"
    if work.flops and step > 0:
        yield f"{name}: operations a second", who, work.flops / step, ""
    if who == "fkeras":
        yield f"{name}: a fit call beside its steps", who, found.call, "s"


def stream(name: str, who: str, smoke: bool) -> Iterator[Found]:
    """ResNet-50 from numpy and on the device."""
    if smoke:
        found = _streams.compare(16, (1,), 4, 4, "mixed_bfloat16", 2)
    else:
        found = _streams.compare(224, (3, 4, 6, 3), 64, 128, "mixed_bfloat16", 3)
    yield from ((name, whose, value, "s") for whose, value in found.items())


def predictions(name: str, who: str, smoke: bool) -> Iterator[Found]:
    """60,000 rows, 256 at a time, each of the three in turns."""
    import keras

    import fkeras as fk

    work = cases(smoke, False)["MLP 784-512-512-10, batch 128"]
    rows, batch = 600 if smoke else 60_000, 256
    x = np.random.default_rng(0).random((rows, 784), "float32")
    ours, theirs, module = work.build(fk, fk.nn), work.build(keras, keras.layers), work.linen()
    variables, params = ours.init(jax.random.key(0)), jax.jit(module.init)(jax.random.key(0), x[:1])
    apply, starts = jax.jit(module.apply), range(0, rows, batch)
    ways = {
        "fkeras": lambda: np.asarray(ours.predict(variables, x, batch_size=batch, verbose=0)),
        "keras/1": lambda: theirs.predict(x, batch_size=batch, verbose=0),
        "loop": lambda: np.concatenate([np.asarray(apply(params, x[i : i + batch])) for i in starts]),
    }
    yield from ((name, whose, value, "s") for whose, value in interleaved(ways, 1 if smoke else 3).items())


def donated(name: str, who: str, smoke: bool) -> Iterator[Found]:
    """What `fit` holds beside its state at the peak of this process."""
    width = 256 if smoke else 8192
    yield name, who, _memory.beside_the_state(who == "fkeras", width), "B"


def vocabulary(name: str, who: str, smoke: bool) -> Iterator[Found]:
    """What a step over many classes needs beside its arguments."""
    found = _language.vocabulary_step(512, 16) if smoke else _language.vocabulary_step(32_768, 8192, 768)
    yield from ((name, whose, value, "B") for whose, value in found.items())


def generation(name: str, who: str, smoke: bool) -> Iterator[Found]:
    """A token of a decoder of twelve blocks."""
    sizes = (64, 16, 1, 4, 4, 1) if smoke else (32_768, 768, 12, 128, 128, 3)
    yield from ((name, whose, value, "s") for whose, value in _language.tokens_by(*sizes).items())


def deep(name: str, who: str, smoke: bool) -> Iterator[Found]:
    """Processor seconds that XLA takes for the gradient of 48 blocks."""
    found = _deep.compile_times("Transformer", 1, smoke, depths=(1,) if smoke else (48,))
    yield from ((name, whose, found[whose], "s") for whose in ("fkeras", "linen"))


MEASURES: dict[str, Callable[[str, str, bool], Iterator[Found]]] = {
    **dict.fromkeys(cases(True, False), training),
    "ResNet-50 from a stream of numpy batches": stream,
    "60,000 predictions": predictions,
    "fit(donate=True): peak memory beside the state that it is given": donated,
    "loss and accuracy over 32,768 classes: memory that a step needs": vocabulary,
    "cached generation, a token": generation,
    "compiling the gradient of 48 Transformer blocks": deep,
}


def measure(name: str, who: str, smoke: bool) -> Iterator[Found]:
    """All figures of one case by one of those who are compared."""
    return partial(MEASURES[name], name, who, smoke)()


def about() -> dict[str, Any]:
    """The device and the versions of this process."""
    import importlib

    versions = {name: importlib.import_module(name).__version__ for name in ("jax", "flax", "optax", "numpy", "keras")}
    device = jax.devices()[0]
    return {"device": f"{device.device_kind} ({device.platform})", **versions}
