"""A bar of one's own prints what real Keras's prints, character by character."""

import time

import jax.numpy as jnp
import numpy as np
import pytest

import fkeras as fk

keras = pytest.importorskip("keras")

#: The times at which the steps end, in seconds.
TIMES = [0.0, 2.5, 2.51, 2.52, 3.0, 70.0, 4000.0, 9000.0]


def printed(kind, clock, monkeypatch, capsys, target, calls, **options):
    """What a class prints while a clock shows these times."""
    now = [clock[0]]
    monkeypatch.setattr(time, "time", lambda: now[0])  # Keras's clock, and ours
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    try:
        bar = kind(target, **options)
        for at, (name, *arguments) in zip(clock[1:], calls, strict=False):
            now[0] = at
            getattr(bar, name)(*arguments)
    finally:
        monkeypatch.undo()
    return capsys.readouterr().out


def steps(count, **values):
    return [("update", n, [(name, value / n) for name, value in values.items()]) for n in range(1, count + 1)]


CASES = {
    "to the end": (7, steps(7, loss=1.0, accuracy=0.5), {}),
    "by one": (3, [("add", 1, [("loss", 0.5)]), ("add", 2, [("loss", 0.25)])], {}),
    "in leaps": (1000, [("update", 10, [("loss", 2.0)]), ("update", 400, [("loss", 1.0)]), ("update", 1000)], {}),
    "of no known length": (None, [*steps(4, loss=1e-5), ("update", 4, [("loss", 3.0)], True)], {}),
    "no steps": (0, [("update", 0, [])], {}),
    "stateful": (6, steps(5, loss=1.0, rate=0.001), {"stateful_metrics": ["rate"], "unit_name": "sample"}),
    "stateless": (6, steps(5, loss=1.0, rate=0.001), {"stateless_metrics": ["loss"], "width": 7}),
    "one line": (5, steps(5, loss=1.0, other=2e-4), {"verbose": 2}),
    "one line, negative": (1, [("update", 1, [("loss", -2.0)])], {"verbose": 2}),
    "silent": (5, steps(5, loss=1.0), {"verbose": 0}),
    "seldom": (5, steps(5, loss=1.0), {"interval": 0.4}),
    "arrays": (4, [("update", 1, [("loss", np.array([1.0, 3.0]))]), ("update", 2, [("loss", jnp.float32(4))])], {}),
    "shorter each time": (9, [("update", 1, [("loss", 123456.0)]), ("update", 2, [("loss", -123456.0)])], {}),
    "begun again": (4, [("update", 3, [("loss", 1.0)]), ("update", 1, [("loss", 1.0)]), ("update", 4)], {}),
}


@pytest.mark.parametrize("case", CASES)
def test_a_bar_prints_what_keras_prints(case, monkeypatch, capsys):
    target, calls, options = CASES[case]
    times = [1e9 + t for t in TIMES]
    theirs = printed(keras.utils.Progbar, times, monkeypatch, capsys, target, calls, **options)
    ours = printed(fk.utils.Progbar, times, monkeypatch, capsys, target, calls, **options)
    assert ours == theirs
    assert bool(ours) == (options.get("verbose") != 0)


def test_a_clock_that_begins_at_zero_draws_the_first_step(monkeypatch, capsys):
    assert "1/2" in printed(fk.utils.Progbar, [0.0, 0.01], monkeypatch, capsys, 2, steps(1, loss=1.0))


def test_what_no_bar_can_be_made_of_is_refused():
    with pytest.raises(ValueError, match=r"verbose=1"):
        fk.utils.Progbar(3, verbose="auto")
    with pytest.raises(ValueError, match="shown as they come, or those whose mean"):
        fk.utils.Progbar(3, stateful_metrics=["a"], stateless_metrics=["b"])
