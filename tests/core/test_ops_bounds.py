"""The ops that the graph of a file may call: each has a bound for its work, and none does more than compute."""

import json

import jax.numpy as jnp
import pytest

import fkeras as fk
from fkeras.core import registered
from fkeras.core._words._config import import_all
from fkeras.core._words._ops_costs import BOUNDED, FREE, LOOPS, REFUSED, refusal


def record(name, shape):
    return {
        "module": "keras.layers", "class_name": "InputLayer", "registered_name": None, "name": name,
        "config": {"batch_shape": shape, "dtype": "float32", "name": name}, "inbound_nodes": [],
    }  # fmt: skip


def tensor(name, shape=(None, 4)):
    config = {"shape": list(shape), "dtype": "float32", "keras_history": [name, 0, 0]}
    return {"class_name": "__keras_tensor__", "config": config}


def op(class_name, args, name="op", module="keras.src.ops.numpy", kwargs=None, **config):
    return {
        "module": module, "class_name": class_name, "registered_name": class_name, "name": name,
        "config": {"name": name, **config}, "inbound_nodes": [{"args": args, "kwargs": kwargs or {}}],
    }  # fmt: skip


def graph(*nodes, shape=(None, 4), output="op"):
    config = {
        "name": "net", "trainable": True, "layers": [record("x", list(shape)), *nodes],
        "input_layers": ["x", 0, 0], "output_layers": [output, 0, 0],
    }  # fmt: skip
    return json.dumps({"module": "keras", "class_name": "Functional", "config": config, "registered_name": None})


X = tensor("x")
SMALL = {"class_name": "__numpy__", "config": {"value": [[1.0]], "dtype": "float32"}}


def test_each_op_has_one_row():
    """An op that is new has none, and so is refused in files until its row says what bounds its work."""
    import_all()
    rows = [FREE, LOOPS, BOUNDED, *REFUSED.values()]
    assert sum(map(len, rows)) == len(frozenset().union(*rows))
    assert not set(registered("keras.ops")) - frozenset().union(*rows)


@pytest.mark.parametrize("name", sorted(frozenset().union(*REFUSED.values())))
def test_what_does_more_than_compute_is_refused_by_its_name(name):
    plain = "".join(part.title() for part in name.split("_"))
    known = {"fori_loop": "ForiLoop", "jvp": "JVP"}
    with pytest.raises(ValueError, match=f"calls the op '{name}', which {refusal(name)}"):
        fk.model_from_json(graph(op(known.get(name, plain), ["/etc/hostname", X], module="keras.src.ops.core")))


@pytest.mark.parametrize(
    "node",
    [
        op("Pad", [X], pad_width=[[0, 0], [10**7, 10**7]], mode="reflect"),
        op("Pad", [X], pad_width=[[0, 0], [10**7, 0]], mode="wrap"),
        op("Diff", [X], n=10**6, axis=-1),
        op("ArraySplit", [X], indices_or_sections=10**6, axis=-1),
        op("Split", [X], indices_or_sections=10**6, axis=-1),
        op("STFT", [X], module="keras.src.ops.math", sequence_length=4, sequence_stride=1, fft_length=1 << 20),
        op("Einsum", [X, *[SMALL] * 15], kwargs={"optimize": "optimal"}, subscripts=",".join(["ab"] * 16) + "->ab"),
        op("Einsum", [X, *[SMALL] * 40], subscripts=",".join(["ab"] * 41) + "->ab"),
        op("Tile", [X], repeats=[1] * 100_000),
        op("Reshape", [X], newshape=[1] * 100_000),
        op("Tile", [X], repeats=[1, 1 << 50]),
        op("Rearrange", [X, "( " * 5_000 + "->a"], module="keras.src.ops.einops"),
    ],
)
def test_numbers_that_are_loops_are_refused(node):
    with pytest.raises(ValueError, match="is larger than any that is read"):
        fk.model_from_json(graph(node))


@pytest.mark.parametrize(
    ("node", "shape"),
    [
        (op("Pad", [X], pad_width=[[0, 0], [3, 2]], mode="reflect"), (None, 9)),
        (op("Diff", [X], n=2, axis=-1), (None, 2)),
        (op("Linspace", [X, SMALL], num=10**6, endpoint=True, retstep=False, dtype=None, axis=0), (10**6, None, 4)),
        (op("Einsum", [X, X], subscripts="ab,cb->ac"), (None, None)),
    ],
)
def test_what_models_call_opens(node, shape):
    assert fk.model_from_json(graph(node)).output_shape == shape


def test_an_op_is_called_on_a_tensor_of_the_graph():
    with pytest.raises(ValueError, match="on no tensor of its own"):
        fk.model_from_json(graph(op("Full", [], shape=[10**9], fill_value=1.0, dtype=None)))


def test_a_graph_that_no_file_may_hold_is_not_written():
    model = fk.Model(x := fk.Input((4,)), fk.ops.fori_loop(0, 3, jnp.add, x))
    with pytest.raises(ValueError, match="'fori_loop', which calls functions"):
        model.to_json()


def test_a_function_in_a_config_is_no_loop():
    entry = {"module": "keras.ops", "class_name": "function", "config": "unstack", "registered_name": "unstack"}
    node = op("Lambda", [X], module="keras.layers", function=entry, arguments={"axis": 1})
    with pytest.raises(ValueError, match="may not name the op 'unstack'"):
        fk.model_from_json(graph(node))


def test_sizes_that_are_long_to_write_get_a_symbol_and_stay_exact():
    """Four poolings of windows of 3 took JAX minutes; what a symbol stands for is still known where it is asked."""
    h = x = fk.Input((None, None, 1))
    for _ in range(6):
        x = fk.nn.MaxPooling2D(3, 2)(x)
    up = fk.nn.UpSampling2D(2)(x)
    assert x.shape == (None, None, None, 1)
    assert len(str(up.symbolic_shape)) < 300
    assert fk.Model(h, up).predict({"params": {}}, jnp.zeros((1, 200, 255, 1)), verbose=0).shape == (1, 4, 6, 1)
    x = fk.ops.ravel(h)
    for _ in range(12):  # (n + 1)², ((n + 1)² + 1)², …: polynomials of 4,096 terms
        x = fk.ops.ravel(fk.ops.outer(fk.ops.append(x, 1.0), x))
    assert len(str(x.symbolic_shape)) < 300
