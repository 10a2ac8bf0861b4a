"""Tracebacks end at the user's line: one exception, few frames, nothing of the user's left out."""

from __future__ import annotations

import dataclasses
import os
import traceback

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import fkeras as fk

X, Y = np.ones((8, 4), "float32"), np.zeros((8, 3), "float32")
OURS = os.path.dirname(fk.__file__)


def model():
    return fk.Sequential([fk.Input((4,)), fk.nn.Dense(3)])


class Narrow(fk.nn.Layer):
    def __init__(self, units=2):
        super().__init__()
        self.units = units

    def call(self, inputs):
        return jnp.dot(inputs, jnp.ones((7, self.units)))


class Calls(fk.nn.Layer):
    def setup(self):
        self.inner = fk.nn.Conv2D(2, 3)

    def __call__(self, inputs):
        return self.inner(inputs)


class Wrong(fk.metrics.Metric):
    def empty(self):
        return {"sum": jnp.zeros(())}

    def update(self, state, y_true, y_pred, sample_weight=None, mask=None):
        return {"sum": state["sum"] + jnp.dot(y_true, y_pred)}

    def compute(self, state):
        return state["sum"]


class Breaks(fk.callbacks.Callback):
    def on_epoch_end(self, event):
        return event.logs["nothing"]


def fit(x=X, y=Y, loss="mse", metrics=None, **kwargs):
    trainer = model().compile("sgd", loss, metrics=metrics)
    return trainer.fit(trainer.init(0), x, y, verbose=0, **kwargs)


def batches():
    yield X, Y
    raise OSError("gone")


def own_loss(y_true, y_pred):
    return jnp.dot(y_true, y_pred)


# What is done, how many frames of fkeras may stay, the last line of the user's, and how many of JAX's may follow it.
SLIPS = {
    "argument": (lambda: fk.nn.Dense(3, activaton="relu"), 1, "activaton", 0),
    "name": (lambda: fk.nn.Dense(3, activation="rely"), 1, "rely", 0),
    "rank": (lambda: fk.nn.Conv2D(2, 3)(fk.Input((8, 8))), 1, "Conv2D", 0),
    "loss's name": (lambda: model().compile("sgd", "msee"), 1, "msee", 0),
    "features": (lambda: fit(X[:, :3]), 1, "trainer.fit", 0),
    "targets": (lambda: fit(y=np.zeros((8, 7), "float32")), 1, "trainer.fit", 0),
    "verb's argument": (lambda: fit(epoch=3), 1, "trainer.fit", 0),
    "apply": (lambda: model().apply(model().init(0), X[:, :3]), 1, "apply", 0),
    "params": (lambda: model().apply(model().init(0)["params"], X), 1, "apply", 0),
    "step": (lambda: step(X[:, :3]), 0, "train_step", 0),
    "call in a graph": (lambda: fk.Sequential([fk.Input((4,)), Narrow()]), 1, "jnp.dot(inputs", 2),
    "call on arrays": (lambda: Narrow().init(0, X), 1, "jnp.dot(inputs", 2),
    "layer in a call": (lambda: Calls().init(0, X), 2, "self.inner(inputs)", 0),
    "metric": (lambda: fit(metrics=[Wrong()]), 1, "jnp.dot(y_true", 2),
    "loss": (lambda: fit(loss=own_loss), 1, "jnp.dot(y_true", 2),
    "callback": (lambda: fit(callbacks=[Breaks()]), 1, 'event.logs["nothing"]', 0),
    "data": (lambda: fit(batches(), None, steps_per_epoch=3), 1, "raise OSError", 0),
}


def step(x):
    trainer = model().compile("sgd", "mse")
    return trainer.train_step(trainer.init(0), (x, Y))


def raised(slip):
    with pytest.raises(Exception) as caught:
        slip()
    return caught.value


@pytest.mark.parametrize("name", SLIPS)
def test_the_user_s_line_is_last_or_near_it(name):
    slip, ours, line, beyond = SLIPS[name]
    error = raised(slip)
    frames = traceback.extract_tb(error.__traceback__)
    assert sum(frame.filename.startswith(OURS) for frame in frames) <= ours
    users = [i for i, frame in enumerate(frames) if frame.filename == __file__]
    assert line in frames[users[-1]].line
    assert len(frames) - 1 - users[-1] <= max(beyond, ours)
    shown = "".join(traceback.format_exception(error))
    assert shown.count("Traceback (most recent call last)") == 1
    assert len(shown.splitlines()) <= 36


@dataclasses.dataclass(frozen=True)
class Frozen(Exception):  # noqa: N818 - its name is what it is
    code: int = 1


def test_a_frozen_error_passes_as_it_is():
    class Raises(fk.nn.Layer):
        def __init__(self):
            super().__init__()
            try:
                jnp.dot(X, jnp.ones((7, 2)))
            except TypeError as error:
                raise Frozen(2) from error

    error = raised(Raises)
    assert type(error) is Frozen
    assert type(error.__cause__) is TypeError  # a cause that the user gave stays


def test_the_error_of_a_call_is_its_own_with_a_note():
    error = raised(lambda: fk.Sequential([fk.Input((4,)), Narrow()]))
    assert type(error) is TypeError
    assert str(error).startswith("dot_general")
    assert error.__notes__[-1] == "In the call of Layer 'narrow' (Narrow), on an input of shape (None, 4)."


class Floats(Wrong):
    def update(self, state, y_true, y_pred, sample_weight=None, mask=None):
        return {"sum": state["sum"] + float(jnp.sum(y_pred))}


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"loss": lambda y_true, y_pred: np.square(y_true - y_pred)}, "np.square"),
        ({"metrics": [Floats()]}, "float(jnp.sum"),
    ],
)
def test_numbers_of_a_traced_array_are_answered_in_a_note(options, line):
    error = raised(lambda: fit(**options))
    assert any("fk.ops.square(x) or jax.numpy.square(x)" in note for note in error.__notes__)
    users = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == __file__]
    assert line in users[-1].line


def test_one_switch_shows_all_frames():
    jax.config.update("jax_traceback_filtering", "off")
    try:
        error = raised(SLIPS["features"][0])
    finally:
        jax.config.update("jax_traceback_filtering", "auto")
    frames = traceback.extract_tb(error.__traceback__)
    assert sum(frame.filename.startswith(OURS) for frame in frames) > 10


def test_an_error_without_code_of_the_user_keeps_every_frame(monkeypatch):
    def broken(*args):
        raise RuntimeError("ours")

    broken.__code__ = broken.__code__.replace(co_filename=os.path.join(OURS, "core", "_here.py"))
    monkeypatch.setattr("fkeras.core._graph._symbolic.infer", broken)
    error = raised(lambda: fk.nn.Dense(17)(fk.Input((9,))))
    frames = traceback.extract_tb(error.__traceback__)
    assert str(error) == "ours"
    assert sum(frame.filename.startswith(OURS) for frame in frames) > 5
