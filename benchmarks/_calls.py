"""A `fit` call beside its steps, a step in the user's loop, a prediction, and many rows predicted and evaluated."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
from _fit import compiled
from _handwritten import Loop
from _measure import interleaved, slope


def train_step(rounds: int, quick: bool) -> dict[str, float]:
    """Seconds of one step on the tiny MLP, dispatched by the user; neither side donates.

    Beside a step written by hand there is our own, traced into a function that the user jits: what it takes more is
    what the call costs, and what both take more than the hand-written one is what a `TrainState` holds more.
    """
    work, trainer, _ = compiled("tiny MLP")
    x, y = (a[: work.batch] for a in work.data())
    loop, count = Loop(work.linen(), x, y, work.classes, work.batch).begin(), 20 if quick else 1_000
    first = {"fkeras": trainer.init(0, x[:1]), "jit": loop.state_}
    first["the same step, jitted"] = first["fkeras"]
    trainer.train_step(first["fkeras"], (x, y))
    again = jax.jit(lambda state, batch: trainer.train_step(state, batch))
    steps = {"fkeras": trainer.train_step, "jit": loop.bare, "the same step, jitted": again}

    def run(who: str) -> None:
        state = first[who]
        for _ in range(count):
            state, _ = steps[who](state, (x, y))
        jax.block_until_ready(state)

    return interleaved({who: lambda who=who: run(who) for who in first}, rounds, count)


def fit_call(rounds: int, quick: bool) -> dict[str, float]:
    """Seconds that a call of `fit` on device arrays takes beside its steps, with the tiny MLP."""
    work, trainer, _ = compiled("tiny MLP")
    x, y = (jnp.asarray(a) for a in work.data())
    state = trainer.init(0, x[:1])

    def run(epochs: int) -> None:
        jax.block_until_ready(trainer.fit(state, x, y, batch_size=work.batch, epochs=epochs, verbose=0)[0].params)

    found = slope(run, 1, 2 if quick else 5, rounds, enough=10)
    return {"fkeras": max(found.call, 0.0), "a step": found.epoch / work.steps}


def predict_one(rounds: int, quick: bool) -> dict[str, float]:
    """Seconds of one warm prediction of one sample with the tiny MLP."""
    work, trainer, peer = compiled("tiny MLP")
    x, y = (a[:1] for a in work.data())
    state, loop, keras_model = trainer.init(0, x), Loop(work.linen(), x, y, 0, 1).begin(), peer(1)
    many, few = (10, 3) if quick else (500, 20)

    def times(count: int, call):
        return lambda: [jax.block_until_ready(call()) for _ in range(count)]

    def seconds(call, count: int) -> float:
        return interleaved({"it": times(count, call)}, 1, count)["it"]

    ways = {
        "fkeras": (lambda: trainer.predict(state, x, verbose=0), many),
        "jit": (lambda: np.asarray(loop.apply(loop.state_[0], x)), many),
        "keras.predict": (lambda: keras_model.predict(x, verbose=0), few),
        "keras.__call__": (lambda: np.asarray(keras_model(x)), few),
    }
    turns = [{who: seconds(*way) for who, way in ways.items()} for _ in range(rounds)]
    return {who: float(np.median([turn[who] for turn in turns])) for who in ways}


def many_rows(kind: str, rounds: int, quick: bool) -> dict[str, float]:
    """Seconds to predict or evaluate 60,000 rows with the MLP 784-128-10, 128 at a time."""
    work, trainer, peer = compiled("MLP 784")
    rows, rng = 1_000 if quick else 60_000, np.random.default_rng(0)
    x, y = rng.normal(size=(rows, 784)).astype("float32"), rng.integers(0, 10, rows).astype("int32")
    state, model = trainer.init(0, x[:1]), peer(1)
    loop = Loop(work.linen(), x, y, 10, work.batch).begin()
    starts = range(0, rows, work.batch)

    @jax.jit
    def sums(params, x, y):
        log = jax.nn.log_softmax(loop.module.apply(params, x))
        return -jnp.take_along_axis(log, y[:, None], 1).sum(), (log.argmax(-1) == y).sum()

    def by_hand():
        params = loop.state_[0]
        if kind == "predict":
            return np.concatenate([loop.apply(params, x[i : i + work.batch]) for i in starts])
        parts = [sums(params, x[i : i + work.batch], y[i : i + work.batch]) for i in starts]
        return [float(sum(part)) / rows for part in zip(*parts, strict=True)]

    arguments = {"batch_size": work.batch, "verbose": 0}
    data = (x,) if kind == "predict" else (x, y)
    ways = {
        "fkeras": lambda: getattr(trainer, kind)(state, *data, **arguments),
        "loop": by_hand,
        "keras": lambda: getattr(model, kind)(*data, **arguments),
    }
    return interleaved(ways, rounds)
