"""`load_trainer(optimizer=...)` goes on with all of the saved state that means the same there, and names the rest."""

import io
import json
import zipfile

import h5py
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import fkeras as fk

fo = fk.optimizers
MODEL = fk.Sequential([fk.Input((3,)), fk.nn.Dense(2)])
X, Y = np.ones((4, 3), "float32"), np.ones((4, 2), "float32")
DECAY = fo.schedules.ExponentialDecay(0.02, 10, 0.5)
ADAM = fo.Adam(0.02)


def saved(optimizer):
    """A trainer, and a state in which every array of the optimizer has numbers of its own."""
    trainer = MODEL.compile(optimizer, "mse")
    state = trainer.init(0)
    leaves, treedef = jax.tree.flatten(state.opt_state)
    marked = [jnp.full_like(a, 8 if jnp.issubdtype(a.dtype, jnp.integer) else i + 1) for i, a in enumerate(leaves)]
    return trainer, state.replace(opt_state=jax.tree.unflatten(treedef, marked), step=jnp.int32(8))


def moments(opt_state):
    """The arrays of an Adam's state, wherever it lies: by name, those of the weights joined."""
    found = {}
    for path, leaf in jax.tree_util.tree_leaves_with_path(opt_state):
        name = jax.tree_util.keystr(path, simple=True, separator="/")
        if "momentum/" in name or "velocity/" in name:
            found[name[max(name.rfind("momentum"), name.rfind("velocity")) :]] = np.asarray(leaf)
    return found


def loaded(path, **kwargs):
    trainer, state = fk.load_trainer(path, **kwargs)
    assert int(state.step) == 8
    assert jax.tree.structure(state.opt_state) == jax.tree.structure(trainer.init(0).opt_state)
    return trainer, state


# What goes on with Adam's moments, and what the warning says begins anew, or is left.
AROUND = {
    "the same": (ADAM, ADAM, None),
    "a name": (fo.Adam(), "adam", None),
    "a config": (ADAM, {"class_name": "Adam", "config": {"learning_rate": 0.02}}, None),
    "AdamW": (ADAM, fo.AdamW(0.02), None),
    "a schedule": (ADAM, fo.Adam(DECAY), None),
    "a chain": (ADAM, optax.chain(optax.clip(1.0), ADAM), None),
    "a chain in a chain": (ADAM, optax.chain(optax.chain(optax.clip(1.0), ADAM)), None),
    "out of a chain": (optax.chain(optax.clip(1.0), ADAM), ADAM, None),
    "by path": (ADAM, fo.by_path({".*bias": ADAM, ".*": ADAM}), None),
    "several": (ADAM, fo.MultiOptimizer(fo.OptimizerMap(ADAM, {"dense/bias": fo.Adam(0.1)})), None),
    "out of several": (fo.by_path({".*bias": ADAM, ".*": ADAM}), ADAM, r"not taken:   inner_states/1/inner_state/iter"),
    "amsgrad": (ADAM, fo.Adam(0.02, amsgrad=True), r"begins anew: inner/velocity_hat \(2 arrays\)"),
    "without amsgrad": (fo.Adam(0.02, amsgrad=True), ADAM, r"not taken:   inner/velocity_hat \(2 arrays\)"),
    "an average": (ADAM, fo.Adam(0.02, use_ema=True), r"begins anew: ema \(2 arrays\)"),
    "without an average": (fo.Adam(0.02, use_ema=True), ADAM, r"not taken:   ema \(2 arrays\)"),
    "accumulation": (ADAM, fo.Adam(0.02, gradient_accumulation_steps=2), r"begins anew: accumulator \(2 arrays\)"),
    "accumulate": (ADAM, fo.accumulate(ADAM, 2), r"begins anew: batches, total \(2 arrays\), weight"),
    "out of accumulate": (fo.accumulate(ADAM, 2), ADAM, r"not taken:   batches, total \(2 arrays\), weight"),
    "scaled": (ADAM, fo.LossScaleOptimizer(ADAM), r"begins anew: step_counter, dynamic_scale"),
    "out of a scale": (fo.LossScaleOptimizer(ADAM), ADAM, r"not taken:   step_counter, dynamic_scale"),
}
IN_KERAS = [name for name, (before, _, _) in AROUND.items() if isinstance(before, fo.Optimizer)]
CASES = [(n, "run") for n in AROUND] + [(n, "run.keras") for n in IN_KERAS]


@pytest.mark.sweep(2)
@pytest.mark.parametrize(("name", "place"), CASES)
@pytest.mark.filterwarnings("ignore:The run goes on at the learning rate")
def test_adam_s_moments_go_on(tmp_path, name, place):
    before, after, says = AROUND[name]
    trainer, state = saved(before)
    trainer.save(tmp_path / place, state)
    if says is None:
        _, restored = loaded(tmp_path / place, optimizer=after)
    else:
        with pytest.warns(UserWarning, match=rf"goes on with a part of the state in[\s\S]*{says}"):
            _, restored = loaded(tmp_path / place, optimizer=after)
    wanted, found = moments(state.opt_state), moments(restored.opt_state)
    assert wanted.keys() == found.keys()
    for path, array in wanted.items():
        np.testing.assert_array_equal(found[path], array, err_msg=path)
    counts = optax.tree_utils.tree_get_all_with_path(restored.opt_state, "iterations")
    assert {int(count) for _, count in counts} == {8}


@pytest.mark.sweep
@pytest.mark.parametrize("place", ["run", "run.keras"])
@pytest.mark.parametrize(
    ("before", "after"),
    [(ADAM, fo.SGD(0.1)), (fo.SGD(0.1), ADAM), (ADAM, fo.Nadam(0.1)), (ADAM, fo.ScheduleFreeAdamW(0.1)),
     (fo.SGD(0.1, momentum=0.9), fo.RMSprop(0.1, momentum=0.9)), (ADAM, optax.adam(0.1))],
    ids=["to sgd", "from sgd", "nadam", "schedule free", "rmsprop", "optax"],
)  # fmt: skip
def test_another_algorithm_begins_anew_and_says_so(tmp_path, before, after, place):
    trainer, state = saved(before)
    trainer.save(tmp_path / place, state)
    with pytest.warns(UserWarning, match=r"goes on with nothing of the state in[\s\S]*not taken:   iterations, learn"):
        again, restored = loaded(tmp_path / place, optimizer=after)
    fresh = again.init(0, variables=restored.variables).opt_state
    assert all(map(np.array_equal, jax.tree.leaves(restored.opt_state), jax.tree.leaves(fresh)))


@pytest.mark.parametrize(
    ("before", "after"),
    [(optax.adam(0.1), optax.chain(optax.clip(1.0), optax.adam(0.1))),
     (optax.chain(optax.clip(1.0), optax.adam(0.1)), optax.adam(0.1)),
     (optax.adam(DECAY), optax.adam(DECAY)),
     (fo.Adam(lambda step: 0.1), fo.Adam(lambda step: 0.1))],
    ids=["a chain", "out of a chain", "scheduled", "a lambda"],
)  # fmt: skip
def test_optax_s_moments_go_on_too(tmp_path, before, after):
    trainer, state = saved(before)
    trainer.save(tmp_path / "run", state)
    _, restored = loaded(tmp_path / "run", optimizer=after)
    pairs = zip(jax.tree.leaves(state.opt_state), jax.tree.leaves(restored.opt_state), strict=True)
    assert all(np.array_equal(a, b) for a, b in pairs)


@pytest.mark.parametrize("place", ["run", "run.keras"])
def test_the_rate_is_the_run_s(tmp_path, place):
    trainer, state = saved(ADAM)
    state = trainer.set_learning_rate(state, 0.005)  # as a callback would
    trainer.save(tmp_path / place, state)
    again, restored = loaded(tmp_path / place, optimizer=ADAM)  # without a warning: it is the same optimizer
    assert float(again.get_learning_rate(restored)) == np.float32(0.005)
    with pytest.warns(
        UserWarning, match=r"at the learning rate that it had, 0.005[\s\S]*learning_rate=0.5[\s\S]*set_le"
    ):
        again, restored = loaded(tmp_path / place, optimizer=fo.Adam(0.5))
    assert float(again.get_learning_rate(restored)) == np.float32(0.005)
    trainer, state = saved(fo.Adam(DECAY))
    trainer.save(tmp_path / f"scheduled {place}", state)
    again, restored = loaded(tmp_path / f"scheduled {place}", optimizer=fo.Adam(0.5))
    assert float(again.get_learning_rate(restored)) == 0.5  # a number in a schedule's place is meant


def test_another_measure_begins_anew(tmp_path):
    trainer, state = saved(ADAM)
    trainer.save(tmp_path / "run", state)
    again, restored = loaded(tmp_path / "run", metrics=["mae"])
    assert set(restored.metrics["metrics"]) == {"mae"}
    again.eval_step(restored, (X, Y))


# ------------------------------------------------------------------ optimizers that no config describes
@pytest.mark.parametrize(
    ("optimizer", "dtype"),
    [(optax.adam(0.1), "float32"), (fo.Adam(lambda step: 0.1), "float32"), (optax.adam(0.1), "mixed_float16")],
    ids=["optax", "a lambda", "scaled"],
)
def test_a_run_without_its_optimizer_evaluates_and_says_what_training_needs(tmp_path, optimizer, dtype):
    trainer = fk.Sequential([fk.Input((3,)), fk.nn.Dense(2, dtype=dtype)]).compile(optimizer, "mse", metrics=["mae"])
    state = trainer.init(0).replace(step=jnp.int32(3))
    trainer.save(tmp_path / "run", state)
    again, restored = fk.load_trainer(tmp_path / "run")
    assert again.evaluate(restored, X, Y, verbose=0) == trainer.evaluate(state, X, Y, verbose=0)
    np.testing.assert_array_equal(again.predict(restored, X, verbose=0), trainer.predict(state, X, verbose=0))
    for train in (
        lambda: again.fit(restored, X, Y, verbose=0, checkpoint=tmp_path / "other"),
        lambda: again.train_step(restored, (X, Y)),
        lambda: again.train_step(again.init(0), (X, Y)),
    ):
        with pytest.raises(ValueError, match=r"optimizer was not written[\s\S]*load_trainer\('.*run', optimizer=...\)"):
            train()
    assert not (tmp_path / "other").exists()
    again.save(tmp_path / "copy", restored)  # nothing is lost on the way
    assert (int(restored.step), np.asarray(restored.rng_data).tolist()) == (3, np.asarray(state.rng_data).tolist())
    _, whole = fk.load_trainer(tmp_path / "copy", optimizer=optimizer)
    assert jax.tree.structure(whole.opt_state) == jax.tree.structure(state.opt_state)
    assert all(map(np.array_equal, jax.tree.leaves(whole.opt_state), jax.tree.leaves(state.opt_state)))


# ------------------------------------------------------------------ Keras files in which one half is missing
def edited(source, target, config=None, arrays=None):
    """A copy of a `.keras` file with another config, or other arrays."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            if name == "config.json" and config:
                said = json.loads(content)
                config(said["compile_config"])
                content = json.dumps(said)
            if name.endswith(".h5") and arrays:
                file = io.BytesIO(content)
                with h5py.File(file, "r+") as h5:
                    arrays(h5)
                content = file.getvalue()
            new.writestr(name, content)
    return target


@pytest.mark.parametrize("change", [lambda c: c.pop("optimizer"), lambda c: c.update(optimizer=None)])
def test_a_file_that_names_no_optimizer_opens_with_keras_s_default(tmp_path, change):
    trainer, state = saved(ADAM)
    trainer.save(tmp_path / "whole.keras", state)
    bare = edited(tmp_path / "whole.keras", tmp_path / "bare.keras", config=change)
    with pytest.warns(UserWarning, match=r"6 variables of an optimizer that are not taken[\s\S]*optimizer=...\)"):
        again, restored = loaded(bare)
    assert type(again.optimizer).__name__ == "RMSprop"
    np.testing.assert_array_equal(restored.params["dense"]["kernel"], state.params["dense"]["kernel"])


@pytest.mark.parametrize("before", [ADAM, fo.Adam(DECAY), fo.LossScaleOptimizer(ADAM)], ids=["rate", "decay", "scale"])
@pytest.mark.parametrize("after", [ADAM, fo.Adam(DECAY), fo.LossScaleOptimizer(ADAM), fo.accumulate(ADAM, 2)],
                         ids=["rate", "decay", "scale", "accumulate"])  # fmt: skip
@pytest.mark.filterwarnings("ignore:The optimizer goes on with a part", "ignore:The run goes on at the learning rate")
def test_a_file_that_names_no_optimizer_goes_on_with_the_one_handed(tmp_path, before, after):
    trainer, state = saved(before)
    trainer.save(tmp_path / "whole.keras", state)
    bare = edited(tmp_path / "whole.keras", tmp_path / "bare.keras", config=lambda c: c.pop("optimizer"))
    _, restored = loaded(bare, optimizer=after)
    wanted, found = moments(state.opt_state), moments(restored.opt_state)
    assert wanted.keys() == found.keys()
    assert all(np.array_equal(found[path], wanted[path]) for path in wanted)


@pytest.mark.parametrize("handed", [{}, {"optimizer": ADAM}], ids=["named", "handed"])
def test_a_file_without_the_optimizer_s_arrays_says_so(tmp_path, handed):
    trainer, state = saved(ADAM)
    trainer.save(tmp_path / "whole.keras", state)
    bare = edited(tmp_path / "whole.keras", tmp_path / "bare.keras", arrays=lambda h5: h5.__delitem__("optimizer"))
    with pytest.warns(UserWarning, match=r"begins anew, as '.*bare.keras' has none of its variables"):
        _, restored = loaded(bare, **handed)
    assert int(restored.opt_state.iterations) == 0


def test_arrays_of_another_optimizer_than_the_one_handed_are_named(tmp_path):
    trainer, state = saved(fo.SGD(0.1))
    trainer.save(tmp_path / "whole.keras", state)
    bare = edited(tmp_path / "whole.keras", tmp_path / "bare.keras", config=lambda c: c.pop("optimizer"))
    with pytest.warns(
        UserWarning, match=r"2 variables of an optimizer that are not taken[\s\S]*missing     optimizer/v"
    ):
        loaded(bare, optimizer=ADAM)
