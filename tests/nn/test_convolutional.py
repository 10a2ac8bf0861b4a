"""Convolutions: what the table's rows cannot say."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import fkeras as fk


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: fk.nn.Conv1DTranspose(0, 3), "`filters` must be a positive integer"),
        (lambda: fk.nn.Conv2DTranspose(4, (3, 3, 3)), "`kernel_size` must be a positive integer or 2 of them"),
        (lambda: fk.nn.Conv2DTranspose(4, 3, padding="causal"), "`padding` must be one of"),
        (lambda: fk.nn.Conv1DTranspose(4, 3, strides=2, output_padding=2), "output_padding must be less than strides"),
        (lambda: fk.nn.Conv3DTranspose(4, 3, output_padding=-1), "`output_padding` must be a non-negative integer"),
        (lambda: fk.nn.Conv2DTranspose(4, 3, strides=2, dilation_rate=2), "cannot both be over 1"),
        (lambda: fk.nn.Conv2D(4, 3, strides=2, dilation_rate=2), "cannot both be over 1"),
        (lambda: fk.nn.Conv2D(4, 3, padding="causal"), "causal padding is Conv1D's"),
        (lambda: fk.nn.Conv2D(4, 3, groups=3), "groups must divide filters"),
        (lambda: fk.nn.DepthwiseConv2D(3, depth_multiplier=0), "`depth_multiplier` must be a positive integer"),
        (lambda: fk.nn.SeparableConv1D(-1, 3), "`filters` must be a positive integer"),
        (lambda: fk.nn.SeparableConv2D(4, 3, data_format="nchw"), "`data_format` must be one of"),
        (lambda: fk.nn.Conv2D(4, 3, groups=2)(fk.Input((8, 8, 3))), "groups must divide the input's channels"),
        (lambda: fk.nn.DepthwiseConv1D(9)(fk.Input((8, 3))), "the window is larger than the input"),
        (lambda: fk.nn.SeparableConv2D(4, 9)(fk.Input((8, 8, 3))), "the window is larger than the input"),
        (lambda: fk.nn.Conv2DTranspose(4, 3)(fk.Input((8, 3))), "needs an input of rank 4"),
        (lambda: fk.nn.DepthwiseConv2D(3)(fk.Input((8, 8, None))), "needs a known size for its weight"),
    ],
)
def test_errors_say_what_was_wrong(make, text):
    with pytest.raises(ValueError, match=text):
        make()


def test_a_volumes_arguments_are_in_keras_order():
    layer = fk.nn.Conv3DTranspose(2, 3, 2, "same", "channels_first", 1)
    assert (layer.data_format, layer.output_padding) == ("channels_first", (1, 1, 1))
    layer = fk.nn.Conv2DTranspose(2, 3, 2, "same", 1, "channels_first")
    assert (layer.data_format, layer.output_padding) == ("channels_first", (1, 1))


@pytest.mark.parametrize(
    ("layer", "want"),
    [
        (fk.nn.Conv1DTranspose(4, 3, 2, "same"), (None, None, 4)),
        (fk.nn.Conv2DTranspose(4, 3, 2), (None, None, None, 4)),
        (fk.nn.DepthwiseConv2D(3, 2, "same"), (None, None, None, 3)),
        (fk.nn.SeparableConv1D(4, 3, dilation_rate=2), (None, None, 4)),
        (fk.nn.Conv1D(4, 3, padding="causal"), (None, None, 4)),
    ],
    ids=lambda v: type(v).__name__ if isinstance(v, fk.nn.Layer) else "",
)
def test_unknown_sizes_stay_unknown_and_work(layer, want):
    rank = len(want) - 2
    inputs = fk.Input((*(None,) * rank, 3))
    outputs = layer(inputs)
    assert outputs.shape == want
    model = fk.Model(inputs, outputs)
    variables = model.init(jax.random.key(0))
    for size in (5, 8):
        x = jnp.ones((2, *(size,) * rank, 3))
        direct = layer.init_with_output(jax.random.key(0), x)[0].shape
        assert model.apply(variables, x).shape == direct


def test_strides_and_dilation_of_each_channel_go_together():
    """Keras refuses the two only for full convolutions."""
    keras = pytest.importorskip("keras")
    x = np.random.default_rng(0).normal(size=(2, 9, 9, 3)).astype("float32")
    theirs = keras.layers.DepthwiseConv2D(2, strides=2, dilation_rate=2)
    want = theirs(x)
    kernel, bias = (jnp.asarray(w) for w in theirs.get_weights())
    layer = fk.nn.DepthwiseConv2D(2, strides=2, dilation_rate=2)
    got = layer.apply({"params": {"kernel": kernel, "bias": bias}}, x)
    np.testing.assert_allclose(got, want, atol=1e-5)


def test_a_transposed_convolution_is_the_gradient_of_a_convolution():
    x, y = jnp.ones((1, 7, 7, 2)), jax.random.normal(jax.random.key(1), (1, 3, 3, 4))
    conv = fk.nn.Conv2D(4, 3, 2, use_bias=False)
    variables = conv.init(jax.random.key(0), x)
    _, back = jax.vjp(lambda x: conv.apply(variables, x), x)
    up = fk.nn.Conv2DTranspose(2, 3, 2, use_bias=False)
    np.testing.assert_allclose(up.apply(variables, y), back(y)[0], atol=1e-5)


def test_a_depthwise_kernel_starts_with_keras_fans():
    keras = pytest.importorskip("keras")
    x = np.ones((1, 8, 8, 16), "float32")
    theirs = keras.layers.DepthwiseConv2D(3, depth_multiplier=4)
    theirs.build(x.shape)
    kernel = fk.nn.DepthwiseConv2D(3, depth_multiplier=4).init(jax.random.key(0), x)["params"]["kernel"]
    assert np.std(kernel) == pytest.approx(np.std(theirs.get_weights()[0]), rel=0.1)
