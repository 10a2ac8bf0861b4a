"""Activation layers: errors, and old spellings."""

import jax.numpy as jnp
import pytest

import fkeras as fk


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: fk.nn.LeakyReLU(-0.1), "`negative_slope` cannot be negative"),
        (lambda: fk.nn.LeakyReLU(None), "`negative_slope` cannot be negative"),
        (lambda: fk.nn.ReLU(max_value=-1), "`max_value` cannot be negative"),
        (lambda: fk.nn.Softmax()(jnp.ones((2, 3)), mask=jnp.ones((2, 2))), "the mask does not broadcast"),
        (lambda: fk.nn.Softmax()(jnp.ones((2, 3)), mask=jnp.ones((1, 2, 3))), "the mask does not broadcast"),
        (lambda: fk.nn.PReLU(shared_axes=3)(fk.Input((4, 2))), "`shared_axes` are axes of the input"),
        (lambda: fk.nn.PReLU()(fk.Input((None, 2))), "needs a known size for its weight"),
    ],
)
def test_errors_say_what_was_wrong(make, text):
    with pytest.raises(ValueError, match=text):
        make()


def test_shared_axes_may_be_unknown():
    assert fk.nn.PReLU(shared_axes=(1, 2))(fk.Input((None, None, 3))).shape == (None, None, None, 3)


def test_leaky_relu_takes_keras_old_word():
    with pytest.warns(UserWarning, match="negative_slope"):
        layer = fk.nn.LeakyReLU(alpha=0.2)
    assert layer == fk.nn.LeakyReLU(0.2)
