"""The laws of ops: what holds for every row of the table."""

from __future__ import annotations

import inspect
import itertools
import json
import os

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.extend.core import jaxpr_as_fun

import fkeras as fk

from ..real_keras import keras_world
from .table_ops import CASES

keras = pytest.importorskip("keras")
ROOMS = ("", "image", "linalg", "nn", "numpy")
ALL = os.environ.get("FKERAS_TEST") == "all"
# Numbers are held for one case of each name, and a second of every other; nodes in files for one; laws that compile a
# program for every eighth name. With FKERAS_TEST=all each law runs on all.
FLAT = [
    pytest.param(n, *case, id=f"{n}-{i}")
    for place, (n, cases) in enumerate(CASES.items())
    for i, case in enumerate(cases if ALL else cases[: 1 + place % 2])
]
ONE = [pytest.param(n, *cases[0], id=n) for n, cases in CASES.items() if cases]
# What takes functions, or says a fact of an array: tested one by one below.
APART = {
    *("associative_scan", "cond", "convert_to_numpy", "custom_gradient", "dtype", "fori_loop", "is_tensor", "jvp"),
    *("map", "scan", "switch", "vectorize", "vectorized_map", "while_loop"),
}
# Names whose result has a shape that depends on numbers, so that a graph cannot hold them (docs/ops.md).
OF_NUMBERS = {"bincount", "nonzero", "unique"}
FACTS = {"shape", "ndim", "size"}
# What Keras computes on arrays alone: the sizes that it reads are numbers of a program under `jit`.
BY_ARRAYS = {"rearrange"}
# Cases that want a batch of two and nothing else: they split it, or say its size.
TWO = {
    *("broadcast_to", "slice", "split", "vsplit", "unstack", "scatter", "scatter_update", "ctc_loss", "ctc_decode"),
    *("image.map_coordinates", "image.scale_and_translate"),
}
COMPILED = [case for case in ONE if case.id not in OF_NUMBERS | FACTS][:: 1 if ALL else 8]
# Why an op has no gradient, or none that is finite.
NO_GRADIENT = {"segment_prod": "JAX differentiates products over segments only where no segment has two entries"}


def of(library, name):
    for part in name.split("."):
        library = getattr(library, part)
    return library


def names_of(library, room):
    return {n for n in dir(of(library, room) if room else library) if not n.startswith("_")}


def arrays(tree):
    return [x for x in jax.tree.leaves(tree) if isinstance(x, np.ndarray)]


def of_arrays(name, args, kwargs, library=fk):
    """An op as a function of the arrays among its arguments."""

    def run(xs):
        rest = iter(xs)
        args_, kwargs_ = jax.tree.map(lambda x: next(rest) if isinstance(x, np.ndarray) else x, (args, kwargs))
        return of(library.ops, name)(*args_, **kwargs_)

    return run


def inputs_for(library, args, kwargs, unknown=False):
    """The arguments with inputs in place of the arrays: `(inputs, args, kwargs)`."""
    made = []

    def stand_in(x):
        if not isinstance(x, np.ndarray):
            return x
        shape = (None, *x.shape[1:]) if unknown and x.ndim > 1 and len(x) == 2 else x.shape
        made.append(library.Input(batch_shape=shape, dtype=x.dtype.name, name=f"in{len(made)}"))
        return made[-1]

    args, kwargs = jax.tree.map(stand_in, (list(args), kwargs))
    return made, args, kwargs


def check(got, want):
    got, want = (list(map(np.asarray, jax.tree.leaves(v))) for v in (got, want))
    assert [g.shape for g in got] == [w.shape for w in want]
    for g, w in zip(got, want, strict=True):
        np.testing.assert_allclose(g.astype("complex64"), w.astype("complex64"), rtol=1e-4, atol=2e-5)  # float32 sums


def dtypes(tree):
    return [x.dtype if hasattr(x, "dtype") else np.asarray(x).dtype for x in jax.tree.leaves(tree)]


def equal_programs(*programs):
    """Whether JAX would compile the same, arrays in it included: equal programs compute equal numbers."""
    one, other = ((str(p), [np.asarray(const).tolist() for const in p.consts]) for p in programs)
    return one == other


# ------------------------------------------------------------------ coverage
@pytest.mark.parametrize("room", ROOMS)
def test_every_name_of_keras_ops_is_here_and_has_a_case(room):
    assert names_of(keras.ops, room) <= names_of(fk.ops, room)
    prefix = "image." if room == "image" else ""
    assert {prefix + n for n in names_of(keras.ops, room)} - set(CASES) - APART <= set(ROOMS)


@pytest.mark.parametrize("room", ["", "image"])
def test_arguments_have_keras_s_names_order_and_defaults(room):
    differ = {}
    for name in names_of(keras.ops, room) - set(ROOMS):
        theirs, ours = (of(lib, f"{room}.{name}" if room else name) for lib in (keras.ops, fk.ops))
        wanted = [p for p in inspect.signature(theirs).parameters.values() if p.kind is not p.VAR_KEYWORD]
        mine = list(inspect.signature(getattr(ours, "__wrapped__", ours)).parameters.values())
        for w, m in itertools.zip_longest(wanted, mine[: len(wanted)]):
            if m is None or (w.name, w.default) != (m.name, m.default):
                differ.setdefault(name, []).append(w.name)
    # jax.numpy's own arguments stay beside Keras's, so these may be left out; xi and excluded are the same in use
    assert {k: v for k, v in differ.items() if k not in ("meshgrid", "vectorize")} == {
        **({"clip": ["x_min", "x_max"], "reshape": ["newshape"]} if not room else {}),
    }


# ------------------------------------------------------------------ numbers
@pytest.mark.parametrize(("name", "args", "kwargs"), FLAT)
def test_numbers_are_keras_s_and_symbolic_shapes_the_real_ones(name, args, kwargs):
    # mixing ranks is the caller's choice, and what NumPy's names are for
    mixed = len({np.ndim(x) for x in arrays((args, kwargs))}) > 1 or name == "geomspace"

    def theirs(xs):
        with keras_world():
            return of_arrays(name, args, kwargs, keras)(xs)

    def ours(xs):
        with jax.numpy_rank_promotion("allow" if mixed else "raise"):
            return of_arrays(name, args, kwargs)(xs)

    xs = arrays((args, kwargs))
    if name in OF_NUMBERS | FACTS | BY_ARRAYS or not xs:
        got, want = ours(xs), theirs(xs)
        check(got, want)
    else:
        programs = [jax.make_jaxpr(run)(xs) for run in (ours, theirs)]
        if equal_programs(*programs):
            got, want = (program.out_avals for program in programs)
        else:
            got, want = jax.jit(lambda *xs: [jaxpr_as_fun(program)(*xs) for program in programs])(*xs)
            check(got, want)
    with jax.numpy_rank_promotion("allow" if mixed else "raise"):
        assert dtypes(got) == dtypes(want)
        if name in OF_NUMBERS | FACTS or not arrays((args, kwargs)):
            return
        for unknown in (False, True)[: 1 if name in TWO else 2]:
            _, symbolic, named = inputs_for(fk, args, kwargs, unknown)
            made = of(fk.ops, name)(*symbolic, **named)
            for s, r in zip(jax.tree.leaves(made), jax.tree.leaves(got), strict=True):
                assert s.dtype == r.dtype
                assert len(s.shape) == r.ndim
                assert all(a == b or (a is None and unknown) for a, b in zip(s.shape, r.shape, strict=True))


# ------------------------------------------------------------------ transformations
@pytest.mark.parametrize(("name", "args", "kwargs"), COMPILED)
def test_jit_and_vmap_equal_one_by_one(name, args, kwargs):
    run, xs = of_arrays(name, args, kwargs), arrays((args, kwargs))
    if not xs:
        pytest.skip("makes its array of settings")
    pair = [xs, [np.flip(x, 0) if x.ndim else x for x in xs]]
    with jax.numpy_rank_promotion("allow"):
        got = jax.jit(jax.vmap(run))([jnp.stack(x) for x in zip(*pair, strict=True)])
        for i, each in enumerate(pair):
            check(jax.tree.map(lambda a, i=i: a[i], got), run(each))


@pytest.mark.parametrize(("name", "args", "kwargs"), COMPILED)
def test_gradients_are_finite(name, args, kwargs):
    run, xs = of_arrays(name, args, kwargs), arrays((args, kwargs))
    at = [i for i, x in enumerate(xs) if x.dtype == np.float32 and np.isfinite(x).all()]
    if not at or name in NO_GRADIENT:
        pytest.skip(NO_GRADIENT.get(name, "takes no floats"))

    def total(floats):
        given = [floats[at.index(i)] if i in at else x for i, x in enumerate(xs)]
        leaves = [leaf for leaf in jax.tree.leaves(run(given)) if jnp.issubdtype(leaf.dtype, jnp.inexact)]
        return sum(jnp.sum(jnp.sin(jnp.real(leaf))) for leaf in leaves) + 0.0

    with jax.numpy_rank_promotion("allow"):
        gradients = jax.jit(jax.grad(total))([xs[i] for i in at])
    assert all(np.isfinite(g).all() for g in gradients)
    assert [np.shape(g) for g in gradients] == [np.shape(xs[i]) for i in at]


# ------------------------------------------------------------------ files
def ops_of(text):
    """What a functional model's JSON says of its ops, calls' keywords as positions and left-out `None`s apart."""
    found = []
    for layer in json.loads(text)["config"]["layers"]:
        if layer["class_name"] == "InputLayer":
            continue
        config = {k: v for k, v in layer["config"].items() if k != "name" and (k, v) != ("data_format", None)}
        if config.get("data_format") == "channels_last":
            del config["data_format"]
        calls = [[*n["args"], *n["kwargs"].values()] for n in layer["inbound_nodes"]]
        while calls[0] and calls[0][-1] is None:
            calls[0].pop()
        found.append((layer["module"], layer["class_name"], config, calls))
    return found


@pytest.mark.parametrize(("name", "args", "kwargs"), ONE)
def test_a_node_in_a_file_is_keras_s_node(name, args, kwargs):
    xs = arrays((args, kwargs))
    if not xs or name in OF_NUMBERS | FACTS or any(x.dtype.kind == "c" for x in xs):
        pytest.skip("makes no node")
    graphs = []
    for lib in (keras, fk):
        inputs, symbolic, named = inputs_for(lib, args, kwargs)
        outputs = of(lib.ops, name)(*symbolic, **named)
        graphs.append(lib.Model(inputs if len(inputs) > 1 else inputs[0], outputs, name="net"))
    theirs, ours = (g.to_json() for g in graphs)
    given = xs if len(xs) > 1 else xs[0]
    program_of = lambda model: jax.make_jaxpr(lambda given: model.apply({}, given))(given)  # noqa: E731
    program = program_of(graphs[1])
    for text in (theirs, ours):
        again = fk.model_from_json(text)
        if not equal_programs(program_of(again), program):
            check(again.apply({}, given), graphs[1].apply({}, given))
    assert ops_of(fk.model_from_json(theirs).to_json()) == ops_of(ours) == ops_of(theirs)
    if not name.startswith("adaptive"):  # whose classes do not take the list that JSON makes of a tuple
        assert ops_of(keras.models.model_from_json(ours).to_json()) == ops_of(theirs)
