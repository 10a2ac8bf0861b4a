"""Slots in the memory of the host: the same run, saved, resumed and shown; and what programs for accelerators say."""

import html
import itertools
import pickle
import re
import types

import jax
import jax.export
import numpy as np
import optax
import pytest

import fkeras as fk
from fkeras.train.distribution._host_memory import check_host_memory

RNG = np.random.default_rng(0)
X = RNG.normal(size=(20, 8)).astype("float32")  # two batches of 8, and one of 4
Y = RNG.normal(size=(20, 4)).astype("float32")


@pytest.fixture(scope="module")
def trainer():
    return (
        fk.Sequential([fk.Input((8,)), fk.nn.Dropout(0.25), fk.nn.Dense(4)])
        .compile("adam", "mse")
        .distribute(4, "fsdp")
    )


@pytest.fixture(scope="module")
def spread(trainer):
    return trainer.distribute(4, "fsdp", offload="opt_state")


@pytest.fixture(scope="module")
def ran(spread):
    return run(spread)


def run(trainer, epochs=2, **kwargs):
    return trainer.fit(trainer.init(0), X, Y, batch_size=8, epochs=epochs, verbose=0, **kwargs)


def kinds(tree):
    """The memories of arrays, with whether these are scalars."""
    return {(leaf.ndim > 0, leaf.sharding.memory_kind) for leaf in jax.tree.leaves(tree)}


def by_path(tree):
    return {
        jax.tree_util.keystr(p, simple=True, separator="/"): a for p, a in jax.tree_util.tree_leaves_with_path(tree)
    }


SLOT = "opt_state/inner/momentum/dense/kernel"
OFFLOADED = {(True, "pinned_host"), (False, "device")}


def same(one, other, **tolerance):
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, **{"rtol": 0, **tolerance}), one, other)


def test_a_run_is_the_same_and_only_its_slots_are_elsewhere(trainer, spread, ran):
    (state, history), (wanted, of_it) = ran, run(trainer)
    # one program for many steps and one for each: sums of products are rounded in another order
    same(state.tree() | {"rng": 0}, wanted.tree() | {"rng": 0}, atol=1e-6)
    np.testing.assert_allclose(history.history["loss"], of_it.history["loss"], rtol=1e-6)
    assert kinds(spread.init(0).opt_state) == kinds(state.opt_state) == OFFLOADED
    assert {kind for _, kind in kinds((state.params, state.metrics))} == {"device"}
    slot = by_path(state)[SLOT]
    assert slot.sharding.is_equivalent_to(state.params["dense"]["kernel"].sharding.with_memory_kind("pinned_host"), 2)
    assert spread.predict(state, X).shape == (20, 4)
    losses = [t.evaluate(s, X, Y, verbose=0)["loss"] for t, s in ((spread, state), (trainer, wanted))]
    assert losses[0] == pytest.approx(losses[1])


def test_it_gives_its_memory_away(spread, ran):
    given = spread.init(0)
    slot = by_path(given)[SLOT]
    state, _ = spread.fit(given, X, Y, batch_size=8, epochs=2, verbose=0, donate=True)
    assert slot.is_deleted()
    same(state.opt_state, ran[0].opt_state)


def test_it_is_saved_and_goes_on_to_the_bit(spread, ran, tmp_path):
    run(spread, epochs=1, checkpoint=tmp_path / "run")
    state, _ = run(spread, checkpoint=tmp_path / "run")
    same((state.params, state.opt_state), (ran[0].params, ran[0].opt_state))
    assert kinds(state.opt_state) == OFFLOADED
    spread.save(tmp_path / "saved", state)
    for kwargs, said in (({"mesh": 4, "layout": "fsdp"}, "opt_state"), ({}, "opt_state"), ({}, None)):
        _, found = fk.load_trainer(tmp_path / "saved", **kwargs, offload=said)
        same(found.opt_state, state.opt_state)
        assert (kinds(found.opt_state) == OFFLOADED) == (said is not None)
        assert len(by_path(found)["opt_state/iterations"].sharding.device_set) == kwargs.get("mesh", 1)


def test_loops_and_steps_of_ones_own(spread, ran):
    batches = X[:16].reshape(2, 8, 8), Y[:16].reshape(2, 8, 4)
    state = jax.jit(lambda s: jax.lax.scan(lambda s, b: (spread.train_step(s, b)[0], None), s, batches)[0])(
        spread.init(0)
    )
    assert kinds(state.opt_state) == OFFLOADED

    class Mine(fk.Trainer):
        def train_step(self, state, batch):
            def loss(params):
                return ((self.model.apply({"params": params}, batch[0]) - batch[1]) ** 2).mean()

            value, gradient = jax.value_and_grad(loss)(state.params)
            updates, opt_state = self.optimizer.update(gradient, state.opt_state, state.params)
            params = optax.apply_updates(state.params, updates)
            return state.replace(step=state.step + 1, params=params, opt_state=opt_state), {"loss": value}

    own = spread.model.compile("sgd", "mse", trainer_class=Mine).replace(optimizer=optax.trace(0.9))
    own = own.distribute(1, offload=["opt_state"])
    found, _ = own.fit(own.init(0), X, Y, batch_size=20, verbose=0)
    assert kinds(found.opt_state) == {(True, "pinned_host")}
    alone = spread.replace(distribution=None)  # a trainer that does not offload brings them back
    step, _ = alone.train_step(spread.distribute(1, offload="opt_state").distribution.put(alone.init(0)), (X, Y))
    assert {kind for _, kind in kinds(step)} == {"device"}


def test_averages_of_weights_come_back(spread):
    averaged = spread.replace(optimizer=fk.optimizers.SGD(use_ema=True, ema_momentum=0.5))
    state, _ = averaged.train_step(averaged.init(0), (X, Y))
    kept = averaged.finalize(state)
    assert kinds(kept.params) == {(True, "device")}
    averages = [leaf for leaf in jax.tree.leaves(state.opt_state) if leaf.ndim]
    same(jax.tree.leaves(kept.params), averages)


def test_a_step_is_compiled_once_for_each_shape(spread, ran):
    assert len(spread.programs.traces) == len({str(trace) for trace in spread.programs.traces})
    compiled = spread.lower((X[:8], Y[:8]), rows=20, verbs="fit")
    assert set(compiled) == {"fit", "fit, last batch"}
    text = compiled["fit"].as_text()
    # XLA's memory space 5 is the host's; two slots of two weights go in and come out
    layout = re.search(r"entry_computation_layout=.*", text)[0]
    assert [part.count("S(5)") for part in layout.split("->")] == [4, 4]


@pytest.mark.parametrize("platform", ["tpu", "cuda"])
def test_programs_for_accelerators_fetch_each_slot_and_put_it_back(spread, platform):
    exported = jax.export.export(spread.train_step, platforms=[platform])(spread.init(0), (X, Y))
    text = exported.mlir_module()
    moves = re.findall(r'@annotate_device_placement\(%(\w+)\).*?_xla_buffer_placement = "(\w+)"', text)
    assert [kind for _, kind in moves] == ["device"] * 4 + ["pinned_host"] * 4
    assert all(source.startswith("arg") for source, kind in moves if kind == "device")
    # after the gradient: the first product of the update comes behind the last one of the backward pass
    assert text.rindex("stablehlo.dot_general") < text.index("annotate_device_placement")
    assert text.count('mhlo.memory_kind = "pinned_host"') == 8


def test_the_table_and_the_picture_tell_the_memories_apart(spread, ran):
    table = spread.plot_layout(ran[0])
    planned = spread.plot_layout(jax.eval_shape(spread.init, 0))
    assert str(planned) == str(spread.plot_layout(spread.init(0)))
    assert (planned.host, planned.bytes) == (table.host, table.bytes)
    for place, device in enumerate(jax.devices()[:4]):
        shards = [s for a in jax.tree.leaves(ran[0]) for s in a.addressable_shards if s.device == device]
        on_host = [s.data.nbytes for s in shards if s.data.sharding.memory_kind == "pinned_host"]
        assert (table.host[place], table.bytes[place]) == (
            sum(on_host),
            sum(s.data.nbytes for s in shards) - sum(on_host),
        )
    rows = {row.path: row for row in table.rows}
    slot = rows[SLOT]
    assert (slot.on_host, slot.reason) == (True, "as params/dense/kernel; offloaded")
    assert not rows["opt_state/iterations"].on_host
    text = str(table)
    assert "bytes a device  on the host  reason" in text
    assert f"and has {table.host[0]:,}, " in text
    assert f"bytes in the host's memory (dashed and fainter): cpu:0 {table.host[0]:,}" in html.unescape(table.svg)
    assert table.svg.count("stroke-dasharray") == 4 * sum(row.on_host for row in table.rows)
    assert "on the host" not in str(spread.distribute(4, "fsdp").plot_layout(jax.eval_shape(spread.init, 0)))


def test_it_is_part_of_a_trainers_value(trainer, spread):
    assert spread != trainer
    assert pickle.loads(pickle.dumps(spread)) == spread
    assert spread.distribution.offload == ("opt_state",)


@pytest.mark.parametrize(
    ("given", "error", "said"),
    [
        ("opt_stat", ValueError, r"Did you mean 'opt_state'"),
        ("optimizer", ValueError, r"(?s)the part of a state with the optimizer's slots.*offload=\"opt_state\""),
        ("params", ValueError, r"(?s)'params' cannot lie in the host's memory.*every layer reads its weights"),
        (True, TypeError, r"(?s)`offload` names parts of a state.*offload=True"),
    ],
)
def test_what_cannot_be_offloaded_is_said(trainer, given, error, said):
    with pytest.raises(error, match=said):
        trainer.distribute(4, "fsdp", offload=given)


def test_many_runs_refuse_it(trainer):
    alone = trainer.distribute(1, offload="opt_state")
    with pytest.raises(
        ValueError, match=r"(?s)keeps the states of all members on the devices.*offload=\('opt_state',\)"
    ):
        alone.fit_many(X, Y, seeds=[0, 1], verbose=0)


def test_devices_without_that_memory_are_said():
    memories = [types.SimpleNamespace(kind=kind) for kind in ("device", "unpinned_host")]
    old = types.SimpleNamespace(platform="metal", id=3, process_index=0, addressable_memories=lambda: memories)
    far = types.SimpleNamespace(process_index=1)
    said = r"(?s)metal:3 has no memory 'pinned_host'.*offload=\"opt_state\".*device, unpinned_host.*layout=\"fsdp\""
    with pytest.raises(ValueError, match=said):
        check_host_memory(itertools.chain([far], [old]))
