"""Random layers: their distributions in training, and silence in inference."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import fkeras as fk

MANY = (200, 50, 4)


def trained(layer, x, seed=0):
    return layer.apply({}, x, training=True, rngs={"dropout": jax.random.key(seed)})


RANDOM = [
    fk.nn.Dropout(0.3),
    fk.nn.SpatialDropout1D(0.3),
    fk.nn.GaussianNoise(0.3),
    fk.nn.GaussianDropout(0.3),
    fk.nn.AlphaDropout(0.3),
]


@pytest.mark.parametrize("layer", RANDOM, ids=lambda layer: type(layer).__name__)
def test_training_is_random_by_key_and_inference_is_silent(layer):
    x = jax.random.normal(jax.random.key(9), (4, 5, 3))
    np.testing.assert_array_equal(layer(x), x)
    np.testing.assert_array_equal(trained(layer, x), trained(layer, x))
    assert not np.array_equal(trained(layer, x), trained(layer, x, 1))
    with pytest.raises(Exception, match="dropout"):
        layer.apply({}, x, training=True)


@pytest.mark.parametrize("layer", RANDOM, ids=lambda layer: type(layer).__name__)
def test_training_under_half_precision_stays_half(layer):
    x = jnp.ones((4, 5, 3))
    assert trained(layer.replace(dtype="mixed_bfloat16"), x).dtype == jnp.bfloat16


@pytest.mark.parametrize(
    ("layer", "mean", "deviation"),
    [
        (fk.nn.Dropout(0.2), 1, (0.2 / 0.8) ** 0.5),
        (fk.nn.SpatialDropout1D(0.2), 1, (0.2 / 0.8) ** 0.5),
        (fk.nn.GaussianNoise(0.5), 1, 0.5),
        (fk.nn.GaussianDropout(0.2), 1, (0.2 / 0.8) ** 0.5),
    ],
    ids=lambda v: type(v).__name__ if isinstance(v, fk.nn.Layer) else "",
)
def test_moments(layer, mean, deviation):
    y = np.asarray(trained(layer, jnp.ones((2000, 50, 4))))
    assert y.mean() == pytest.approx(mean, abs=0.03)
    assert y.std() == pytest.approx(deviation, abs=0.03)


def test_alpha_dropout_keeps_the_moments_of_selu():
    x = jax.random.normal(jax.random.key(1), MANY)
    y = np.asarray(trained(fk.nn.AlphaDropout(0.2), x))
    assert y.mean() == pytest.approx(0, abs=0.03)
    assert y.std() == pytest.approx(1, abs=0.03)
    counts = np.unique(y, return_counts=True)[1]
    assert counts.max() / y.size == pytest.approx(0.2, abs=0.02)  # one number for all that were dropped


@pytest.mark.parametrize(
    ("layer", "shape", "alike"),
    [
        (fk.nn.SpatialDropout1D(0.5), (8, 5, 16), (1,)),
        (fk.nn.SpatialDropout2D(0.5), (8, 5, 4, 16), (1, 2)),
        (fk.nn.SpatialDropout2D(0.5, "channels_first"), (8, 16, 5, 4), (2, 3)),
        (fk.nn.SpatialDropout3D(0.5), (8, 2, 3, 4, 16), (1, 2, 3)),
        (fk.nn.SpatialDropout3D(0.5, "channels_first"), (8, 16, 2, 3, 4), (2, 3, 4)),
    ],
    ids=lambda v: type(v).__name__ if isinstance(v, fk.nn.Layer) else "",
)
def test_spatial_dropout_takes_whole_maps(layer, shape, alike):
    y = np.asarray(trained(layer, jnp.ones(shape)))
    assert (y.max(axis=alike) == y.min(axis=alike)).all()
    maps = y.max(axis=alike)
    assert set(np.unique(maps)) == {0.0, 2.0}
    assert 0.3 < maps.mean() / 2 < 0.7


def test_noise_shape_shares_the_draw():
    y = np.asarray(trained(fk.nn.Dropout(0.5, noise_shape=(None, 1, None)), jnp.ones((8, 5, 16))))
    assert (y == y[:, :1]).all()
    y = np.asarray(trained(fk.nn.AlphaDropout(0.5, noise_shape=(1, None, 1)), jnp.ones((8, 5, 16))))
    assert (y == y[:1, :, :1]).all()


def test_positional_arguments_are_keras_own():
    assert fk.nn.SpatialDropout1D(0.5, 3).seed == 3
    assert fk.nn.SpatialDropout2D(0.5, "channels_first", 3).seed == 3


def test_a_spatial_dropouts_policy_survives_its_config():
    layer = fk.nn.SpatialDropout2D(0.5, dtype="mixed_bfloat16")
    assert fk.nn.SpatialDropout2D.from_config(layer.get_config()) == layer


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: fk.nn.SpatialDropout1D(1.5), "`rate` must be a number between 0 and 1"),
        (lambda: fk.nn.GaussianNoise(-0.1), "`stddev` must be a number between 0 and 1"),
        (lambda: fk.nn.GaussianDropout(1), "`rate` must be below 1"),
        (lambda: fk.nn.AlphaDropout(1.0), "`rate` must be below 1"),
        (lambda: fk.nn.Dropout(0.5, noise_shape="ab"), "`noise_shape` must be a tuple"),
        (lambda: fk.nn.Dropout(0.5, noise_shape=(None, 0)), "`noise_shape` must be a tuple"),
        (lambda: fk.nn.SpatialDropout2D(0.5)(fk.Input((4, 3))), "needs an input of rank 4"),
        (lambda: trained(fk.nn.Dropout(0.5, noise_shape=(1,)), jnp.ones((2, 3))), "has another rank than the input"),
        (lambda: fk.nn.ActivityRegularization(l1=-1.0), "l1"),
    ],
)
def test_errors_say_what_was_wrong(make, text):
    with pytest.raises(ValueError, match=text):
        make()


def test_activity_regularization_joins_the_loss_divided_by_the_batch():
    keras = pytest.importorskip("keras")
    x = np.random.default_rng(0).normal(size=(4, 3)).astype("float32")
    theirs = keras.layers.ActivityRegularization(0.5, 0.25)
    theirs(x)
    _, updates = fk.nn.ActivityRegularization(0.5, 0.25).apply({}, x, mutable=["losses"])
    assert float(updates["losses"]["loss"][0]) == pytest.approx(float(theirs.losses[0]), rel=1e-5)
