"""Digests: equal states have equal ones, a flipped bit changes them, and histories tell where two runs parted."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import fkeras as fk

X = np.random.default_rng(0).normal(size=(48, 3)).astype("float32")
Y = X[:, :1]


def make(**arguments):
    model = fk.Sequential([fk.Input((3,)), fk.nn.Dense(1), fk.nn.BatchNormalization()])
    return model.compile("adam", "mse", **arguments)


@pytest.fixture(scope="module")
def trainer():
    return make(log=["digest"])


def flipped(leaf, place=0, bit=0):
    """An array with one bit of one number changed."""
    bits = np.array(leaf)  # a copy
    words = bits.reshape(-1).view(np.uint8)
    words[place * bits.itemsize + bit // 8] ^= np.uint8(1 << bit % 8)
    return jnp.asarray(bits)


def test_any_flipped_bit_changes_it(trainer):
    state = trainer.init(0)
    leaves, treedef = jax.tree.flatten(state)
    digest = fk.train.digest
    whole = int(digest(state))
    assert whole == int(fk.train.digest(trainer.init(0)))
    for i, leaf in enumerate(leaves):
        last, bits = max(0, np.size(leaf) - 1), 8 * np.asarray(leaf).itemsize
        for place, bit in ((0, 5), (last, bits - 1)):
            other = jax.tree.unflatten(treedef, [*leaves[:i], flipped(leaf, place, bit), *leaves[i + 1 :]])
            assert int(digest(other)) != whole, (i, place, bit)


@pytest.mark.parametrize("dtype", ["bfloat16", "float8_e4m3fn", "int4", "bool", "complex64"])
def test_each_dtype_counts(dtype):
    zeros, ones = np.zeros((3, 2), jnp.dtype(dtype)), np.array([[0, 0], [0, 1], [0, 0]]).astype(jnp.dtype(dtype))
    assert int(fk.train.digest({"a": zeros})) != int(fk.train.digest({"a": ones}))
    assert int(fk.train.digest({"a": ones})) != int(fk.train.digest({"b": ones}))
    assert int(fk.train.digest({"a": ones})) != int(fk.train.digest({"a": ones[[1, 0, 2]]}))


def test_zeros_of_either_sign_and_keys_count():
    assert int(fk.train.digest(jnp.float32(0.0))) != int(fk.train.digest(jnp.float32(-0.0)))
    assert int(fk.train.digest(jax.random.key(0))) != int(fk.train.digest(jax.random.key(1)))


def test_many_members_and_several_devices_have_the_same_ones(trainer):
    states = [trainer.init(seed) for seed in range(3)]
    stacked = jax.tree.map(lambda *leaves: jnp.stack(leaves), *states)
    alone = [int(fk.train.digest(state)) for state in states]
    assert jax.vmap(fk.train.digest)(stacked).tolist() == alone
    mesh = jax.sharding.Mesh(np.array(jax.devices()[:2]), ("d",))
    spread = jax.device_put(jnp.arange(12.0).reshape(4, 3), jax.sharding.NamedSharding(mesh, jax.P("d")))
    assert int(jax.jit(fk.train.digest)(spread)) == int(fk.train.digest(jnp.arange(12.0).reshape(4, 3)))


def test_the_log_is_the_digest_of_the_state_after_the_step(trainer):
    state, history = trainer.fit(trainer.init(0), X, Y, batch_size=16, epochs=2, verbose=0)
    assert history.history["digest"][-1] == int(fk.train.digest(state))
    state, logs = trainer.train_step(trainer.init(0), (X[:16], Y[:16]))
    assert int(logs["digest"]) == int(fk.train.digest(state))


def test_histories_tell_from_which_step_on_two_runs_differ(trainer):
    digests = fk.callbacks.Digests(every=1)
    asked = {"batch_size": 16, "shuffle": False, "verbose": 0, "callbacks": digests, "epochs": 2}
    start = trainer.init(0)
    _, history = trainer.fit(start, X, Y, **asked)
    plain, _ = trainer.fit(start, X, Y, **{**asked, "callbacks": None})
    assert list(history.digests) == [1, 2, 3, 4, 5, 6]
    assert history.digests[6] == int(fk.train.digest(plain))
    _, again = trainer.fit(start, X, Y, **asked)
    assert again == history
    assert fk.train.first_difference(history, again) is None
    x = X.copy()
    x[40] = np.asarray(flipped(x[40], bit=12))  # in the third batch
    _, other = trainer.fit(start, x, Y, **asked)
    found = fk.train.first_difference(history, other)
    assert (found.unit, found.equal, found.different) == ("step", 2, 3)
    assert all(history.digests[step] != other.digests[step] for step in (3, 4, 5, 6))
    assert "equal after step 2" in str(found)
    _, sparse = trainer.fit(start, x, Y, **{**asked, "callbacks": fk.callbacks.Digests(every=4)})
    assert list(sparse.digests) == [4]
    assert fk.train.first_difference(sparse, history).equal is None
    flip = jax.tree.map(lambda leaf: leaf, start.params)
    flip["dense"]["kernel"] = flipped(flip["dense"]["kernel"], 2)
    _, begun = trainer.fit(start.replace(params=flip), X, Y, **asked)
    assert fk.train.first_difference(history, begun).different == 1


def test_digests_go_on_with_a_run_that_is_resumed(trainer, tmp_path):
    asked = {"batch_size": 16, "verbose": 0, "callbacks": fk.callbacks.Digests(every=2)}
    asked["checkpoint"] = str(tmp_path / "run")
    _, whole = trainer.fit(trainer.init(0), X, Y, **{**asked, "checkpoint": None}, epochs=2)
    trainer.fit(trainer.init(0), X, Y, **asked, epochs=1)
    _, history = trainer.fit(trainer.init(0), X, Y, **asked, epochs=2)
    assert list(history.digests) == [2, 4, 6]
    assert history.digests == whole.digests


def test_what_cannot_be_compared_is_said(trainer):
    with pytest.raises(ValueError, match=r"`every` is a number of steps"):
        fk.callbacks.Digests(every=0)
    with pytest.raises(ValueError, match=r"one rhythm"):
        trainer.fit(trainer.init(0), X, Y, callbacks=[fk.callbacks.Digests(2), fk.callbacks.Digests(3)])
    with pytest.raises(ValueError, match=r"at the end of epochs[\s\S]*log=\[\"digest\"\]"):
        trainer.fit_many(X, Y, seeds=range(2), callbacks=fk.callbacks.Digests(2))
    empty = fk.callbacks.History()
    with pytest.raises(ValueError, match=r"no digest in common[\s\S]*Digests\(every=100\)"):
        fk.train.first_difference(empty, empty)
    with pytest.raises(TypeError, match=r"compares two histories"):
        fk.train.first_difference(empty, {"digest": [1.0]})
