"""Optimizers: schedules in the state, wrappers, rules by path, optimizers of one's own, errors."""

from __future__ import annotations

import json
import os
import pickle

os.environ.setdefault("KERAS_BACKEND", "jax")

import chex
import jax
import jax.numpy as jnp
import keras
import numpy as np
import optax
import pytest

import fkeras.train.optimizers as fo
from fkeras.train.optimizers import schedules

from ..conformance.table_optimizers import (
    NOISE,
    PARAMS,
    STEPS,
    TABLE,
    assert_close,
    assert_same_path,
    gradients,
    keras_run,
    keras_variables,
    run,
)


# ------------------------------------------------------------------ the learning rate on a schedule, and the average
def test_schedule_is_readable_in_the_state_and_counts_updates():
    schedule = schedules.ExponentialDecay(0.1, 1, 0.5)
    optimizer = fo.SGD(schedule, gradient_accumulation_steps=2)
    state = optimizer.init(PARAMS)
    seen = []
    for i in range(4):
        _, state = optimizer.update(NOISE[i], state, PARAMS)
        seen.append(float(optax.tree.get(state, "learning_rate")))
    np.testing.assert_allclose(seen, [0.1, 0.05, 0.025, 0.0125], rtol=1e-6)


def test_any_function_of_the_step_is_a_learning_rate():
    optimizer = fo.SGD(optax.linear_schedule(1.0, 0.0, 4))
    state = optimizer.init({"w": jnp.ones(1)})
    moves = []
    for _ in range(3):
        updates, state = optimizer.update({"w": jnp.ones(1)}, state)
        moves.append(float(updates["w"][0]))
    assert moves == [-1.0, -0.75, -0.5]


def test_ema_is_in_the_state_and_overwrites():
    optimizer = fo.SGD(0.1, use_ema=True, ema_momentum=0.5, ema_overwrite_frequency=2)
    params, state = {"w": jnp.array([1.0])}, optimizer.init({"w": jnp.array([1.0])})
    ones = {"w": jnp.array([1.0])}
    updates, state = optimizer.update(ones, state, params)
    params = optax.apply_updates(params, updates)
    chex.assert_trees_all_close(optax.tree.get(state, "ema"), params, {"w": jnp.array([0.9])})  # the first step copies
    updates, state = optimizer.update(ones, state, params)
    params = optax.apply_updates(params, updates)
    chex.assert_trees_all_close(optax.tree.get(state, "ema"), params, {"w": jnp.array([0.85])})
    assert optax.tree.get(fo.SGD().init(params), "ema") is None


# ------------------------------------------------------------------ weight decay by name
def test_exclude_from_weight_decay_equals_keras():
    theirs = keras.optimizers.AdamW(0.1, weight_decay=0.5)
    theirs.exclude_from_weight_decay(var_names=["bias", "embeddings"])
    path, _ = keras_run(theirs)
    plain = fo.AdamW(0.1, weight_decay=0.5)
    ours = plain.exclude_from_weight_decay(["bias", "embeddings"])
    assert_same_path(run(ours)[0], path)
    assert ours != plain
    assert plain == fo.AdamW(0.1, weight_decay=0.5)
    again = fo.deserialize(fo.serialize(ours))
    assert again == ours == pickle.loads(pickle.dumps(ours)) == ours.replace()
    assert eval(repr(ours), vars(fo)) == ours
    assert_close(run(again, steps=2)[0], run(ours, steps=2)[0])
    with pytest.raises(AssertionError):  # and the exclusion is no empty gesture
        assert_same_path(run(plain)[0], path)


# ------------------------------------------------------------------ loss scaling
def test_loss_scale_equals_keras_through_overflows():
    kwargs = {"initial_scale": 8.0, "dynamic_growth_steps": 2}
    theirs = keras.optimizers.LossScaleOptimizer(keras.optimizers.Adam(0.1), **kwargs)
    ours = fo.LossScaleOptimizer(fo.Adam(0.1), **kwargs)
    variables = keras_variables()
    theirs.build(variables)
    values, states = [v.value for v in variables], [v.value for v in theirs.variables]
    params, state, treedef = PARAMS, ours.init(PARAMS), jax.tree.structure(PARAMS)
    step, update = jax.jit(theirs.stateless_apply), jax.jit(ours.update)
    scales = []
    for i in range(STEPS):
        grads = gradients(params, i)
        if i in (3, 4, 9):
            grads["dense"]["bias"] = grads["dense"]["bias"].at[0].set(jnp.inf if i == 3 else jnp.nan)
        grads = jax.tree.map(lambda g: g * state.dynamic_scale, grads)
        values, states = step(states, jax.tree.leaves(grads), values)
        updates, state = update(grads, state, params)
        before, params = params, optax.apply_updates(params, updates)
        for mine, his in zip(jax.tree.leaves(params), values, strict=True):
            np.testing.assert_allclose(mine, his, rtol=0, atol=1e-5)
        if i in (3, 4, 9):
            chex.assert_trees_all_equal(before, params)
        by_name = {v.name: s for v, s in zip(theirs.variables, states, strict=True)}
        assert (float(by_name["dynamic_scale"]), int(by_name["step_counter"])) == (
            float(state.dynamic_scale),
            int(state.step_counter),
        )
        scales.append(float(state.dynamic_scale))
    assert set(scales) == {4.0, 8.0, 16.0}
    assert treedef.num_leaves == len(values)
    assert int(optax.tree.get(state, "iterations")) == STEPS - 3
    assert float(ours.scale_loss(1.0, state)) == scales[-1]
    assert ours.scale_loss(1.0) == 8.0


def test_loss_scale_config_and_inner_scale():
    theirs = keras.optimizers.LossScaleOptimizer(
        keras.optimizers.SGD(0.1, loss_scale_factor=3.0, name="sgd"), 4.0, 7, name="x"
    )
    ours = fo.LossScaleOptimizer(fo.SGD(0.1, loss_scale_factor=3.0), 4.0, 7, name="x")
    assert fo.serialize(ours) == keras.optimizers.serialize(theirs)
    assert fo.deserialize(keras.optimizers.serialize(theirs)) == ours
    assert ours.inner_optimizer.loss_scale_factor is None
    assert ours.learning_rate == 0.1
    older = {**ours.get_config(), "clipnorm": None, "use_ema": False, "ema_momentum": 0.99}
    assert fo.LossScaleOptimizer.from_config(older) == ours
    with pytest.raises(TypeError, match="clipnorm"):
        fo.LossScaleOptimizer.from_config({**older, "clipnorm": 1.0})
    state = optax.tree.set(ours.init(PARAMS), learning_rate=0.5)
    assert optax.tree.get(state, "learning_rate") == 0.5


# ------------------------------------------------------------------ several optimizers
def test_multi_optimizer_equals_keras():
    def both(module):
        return module.MultiOptimizer(
            module.OptimizerMap(
                module.SGD(0.1, momentum=0.9, name="a"),
                {
                    "dense/.*": module.Adam(0.05, name="b"),
                    "conv/kernel": module.SGD(0.1, use_ema=True, ema_momentum=0.5, name="c"),
                },
            ),
            loss_scale_factor=2.0,
            name="multi",
        )

    theirs, final = keras_run(both(keras.optimizers))
    ours = both(fo)
    path, state = run(ours)
    assert_same_path(path, theirs)
    assert_same_path([*path[:-1], ours.finalize_variable_values(path[-1], state)], [*theirs[:-1], final])
    assert fo.serialize(ours) == keras.optimizers.serialize(both(keras.optimizers))
    assert fo.deserialize(keras.optimizers.serialize(both(keras.optimizers))) == ours
    assert hash(fo.deserialize(fo.serialize(ours))) == hash(ours)
    with pytest.raises(AttributeError, match="each of its optimizers has its own"):
        _ = ours.learning_rate


def test_multi_optimizer_by_function():
    def choose(variable):
        return fo.SGD(1.0) if variable.name == "bias" and variable.shape == (4,) else fo.SGD(0.5)

    optimizer = fo.MultiOptimizer(choose)
    updates, _ = jax.jit(optimizer.update)(NOISE[0], optimizer.init(PARAMS), PARAMS)
    want = jax.tree.map(lambda g: -0.5 * g, NOISE[0])
    want["dense"]["bias"] = -NOISE[0]["dense"]["bias"]
    chex.assert_trees_all_close(updates, want)


def test_optimizer_map_finds_exact_keys_then_patterns():
    a, b = fo.SGD(0.1), fo.SGD(0.2)
    rules = fo.OptimizerMap(fo.SGD(), {"x/.*": a, "x/y": b, "x": b})
    assert (rules["x/y"], rules["x/z"], rules["x"], rules["other"]) == (b, a, b, fo.SGD())
    assert list(rules) == ["x/.*", "x/y", "x"]
    assert len(rules) == 3
    with pytest.raises(ValueError, match="More than one optimizer for 'x/q'"):
        fo.OptimizerMap(fo.SGD(), {"x/.*": a, ".*/q": b})["x/q"]
    with pytest.raises(TypeError, match="plain optimizers"):
        fo.OptimizerMap(fo.SGD(), {"x": fo.LossScaleOptimizer(a)})


def test_by_path_first_match_wins_and_nothing_is_left_out():
    optimizer = fo.get({"dense/bias": optax.sgd(1.0), "dense/.*": "sgd", ".*": fo.SGD(0.5, use_ema=True)})
    state = optimizer.init(PARAMS)
    updates, state = jax.jit(optimizer.update)(NOISE[0], state, PARAMS)
    want = jax.tree.map(lambda g: -0.5 * g, NOISE[0])
    want["dense"] = {"bias": -NOISE[0]["dense"]["bias"], "kernel": -0.01 * NOISE[0]["dense"]["kernel"]}
    chex.assert_trees_all_close(updates, want)
    last = optimizer.finalize_variable_values(PARAMS, state)
    chex.assert_trees_all_close(last["conv"]["kernel"], PARAMS["conv"]["kernel"] + want["conv"]["kernel"])
    chex.assert_trees_all_equal(last["dense"], PARAMS["dense"])
    with pytest.raises(ValueError, match=r"No optimizer for 2 of the parameters: conv/kernel, embedding/embeddings"):
        fo.by_path({"dense/.*": fo.SGD()}).init(PARAMS)


def test_by_path_round_trip():
    optimizer = fo.by_path({"a/.*": fo.Adam(0.1), ".*": fo.SGD(schedules.CosineDecay(0.1, 10))})
    again = fo.get(json.loads(json.dumps(fo.serialize(optimizer))))
    assert again == optimizer
    assert hash(again) == hash(optimizer)
    assert again != fo.by_path({".*": fo.SGD()})
    assert pickle.loads(pickle.dumps(optimizer)) == optimizer
    assert jax.tree.leaves(optimizer) == []
    with pytest.raises(TypeError, match="cannot be written to a config"):
        fo.serialize(fo.by_path({".*": optax.sgd(0.1)}))
    with pytest.raises(ValueError, match=r"cannot scale the loss[\s\S]*LossScaleOptimizer\(by_path"):
        fo.by_path({".*": fo.SGD(loss_scale_factor=2.0)})
    with pytest.raises(ValueError, match="is no optimizer"):
        fo.by_path({".*": "adam"})
    scaled = fo.LossScaleOptimizer(optimizer)
    assert fo.deserialize(fo.serialize(scaled)) == scaled


# ------------------------------------------------------------------ get
def test_get():
    for name in {name for name, _ in TABLE}:
        for written in (name, name.lower(), name.upper()):
            assert fo.get(written) == getattr(fo, name)()
        assert fo.get({"class_name": name.lower(), "config": {"learning_rate": 0.5}}).learning_rate == 0.5
        assert fo.get(getattr(fo, name)) == getattr(fo, name)()
    tx = optax.adam(1e-3)
    assert fo.get(tx) is tx
    assert fo.get(None) is None
    with pytest.raises(ValueError, match=r"Unknown optimizer 'adm'[\s\S]*Did you mean"):
        fo.get("adm")
    with pytest.raises(ValueError, match="Cannot make an optimizer from a int"):
        fo.get(3)
    with pytest.raises(ValueError, match="Unknown object 'Nope'"):
        fo.get({"class_name": "Nope", "config": {}})


class Mine(fo.Optimizer):
    learning_rate: float = 0.1
    boost: float = 1.0

    def rule(self, learning_rate, step):
        return optax.scale(-learning_rate * self.boost)


def test_an_optimizer_of_ones_own():
    optimizer = Mine(0.5, 2.0, clipvalue=0.25)
    updates, _ = optimizer.update({"w": jnp.ones(1)}, optimizer.init({"w": jnp.ones(1)}), {"w": jnp.ones(1)})
    assert float(updates["w"][0]) == -0.25
    config = fo.serialize(optimizer)
    assert fo.deserialize(config, {"Mine": Mine}) == optimizer == fo.get(config, {"Mine": Mine})
    assert fo.get("Mine", {"Mine": Mine}) == Mine()
    with pytest.raises(NotImplementedError, match="Optimizer has no rule"):
        fo.Optimizer(0.1).init({})


# ------------------------------------------------------------------ errors
@pytest.mark.parametrize(
    ("build", "error", "text"),
    [
        (lambda: fo.Adam(lr=0.1), TypeError, r"unexpected keyword argument 'lr'[\s\S]*Known: amsgrad"),
        (lambda: fo.Adam("fast"), ValueError, "Adam cannot take this learning_rate"),
        (lambda: fo.Adam(jnp.ones(2)), ValueError, "Adam cannot take this learning_rate"),
        (lambda: fo.Adam(clipnorm=1.0, clipvalue=1.0), ValueError, "Only one of clipnorm"),
        (lambda: fo.Adam(gradient_accumulation_steps=1), ValueError, "at least 2"),
        (lambda: fo.Adam(use_ema=True, ema_momentum=2.0), ValueError, r"ema_momentum must lie in \[0, 1\]"),
        (lambda: fo.Adam(use_ema=True, ema_overwrite_frequency=0.5), ValueError, "ema_overwrite_frequency"),
        (lambda: fo.AdamW(weight_decay=None), ValueError, "AdamW needs a weight_decay"),
        (lambda: fo.SGD(momentum=2.0), ValueError, r"momentum must lie in \[0, 1\]"),
        (lambda: fo.Lion(beta_1=0.0), ValueError, "SignSGD"),
        (lambda: fo.Ftrl(learning_rate_power=1.0), ValueError, "learning_rate_power must be negative"),
        (lambda: fo.Ftrl(l1_regularization_strength=-1.0), ValueError, "l1_regularization_strength"),
        (lambda: fo.LossScaleOptimizer("adam"), ValueError, r"LossScaleOptimizer\(Adam\(1e-3\)\)"),
        (lambda: fo.MultiOptimizer(fo.SGD()), TypeError, "takes an OptimizerMap"),
        (lambda: fo.serialize(optax.adam(0.1)), TypeError, "two closures"),
        (lambda: fo.Adam(lambda step: 0.1).get_config(), TypeError, "lambda"),
        (lambda: fo.Adam.from_config({"beta_3": 0.1}), TypeError, "Did you mean .*'beta_1'"),
    ],
)
def test_errors(build, error, text):
    with pytest.raises(error, match=text):
        build()


def test_missing_params_is_an_error_that_says_so():
    needing = [fo.AdamW(), fo.Lamb(), fo.Ftrl(), fo.Adafactor(), fo.Muon(), fo.SGD(use_ema=True)]
    for optimizer in needing:
        with pytest.raises(ValueError, match=r"needs the parameters[\s\S]*update\(grads, state, params\)"):
            optimizer.update(NOISE[0], optimizer.init(PARAMS))
    assert_close(
        fo.Adam().update(NOISE[0], fo.Adam().init(PARAMS))[0],
        fo.Adam().update(NOISE[0], fo.Adam().init(PARAMS), PARAMS)[0],
    )


# ------------------------------------------------------------------ rates as functions, and old names
PLAIN = [
    "SGD",
    "RMSprop",
    "Adam",
    "AdamW",
    "Adadelta",
    "Adagrad",
    "Adamax",
    "Adafactor",
    "Nadam",
    "Ftrl",
    "Lion",
    "Lamb",
    "Muon",
]


@pytest.mark.parametrize("name", PLAIN)
def test_a_rate_may_be_a_function_with_and_without_the_step(name):
    params = {"dense": {"kernel": jnp.ones((2, 2))}}
    grads = jax.tree.map(lambda a: 0.5 * a, params)
    moves = []
    for rate in (0.1, lambda: 0.1, lambda step: 0.1 + 0 * step, lambda: jnp.float32(0.1)):
        optimizer = getattr(fo, name)(rate)
        state = optimizer.init(params)
        for _ in range(2):
            updates, state = optimizer.update(grads, state, params)
        moves.append(updates["dense"]["kernel"])
        assert float(optax.tree.get(state, "learning_rate")) == np.float32(0.1)
    for other in moves[1:]:
        np.testing.assert_array_equal(other, moves[0])


def test_a_rate_that_is_no_function_of_the_step_is_refused():
    for rate, text in (
        (lambda epoch, rate: rate, r"takes the step, or nothing[\s\S]*LearningRateScheduler"),
        (lambda rate=0.1: rate, r"takes the step, or nothing[\s\S]*without arguments[\s\S]*lambda: rate"),
        (schedules.ExponentialDecay, r"class was passed[\s\S]*SGD\(ExponentialDecay\(…\)\)"),
    ):
        with pytest.raises(TypeError, match=text):
            fo.SGD(rate)
    with pytest.raises(TypeError, match=r"has to return one number[\s\S]*missing `return`"):
        fo.SGD(lambda: None).init({"w": jnp.ones(1)})


def test_old_names_are_answered_with_the_new_ones():
    for kwargs, text in (
        ({"lr": 0.1}, r"Keras 2's name of `learning_rate`[\s\S]*Adam\(learning_rate=0.1\)"),
        ({"learning_rate": 0.1, "decay": 1e-4}, r"InverseTimeDecay\(0.1, decay_steps=1, decay_rate=0.0001\)"),
        (
            {"lr": 0.1, "decay": 1e-4, "beta_1": 0.5},
            r"learning_rate=fk\.[\w.]*InverseTimeDecay\(0.1, .*\), beta_1=0.5\)",
        ),
        ({"decay": 0.0, "clipnorm": 1.0}, r"Adam\(clipnorm=1.0\)"),
        ({"jit_compile": True}, r"always compiled"),
        ({"learn_rate": 0.1}, r"Did you mean 'learning_rate'"),
    ):
        with pytest.raises(TypeError, match=text):
            fo.Adam(**kwargs)
    with pytest.raises(AttributeError, match=r"Adam has no attribute 'lr'[\s\S]*get_learning_rate\(state\)"):
        _ = fo.Adam().lr
    with pytest.raises(AttributeError, match=r"Adam has no attribute 'decay'[\s\S]*InverseTimeDecay"):
        _ = fo.Adam().decay
    rate, decay = 0.1, 1e-2  # what Keras 2 did with `decay=`
    falls = schedules.InverseTimeDecay(rate, decay_steps=1, decay_rate=decay)
    np.testing.assert_allclose(falls(30), rate / (1 + decay * 30), rtol=1e-6)
