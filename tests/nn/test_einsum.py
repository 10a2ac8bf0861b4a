"""EinsumDense: initial weights, unknown sizes, errors."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import fkeras as fk


@pytest.mark.parametrize(
    ("equation", "shape", "given"),
    [("abc,cde->abde", (None, 8, 16), (1, 3, 64)), ("abde,dec->abc", (None, 64), (1, 3, 8, 16))],
)
def test_kernels_start_with_keras_fans(equation, shape, given):
    keras = pytest.importorskip("keras")
    theirs = keras.layers.EinsumDense(equation, shape)
    theirs.build(given)
    kernel = fk.nn.EinsumDense(equation, shape).init(jax.random.key(0), jnp.ones(given))["params"]["kernel"]
    assert np.std(kernel) == pytest.approx(np.std(theirs.get_weights()[0]), rel=0.05)


def test_unknown_sizes():
    layer = fk.nn.EinsumDense("...x,xy->...y", 5)
    assert layer(fk.Input((None, None, 4))).shape == (None, None, None, 5)
    assert fk.nn.EinsumDense("abc,cd->abd", (None, 5))(fk.Input((None, 4))).shape == (None, None, 5)


def test_activity_regularizer_is_part_of_the_config():
    layer = fk.nn.EinsumDense("ab,bc->ac", 3, activity_regularizer="l2")
    assert fk.nn.EinsumDense.from_config(layer.get_config()) == layer


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: fk.nn.EinsumDense("ab->ac", 3), "the equation has the form"),
        (lambda: fk.nn.EinsumDense("...ab,bc->ac", 3), "the equation has the form"),
        (lambda: fk.nn.EinsumDense("abc,cd->abd", 5)(fk.Input((3, 4))), "does not fit the input"),
        (lambda: fk.nn.EinsumDense("abc,cd->abd", (2, 5))(fk.Input((3, 4))), "'b' is 3 in the input, 2 in the output"),
        (lambda: fk.nn.EinsumDense("ab,bx->az", 5)(fk.Input((4,))), "with no match"),
        (lambda: fk.nn.EinsumDense("ab,bc->ac", 5, bias_axes="z")(fk.Input((4,))), "with no match"),
        (lambda: fk.nn.EinsumDense("ab,bc->ac", 5)(fk.Input((3, 4))), "does not fit the input"),
        (lambda: fk.nn.EinsumDense("ab,bc->ac", 5)(fk.Input((None,))), "needs a known size for its weight"),
    ],
)
def test_errors_say_what_was_wrong(make, text):
    with pytest.raises(ValueError, match=text):
        make()
