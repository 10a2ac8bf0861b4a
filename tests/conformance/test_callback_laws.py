"""The laws of callbacks: what holds for every row of the table."""

import os

os.environ.setdefault("KERAS_BACKEND", "jax")

import inspect

import keras
import pytest

import fkeras as fk

from .table_callbacks import EXCEPTIONS, TABLE, make

ROWS = [pytest.param(name, *row, id=f"{name}-{i}") for name, rows in TABLE.items() for i, row in enumerate(rows)]
IN_KERAS = sorted(set(TABLE) & set(dir(keras.callbacks)) - {"Callback", "History"})


def test_every_public_name_is_in_the_table():
    public = {name for name in dir(fk.callbacks) if not name.startswith("_")}
    assert public == {*TABLE, *EXCEPTIONS}
    assert not set(TABLE) & set(EXCEPTIONS)


@pytest.mark.parametrize("name", IN_KERAS)
def test_arguments_are_keras_s(name):
    def arguments(cls):
        parameters = inspect.signature(cls).parameters.values()
        return {p.name: p.default for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD}

    got, want = arguments(getattr(fk.callbacks, name)), arguments(getattr(keras.callbacks, name))
    assert list(got)[: len(want)] == list(want)
    assert {n: got[n] for n in want} == want


@pytest.mark.parametrize(("name", "kwargs", "batch_hooks"), ROWS)
def test_batches_are_looked_at_only_where_that_is_asked_for(name, kwargs, batch_hooks):
    if name == "History":
        pytest.skip("what `fit` returns, and no callback here")
    calls = fk.callbacks.CallbackList(make(name, kwargs))
    assert sum(calls.hooks(f"on_train_batch_{when}") for when in ("begin", "end")) == batch_hooks


@pytest.mark.parametrize(("name", "kwargs", "batch_hooks"), ROWS)
def test_making_one_touches_no_file(name, kwargs, batch_hooks, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    make(name, kwargs)
    assert not list(tmp_path.iterdir())
