"""The table of optimizers: every class and base option away from its default, and the problem that they solve."""

from __future__ import annotations

import collections
import os

os.environ.setdefault("KERAS_BACKEND", "jax")

import jax
import jax.numpy as jnp
import keras
import numpy as np
import optax
import pytest

import fkeras.train.optimizers as fo

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

# How many rows are about the options of one class; what follows is of the base class.
OF_CLASSES = len(TABLE)

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
            layer: {name: rng.normal(size=shape).astype("float32") for name, shape in sorted(leaves.items())}
            for layer, leaves in sorted(shapes.items())
        }

    return jax.tree.map(jnp.asarray, draw()), [draw() for _ in range(STEPS)]


PARAMS, NOISE = problem()


def part(tree, layers):
    """The weights of the problem, or what was drawn for them, of which `layers` has the names."""
    return {layer: {name: tree[layer][name] for name in names} for layer, names in layers.items()}


def params_for(name):
    """The weights that a rule's laws run on: Muon has two rules and chooses by rank and path, others take any two."""
    return PARAMS if name == "Muon" else part(PARAMS, {"conv": ["kernel"], "dense": ["bias"]})


def gradients(params, step):
    """A bowl with ripples, and noise that is the same for both libraries; NumPy's, which compiles nothing."""

    def slope(p, n):
        p = np.asarray(p)
        return jnp.asarray(p + np.float32(0.3) * np.cos(3 * p) + np.float32(0.5) * n)

    return jax.tree.map(slope, params, part(NOISE[step], params))


#: How often `update` was traced for an optimizer.
TRACED = collections.Counter()


@jax.jit
def update(optimizer, grads, state, params):
    """An optimizer's update, compiled once for all laws: equal optimizers are the same static argument."""
    TRACED[optimizer] += 1
    return optimizer.update(grads, state, params)


def build(module, name, kwargs):
    """The same description for either library."""
    kwargs = dict(kwargs)
    if isinstance(kwargs.get("learning_rate"), tuple):
        schedule, arguments = kwargs["learning_rate"]
        kwargs["learning_rate"] = getattr(module.schedules, schedule)(**arguments)
    return getattr(module, name)(**kwargs)


def make(name, kwargs):
    return build(fo, name, kwargs)


def keras_variables(params=PARAMS):
    variables = []
    for layer, leaves in sorted(params.items()):
        with keras.name_scope(layer):
            variables += [keras.Variable(value, name=name) for name, value in sorted(leaves.items())]
    assert [v.path for v in variables][:2] == ["conv/kernel", "dense/bias"]
    return variables  # the order of jax.tree.leaves(params)


def keras_run(optimizer, params=PARAMS):
    variables = keras_variables(params)
    optimizer.build(variables)
    treedef = jax.tree.structure(params)
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
    step = update if jit else lambda optimizer, *args: optimizer.update(*args)
    for i in range(steps):
        grads = gradients(params, i)
        scale = optimizer.scale_loss(1.0, state)
        updates, state = step(optimizer, jax.tree.map(lambda g: g * scale, grads), state, params)
        params = optax.apply_updates(params, updates)
        path.append(params)
    return path, state


def assert_same_path(ours, theirs, rtol=1e-5):
    """Equal to float32 rounding: 1e-5 of the longest move, and one ulp of the largest weight (about 3) a step.

    The ulps are there because an optax update is a difference: Keras assigns `w - d`, we return `-d`, and the
    averages and closed-form rules return `new - w`, which is rounded once more when it is added.
    """
    ends = theirs[-1], part(PARAMS, theirs[-1])
    move = max(float(np.abs(a - b).max()) for a, b in zip(*map(flat, ends), strict=True))
    assert move > 1e-3, "nothing moved: the comparison would be empty"
    for step, (mine, his) in enumerate(zip(ours, theirs, strict=True)):
        for a, b in zip(jax.tree.leaves(mine), jax.tree.leaves(his), strict=True):
            np.testing.assert_allclose(a, b, rtol=0, atol=rtol * move + 2.4e-7 * (step + 1), err_msg=f"step {step}")


# abstract, or wrappers with tests of their own in tests/train/test_optimizers.py
NOT_IN_TABLE = {"Optimizer", "LossScaleOptimizer", "MultiOptimizer", "OptimizerMap"}
# Public names that Keras does not have, or that are no classes of optimizers: tests/train/test_optimizers.py.
OURS = {"OptimizerState", "accumulate", "by_path", "deserialize", "get", "schedules", "serialize", "update"}


# ------------------------------------------------------------------ laws over the table
def flat(tree):
    return [np.asarray(leaf) for leaf in jax.tree.leaves(tree)]


def assert_close(a, b, atol=2e-6):
    """To a few float32 ulps of weights of about 3: jit fuses, and fusing rounds differently."""
    assert jax.tree.structure(a) == jax.tree.structure(b)
    for x, y in zip(flat(a), flat(b), strict=True):
        np.testing.assert_allclose(x, y, rtol=2e-5, atol=atol)
