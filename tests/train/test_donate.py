"""`fit(..., donate=True)`: one state in memory, and words for who takes the one that was given away."""

import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import fkeras as fk

X = np.random.default_rng(0).normal(size=(24, 3)).astype("float32")
Y = np.random.default_rng(1).normal(size=(24, 1)).astype("float32")
GONE = "was given away, and its memory has other numbers now"


@pytest.fixture(scope="module")
def trainer():
    return fk.Sequential([fk.Input((3,)), fk.nn.Dense(4), fk.nn.Dense(1)]).compile("adam", "mse")


def is_same(a, b):
    return all(map(np.array_equal, jax.tree.leaves(a), jax.tree.leaves(b)))


def test_the_run_is_the_one_that_keeps_its_state(trainer):
    kept, wanted = trainer.fit(trainer.init(0), X, Y, epochs=2, verbose=0)
    given = trainer.init(0)
    places = {leaf.unsafe_buffer_pointer() for leaf in jax.tree.leaves(given.params)}
    found, history = trainer.fit(given, X, Y, epochs=2, verbose=0, donate=True)
    assert is_same(kept, found)
    assert history.history == wanted.history
    assert all(leaf.is_deleted() for leaf in jax.tree.leaves(given.params))
    # XLA may hand the memory of one weight to another of its size
    assert places & {leaf.unsafe_buffer_pointer() for leaf in jax.tree.leaves(found.params)}


def test_a_state_that_is_not_given_away_stays(trainer):
    state = trainer.init(0)
    trainer.fit(state, X, Y, verbose=0)
    assert not any(leaf.is_deleted() for leaf in jax.tree.leaves(state))


@pytest.mark.parametrize(
    "use",
    [
        lambda t, s: t.fit(s, X, Y, verbose=0),
        lambda t, s: t.evaluate(s, X, Y, verbose=0),
        lambda t, s: t.evaluate(s.variables, X, Y, verbose=0),
        lambda t, s: t.predict(s, X),
        lambda t, s: t.predict(s.variables, X[:1]),
        lambda t, s: t.train_on_batch(s, X, Y),
    ],
)
def test_a_later_use_says_so(trainer, use):
    state = trainer.init(0)
    trainer.fit(state, X, Y, verbose=0, donate=True)
    with pytest.raises(ValueError, match=GONE):
        use(trainer, state)


@pytest.mark.parametrize(
    ("name", "save"),
    [
        ("run", lambda t, s, path: t.save(path, s)),
        ("m.keras", lambda t, s, path: t.model.save(path, s)),
        ("w.weights.h5", lambda t, s, path: fk.checkpoint.save_weights(t.model, path, s)),
        ("w.safetensors", lambda t, s, path: fk.checkpoint.save_weights(t.model, path, s)),
    ],
)
def test_saving_what_was_given_away_leaves_no_file(trainer, tmp_path, name, save):
    state = trainer.init(0)
    trainer.fit(state, X, Y, verbose=0, donate=True)
    with pytest.raises((ValueError, RuntimeError), match=r"given away|has been deleted"):
        save(trainer, state, tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_leaves_that_share_memory_are_parted(trainer):
    state = trainer.init(0)
    shared = state.params["dense"]["bias"]
    state = state.replace(
        params={**state.params, "dense": {**state.params["dense"], "bias": shared}},
        opt_state=jax.tree.map(lambda a: shared if a.shape == shared.shape else a, state.opt_state),
    )
    kept, _ = trainer.fit(state, X, Y, verbose=0)
    found, _ = trainer.fit(state, X, Y, verbose=0, donate=True)
    assert is_same(kept, found)


def test_a_state_that_callbacks_see_stays_theirs(trainer):
    seen = []
    keep = fk.callbacks.LambdaCallback(on_epoch_end=lambda event, logs=None: seen.append(event))
    found, _ = trainer.fit(trainer.init(0), X, Y, epochs=2, verbose=0, donate=True, callbacks=[keep])
    assert len(seen) == 2
    assert int(found.step) == 2


def test_a_run_that_fails_keeps_its_last_whole_state(trainer):
    def batches():
        yield X[:8], Y[:8]
        raise OSError("the disk is gone")

    with pytest.raises(OSError, match="the disk is gone") as error:
        trainer.fit(trainer.init(0), batches(), steps_per_epoch=3, verbose=0, donate=True)
    state, _ = error.value.fkeras_run
    assert int(state.step) == 1
    assert np.isfinite(trainer.predict(state, X)).all()


def test_no_number_is_a_choice(trainer):
    with pytest.raises(ValueError, match=re.escape("donate is either True or False.")):
        trainer.fit(trainer.init(0), X, Y, donate="yes", verbose=0)


def test_numbers_of_numpy_are_copied(trainer):
    state = jax.tree.map(np.asarray, trainer.init(0))
    before = jax.tree.map(np.copy, state)
    found, _ = trainer.fit(state, X, Y, verbose=0, donate=True)
    assert is_same(before, state)
    assert isinstance(found.step, jax.Array)
    assert jnp.isfinite(found.params["dense"]["kernel"]).all()
