"""Optimizers: one table, real Keras as the judge, and the laws that make them optax transformations."""

from __future__ import annotations

import copy
import inspect
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

STEPS = 12

# (class, arguments). Every option of every class is away from its default in at least one row.
TABLE = [
    ("SGD", {}),
    ("SGD", {"learning_rate": 0.1, "momentum": 0.9}),
    ("SGD", {"learning_rate": 0.1, "momentum": 0.8, "nesterov": True}),
    ("SGD", {"learning_rate": 0.1, "momentum": 0.9, "weight_decay": 0.1}),
    ("Adam", {"learning_rate": 0.1}),
    ("Adam", {"learning_rate": 0.1, "beta_1": 0.7, "beta_2": 0.8, "epsilon": 0.1}),
    ("Adam", {"learning_rate": 0.1, "beta_2": 0.5, "amsgrad": True}),
    ("Adam", {"learning_rate": 0.1, "weight_decay": 0.1}),
    ("AdamW", {}),
    (
        "AdamW",
        {"learning_rate": 0.1, "weight_decay": 0.2, "beta_1": 0.8, "beta_2": 0.9, "amsgrad": True, "epsilon": 1e-3},
    ),
    ("Adamax", {"learning_rate": 0.1}),
    ("Adamax", {"learning_rate": 0.1, "beta_1": 0.6, "beta_2": 0.7, "epsilon": 0.1, "weight_decay": 0.01}),
    ("Nadam", {"learning_rate": 0.1}),
    ("Nadam", {"learning_rate": 0.1, "beta_1": 0.6, "beta_2": 0.7, "epsilon": 0.1, "weight_decay": 0.1}),
    ("RMSprop", {"learning_rate": 0.05}),
    ("RMSprop", {"learning_rate": 0.05, "rho": 0.7, "momentum": 0.8, "epsilon": 0.1, "weight_decay": 0.1}),
    ("RMSprop", {"learning_rate": 0.05, "centered": True}),
    ("RMSprop", {"learning_rate": 0.05, "centered": True, "momentum": 0.5, "epsilon": 0.01}),
    ("Adagrad", {"learning_rate": 0.2}),
    ("Adagrad", {"learning_rate": 0.2, "initial_accumulator_value": 0.5, "epsilon": 0.1, "weight_decay": 0.1}),
    ("Adadelta", {"learning_rate": 1.0}),
    ("Adadelta", {"learning_rate": 1.0, "rho": 0.7, "epsilon": 1e-3, "weight_decay": 0.1}),
    ("Ftrl", {"learning_rate": 0.1}),
    (
        "Ftrl",
        {
            "learning_rate": 0.5,
            "learning_rate_power": -0.7,
            "initial_accumulator_value": 0.5,
            "l1_regularization_strength": 0.3,
            "l2_regularization_strength": 0.2,
            "l2_shrinkage_regularization_strength": 0.1,
            "beta": 0.4,
        },
    ),
    ("Ftrl", {"learning_rate": 0.1, "learning_rate_power": 0.0, "weight_decay": 0.1}),
    ("Lion", {"learning_rate": 0.01}),
    ("Lion", {"learning_rate": 0.01, "beta_1": 0.5, "beta_2": 0.7, "weight_decay": 1.0}),
    ("Lamb", {"learning_rate": 0.02}),
    ("Lamb", {"learning_rate": 0.02, "beta_1": 0.5, "beta_2": 0.7, "epsilon": 0.1, "weight_decay": 0.5}),
    ("Adafactor", {"learning_rate": 0.1}),
    ("Adafactor", {"learning_rate": 1.0, "beta_2_decay": -0.5, "relative_step": False, "weight_decay": 0.1}),
    ("Adafactor", {"learning_rate": 0.1, "epsilon_1": 0.1, "epsilon_2": 2.0, "clip_threshold": 0.3}),
    ("Muon", {"learning_rate": 0.05}),
    ("Muon", {"learning_rate": 0.05, "exclude_layers": ["den.e"], "exclude_embeddings": False, "rms_rate": None}),
    ("Muon", {"learning_rate": 0.05, "momentum": 0.8, "nesterov": False, "ns_steps": 3, "adam_lr_ratio": 0.5}),
    ("Muon", {"learning_rate": 0.05, "adam_beta_1": 0.7, "adam_beta_2": 0.8, "adam_weight_decay": 0.5, "epsilon": 0.1}),
    ("Muon", {"learning_rate": 0.05, "weight_decay": None, "muon_a": 3.0, "muon_b": -4.0, "muon_c": 1.8}),
    ("Muon", {"learning_rate": 0.05, "weight_decay": 0.3, "adam_weight_decay": None, "rms_rate": 0.4}),
    ("ScheduleFreeAdamW", {"learning_rate": 0.05}),
    ("ScheduleFreeAdamW", {"learning_rate": 0.05, "beta_1": 0.7, "beta_2": 0.8, "epsilon": 0.1, "weight_decay": 0.1}),
    ("ScheduleFreeAdamW", {"learning_rate": 0.05, "warmup_steps": 5}),
]

SCHEDULE = ("ExponentialDecay", {"initial_learning_rate": 0.1, "decay_steps": 3, "decay_rate": 0.5})

# The base options, on a rule with momentum and on one that looks at the weights only through the decay.
OPTIONS = [
    {"clipnorm": 0.5},
    {"clipvalue": 0.2},
    {"global_clipnorm": 0.7},
    {"loss_scale_factor": 4.0},
    {"use_ema": True, "ema_momentum": 0.8},
    {"use_ema": True, "ema_momentum": 0.8, "ema_overwrite_frequency": 3},
    {"gradient_accumulation_steps": 3},
    {"gradient_accumulation_steps": 2, "clipnorm": 0.5, "weight_decay": 0.1},
    {"gradient_accumulation_steps": 3, "use_ema": True, "ema_momentum": 0.8, "ema_overwrite_frequency": 2},
    {"learning_rate": SCHEDULE},
    {"learning_rate": SCHEDULE, "gradient_accumulation_steps": 2, "weight_decay": 0.1},
]
TABLE += [("Adam", {"learning_rate": 0.1, **options}) for options in OPTIONS]
TABLE += [("SGD", {"learning_rate": 0.1, "momentum": 0.9, **options}) for options in OPTIONS]
# the learning rate on a schedule, once for each rule; Adadelta needs a larger one to move at all
LARGE = ("ExponentialDecay", {"initial_learning_rate": 2.0, "decay_steps": 3, "decay_rate": 0.5})
TABLE += [
    (name, {"learning_rate": LARGE if name == "Adadelta" else SCHEDULE}) for name in sorted({n for n, _ in TABLE})
]

CASES = [pytest.param(n, k, id=f"{n}-{i}") for i, (n, k) in enumerate(TABLE)]
# laws that say nothing about an option run once for each class and once for each set of base options
LAW_TABLE = [next(r for r in TABLE if r[0] == n) for n in sorted({n for n, _ in TABLE})]
LAW_TABLE += [("SGD", {"learning_rate": 0.1, "momentum": 0.9, **options}) for options in OPTIONS]
LAWS = [pytest.param(n, k, id=f"{n}-{i}") for i, (n, k) in enumerate(LAW_TABLE)]


# ------------------------------------------------------------------ the problem
def problem():
    rng = np.random.default_rng(0)
    shapes = {
        "conv": {"kernel": (7, 2, 3, 5)},  # the last two dimensions are not the two largest
        "dense": {"bias": (4,), "kernel": (6, 4)},
        "embedding": {"embeddings": (3, 5)},
    }

    def draw():
        return {
            layer: {name: jnp.asarray(rng.normal(size=shape), jnp.float32) for name, shape in sorted(leaves.items())}
            for layer, leaves in sorted(shapes.items())
        }

    return draw(), [draw() for _ in range(STEPS)]


PARAMS, NOISE = problem()


def gradients(params, step):
    """A bowl with ripples, and noise that is the same for both libraries."""
    return jax.tree.map(lambda p, n: p + 0.3 * jnp.cos(3 * p) + 0.5 * n, params, NOISE[step])


def build(module, name, kwargs):
    """The same description for either library."""
    kwargs = dict(kwargs)
    if isinstance(kwargs.get("learning_rate"), tuple):
        schedule, arguments = kwargs["learning_rate"]
        kwargs["learning_rate"] = getattr(module.schedules, schedule)(**arguments)
    return getattr(module, name)(**kwargs)


def make(name, kwargs):
    return build(fo, name, kwargs)


def keras_variables():
    variables = []
    for layer, leaves in sorted(PARAMS.items()):
        with keras.name_scope(layer):
            variables += [keras.Variable(value, name=name) for name, value in sorted(leaves.items())]
    assert [v.path for v in variables][:2] == ["conv/kernel", "dense/bias"]
    return variables  # the order of jax.tree.leaves(PARAMS)


def keras_run(optimizer):
    variables = keras_variables()
    optimizer.build(variables)
    treedef = jax.tree.structure(PARAMS)
    states = [v.value for v in optimizer.variables]
    values = [v.value for v in variables]

    @jax.jit
    def step(states, values, grads):
        return optimizer.stateless_apply(states, grads, values)

    path = []
    for i in range(STEPS):
        grads = jax.tree.leaves(gradients(treedef.unflatten(values), i))
        scale = getattr(optimizer, "loss_scale_factor", None) or 1.0
        values, states = step(states, values, [g * scale for g in grads])
        path.append(treedef.unflatten(values))
    for v, value in zip([*variables, *optimizer.variables], [*values, *states], strict=True):
        v.assign(value)
    optimizer.finalize_variable_values(variables)
    return path, treedef.unflatten([v.value for v in variables])


def run(optimizer, params=PARAMS, steps=STEPS, jit=True):
    state, path = optimizer.init(params), []
    update = jax.jit(optimizer.update) if jit else optimizer.update
    for i in range(steps):
        grads = gradients(params, i)
        scale = optimizer.scale_loss(1.0, state)
        updates, state = update(jax.tree.map(lambda g: g * scale, grads), state, params)
        params = optax.apply_updates(params, updates)
        path.append(params)
    return path, state


def assert_same_path(ours, theirs, rtol=1e-5):
    """Equal to float32 rounding: 1e-5 of the longest move, and one ulp of the largest weight (about 3) a step.

    The ulps are there because an optax update is a difference: Keras assigns `w - d`, we return `-d`, and the
    averages and closed-form rules return `new - w`, which is rounded once more when it is added.
    """
    move = max(float(jnp.abs(a - b).max()) for a, b in zip(*map(jax.tree.leaves, (theirs[-1], PARAMS)), strict=True))
    assert move > 1e-3, "nothing moved: the comparison would be empty"
    for step, (mine, his) in enumerate(zip(ours, theirs, strict=True)):
        for a, b in zip(jax.tree.leaves(mine), jax.tree.leaves(his), strict=True):
            np.testing.assert_allclose(a, b, rtol=0, atol=rtol * move + 2.4e-7 * (step + 1), err_msg=f"step {step}")


# ------------------------------------------------------------------ Keras is the judge
@pytest.mark.parametrize(("name", "kwargs"), CASES)
def test_equals_keras(name, kwargs):
    theirs, final = keras_run(build(keras.optimizers, name, kwargs))
    optimizer = make(name, kwargs)
    ours, state = run(optimizer)
    assert_same_path(ours, theirs)
    assert_same_path([*ours[:-1], optimizer.finalize_variable_values(ours[-1], state)], [*theirs[:-1], final])


@pytest.mark.parametrize(("name", "kwargs"), CASES)
def test_config_equals_keras_both_ways(name, kwargs):
    ours, theirs = make(name, kwargs), build(keras.optimizers, name, {**kwargs, "name": "my_name"})
    want = keras.optimizers.serialize(theirs)
    got = fo.serialize(ours.replace(name="my_name"))
    assert got == want
    json.dumps(got)
    assert fo.deserialize(want) == ours.replace(name="my_name")
    # keras.optimizers.deserialize does not know Lamb (Keras 3.15 left it out of its list), keras.saving does
    assert keras.optimizers.serialize(keras.saving.deserialize_keras_object(copy.deepcopy(got))) == want


# abstract, or wrappers with tests of their own below
NOT_IN_TABLE = {"Optimizer", "LossScaleOptimizer", "MultiOptimizer", "OptimizerMap"}


def test_public_names_are_all_here():
    skipped = {"legacy": "every name in it raises in Keras 3 itself: it points to Keras 2"}
    for module, ours in ((keras.optimizers, fo), (keras.optimizers.schedules, schedules)):
        theirs = {n for n in dir(module) if not n.startswith("_")} - set(skipped)
        assert len(theirs) > 5
        assert theirs - set(dir(ours)) == set()
    classes = {n for n in dir(keras.optimizers) if isinstance(getattr(keras.optimizers, n), type)}
    assert classes - {name for name, _ in TABLE} - NOT_IN_TABLE == set()


def test_every_argument_of_every_class_is_in_the_table():
    for name in {name for name, _ in TABLE}:
        options = set(inspect.signature(fo.Optimizer).parameters) - {"learning_rate"}
        own = set(inspect.signature(getattr(fo, name)).parameters) - options
        assert own - {k for n, kwargs in TABLE for k in kwargs if n == name} == set(), name


def test_signatures_are_keras_own():
    for name in {name for name, _ in TABLE} | NOT_IN_TABLE:
        theirs = inspect.signature(getattr(keras.optimizers, name)).parameters.values()
        ours = inspect.signature(getattr(fo, name)).parameters.values()
        want = [(p.name, p.default) for p in theirs if p.kind is not p.VAR_KEYWORD]
        assert [(p.name, p.default) for p in ours] == want, name


# ------------------------------------------------------------------ laws over the table
def flat(tree):
    return [np.asarray(leaf) for leaf in jax.tree.leaves(tree)]


def assert_close(a, b, atol=2e-6):
    """To a few float32 ulps of weights of about 3: jit fuses, and fusing rounds differently."""
    assert jax.tree.structure(a) == jax.tree.structure(b)
    for x, y in zip(flat(a), flat(b), strict=True):
        np.testing.assert_allclose(x, y, rtol=2e-5, atol=atol)


@pytest.mark.parametrize(("name", "kwargs"), LAWS)
def test_jit_equals_eager(name, kwargs):
    optimizer = make(name, kwargs)
    assert_close(run(optimizer, steps=4), run(optimizer, steps=4, jit=False))


@pytest.mark.parametrize(("name", "kwargs"), LAWS)
def test_state_is_a_pytree_that_keeps_its_structure(name, kwargs):
    optimizer = make(name, kwargs)
    before = optimizer.init(PARAMS)
    _, after = run(optimizer, steps=3)
    assert jax.tree.structure(before) == jax.tree.structure(after)
    for a, b in zip(jax.tree.leaves(before), jax.tree.leaves(after), strict=True):
        assert (a.shape, a.dtype, a.weak_type) == (b.shape, b.dtype, b.weak_type)
    assert after.iterations.dtype == jnp.int32
    assert int(after.iterations) == 3
    assert jax.tree.structure(jax.eval_shape(optimizer.init, PARAMS)) == jax.tree.structure(before)


@pytest.mark.parametrize(("name", "kwargs"), LAWS)
def test_scan_equals_loop(name, kwargs):
    optimizer = make(name, kwargs)
    looped, _ = run(optimizer, steps=6)
    noise = jax.tree.map(lambda *n: jnp.stack(n), *NOISE[:6])

    def body(carry, noise):
        params, state = carry
        grads = jax.tree.map(lambda p, n: p + 0.3 * jnp.cos(3 * p) + 0.5 * n, params, noise)
        grads = jax.tree.map(lambda g: g * optimizer.scale_loss(1.0, state), grads)
        updates, state = optimizer.update(grads, state, params)
        return (optax.apply_updates(params, updates), state), None

    (params, _), _ = jax.jit(lambda c: jax.lax.scan(body, c, noise))((PARAMS, optimizer.init(PARAMS)))
    assert_close(params, looped[-1])


@pytest.mark.parametrize(("name", "kwargs"), LAWS)
def test_vmap_over_learning_rates(name, kwargs):
    if isinstance(kwargs.get("learning_rate"), tuple):
        kwargs = {**kwargs, "learning_rate": 0.1}
    rates = jnp.array([1e-3, 3e-2, 0.2])

    def train(rate):
        return run(make(name, {**kwargs, "learning_rate": rate}), steps=4, jit=False)[0][-1]

    batched, single = jax.jit(jax.vmap(train))(rates), jax.jit(train)
    for i, rate in enumerate(rates):
        assert_close(jax.tree.map(lambda b, i=i: b[i], batched), single(rate), atol=1e-5)


@pytest.mark.parametrize(("name", "kwargs"), LAWS)
def test_learning_rate_is_state_and_takes_effect_without_a_retrace(name, kwargs):
    scheduled = isinstance(kwargs.get("learning_rate"), tuple)
    optimizer = make(name, {**kwargs, "learning_rate": 0.1} if scheduled else kwargs)
    chex.clear_trace_counter()
    update = jax.jit(chex.assert_max_traces(optimizer.update, n=1))
    state = optimizer.init(PARAMS)
    every = optimizer.gradient_accumulation_steps or 1
    for i in range(every - 1):  # up to the update that moves
        _, state = update(gradients(PARAMS, i), state, PARAMS)
    rate = optax.tree.get(state, "learning_rate")
    assert (rate.shape, rate.dtype, rate.weak_type) == ((), jnp.float32, False)
    assert len(optax.tree.get_all_with_path(state, "learning_rate")) == 1
    grads = gradients(PARAMS, 0)
    fast, _ = update(grads, optax.tree.set(state, learning_rate=0.02), PARAMS)
    slow, after = update(grads, optax.tree.set(state, learning_rate=0.0), PARAMS)
    assert optax.tree.get(after, "learning_rate") == 0
    if name != "Ftrl":  # which divides by the rate, as Keras does
        # ScheduleFreeAdamW finds its average again by a division: an ulp of weights of about 3
        assert max(float(np.abs(m).max()) for m in flat(slow)) <= (5e-7 if name == "ScheduleFreeAdamW" else 0)
    assert max(float(np.abs(m).max()) for m in flat(fast)) > 0
    # the very number that an optimizer made with that rate would give
    want, _ = optimizer.replace(learning_rate=0.02).update(grads, optax.tree.set(state, learning_rate=0.02), PARAMS)
    assert_close(fast, want)


@pytest.mark.parametrize(("name", "kwargs"), LAWS)
@pytest.mark.parametrize("dtype", [jnp.bfloat16, jnp.float16])
def test_half_precision_keeps_its_dtype_and_moves(name, kwargs, dtype):
    optimizer = make(name, kwargs)
    params = jax.tree.map(lambda p: p.astype(dtype), PARAMS)
    state = optimizer.init(params)
    with jax.numpy_dtype_promotion("strict"):
        for i in range(3):
            grads = jax.tree.map(lambda n: n.astype(dtype), NOISE[i])
            updates, new = jax.jit(optimizer.update)(grads, state, params)
            assert {u.dtype for u in jax.tree.leaves(updates)} == {jnp.dtype(dtype)}
            assert [s.dtype for s in jax.tree.leaves(new)] == [s.dtype for s in jax.tree.leaves(state)]
            params, state = optax.apply_updates(params, updates), new
    assert all(np.isfinite(np.asarray(p, np.float32)).all() for p in jax.tree.leaves(params))
    if name != "Adadelta" and kwargs.get("learning_rate", 1) != 1 and "loss_scale_factor" not in kwargs:
        assert any((a != b.astype(dtype)).any() for a, b in zip(*map(jax.tree.leaves, (params, PARAMS)), strict=True))


@pytest.mark.parametrize(("name", "kwargs"), LAWS)
def test_any_pytree_of_parameters(name, kwargs):
    """Empty subtrees, None, lists and masked leaves: the leaves that are there move as they would alone."""
    optimizer = make(name, kwargs)
    if name == "Muon":
        optimizer = optimizer.replace(exclude_embeddings=False)
    w, g = PARAMS["dense"]["kernel"], NOISE[0]["dense"]["kernel"]
    state = optimizer.init({"w": w})
    alone, _ = optimizer.update({"w": g}, state, {"w": w})
    params, grads = {"a": {}, "b": [w, None], "c": ()}, {"a": {}, "b": [g, None], "c": ()}
    updates, _ = optimizer.update(grads, optimizer.init(params), params)
    assert_close(updates["b"][0], alone["w"])
    if optimizer.global_clipnorm is None:
        masked = optax.masked(optimizer, {"w": True, "frozen": False})
        params, grads = {"w": w, "frozen": w}, {"w": g, "frozen": g}
        state = masked.init(params)
        updates, _ = masked.update(grads, state, params)
        assert_close(updates["w"], alone["w"])
        assert len(jax.tree.leaves(state)) == len(jax.tree.leaves(optimizer.init({"w": w})))  # no slots
    assert jax.tree.leaves(optimizer.init({})) is not None
    assert optimizer.update({}, optimizer.init({}), {})[0] == {}


@pytest.mark.parametrize(("name", "kwargs"), LAWS)
def test_is_an_optax_transformation(name, kwargs):
    optimizer = make(name, kwargs)
    assert isinstance(optimizer, optax.GradientTransformationExtraArgs)
    chained = optax.chain(optax.identity(), optimizer)
    state = chained.init(PARAMS)
    updates, state = chained.update(NOISE[0], state, PARAMS, value=1.0)
    assert_close(updates, optimizer.update(NOISE[0], optimizer.init(PARAMS), PARAMS)[0])
    assert optax.tree.get(state, "learning_rate").dtype == jnp.float32
    mapped = optax.tree_map_params(optimizer, lambda p: p * 0, optimizer.init(PARAMS))
    assert jax.tree.structure(mapped) == jax.tree.structure(optimizer.init(PARAMS))


@pytest.mark.parametrize(("name", "kwargs"), LAWS)
def test_is_a_frozen_value(name, kwargs):
    optimizer = make(name, kwargs)
    same = make(name, kwargs)
    assert optimizer == same
    assert hash(optimizer) == hash(same)
    assert optimizer == same
    other = optimizer.replace(clipvalue=0.123, clipnorm=None, global_clipnorm=None)
    assert optimizer != other
    assert other.clipvalue == 0.123
    assert optimizer.clipvalue != 0.123
    assert type(optimizer).from_config(optimizer.get_config()) == optimizer
    assert copy.deepcopy(optimizer) == optimizer == pickle.loads(pickle.dumps(optimizer))
    assert jax.tree.leaves(optimizer) == []
    assert jax.jit(lambda o: o)(optimizer) == optimizer  # static, like a string
    assert eval(repr(optimizer), {**vars(fo), **vars(schedules)}) == optimizer
    with pytest.raises(AttributeError, match=r"frozen: clipnorm cannot be set[\s\S]*optimizer.replace\(clipnorm=...\)"):
        optimizer.clipnorm = 1.0
    with pytest.raises(AttributeError, match=r"optax.tree.set\(state, learning_rate=...\)"):
        optimizer.learning_rate = 1.0


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
