"""Values as JSON: two writers, as fields and runs keep arrays differently, and one reader of both."""

import enum
import json
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import fkeras as fk
from fkeras.checkpoint._files._field_values import FieldValues
from fkeras.checkpoint._files._json_values import decode
from fkeras.checkpoint._files._run_value_schema import encoded
from fkeras.checkpoint._files._run_values import RunValues


class Color(enum.Enum):
    RED = 1


class Level(enum.IntEnum):
    LOW = 1


class Pair(NamedTuple):
    a: object
    b: object


CUSTOM = {"Color": Color, "Level": Level, "Pair": Pair}

# What files hold since these formats were made: a change here is another format.
IN_FIELDS = [
    (None, None),
    (True, True),
    ("text", "text"),
    (0.5, {"float": "0x1.0000000000000p-1"}),
    (b"ab", {"bytes": "YWI="}),
    ((1, [2]), {"tuple": [1, {"list": [2]}]}),
    ({1: "a"}, {"dict": [[1, "a"]]}),
    (frozenset({2, 1}), {"frozenset": [1, 2]}),
    (np.float32(2), {"scalar": ["float32", [], "AAAAQA=="]}),
    (np.arange(2, dtype="int16"), {"numpy": ["int16", [2], "AAABAA=="]}),
    (jnp.ones(1, jnp.bfloat16), {"jax": ["bfloat16", [1], "gD8="]}),
    (np.dtype("float32"), {"dtype": "float32"}),
    (Color.RED, {"member": ["Color", "RED"]}),
    (Level.LOW, {"member": ["Level", "LOW"]}),
    (Pair(1, 2.0), {"record": ["Pair", [["a", 1], ["b", {"float": "0x1.0000000000000p+1"}]]]}),
]
IN_RUNS = [
    (None, None),
    ("text", "text"),
    (0.5, {"float": "0x1.0000000000000p-1"}),
    (np.float64(0.5), {"float": "0x1.0000000000000p-1"}),
    (b"ab", {"bytes": "YWI="}),
    (np.int64(3), {"scalar": ["int64", 3]}),
    (np.float32(2), {"scalar": ["float32", {"float": "0x1.0000000000000p+1"}]}),
    (np.bool_(True), {"scalar": ["bool", True]}),
    (np.arange(2, dtype="int16"), {"numpy": ["int16", [2], "AAABAA=="]}),
    ({"in/out": jnp.ones(2)}, {"dict": [["in/out", {"array": "memory/0/in%2Fout"}]]}),
    (Pair(1, [None]), {"tuple": [1, {"list": [None]}]}),
    (Level.LOW, 1),
]


def same(a, b):
    assert jax.tree.structure(a) == jax.tree.structure(b)
    for x, y in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True):
        assert isinstance(y, type(x))
        np.testing.assert_array_equal(x, y)
    return True


@pytest.mark.parametrize(("value", "said"), IN_FIELDS, ids=lambda v: str(v)[:30])
def test_values_of_fields(value, said):
    written = json.loads(json.dumps(FieldValues().encode(value)))
    assert written == said
    assert same(decode(written, CUSTOM), value)


@pytest.mark.parametrize(("value", "said"), IN_RUNS, ids=lambda v: str(v)[:30])
def test_values_of_runs(value, said):
    values = RunValues()
    written = json.loads(json.dumps(values.encode(value, "memory/0")))
    assert written == said
    encoded(written, ())  # which is what is asked of a file
    found = decode(written, arrays=values.arrays)
    assert same(found, tuple(value) if isinstance(value, Pair) else value)


def test_large_arrays_of_fields_lie_beside():
    beside = {}
    key, large, wide = jax.random.key(3), jnp.ones((200, 200)), np.ones(10_000)
    said = FieldValues(beside).encode({"a": large, "key": key})
    assert said["dict"][0] == ["a", {"beside": ["0", True]}]
    assert list(beside) == ["0"]
    found = decode(said, arrays=beside)
    assert found["a"] is large
    assert found["key"] == key
    for values, value in ((FieldValues(), large), (FieldValues(beside), wide)):  # float64 would lose its half
        with pytest.raises(TypeError, match="bytes"):
            values.encode(value)


def test_runs_hold_no_objects():
    for value in (Color.RED, {1, 2}, object()):
        with pytest.raises(TypeError, match=r"memory/0: [\s\S]*numbers, strings, arrays"):
            RunValues().encode([value], "memory")


def test_a_model_is_described_once_while_it_is_saved(tmp_path, monkeypatch):
    calls, get_config = [], fk.Sequential.get_config
    monkeypatch.setattr(fk.Sequential, "get_config", lambda model: calls.append(model) or get_config(model))
    model = fk.Sequential([fk.Input((2,)), fk.nn.Dense(1)])
    trainer = model.compile("sgd", "mse")
    state = trainer.init(0)
    for name, save in {
        "model": lambda path: model.save(path, state.variables),
        "model.keras": lambda path: model.save(path, state.variables),
        "run": lambda path: trainer.save(path, state),
        "run.keras": lambda path: trainer.save(path, state),
    }.items():
        calls.clear()
        save(tmp_path / name)
        assert len(calls) == 1, name
