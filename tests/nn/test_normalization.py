"""Normalisation: what the table's rows cannot say."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import fkeras as fk

X = np.random.default_rng(0).normal(size=(4, 5, 3)).astype("float32")


def test_what_is_masked_may_be_no_number():
    """The moments do not see it."""
    layer = fk.nn.BatchNormalization()
    mask = np.array([[1, 1, 0, 1, 1]] * 4, bool)
    spoilt = jnp.asarray(X).at[:, 2].set(jnp.nan)
    variables = layer.init(jax.random.key(0), X)

    def run(x):
        return layer.apply(variables, x, training=True, mask=mask, mutable=["batch_stats"])

    outputs, updates = run(spoilt)
    kept, clean = run(X)
    np.testing.assert_array_equal(np.asarray(outputs)[:, 0], np.asarray(kept)[:, 0])
    assert jax.tree.all(jax.tree.map(jnp.array_equal, updates, clean))


def test_renormalisation_trains_with_the_running_moments_and_infers_as_ever():
    layer = fk.nn.BatchNormalization(renorm=True, renorm_clipping={"rmax": 1.0, "rmin": 1.0, "dmax": 0.0})
    plain = fk.nn.BatchNormalization()
    variables = layer.init(jax.random.key(0), X)
    got, _ = layer.apply(variables, X, training=True, mutable=["batch_stats"])
    want, _ = plain.apply(variables, X, training=True, mutable=["batch_stats"])
    np.testing.assert_allclose(got, want, atol=1e-5)  # nothing to correct between bounds that allow nothing
    np.testing.assert_allclose(layer.apply(variables, X), plain.apply(variables, X), atol=1e-6)


def test_instance_and_layer_normalisation_are_group_normalisation():
    run = lambda layer: layer.apply(layer.init(jax.random.key(0), X), X)  # noqa: E731
    instance = run(fk.nn.GroupNormalization(-1))
    np.testing.assert_allclose(np.asarray(instance).mean(axis=1), 0, atol=1e-6)
    one = run(fk.nn.GroupNormalization(1))
    np.testing.assert_allclose(one, run(fk.nn.LayerNormalization(axis=(1, 2))), atol=1e-5)


def test_the_scale_of_an_inner_axis_stays_on_it():
    layer = fk.nn.RMSNormalization(axis=1)
    variables = layer.init(jax.random.key(0), X)
    assert variables["params"]["scale"].shape == (5,)
    scale = jnp.arange(1.0, 6.0)
    got = layer.apply({"params": {"scale": scale}}, X)
    np.testing.assert_allclose(got, layer.apply(variables, X) * scale[None, :, None], atol=1e-6)


def test_zeros_have_no_direction():
    small = jnp.array([[1e-7, 1e-7]])
    np.testing.assert_allclose(fk.nn.UnitNormalization()(small), 0.5**0.5, rtol=1e-5)
    assert np.isfinite(jax.grad(lambda x: fk.nn.UnitNormalization()(x).sum())(jnp.zeros((2, 3)))).all()
    np.testing.assert_array_equal(fk.nn.UnitNormalization()(jnp.zeros((2, 3))), 0)
    norms = np.linalg.norm(fk.nn.UnitNormalization()(X), axis=-1)
    np.testing.assert_allclose(norms, 1, atol=1e-6)


@pytest.mark.parametrize("layer", [fk.nn.LayerNormalization(), fk.nn.RMSNormalization(), fk.nn.GroupNormalization(3),
                                   fk.nn.BatchNormalization()], ids=lambda layer: type(layer).__name__)  # fmt: skip
def test_unknown_sizes(layer):
    inputs = fk.Input((None, None, 3))
    outputs = layer(inputs)
    assert outputs.shape == (None, None, None, 3)
    model = fk.Model(inputs, outputs)
    assert model.apply(model.init(jax.random.key(0)), jnp.ones((2, 4, 5, 3))).shape == (2, 4, 5, 3)


@pytest.mark.parametrize("layer", [fk.nn.LayerNormalization(), fk.nn.RMSNormalization(), fk.nn.GroupNormalization(3)],
                         ids=lambda layer: type(layer).__name__)  # fmt: skip
def test_half_precision_takes_moments_in_full(layer):
    x = jnp.asarray(X) + 100  # the moments of these in 8 bits are nonsense
    x = x.astype(jnp.bfloat16)
    half = layer.replace(dtype="mixed_bfloat16")
    variables = layer.init(jax.random.key(0), x)
    got, want = half.apply(variables, x), layer.apply(variables, x.astype(jnp.float32))
    np.testing.assert_allclose(np.asarray(got, "float32"), want, atol=0.02, rtol=0.01)


def test_rms_scaling_is_keras_deprecated_mode():
    keras = pytest.importorskip("keras")
    with pytest.warns(UserWarning, match="rms_scaling"):
        want = keras.layers.LayerNormalization(rms_scaling=True)(X)
    layer = fk.nn.LayerNormalization(rms_scaling=True)
    np.testing.assert_allclose(layer.apply(layer.init(jax.random.key(0), X), X), want, atol=1e-5)


IMAGE = fk.Input((4, 4, 6))


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: fk.nn.GroupNormalization(0), "`groups` must be a positive integer"),
        (lambda: fk.nn.GroupNormalization()(IMAGE), "groups must divide the channels"),
        (lambda: fk.nn.GroupNormalization(4)(IMAGE), "groups must divide the channels"),
        (lambda: fk.nn.LayerNormalization(axis=1.5), "`axis` is an axis or several"),
        (lambda: fk.nn.UnitNormalization(axis=None), "`axis` is an axis or several"),
        (lambda: fk.nn.LayerNormalization(axis=4)(IMAGE), "has no such axis"),
        (lambda: fk.nn.RMSNormalization(axis=(1, -5))(IMAGE), "has no such axis"),
        (lambda: fk.nn.UnitNormalization(axis=7)(IMAGE), "has no such axis"),
        (lambda: fk.nn.BatchNormalization(axis=1)(fk.Input((None, 3))), "needs a known size of axis 1"),
        (lambda: fk.nn.BatchNormalization(renorm=True, renorm_clipping={"max": 1}), "renorm_clipping"),
        (lambda: fk.nn.BatchNormalization(renorm=True, renorm_clipping={"rmin": 2, "rmax": 1}), "renorm_clipping"),
        (lambda: fk.nn.BatchNormalization(renorm=True, renorm_clipping={"dmax": -1}), "renorm_clipping"),
        (
            lambda: fk.nn.BatchNormalization().init_with_output(jax.random.key(0), X, mask=X > 0),
            "a mask with one axis less",
        ),
    ],
)
def test_errors_say_what_was_wrong(make, text):
    with pytest.raises(ValueError, match=text):
        make()


@pytest.mark.parametrize("layer", [fk.nn.LayerNormalization(), fk.nn.RMSNormalization(), fk.nn.GroupNormalization(3),
                                   fk.nn.UnitNormalization()], ids=lambda layer: type(layer).__name__)  # fmt: skip
def test_a_gradient_is_set_apart_and_derivatives_go_both_ways(layer):
    """What keeps the program of a deep stack linear in its depth; XLA's optimizer, which would show it, is off here."""
    variables = layer.init(jax.random.key(0), X)
    run = lambda x: layer.apply(variables, x)  # noqa: E731
    assert "optimization_barrier" in jax.jit(jax.grad(lambda x: (run(x) ** 3).sum())).lower(X).as_text()
    assert "optimization_barrier" not in jax.jit(run).lower(X).as_text()
    x = X[:1, :2]
    step = 1e-2  # a central difference in float32: its own error is about step^2 and 1e-7 / step

    @jax.jit
    def numbers(x):
        slope = (run(x + step * x) - run(x - step * x)) / (2 * step)
        return jax.jacfwd(run)(x), jax.jacrev(run)(x), slope, jax.jvp(run, (x,), (x,))[1]

    forward, backward, slope, tangent = numbers(x)
    np.testing.assert_allclose(forward, backward, atol=1e-5)
    np.testing.assert_allclose(tangent, slope, atol=2e-3)
