"""Layouts that are found or named, moments over devices, pictures, and what a compiled program sends."""

import math
import pathlib
import re
import runpy
import xml.etree.ElementTree

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen
from jax.sharding import AxisType, NamedSharding
from jax.sharding import PartitionSpec as P

import fkeras as fk

RNG = np.random.default_rng(0)
ONE = jax.sharding.Mesh(np.array(jax.devices()[:4]), ("batch",), axis_types=(AxisType.Auto,))
TWO = jax.sharding.Mesh(np.array(jax.devices()[:4]).reshape(2, 2), ("data", "model"), axis_types=(AxisType.Auto,) * 2)
ROWS = (RNG.normal(size=(16, 5)) * np.arange(1, 17)[:, None]).astype("float32")  # no two parts have the same moments


# ------------------------------------------------------------------ moments over devices
def normalised(synchronized):
    return fk.Sequential([fk.Input((5,)), fk.nn.BatchNormalization(synchronized=synchronized, momentum=0.5)])


def step(model, names):
    """A pure step of the user's own: outputs, running moments, and the gradient of a weighted sum."""

    def run(variables, x):
        def loss(x):
            y, updates = model.apply(variables, x, training=True, mutable=["batch_stats"])
            total = jnp.sum(jnp.tanh(y))
            return jax.lax.psum(total, names) if names else total, (y, updates)

        gradient, (y, updates) = jax.grad(loss, has_aux=True)(x)
        return y, gradient, updates

    return run


@pytest.fixture(scope="module")
def whole():
    model = normalised(False)
    variables = model.init(0)
    return variables, jax.jit(step(model, ()))(variables, ROWS)


def agree(found, wanted):
    # one pass over four parts and over the whole: a few units in the last place of sums over 16 rows of up to 40
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5), found, wanted)


@pytest.mark.parametrize(("mesh", "axis", "said"), [(ONE, "batch", True), (ONE, "batch", "batch"), (TWO, "data", True)])
def test_synchronized_moments_are_those_of_the_whole_batch_under_shard_map(whole, mesh, axis, said):
    run = jax.shard_map(
        step(normalised(said), axis), mesh=mesh, in_specs=(P(), P(axis)), out_specs=(P(axis), P(axis), P())
    )
    variables, wanted = whole
    agree(jax.jit(run)(variables, ROWS), wanted)


@pytest.mark.parametrize("said", [True, "batch"])
def test_and_under_pmap(whole, said):
    variables, (y, _, updates) = whole
    run = jax.pmap(step(normalised(said), "batch"), axis_name="batch", in_axes=(None, 0))
    found = run(variables, ROWS.reshape(4, 4, 5))
    agree((found[0].reshape(16, 5), jax.tree.map(lambda a: a[3], found[2])), (y, updates))
    apart = jax.pmap(step(normalised(False), "batch"), axis_name="batch", in_axes=(None, 0))(
        variables, ROWS.reshape(4, 4, 5)
    )
    assert np.abs(apart[0].reshape(16, 5) - y).max() > 0.1


def test_a_mask_counts_over_all_devices():
    layer = fk.nn.BatchNormalization(synchronized=True)
    x, mask = ROWS.reshape(4, 4, 5), RNG.random((4, 4)) > 0.5
    variables = layer.init(0, x)

    def run(x, mask):
        return layer.apply(variables, x, training=True, mask=mask, mutable=["batch_stats"])

    spread = jax.shard_map(run, mesh=ONE, in_specs=(P("batch"), P("batch")), out_specs=(P("batch"), P()))
    agree(jax.jit(spread)(x, mask), run(x, mask))


def test_an_axis_that_cannot_be_told_is_said(whole):
    run = jax.shard_map(
        step(normalised(True), "data"), mesh=TWO, in_specs=(P(), P("data")), out_specs=P(), check_vma=False
    )
    with pytest.raises(ValueError, match=r"(?s)cannot tell which axis.*over 'data', 'model'.*synchronized='data'"):
        run(whole[0], ROWS)
    with pytest.raises(TypeError, match=r"(?s)`synchronized` is whether.*synchronized=3"):
        fk.nn.BatchNormalization(synchronized=3)


def test_a_named_axis_trains_where_nothing_binds_it_and_its_config_is_kept():
    trainers = [normalised(said).compile("sgd", "mse") for said in (False, "batch")]
    losses = [t.fit(t.init(0), ROWS, ROWS, verbose=0)[1].history["loss"] for t in trainers]
    assert losses[0] == losses[1]
    layer = fk.nn.BatchNormalization(synchronized=["data", "replica"])
    assert layer.from_config(layer.get_config()).synchronized == ("data", "replica")


# ------------------------------------------------------------------ names of axes
def boxed(*names):
    return linen.with_partitioning(linen.initializers.lecun_normal(), names)


class Boxed(linen.Module):
    @linen.compact
    def __call__(self, x):
        x = linen.Dense(16, kernel_init=boxed("embed", "model"))(x)
        return linen.Dense(5, kernel_init=linen.with_logical_partitioning(linen.initializers.ones, ("mlp", "classes")))(
            x
        )


NAMED = {
    "a Linen module": lambda: fk.Trainer(Boxed(), "adam", "mse"),
    "FlaxLayer": lambda: fk.Sequential([fk.Input((5,)), fk.nn.FlaxLayer(Boxed())]).compile("adam", "mse"),
    "facts of layers": lambda: fk.Sequential(
        [
            fk.Input((5,)),
            fk.nn.Dense(16, kernel_axes=("embed", "model")),
            fk.nn.Dense(5, kernel_axes=["mlp", "classes"], kernel_initializer="ones"),
        ]
    ).compile("adam", "mse"),
    "layers": lambda: fk.Sequential(
        [fk.Input((5,)), fk.nn.Dense(16, kernel_initializer=boxed("embed", "model")), fk.nn.Dense(5)]
    ).compile("adam", "mse"),
}
RULES = fk.distribution.LogicalAxes({"embed": None, "mlp": "model", "classes": "data"})


@pytest.mark.parametrize("kind", NAMED)
def test_names_of_axes_place_weights_and_their_boxes_are_taken_off(kind):
    trainer = NAMED[kind]()
    spread = trainer.distribute({"data": 2, "model": 2}, RULES)
    states = [t.init(0, ROWS) for t in (trainer, spread)]
    paths = [[jax.tree_util.keystr(p) for p, _ in jax.tree_util.tree_leaves_with_path(s.params)] for s in states]
    assert paths[0] == paths[1]
    assert not any("value" in path for path in paths[0])
    found = states[1]
    if kind == "FlaxLayer":
        found, history = spread.fit(found, ROWS, ROWS, verbose=0)
        _, alone = trainer.fit(states[0], ROWS, ROWS, verbose=0)
        np.testing.assert_allclose(history.history["loss"], alone.history["loss"], rtol=1e-5)
    first, *others = (leaf for leaf in jax.tree.leaves(found.params) if leaf.ndim == 2)
    slots = [leaf.sharding.spec for leaf in jax.tree.leaves(found.opt_state) if leaf.shape == first.shape]
    assert {first.sharding.spec, *slots} == {P(None, "model")}
    if kind != "layers":
        assert next(iter(others[0].sharding.spec)) == "model"  # and 5 classes stay whole
        reasons = [place.reason for place in spread.distribution.places(found.variables, ROWS).values()]
        assert any("its axes are mlp, classes; axis 1, of 5, whole" in reason for reason in reasons)


def test_variables_that_linen_itself_made_are_taken_out_of_their_boxes():
    variables = Boxed().init(jax.random.key(0), ROWS)
    state = NAMED["a Linen module"]().distribute({"data": 2, "model": 2}, RULES).init(0, ROWS, variables=variables)
    assert state.params["Dense_0"]["kernel"].sharding.spec == P(None, "model")
    np.testing.assert_array_equal(state.params["Dense_0"]["kernel"], variables["params"]["Dense_0"]["kernel"].value)


def test_names_that_nothing_reads_and_rules_that_are_missing_are_said():
    trainer = NAMED["a Linen module"]()
    with pytest.warns(
        UserWarning, match=r"(?s)FSDP does not look at the names of axes.*LogicalAxes\(\{\"embed\": None"
    ):
        trainer.distribute(layout="fsdp").init(0, ROWS)
    with pytest.raises(ValueError, match=r"(?s)no rule for 'mlp'.*LogicalAxes\(\{'mlp': None\}\)"):
        trainer.distribute({"model": 4}, fk.distribution.LogicalAxes({"embed": None})).init(0, ROWS)
    with pytest.raises(ValueError, match="no weight of the model has any"):
        normalised(False).compile("sgd", "mse").distribute(layout=fk.distribution.LogicalAxes()).init(0)
    with pytest.raises(ValueError, match=r"(?s)has no axis 'modle'.*Did you mean"):
        trainer.distribute({"model": 4}, fk.distribution.LogicalAxes({"embed": "modle"}))


def test_a_trainer_of_another_model_goes_by_its_names():
    spread = NAMED["layers"]().distribute({"data": 2, "model": 2}, RULES)
    other = fk.Sequential([fk.Input((5,)), fk.nn.Dense(8), fk.nn.Dense(4, kernel_initializer=boxed("mlp", "embed"))])
    assert spread.replace(model=other).init(0).params["dense_1"]["kernel"].sharding.spec == P("model", None)


# ------------------------------------------------------------------ pictures
def test_a_table_and_a_picture_of_what_each_device_holds():
    layers = [fk.Input((5,)), fk.nn.Dense(16), fk.nn.BatchNormalization(), fk.nn.Dense(4)]
    trainer = fk.Sequential(layers).compile("adam", "mse")
    spread = trainer.distribute(
        {"data": 2, "model": 2}, {"dense/kernel": (None, "model"), "dense_1/kernel": ("model",)}
    )
    state = spread.init(0)
    table = spread.plot_layout(state)
    assert str(table) == str(spread.plot_layout(jax.eval_shape(spread.init, 0)))  # where it would lie
    rows = {row.path: row for row in table.rows}
    kernel, slot = rows["params/dense/kernel"], rows["opt_state/inner/momentum/dense/kernel"]
    assert (kernel.shape, kernel.spec, kernel.bytes, kernel.reason) == (
        (5, 16), "(None, 'model')", 160, "the rule 'dense/kernel'",
    )  # fmt: skip
    assert kernel.parts == (((0, 5), (0, 8)), ((0, 5), (8, 16))) * 2
    assert slot.reason == "as params/dense/kernel"
    assert slot.parts == kernel.parts
    for device, held in zip(jax.devices()[:4], table.bytes, strict=True):
        shards = [s for leaf in jax.tree.leaves(state) for s in leaf.addressable_shards if s.device == device]
        assert held == sum(s.data.nbytes for s in shards)
    assert table.total == sum(leaf.nbytes for leaf in jax.tree.leaves(state))
    assert f"{table.total:,} bytes; each of 4 devices holds {table.bytes[0]:,}" in str(table)
    picture = xml.etree.ElementTree.fromstring(table._repr_svg_())
    said = [element.text for element in picture.iter() if element.text]
    assert {*table.devices} <= {*said}
    assert any("params/dense/kernel (None, 'model'): the rule" in text for text in said)
    assert table.svg in table._repr_html_()
    assert {e.get("fill") for e in picture.iter() if e.get("fill")} == {"currentColor", "none"}  # light and dark ground
    with pytest.raises(TypeError, match="plot_layout"):
        spread.plot_layout(state.variables)
    alone = trainer.plot_layout(trainer.init(0))
    assert {row.reason for row in alone.rows} == {"on one device"}
    assert alone.bytes == (alone.total,)


# ------------------------------------------------------------------ what is sent, and what is held
def sent(program):
    """`{kind: (count, bytes)}` of the collectives in a compiled program's text."""
    found = {}
    kinds = "all-reduce|all-gather|reduce-scatter|all-to-all|collective-permute"
    for result, kind in re.findall(rf"= (.*?) ({kinds})(?:-start)?\(", program.as_text()):
        arrays = re.findall(r"[a-z]+(\d+)\[([\d,]*)\]", result)
        size = sum(int(bits) // 8 * math.prod(map(int, filter(None, sizes.split(",")))) for bits, sizes in arrays)
        count, total = found.get(kind, (0, 0))
        found[kind] = count + 1, total + size
    return found


@pytest.mark.parametrize("layout", ["data", "fsdp"])
def test_a_step_sends_what_a_hand_written_one_sends(layout):
    layers = [fk.Input((64,)), fk.nn.Dense(128, activation="relu"), fk.nn.Dense(64)]
    trainer = fk.Sequential(layers).compile("sgd", "mse").distribute(4, layout)
    state, mesh = trainer.init(0), trainer.distribution.mesh
    x = jax.device_put(np.ones((32, 64), "float32"), NamedSharding(mesh, P("data")))

    def by_hand(params, x, y):
        def loss(p):
            h = jax.nn.relu(jnp.dot(x, p["dense"]["kernel"]) + p["dense"]["bias"][None])
            return jnp.mean((jnp.dot(h, p["dense_1"]["kernel"]) + p["dense_1"]["bias"][None] - y) ** 2)

        value, gradient = jax.value_and_grad(loss)(params)
        return jax.tree.map(lambda p, g: p - 0.01 * g, params, gradient), value

    places = jax.tree.map(lambda a: a.sharding, state.params)
    wanted = jax.jit(by_hand, out_shardings=(places, NamedSharding(mesh, P()))).lower(state.params, x, x).compile()
    found = jax.jit(trainer.train_step).lower(state, (x, x)).compile()
    assert sent(found) == sent(wanted)
    assert sent(found)["all-reduce"][1] > 4 * 64  # at least the gradient of what is on each device
    assert found.cost_analysis()["flops"] <= 1.02 * wanted.cost_analysis()["flops"]


def test_the_page_on_scaling_is_what_its_script_prints():
    root = pathlib.Path(__file__).parents[2]
    script = runpy.run_path(str(root / "benchmarks" / "scaling.py"))
    assert f"{script['BEGIN']}\n\n{script['tables']()}\n{script['END']}" in (root / "docs" / "scaling.md").read_text()
    assert script["gathered"](8.0, 8) == (7.0, 0.0)
    assert script["gathered"](8.0, 16) == (7.0, 0.5)


# ------------------------------------------------------------------ layouts without rules
@pytest.fixture(scope="module")
def families():
    return runpy.run_path(str(pathlib.Path(__file__).parents[2] / "benchmarks" / "layouts.py"))


def test_auto_holds_an_equal_share_of_every_family_on_each_device(families):
    shares = {name: families["share"](families["trainer_of"](name)) for name in families["FAMILIES"]}
    assert len(shares) == 12
    assert max(shares.values()) <= 1.1, shares


def test_and_runs_as_one_device_does(families):
    assert families["difference"](families["trainer_of"]("text"), steps=20) <= 1e-5


def test_heads_that_an_axis_does_not_divide_are_spread_as_fsdp_does(families):
    trainer = families["trainer_of"]("grouped").distribute({"data": 1, "model": 4}, "auto")
    places = trainer.distribution.places(trainer.model.abstract_variables())
    query, key = (places[f"params/grouped_query_attention/{name}/kernel"] for name in ("query", "key"))
    assert query.spec[1] == "model"
    assert key.spec[1] is None
    assert "attention by its heads, whose 2 the 4 devices of 'model' do not divide" in key.reason
    assert "by 'model'" in key.reason
    recurrent = families["trainer_of"]("lstm").distribute({"data": 1, "model": 4}, "auto")
    places = recurrent.distribution.places(recurrent.model.abstract_variables())
    assert all("a recurrent layer" in place.reason for path, place in places.items() if "lstm" in path)


def test_models_of_text_and_with_a_state_for_each_row_lie_on_devices_too():
    words = fk.nn.TextVectorization(output_mode="int", output_sequence_length=4, vocabulary=["a", "b"])
    text = [fk.Input((), dtype="string"), words, fk.nn.Embedding(8, 4), fk.nn.GlobalAveragePooling1D()]
    for layers in (text, [fk.Input((5, 3), batch_size=4), fk.nn.LSTM(4, stateful=True)]):
        state = fk.Sequential(layers).compile("sgd", "mse").distribute(layout="fsdp").init(0)
        assert all(len(leaf.sharding.device_set) == jax.device_count() for leaf in jax.tree.leaves(state))
