"""Arrays from a checkpoint on the devices where they will lie, whatever devices they were saved from."""

import hashlib

import jax
import numpy as np
import pytest
from jax.sharding import NamedSharding
from jax.sharding import PartitionSpec as P

import fkeras as fk
from fkeras.checkpoint._files import _spread_arrays
from fkeras.checkpoint._files._checksums import digest

MESH = jax.make_mesh((2, 2), ("data", "model"), (jax.sharding.AxisType.Auto,) * 2)
EVERYWHERE = NamedSharding(MESH, P())


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """A run that was saved on four devices: its directory, its file, the trainer and the state."""
    place = tmp_path_factory.mktemp("saved")
    trainer = fk.Sequential([fk.Input((8,)), fk.nn.Dense(12), fk.nn.Dense(4)]).compile("adam", "mse")
    spread = trainer.distribute(None, "fsdp")
    state = spread.init(0)
    spread.save(place / "run", state)
    spread.save(place / "run.keras", state)
    return place, trainer, state


@pytest.mark.parametrize(
    ("mesh", "layout"), [(None, "fsdp"), (3, None), ({"data": 2, "model": 2}, "auto"), (1, "data")]
)
@pytest.mark.parametrize("name", ["run", "run.keras"])
def test_a_run_is_loaded_where_it_goes_on(saved, name, mesh, layout):
    place, trainer, state = saved
    wanted = trainer.distribute(mesh, layout or "data")
    found, read = fk.load_trainer(place / name, mesh=mesh, layout=layout)
    assert found.distribution == wanted.distribution
    jax.tree.map(np.testing.assert_array_equal, read.params, state.params)
    for leaf, sharding in zip(*map(jax.tree.leaves, (read, wanted.distribution.shardings(read))), strict=True):
        assert leaf.sharding.is_equivalent_to(sharding, leaf.ndim)


def test_without_a_mesh_it_is_on_one_device(saved):
    trainer, state = fk.load_trainer(saved[0] / "run")
    assert trainer.distribution is None
    assert {len(leaf.sharding.device_set) for leaf in jax.tree.leaves(state)} == {1}


def test_another_optimizer_goes_on_with_moments_that_lie_as_the_weights(saved):
    with pytest.warns(UserWarning, match="amsgrad|velocity_hat|begin"):
        _, state = fk.load_trainer(saved[0] / "run", layout="fsdp", optimizer=fk.optimizers.Adam(amsgrad=True))
    sizes = {leaf.sharding.spec for leaf in jax.tree.leaves(state.opt_state) if leaf.shape == (8, 12)}
    assert sizes == {state.params["dense"]["kernel"].sharding.spec} == {P(None, "data")}


def test_arrays_are_read_where_shardings_say(saved):
    cut = NamedSharding(MESH, P("data", "model"))
    found = fk.checkpoint.load_arrays(
        saved[0] / "run", "params/.*", shardings={".*/kernel": cut, "params/.*": EVERYWHERE}
    )
    kernel, bias = found["params"]["dense"]["kernel"], found["params"]["dense"]["bias"]
    assert (kernel.sharding, bias.sharding) == (cut, EVERYWHERE)
    np.testing.assert_array_equal(kernel, saved[2].params["dense"]["kernel"])
    one = fk.checkpoint.load_arrays(saved[0] / "run", "params/.*", shardings=EVERYWHERE)
    assert {leaf.sharding for leaf in jax.tree.leaves(one)} == {EVERYWHERE}


@pytest.mark.parametrize(
    ("shardings", "text"),
    [
        ({"params/dens/kernel": EVERYWHERE}, r"'params/dens/kernel' matches no array(?s:.*)params/dense/kernel"),
        (NamedSharding(MESH, P("data", "model")), r"bias' cannot lie so(?s:.*)more axes than the array has"),
        (jax.devices()[0], r"says where an array lies(?s:.*)SingleDeviceSharding\(device\)"),
        ({"params/dense_1/.*": NamedSharding(jax.make_mesh((3,), ("x",)), P("x"))}, "cannot lie so"),
    ],
)
def test_shardings_that_fit_nothing_are_said(saved, shardings, text):
    with pytest.raises((TypeError, ValueError), match=text):
        fk.checkpoint.load_arrays(saved[0] / "run", "params/.*", shardings=shardings)


@pytest.mark.parametrize("spec", [P(), P("data"), P("model", "data"), P(None, ("data", "model"))])
@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "int8"])
def test_a_digest_does_not_depend_on_where_an_array_lies(monkeypatch, spec, dtype):
    monkeypatch.setattr(_spread_arrays, "_BLOCK", 300)
    whole = np.arange(36 * 8).reshape(36, 8).astype(jax.numpy.dtype(dtype))
    found = digest(jax.device_put(whole, NamedSharding(MESH, spec)))
    assert found == hashlib.sha256(whole.tobytes()).hexdigest()


def test_what_a_callback_remembers_of_weights_lies_as_they_do(saved, tmp_path):
    spread = saved[1].distribute(None, "fsdp")
    x, y = np.ones((8, 8), "float32"), np.ones((8, 4), "float32")

    def fit(epochs):
        keep = fk.callbacks.EarlyStopping("loss", patience=9, restore_best_weights=True)
        return spread.fit(spread.init(0), x, y, epochs=epochs, callbacks=keep, checkpoint=tmp_path, verbose=0)[0]

    fit(2)
    state = fit(2)  # the run has ended: its best weights are those that were saved
    assert {leaf.sharding.spec for leaf in jax.tree.leaves(state.params)} >= {P(None, "data")}
