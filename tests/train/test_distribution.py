"""Layouts: the run of one device on several, each array where its layout says, and words for rules that fit nothing."""

import contextlib
import copy
import math
import pickle

import jax
import numpy as np
import pytest
from jax.sharding import AxisType, Mesh
from jax.sharding import PartitionSpec as P

import fkeras as fk

RNG = np.random.default_rng(0)
X = RNG.normal(size=(52, 8)).astype("float32")  # six batches of 8, and one of 4
Y = RNG.normal(size=(52, 4)).astype("float32")
TWO = {"data": 2, "model": 2}
RULES = {"dense/kernel": (None, "model"), "dense/bias": ("model",), "dense_1/kernel": ("model", None)}
LAYOUTS = {
    "data": (None, "data"),
    "fsdp": (None, "fsdp"),
    "auto": (None, "auto"),
    "auto, two axes": (TWO, "auto"),
    "rules": (TWO, RULES),
    "rules and fsdp": (TWO, fk.distribution.ModelParallel(layout_map=RULES, default="fsdp")),
}


@pytest.fixture(scope="module")
def trainer():
    layers = [fk.Input((8,)), fk.nn.Dense(16, activation="relu"), fk.nn.BatchNormalization(), fk.nn.Dropout(0.25)]
    return fk.Sequential([*layers, fk.nn.Dense(4)]).compile("adam", "mse", metrics=["mae"])


@pytest.fixture(scope="module")
def alone(trainer):
    return run(trainer)


def run(trainer):
    state, history = trainer.fit(trainer.init(0), X, Y, batch_size=8, epochs=2, verbose=0)
    return state, history.history, trainer.evaluate(state, X, Y, verbose=0), trainer.predict(state, X)


def held(tree):
    """The bytes that the first device holds."""
    return sum(leaf.addressable_shards[0].data.nbytes for leaf in jax.tree.leaves(tree))


# what the tests below run on devices is cut by fsdp too, so its programs are here already
@pytest.mark.sweep(3, 1)
@pytest.mark.parametrize("name", LAYOUTS)
def test_a_run_on_several_devices_is_the_run_of_one(trainer, alone, name):
    found, wanted = run(trainer.distribute(*LAYOUTS[name])), alone
    # sums over the devices have another order: a few units in the last place, fourteen steps of Adam
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-5), found[0].variables, wanted[0].variables)
    for key, values in wanted[1].items():
        np.testing.assert_allclose(found[1][key], values, rtol=1e-5)
    np.testing.assert_allclose(found[2]["mae"], wanted[2]["mae"], rtol=1e-5)
    np.testing.assert_allclose(found[3], wanted[3], atol=1e-5)


@pytest.mark.sweep(3, 1)
@pytest.mark.parametrize("name", LAYOUTS)
def test_each_leaf_lies_where_the_layout_says_before_and_after_a_run(trainer, name):
    spread = trainer.distribute(*LAYOUTS[name])
    begin = spread.init(0)
    end, _ = spread.fit(begin, X, Y, batch_size=8, verbose=0)
    for state in (begin, end):
        wanted = spread.distribution.shardings(state)
        found = jax.tree.map(lambda a, s: a.sharding.is_equivalent_to(s, a.ndim), state, wanted)
        assert all(jax.tree.leaves(found))
        kernel = state.params["dense_1"]["kernel"].sharding
        for slot in (state.opt_state.inner.momentum, state.opt_state.inner.velocity):
            assert slot["dense_1"]["kernel"].sharding.is_equivalent_to(kernel, 2)


def test_fsdp_holds_its_part_on_each_device(trainer):
    state = trainer.distribute(layout="fsdp").init(0)
    whole = trainer.init(0)
    for part in ("params", "opt_state"):
        total = sum(leaf.nbytes for leaf in jax.tree.leaves(getattr(whole, part)))
        assert held(getattr(state, part)) <= 1.1 * total / 4


def test_each_device_computes_its_part_of_the_batch():
    layers = [fk.Input((64,)), fk.nn.Dense(64, activation="relu"), fk.nn.Dense(64)]
    trainer = fk.Sequential(layers).compile("sgd", "mse")
    x = jax.ShapeDtypeStruct((1024, 64), "float32")

    def flops(trainer):
        program = trainer.lower((x, x), rows=2048, verbs="fit")["fit"]
        return program.cost_analysis()["flops"]

    assert flops(trainer.distribute()) <= 1.05 * flops(trainer) / 4


def test_a_step_is_compiled_once_for_each_shape(trainer):
    other = trainer.replace(loss_weights=2.5).distribute(layout="fsdp")  # which no other test has compiled
    other.fit(other.init(0), X, Y, batch_size=8, epochs=2, verbose=0, max_compiles=2)


def test_layouts_and_trainers_are_values(trainer):
    for mesh, layout in LAYOUTS.values():
        one, other = trainer.distribute(mesh, layout), trainer.distribute(mesh, layout)
        assert one == other
        assert hash(one) == hash(other)
        assert one != trainer
        for again in (pickle.loads(pickle.dumps(one)), copy.deepcopy(one)):
            assert again == one
    assert trainer.distribute(2) != trainer.distribute(4)


def test_a_mesh_of_any_kind_is_one_that_layers_understand(trainer):
    explicit = jax.make_mesh((4,), ("data",))
    for given in (explicit, Mesh(np.array(jax.devices()[:4]), ("data",)), 4, {"data": -1}, None):
        mesh = trainer.distribute(given).distribution.mesh
        assert mesh.axis_types == (AxisType.Auto,)
        assert mesh.shape == {"data": 4}
    keras_words = fk.distribution.DeviceMesh((2, 2), ("batch", "model"), fk.distribution.list_devices()[:4])
    layout = fk.distribution.LayoutMap(keras_words)
    layout["dense_1.*kernel"] = fk.distribution.TensorLayout((None, "model"))
    found = trainer.distribute(layout=fk.distribution.ModelParallel(layout_map=layout, batch_dim_name="batch"))
    assert found.distribution.batch_axes == ("batch",)
    assert found.init(0).params["dense_1"]["kernel"].sharding.spec == P(None, "model")


def test_auto_cuts_by_use():
    i = fk.Input((8,), dtype="int32")
    h = fk.nn.Embedding(12, 16, name="tokens")(i)
    h = fk.nn.MultiHeadAttention(2, 8, name="attention")(h, h)
    h = fk.nn.Dense(16, name="contract")(fk.nn.Dense(64, name="expand")(h))
    model = fk.Model(i, fk.nn.Dense(3, name="head")(fk.nn.GlobalAveragePooling1D()(h)))
    trainer = model.compile("sgd", "mse").distribute(TWO, "auto")
    places = trainer.distribution.places(model.abstract_variables())
    cut = {path: place.spec for path, place in places.items()}
    assert cut["params/tokens/embedding"][1] == "model"
    assert cut["params/attention/query/kernel"][1] == "model"
    assert cut["params/attention/out/kernel"][0] == "model"
    assert cut["params/expand/kernel"] == P("data", "model")
    assert cut["params/expand/bias"] == P("model")
    assert cut["params/contract/kernel"] == P("model", "data")
    assert all(place.reason for place in places.values())
    assert places["params/head/bias"].reason == "small: whole along 'data', 'model'"


@pytest.mark.parametrize(
    ("mesh", "layout", "said"),
    [
        (None, "fdsp", "There is no layout 'fdsp'.*Did you mean \"?'?fsdp"),
        (TWO, {"dens/kernel": (None, "model")}, "is found in no weight's path"),
        (TWO, {"dense": (None, "model")}, "The weight params/dense.* has more axes|has more axes for"),
        (TWO, {"dense.*kernel": (None, "model"), "kernel": (None, "model")}, "has 2 rules in the layout"),
        (TWO, {"dense_1/kernel": (None, "modle")}, "The mesh has no axis 'modle'"),
        ({"data": 1, "model": 3}, {"dense_1/kernel": (None, "model")}, "into parts that are not alike"),
        ({"data": 3, "model": 3}, "data", "A mesh needs a device for each of its places"),
        ("data", "data", "`mesh` is a grid of devices"),
        (None, 4, "`layout` says where weights lie"),
        (TWO, {"dense_1/kernel": 4}, "names an axis of the mesh, or None"),
    ],
)
def test_what_fits_nothing_is_said(trainer, mesh, layout, said):
    with pytest.raises((TypeError, ValueError), match=rf"(?s){said}"):
        trainer.distribute(mesh, layout).init(0)


def test_loops_of_ones_own_and_any_number_of_rows(trainer):
    trainer = trainer.replace(optimizer=fk.optimizers.SGD(0.1))  # each number of rows is a program of each trainer
    spread = trainer.distribute(layout="fsdp")
    states = [t.init(0) for t in (trainer, spread)]
    for size in (7, 1):
        batch = X[:size], Y[:size]
        states = [t.train_step(s, batch)[0] for t, s in zip((trainer, spread), states, strict=True)]
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-6), states[0].params, states[1].params)
    assert math.prod(states[1].params["dense_1"]["kernel"].addressable_shards[0].data.shape) == 16


def test_streams_too(trainer):
    spread = trainer.distribute(layout="fsdp")
    batches = [(X[i : i + 8], Y[i : i + 8]) for i in range(0, 52, 8)]
    found, _ = spread.fit(spread.init(0), batches, epochs=2, verbose=0)
    wanted, _ = trainer.fit(trainer.init(0), X, Y, batch_size=8, shuffle=False, epochs=2, verbose=0)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-5), found.params, wanted.params)


@pytest.mark.sweep(2)
@pytest.mark.parametrize(("before", "after"), [("fsdp", "fsdp"), (None, "data"), ("fsdp", None), ("data", "rules")])
def test_a_run_goes_on_on_other_devices(trainer, tmp_path, before, after):
    def spread(name):
        return trainer if name is None else trainer.distribute(*LAYOUTS[name])

    def fit(name, epochs, place):
        return spread(name).fit(
            trainer.init(0), X, Y, batch_size=8, epochs=epochs, verbose=0, checkpoint=tmp_path / place
        )[0]

    whole = fit(before, 3, "whole")
    fit(before, 1, "cut")
    changed = (
        "devices" if None in (before, after) else r"mesh data=4, now data=2, model=2; layout DataParallel \w+, now"
    )
    with contextlib.nullcontext() if before == after else pytest.warns(RuntimeWarning, match=changed):
        state = fit(after, 3, "cut")
    assert int(state.step) == 21
    same = [np.array_equal(a, b) for a, b in zip(*map(jax.tree.leaves, (state.params, whole.params)), strict=True)]
    if before == after:
        assert all(same)  # the same sums in the same order: equal to the bit
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-6), state.params, whole.params)
    for leaf, where in zip(*map(jax.tree.leaves, (state, spread(after).init(0))), strict=True):
        assert leaf.sharding.is_equivalent_to(where.sharding, leaf.ndim)
