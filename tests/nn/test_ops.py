"""fk.ops beside keras.ops: every name, its numbers, symbolic shapes, and graphs of ops in files."""

import inspect

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import fkeras as fk
from fkeras.core._ops_config import facts_of

from .ops_cases import CASES

keras = pytest.importorskip("keras")
RNG = np.random.default_rng(0)

FLAT = [pytest.param(n, a, k, id=f"{n}-{i}") for n, cases in CASES.items() for i, (a, k) in enumerate(cases)]


def of(library, name):
    for part in name.split("."):
        library = getattr(library, part)
    return library


@pytest.mark.parametrize(("name", "args", "kwargs"), FLAT)
def test_numbers_are_keras_s(name, args, kwargs):
    with jax.numpy_rank_promotion("allow"):
        want = jax.tree.map(np.asarray, of(keras.ops, name)(*args, **kwargs))
    got = jax.tree.map(np.asarray, of(fk.ops, name)(*args, **kwargs))
    for a, b in zip(jax.tree.leaves(got), jax.tree.leaves(want), strict=True):
        assert a.shape == b.shape
        np.testing.assert_allclose(a.astype("complex64"), b.astype("complex64"), rtol=1e-4, atol=2e-5)  # float32 sums


@pytest.mark.parametrize(("name", "args", "kwargs"), [p for p in FLAT if p.values[0] not in ("scatter", "unstack")])
def test_symbolic_shapes_are_the_real_ones(name, args, kwargs):
    tree = args[0]
    if not all(np.asarray(leaf).dtype.kind in "fib" for leaf in jax.tree.leaves(tree)):
        pytest.skip("no array first")
    symbolic = jax.tree.map(lambda a: fk.Input(batch_shape=a.shape, dtype=a.dtype.name), tree)
    made = of(fk.ops, name)(symbolic, *args[1:], **kwargs)
    real = of(fk.ops, name)(*args, **kwargs)
    for s, r in zip(jax.tree.leaves(made), jax.tree.leaves(real), strict=True):
        assert s.shape == np.shape(r)
        assert s.dtype == np.asarray(r).dtype


def test_every_name_of_keras_ops_is_here():
    for room in ("", "image", "linalg", "nn", "numpy"):
        theirs = of(keras.ops, room) if room else keras.ops
        ours = of(fk.ops, room) if room else fk.ops
        names = {n for n in dir(theirs) if not n.startswith("_")}
        assert names - set(dir(ours)) == set(), room


def test_arguments_have_keras_s_names_and_order():
    differ = {}
    for name in dir(keras.ops):
        theirs, ours = getattr(keras.ops, name), getattr(fk.ops, name, None)
        if name.startswith("_") or inspect.ismodule(theirs) or inspect.isclass(theirs):
            continue
        ours = getattr(ours, "__wrapped__", ours)
        try:
            mine = [p.name for p in inspect.signature(ours).parameters.values()]
        except ValueError:
            continue
        wanted = [p.name for p in inspect.signature(theirs).parameters.values() if p.kind is not p.VAR_KEYWORD]
        for i, argument in enumerate(wanted[1:], 1):
            if argument not in ("x2", "y", "operands", "flash_attention") and mine[i : i + 1] != [argument]:
                differ.setdefault(name, []).append(argument)
    assert set(differ) <= {"meshgrid", "vectorize"}, differ


def test_control_flow():
    assert fk.ops.cond(True, lambda: 1, lambda: 2) == 1
    assert fk.ops.while_loop(lambda i: i < 10, lambda i: (i + 3,), (0,))[0] == 12
    assert fk.ops.while_loop(lambda i: i < 10, lambda i: (i + 3,), (0,), maximum_iterations=2)[0] == 6
    assert fk.ops.fori_loop(0, 4, lambda i, s: s + i, 0) == 6
    assert fk.ops.scan(lambda c, x: (c + x, c), 0, jnp.arange(4))[0] == 6
    assert fk.ops.map(lambda x: x * 2, jnp.arange(3)).tolist() == [0, 2, 4]
    assert fk.ops.vectorized_map(lambda x: x * 2, jnp.arange(3)).tolist() == [0, 2, 4]
    assert fk.ops.switch(1, [lambda x: x, lambda x: -x], 3) == -3
    assert fk.ops.dtype(fk.Input((2,))) == "float32"
    assert fk.ops.is_tensor(jnp.ones(1))
    assert isinstance(fk.ops.convert_to_numpy(jnp.ones(1)), np.ndarray)
    assert fk.ops.jvp(jnp.sin, (0.0,), (1.0,))[1] == 1.0


def test_the_table_is_the_installed_keras_s():
    for name in ("add", "sum", "expand_dims", "take", "image.resize", "top_k", "conv"):
        facts = facts_of(name)
        module = __import__(facts.module, fromlist=["x"])
        parameters = set(inspect.signature(getattr(module, facts.class_name).__init__).parameters)
        assert facts.kept <= parameters


def graph(lib, layers):
    ops, x = lib.ops, lib.Input((4, 6), name="x")
    y = ops.expand_dims(ops.sum(x * 2.0, axis=1), -1) + ops.transpose(x, (0, 2, 1))
    y = ops.concatenate([ops.relu(y), ops.gelu(y, approximate=False)], axis=-1)
    y = ops.pad(y, ((0, 0), (1, 0), (0, 0)))[:, 1:]
    y = ops.reshape(y, (-1, 48)) - ops.mean(ops.reshape(y, (-1, 48)), axis=-1, keepdims=True)
    values, _ = ops.top_k(ops.clip(y, -3.0, 3.0), 5)
    return lib.Model(x, [ops.softmax(values), ops.any(ops.greater(values, 0.5), axis=-1)], name="net")


def test_graphs_of_ops_travel_both_ways(tmp_path):
    x = RNG.normal(size=(3, 4, 6)).astype("float32")
    theirs, ours = graph(keras, keras.layers), graph(fk, fk.nn)
    with jax.numpy_rank_promotion("allow"):
        want = [np.asarray(v) for v in theirs(x)]
    theirs.save(tmp_path / "theirs.keras")
    ours.save(tmp_path / "ours.keras", {"params": {}})
    read, variables = fk.load_model(tmp_path / "theirs.keras")
    with jax.numpy_rank_promotion("allow"):
        back = [np.asarray(v) for v in keras.saving.load_model(tmp_path / "ours.keras")(x)]
    for got in (ours.apply({}, x), read.apply(variables, x), back):
        np.testing.assert_allclose(got[0], want[0], atol=1e-5)
        assert np.array_equal(got[1], want[1])
