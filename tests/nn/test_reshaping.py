"""Padding, cropping, enlarging, pooling: unknown sizes, and errors."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import fkeras as fk


@pytest.mark.parametrize(
    ("layer", "rank"),
    [
        (fk.nn.Cropping1D((1, 2)), 1),
        (fk.nn.Cropping2D(1), 2),
        (fk.nn.Cropping3D((1, 0, 2)), 3),
        (fk.nn.ZeroPadding1D(2), 1),
        (fk.nn.ZeroPadding3D(1), 3),
        (fk.nn.UpSampling1D(3), 1),
        (fk.nn.UpSampling2D((2, 3)), 2),
        (fk.nn.UpSampling2D((2, 3), interpolation="bicubic"), 2),
        (fk.nn.UpSampling3D((1, 2, 3)), 3),
    ],
    ids=lambda v: type(v).__name__ if isinstance(v, fk.nn.Layer) else "",
)
def test_unknown_sizes(layer, rank):
    inputs = fk.Input((*(None,) * rank, 2))
    outputs = layer(inputs)
    assert outputs.shape == (*(None,) * (rank + 1), 2)
    x = jnp.arange(2.0 * 6**rank * 2).reshape((2, *(6,) * rank, 2))
    np.testing.assert_array_equal(fk.Model(inputs, outputs).apply({}, x), layer(x))


@pytest.mark.parametrize("name", ["AdaptiveAveragePooling", "AdaptiveMaxPooling"])
@pytest.mark.parametrize("rank", [1, 2, 3])
def test_adaptive_pooling_knows_its_size_when_the_input_is_unknown(name, rank):
    layer = getattr(fk.nn, f"{name}{rank}D")(2)
    inputs = fk.Input((*(None,) * rank, 3))
    outputs = layer(inputs)
    assert outputs.shape == (None, *(2,) * rank, 3)
    for size in (1, 2, 5):
        x = jax.ShapeDtypeStruct((2, *(size,) * rank, 3), "float32")
        assert jax.eval_shape(fk.Model(inputs, outputs).apply, {}, x).shape == (2, *(2,) * rank, 3)


def test_adaptive_windows_do_not_see_beyond_themselves():
    x = jnp.array([1.0, 2.0, jnp.inf, 4.0, 5.0, 6.0]).reshape((1, 6, 1))
    np.testing.assert_array_equal(fk.nn.AdaptiveAveragePooling1D(3)(x).ravel(), [1.5, jnp.inf, 5.5])


@pytest.mark.sweep
@pytest.mark.parametrize(
    ("name", "kwargs"),
    [
        ("AveragePooling2D", {"pool_size": 2}),
        ("MaxPooling2D", {}),
        ("GlobalAveragePooling2D", {}),
        ("AdaptiveAveragePooling2D", {"output_size": 3}),
        ("AdaptiveMaxPooling2D", {"output_size": 3}),
        ("UpSampling2D", {}),
        ("UpSampling2D", {"interpolation": "bilinear"}),
        ("UpSampling2D", {"interpolation": "bicubic"}),
    ],
)
@pytest.mark.parametrize("dtype", ["int32", "uint8"])
def test_whole_numbers(name, kwargs, dtype):
    keras = pytest.importorskip("keras")
    x = np.random.default_rng(0).integers(0, 50, (2, 4, 6, 2)).astype(dtype)  # larger sums overflow in Keras's uint8
    want = np.asarray(getattr(keras.layers, name)(**kwargs)(x))
    got = getattr(fk.nn, name)(**kwargs)(x)
    assert got.dtype == want.dtype
    np.testing.assert_allclose(got, want, atol=1e-4)


@pytest.mark.sweep
@pytest.mark.parametrize("size", [1, 2, 3, 4, 7, 9])
@pytest.mark.parametrize("length", [1, 3, 7, 8])
def test_adaptive_pooling_at_every_ratio(size, length):
    x = np.random.default_rng(0).normal(size=(2, length, 3)).astype("float32")
    bins = [x[:, i * length // size : -(-(i + 1) * length // size)] for i in range(size)]
    want = np.stack([b.mean(axis=1) for b in bins], axis=1)
    np.testing.assert_allclose(fk.nn.AdaptiveAveragePooling1D(size)(x), want, atol=1e-6)
    want = np.stack([b.max(axis=1) for b in bins], axis=1)
    np.testing.assert_array_equal(fk.nn.AdaptiveMaxPooling1D(size)(x), want)


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: fk.nn.Cropping1D(-1), "`cropping` must be a non-negative integer"),
        (lambda: fk.nn.Cropping2D((1, 2, 3)), "`cropping` must be a non-negative integer"),
        (lambda: fk.nn.ZeroPadding3D("ab"), "`padding` must be a non-negative integer"),
        (lambda: fk.nn.ZeroPadding1D((1, -2)), "`padding` must be a non-negative integer"),
        (lambda: fk.nn.UpSampling1D(0), "`size` must be a positive integer"),
        (lambda: fk.nn.UpSampling3D((1, 2)), "`size` must be a positive integer or 3 of them"),
        (lambda: fk.nn.UpSampling2D(interpolation="area"), "`interpolation` must be one of"),
        (lambda: fk.nn.AdaptiveMaxPooling2D(0), "`output_size` must be a positive integer"),
        (lambda: fk.nn.AdaptiveMaxPooling2D((1, 2, 3)), "`output_size` must be a positive integer or 2 of them"),
        (lambda: fk.nn.Cropping1D(2)(fk.Input((4, 3))), "would cut everything off"),
        (lambda: fk.nn.Cropping3D(1)(fk.Input((4, 3))), "needs an input of rank 5"),
        (lambda: fk.nn.AdaptiveAveragePooling1D(2)(fk.Input((4, 4, 3))), "needs an input of rank 3"),
    ],
)
def test_errors_say_what_was_wrong(make, text):
    with pytest.raises(ValueError, match=text):
        make()
