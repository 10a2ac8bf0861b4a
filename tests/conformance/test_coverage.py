"""Nothing public is missing from the table, and what Keras has beyond it can only shrink."""

import inspect
import operator

import pytest

import fkeras as fk
from fkeras.core import address_of

from .descriptors import rows

# Names of keras.layers that fk.nn does not have yet. Layers that land are taken off; none may be put on.
# Layers of TensorFlow and of PyTorch.
LEFT_OUT = {"TFSMLayer", "TorchModuleWrapper"}
# They take text, which goes through no law: tests/nn/test_tabular.py.
OF_TEXT = {"StringLookup", "TextVectorization"}


def public_layers():
    named = {n: getattr(fk.nn, n) for n in dir(fk.nn)}
    found = {n: v for n, v in named.items() if inspect.isclass(v) and issubclass(v, fk.nn.Layer)}
    # by the name under which Keras exports it: GroupQueryAttention's class is GroupedQueryAttention there too
    return {(address_of(v) or ("", v.__name__))[1]: v for v in found.values() if v is not fk.nn.Layer}


def test_every_public_layer_has_a_row():
    assert set(public_layers()) == {row.cls for row in rows()} | OF_TEXT


def test_row_names_are_unique():
    names = [row.id for row in rows()]
    assert len(names) == len(set(names))


def test_every_layer_of_keras_is_here():
    keras = pytest.importorskip("keras")
    theirs = {n for n in dir(keras.layers) if not n.startswith("_")}
    assert theirs - set(dir(fk.nn)) == LEFT_OUT


# Why a name of Keras's has no equal here.
ELSEWHERE = {
    "losses": {},
    "metrics": {},
    "optimizers": {},
    "callbacks": {"RemoteMonitor": "posts to a server of Keras 1's time"},
    "optimizers.schedules": {},
}


@pytest.mark.parametrize("kind", ELSEWHERE)
def test_every_name_of_keras_training_is_here(kind):
    keras = pytest.importorskip("keras")
    theirs, ours = (operator.attrgetter(kind)(package) for package in (keras, fk))
    public = {n for n in dir(theirs) if not n.startswith("_")}
    assert public - set(dir(ours)) == set(ELSEWHERE[kind])
