"""The laws: what holds for every layer of the table."""

from __future__ import annotations

import functools
import json
import os
import pathlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen

import fkeras as fk

from ..real_keras import keras_world
from . import (
    rows_attention,
    rows_convolutional,
    rows_image,
    rows_pooling,
    rows_recurrent,
    rows_reshaping,
)
from .descriptors import Row, rows
from .keras_weights import nothing_drawn, randomise, to_fkeras

ROWS = rows()
RNGS = {"dropout": jax.random.key(1)}
FROZEN = pathlib.Path(__file__).with_name("parameters.json")
ALL = os.environ.get("FKERAS_TEST") == "all"
# Configs are held for every row, and numbers for most (see `numbers_of`). Laws that compile several programs a row run
# on one row of each class, and those of transformations on a quarter or an eighth of the classes each; `make test-all`
# runs them on all.
FIRST = ROWS if ALL else list({row.cls: row for row in reversed(ROWS)}.values())[::-1]
# Families of classes that share their code, where siblings' rows repeat the same options.
SIBLINGS = (rows_attention, rows_convolutional, rows_image, rows_pooling, rows_recurrent, rows_reshaping)
# What Keras calls on arrays alone: its graph asks for keys as wide as the values.
BY_ARRAYS = {"GroupQueryAttention-key"}
# Most rows of attention have the same shapes, so that their operations are compiled once for all of them; the first row
# of each class is compiled as a whole. Training is inference in attention and in recurrent layers, as nothing is
# dropped: the first row of each class shows it.
_FIRST_IDS = {row.id for row in FIRST}
OP_BY_OP = {row.id for row in rows_attention.ROWS if row.shapes == rows_attention.PAIR} - _FIRST_IDS
TRAIN_AS_THEY_ARE = {row.id for row in rows_attention.ROWS + rows_recurrent.ROWS} - _FIRST_IDS


def numbers_of(rows: list[Row]) -> list[Row]:
    """The rows whose numbers `make test` compares: all, but what a sibling shows as well only for half of the siblings.

    After the first row of each class, one class begins with the first of the rest and the next class with the second.
    A row that is alone in its family with its variant stays.
    """
    classes: dict[str, list[Row]] = {}
    for row in rows:
        classes.setdefault(row.cls, []).append(row)
    passed_over: set[str] = set()
    for place, (_, *others) in enumerate(classes.values()):
        passed_over |= {row.id for row in others[1 - place % 2 :: 2]}
    waiting: set[str] = set()
    for family in SIBLINGS:
        shown = {row.variant for row in family.ROWS if row.id not in passed_over}
        waiting |= {row.id for row in family.ROWS if row.id in passed_over and row.variant in shown}
    return [row for row in rows if row.id not in waiting]


every = pytest.mark.parametrize("row", ROWS, ids=lambda row: row.id)
each_number = pytest.mark.parametrize("row", ROWS if ALL else numbers_of(ROWS), ids=lambda row: row.id)
each_class = pytest.mark.parametrize("row", FIRST, ids=lambda row: row.id)


def apart(row: Row, law: str) -> None:
    if law in row.skip:
        pytest.skip(row.skip[law] or "does not apply")


def prepared(row: Row):
    """A row's layer, variables that one program made, and arguments; the laws share them."""
    return _prepared(row.id)


@functools.cache
def _prepared(row_id: str):
    layer, _, args, make = _described(row_id)
    return layer, jax.jit(make)(), args


def described(row: Row):
    """The same with shapes in place of the variables, which compiles nothing."""
    return _described(row.id)[:3]


@functools.cache
def _described(row_id: str):
    row = next(row for row in ROWS if row.id == row_id)
    layer, args = row.layer(fk.nn), row.args()

    def make():
        return layer.init(jax.random.key(0), *args, **row.call_kwargs)

    return layer, jax.eval_shape(make), args, make


def weights_of(reference, row: Row):
    """A Keras layer's weights as variables of ours; what Keras has no weight for is as `init` makes it."""
    layer, shapes, args = described(row)
    variables = to_fkeras(reference, layer, shapes, args)
    if any(isinstance(leaf, jax.ShapeDtypeStruct) for leaf in jax.tree.leaves(variables)):
        variables = to_fkeras(reference, layer, prepared(row)[1], args)
    return variables


def shared(variables, values):
    """Variables without Keras's own values, and what puts these back: XLA compiles once what two layers do to one."""
    leaves, tree = jax.tree.flatten(variables)
    known = {_bytes(value): place for place, value in enumerate(jax.tree.leaves(values))}
    places = [known.get(_bytes(leaf)) for leaf in leaves]

    def back(values, own):
        values, rest = jax.tree.leaves(values), iter(own)
        return tree.unflatten([next(rest) if place is None else values[place] for place in places])

    return [leaf for leaf, place in zip(leaves, places, strict=True) if place is None], back


def _bytes(array):
    array = np.asarray(array)
    return array.shape, array.dtype.name, array.tobytes()


def stand_ins(row: Row, keras, args):
    """Keras's symbolic tensors for arrays: a call with them makes the weights, and compiles nothing."""
    if row.id in BY_ARRAYS:
        return args
    return jax.tree.map(lambda a: keras.KerasTensor(a.shape, a.dtype.name), args)


def close(got, want, atol=1e-5):
    for a, b in zip(jax.tree.leaves(got), jax.tree.leaves(want), strict=True):
        a, b = np.asarray(a, "float64"), np.asarray(b, "float64")
        assert a.shape == b.shape
        np.testing.assert_allclose(a, b, atol=atol * max(1.0, np.abs(b).max(initial=0)), rtol=0)


@pytest.fixture(scope="module")
def keras():
    return pytest.importorskip("keras")


# ------------------------------------------------------------------ numbers
@each_number
def test_equals_keras(row, keras):
    if not row.keras:
        pytest.skip("Keras has no such layer")
    apart(row, "reference")
    layer, _, args = described(row)
    has_mode = "training" in layer._call_parameters.names and row.cls != "Lambda"
    reference = row.layer(keras.layers)
    with keras_world(), nothing_drawn():
        # some of Keras's preprocessing layers train by default when they are called outside a model
        reference(*stand_ins(row, keras, args), **({"training": False} if has_mode else {}), **row.call_kwargs)
        randomise(reference)
    variables = weights_of(reference, row)
    mutable = [c for c in variables if c != "params"]
    trains = has_mode and not row.random and (bool(mutable) or row.id not in TRAIN_AS_THEY_ARE)
    values = [[v.value for v in vs] for vs in (reference.trainable_variables, reference.non_trainable_variables)]
    own, ours_of = shared(variables, values)

    def theirs(values, args):
        call = functools.partial(reference.stateless_call, *values, *args, **row.call_kwargs)
        return call(**({"training": False} if has_mode else {}))[0], call(training=True) if trains else None

    def ours(variables, args):
        call = functools.partial(layer.apply, variables, *args, **row.call_kwargs)
        return call(), call(training=True, rngs=RNGS, mutable=mutable) if trains else None

    def both(values, own, args):
        with keras_world():
            want = theirs(values, args)
        return want, ours(ours_of(values, own), args)

    (want, after), (got, trained) = (both if row.id in OP_BY_OP else jax.jit(both))(values, own, args)
    close(got, want, row.atol)
    if not trains:
        return
    close(trained[0], after[0], row.atol)
    for variable, value in zip(reference.non_trainable_variables, after[1], strict=True):
        variable.assign(value)
    kept = weights_of(reference, row)
    for collection, tree in trained[1].items():
        close(tree, kept[collection], row.atol)


@pytest.mark.sweep(4, 3)
@each_class
def test_gradients_are_finite_and_reach_every_weight(row):
    layer, variables, args = prepared(row)
    if row.dtype != "float32":
        args = tuple(args)

    def total(params, args):
        outputs = layer.apply({**variables, "params": params}, *args, **row.call_kwargs)
        return sum(jnp.sum(jnp.sin(leaf)) for leaf in jax.tree.leaves(outputs))

    params = variables.get("params", {})
    if row.dtype == "float32":
        grads = jax.jit(jax.grad(total, argnums=(0, 1)))(params, args)
    else:
        grads = jax.jit(jax.grad(total))(params, args)
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(grads))
    of_params = jax.tree.leaves(grads[0] if row.dtype == "float32" else grads)
    assert len(of_params) == len(jax.tree.leaves(params))
    assert all(np.shape(g) == np.shape(p) for g, p in zip(of_params, jax.tree.leaves(params), strict=True))


# ------------------------------------------------------------------ transformations
@pytest.mark.sweep(8)
@each_class
def test_jit_equals_eager(row):
    layer, variables, args = prepared(row)
    mutable = [c for c in variables if c != "params"]

    def run(variables, args):
        call = functools.partial(layer.apply, variables, *args, rngs=RNGS, mutable=mutable, **row.call_kwargs)
        return call(training=False), call(training=True)

    # XLA fuses and reorders float32 arithmetic
    close(jax.jit(run)(variables, args), run(variables, args), 1e-5)


@pytest.mark.sweep(8, 1)
@each_class
def test_vmap_equals_one_by_one(row):
    apart(row, "vmap")
    layer, variables, _ = prepared(row)
    many = [row.args(seed) for seed in (0, 1)]
    stacked = jax.tree.map(lambda *leaves: jnp.stack(leaves), *many)
    run = lambda args: layer.apply(variables, *args, **row.call_kwargs)  # noqa: E731
    got, alone = jax.jit(lambda stacked, many: (jax.vmap(run)(stacked), [run(args) for args in many]))(stacked, many)
    want = jax.tree.map(lambda *leaves: jnp.stack(leaves), *alone)
    close(got, want, 1e-5)  # batched kernels sum in another order


@pytest.mark.sweep(8, 2)
@each_class
def test_init_under_jit_vmap_and_eval_shape(row):
    layer, variables, args = prepared(row)
    key = jax.random.key(0)
    init = lambda key: layer.init(key, *args, **row.call_kwargs)  # noqa: E731
    close(init(key), variables, 1e-6)  # which one program made: fused float32 arithmetic in the initializers
    shapes = jax.eval_shape(init, key)
    assert jax.tree.map(lambda a: (a.shape, a.dtype), shapes) == jax.tree.map(lambda a: (a.shape, a.dtype), variables)
    many = jax.jit(jax.vmap(init))(jax.random.split(key, 2))
    assert all(leaf.shape[0] == 2 for leaf in jax.tree.leaves(many))


# ------------------------------------------------------------------ graphs
def symbolic(row: Row, fixed: bool):
    """Symbolic inputs for a row: with the shapes given, or with every inner dimension unknown."""
    shapes = row.shapes if isinstance(row.shapes, list) else [row.shapes]
    tensors = [fk.Input(s[1:] if fixed else (*(None,) * (len(s) - 2), s[-1]), dtype=row.dtype) for s in shapes]
    if row.cls == "InputLayer":
        tensors = [fk.Input(batch_shape=s) for s in shapes]
    return (tensors if isinstance(row.shapes, list) else tensors[0]), tensors


@each_class
def test_symbolic_shape_is_the_real_shape(row):
    packed, tensors = symbolic(row, fixed=True)
    layer, variables, _ = prepared(row)
    outputs = layer(*row.packed(packed), **row.call_kwargs)
    model = fk.Model(tensors, outputs)
    made = jax.eval_shape(model.init, jax.random.key(0))
    inputs = row.inputs()
    real = jax.eval_shape(model.apply, made, inputs if isinstance(inputs, list) else [inputs])
    for tensor, array in zip(jax.tree.leaves(outputs), jax.tree.leaves(real), strict=True):
        assert tensor.dtype == array.dtype
        assert all(d is None or d == size for d, size in zip(tensor.shape, array.shape, strict=True))
        assert tensor.shape[1:] == array.shape[1:]  # only the batch was unknown
    got = jax.tree.map(jnp.shape, {c: t.get(layer.name, {}) for c, t in made.items()})
    assert {c: t for c, t in got.items() if t} == {c: t for c, t in jax.tree.map(jnp.shape, variables).items() if t}


@each_class
def test_a_layer_works_inside_a_plain_linen_module(row):
    if row.cls == "FlaxLayer":
        pytest.skip("a module passed from outside is adopted, not made here")

    class Net(linen.Module):
        @linen.compact
        def __call__(self, *args):
            return row.layer(fk.nn)(*args, **row.call_kwargs)

    layer, variables, args = prepared(row)
    keys = {"params": jax.random.key(0), "dropout": jax.random.key(1)}
    outputs, _ = jax.eval_shape(Net().init_with_output, keys, *args)
    want = jax.eval_shape(lambda: layer.apply(variables, *args, **row.call_kwargs))
    assert jax.tree.map(jnp.shape, outputs) == jax.tree.map(jnp.shape, want)


# ------------------------------------------------------------------ configs and identity
def plain(config):
    return json.loads(json.dumps({k: v for k, v in config.items() if k not in ("name", "seed")}))


@every
def test_config_is_keras_own_and_comes_back(row, keras):
    apart(row, "config")
    layer = row.layer(fk.nn)
    config = layer.get_config()
    again = type(layer).from_config(json.loads(json.dumps(config)), custom_objects=row.kwargs_by_name())
    assert again == layer
    assert hash(again) == hash(layer)
    if not row.keras or row.cls == "Lambda":  # Keras writes a Lambda's bytecode
        return
    reference = row.layer(keras.layers).get_config()
    assert plain(config) == plain(_without_later_fields(reference, config))
    assert plain(getattr(keras.layers, row.cls).from_config(config).get_config()) == plain(reference)


def _without_later_fields(reference, ours):
    """Keras's config without keys whose value is the default of a mode that is no mode here."""
    idle = {"quantization_config", "rms_scaling", "input_axes", "output_axes"}
    return {k: v for k, v in reference.items() if k in ours or k not in idle}


@every
def test_equal_layers_are_equal_and_others_are_not(row):
    one, two = row.layer(fk.nn), row.layer(fk.nn)
    assert one == two
    assert hash(one) == hash(two)
    assert one != one.replace(trainable=not one.trainable)
    with pytest.raises(AttributeError, match="is immutable"):
        one.trainable = True


# ------------------------------------------------------------------ dtypes and names
@pytest.mark.sweep(5)
@each_class
@pytest.mark.parametrize("policy", ["bfloat16", "mixed_bfloat16"])
def test_half_precision(row, policy):
    apart(row, "dtype")
    layer = row.layer(fk.nn).replace(dtype=policy)
    args = row.args()

    @jax.jit
    def run():
        variables = layer.init(jax.random.key(0), *args, **row.call_kwargs)
        wide = row.layer(fk.nn).apply(jax.tree.map(_wide, variables), *args, **row.call_kwargs)
        return variables, layer.apply(variables, *args, **row.call_kwargs), wide

    variables, outputs, full = run()
    stored = jnp.bfloat16 if policy == "bfloat16" else jnp.float32
    assert all(leaf.dtype == stored for leaf in jax.tree.leaves(variables.get("params", {})))
    assert all(leaf.dtype == jnp.bfloat16 for leaf in jax.tree.leaves(outputs))
    close(outputs, full, 0.1)  # bfloat16 has 8 bits


def _wide(leaf):
    return leaf.astype(jnp.float32) if jnp.issubdtype(leaf.dtype, jnp.floating) else leaf


def describe(tree):
    found = jax.tree_util.tree_leaves_with_path(tree)
    return {jax.tree_util.keystr(p, simple=True, separator="/"): [list(a.shape), str(a.dtype)] for p, a in found}


def everything():
    return {row.id: describe(described(row)[1]) for row in ROWS}


def test_parameter_names_and_shapes_are_frozen():
    now = everything()
    text = json.dumps(now, indent=1, sort_keys=True) + "\n"
    assert FROZEN.exists(), f"write {FROZEN.name}:\n{text}"
    assert json.loads(FROZEN.read_text()) == now, (
        "Parameter names or shapes changed, so older checkpoints would not load. If that is meant, run\n"
        "  python -m tests.conformance.test_laws"
    )


if __name__ == "__main__":
    FROZEN.write_text(json.dumps(everything(), indent=1, sort_keys=True) + "\n")
