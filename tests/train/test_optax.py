"""Every optimizer that optax exports runs through `fit` and comes back from a checkpoint, structure and values."""

import functools
import inspect

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from optax import contrib

import fkeras as fk

X = np.random.default_rng(0).normal(size=(16, 3)).astype("float32")
Y = (X @ np.array([[1.0, 0.5], [-2.0, 1.0], [0.5, -1.0]], "float32") + 0.1).astype("float32")

# Arguments beside the learning rate that have no default, or another than every problem wants.
ARGUMENTS = {
    "polyak_sgd": {"max_learning_rate": 0.1},
    "noisy_sgd": {"learning_rate": 0.05, "eta": 1e-4},
    "reduce_on_plateau": {},
    "galore": {"learning_rate": 0.05, "rank": 2},
}
# Not optimizers by themselves: they wrap one, and are tried around SGD.
WRAPPERS = {
    "mechanize": lambda: contrib.mechanize(optax.sgd(0.05), weight_decay=0.0),
    "sam": lambda: contrib.sam(optax.sgd(0.05), optax.chain(contrib.normalize(), optax.sgd(0.01)), sync_period=2),
    "schedule_free": lambda: contrib.schedule_free(optax.sgd(0.05), 0.05),
}
# What is tried elsewhere.
EXCEPTIONS = {"dpsgd": "it is given the gradients of each row: test_per_example.py"}


def optimizers():
    """What optax and optax.contrib export that takes a learning rate and returns a whole optimizer."""
    found = {}
    for module in (optax, contrib):
        for name in dir(module):
            function = getattr(module, name)
            if name.startswith(("_", "scale_by_")) or not inspect.isfunction(function) or name in EXCEPTIONS:
                continue
            arguments = inspect.signature(function).parameters
            if name in WRAPPERS:
                found[f"{module.__name__}.{name}"] = WRAPPERS[name]
            elif name in ARGUMENTS:
                found[f"{module.__name__}.{name}"] = functools.partial(function, **ARGUMENTS[name])
            elif "learning_rate" in arguments and "Gradient" in str(inspect.signature(function).return_annotation):
                needs = arguments["learning_rate"].default is inspect.Parameter.empty
                given = {"learning_rate": 0.01} if needs else {}
                found[f"{module.__name__}.{name}"] = functools.partial(function, **given)
    del found["optax.contrib.reduce_on_plateau"]  # scales another's updates; tried below
    return found


OPTIMIZERS = optimizers()


def same(a, b):
    return jax.tree.structure(a) == jax.tree.structure(b) and all(
        jnp.result_type(x) == jnp.result_type(y) and np.array_equal(_raw(x), _raw(y))
        for x, y in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True)
    )


def _raw(leaf):
    return jax.random.key_data(leaf) if jnp.issubdtype(jnp.result_type(leaf), jax.dtypes.prng_key) else leaf


def model():
    """A matrix and a vector: each weight more has kernels of its own in each optimizer's programs."""
    return fk.Sequential([fk.Input((3,)), fk.nn.Dense(2)])


def test_the_list_is_optax_s():
    assert len(OPTIMIZERS) >= 45
    assert {f"optax.{n}" for n in ("adam", "lbfgs", "sgd", "lion", "polyak_sgd", "yogi")} <= set(OPTIMIZERS)
    assert {f"optax.contrib.{n}" for n in ("muon", "momo", "prodigy", "sophia", "sam")} <= set(OPTIMIZERS)


# what optax says of its own functions
@pytest.mark.sweep(8)
@pytest.mark.filterwarnings(
    "ignore:Specifying a key will be required", "ignore:.*is deprecated:DeprecationWarning:optax"
)
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_an_optax_optimizer_trains_and_comes_back(tmp_path, name):
    trainer = model().compile(OPTIMIZERS[name](), "mse")
    start = trainer.init(0)
    state, history = trainer.fit(start, X, Y, batch_size=8, epochs=3, verbose=0)
    assert all(np.isfinite(v) for v in history.history["loss"])
    assert int(state.step) == 6
    assert not same(state.params, start.params)
    trainer.save(tmp_path / "run", state)
    again, restored = fk.load_trainer(tmp_path / "run", optimizer=OPTIMIZERS[name]())
    assert same(restored, state)
    one, _ = trainer.fit(state, X, Y, batch_size=8, verbose=0)
    two, _ = again.fit(restored, X, Y, batch_size=8, verbose=0)
    assert same(one, two)


def test_a_plateau_s_scale_sees_the_loss(tmp_path):
    optimizer = optax.chain(optax.sgd(0.05), contrib.reduce_on_plateau(patience=1, factor=0.5, rtol=0.9, cooldown=0))
    trainer = model().compile(optimizer, "mse")
    state, _ = trainer.fit(trainer.init(0), X, Y, batch_size=8, epochs=6, verbose=0)
    assert float(optax.tree.get(state.opt_state, "scale")) < 1
    trainer.save(tmp_path / "run", state)
    assert same(fk.load_trainer(tmp_path / "run", optimizer=optimizer)[1], state)
