"""What a call returns, from shapes alone; and how a call that fails says so."""

import jax
import jax.numpy as jnp
import pytest
from flax import linen

import fkeras as fk


def counting(call):
    """A layer of `call`, and the shapes with which it was traced."""
    shapes = []

    class Own(fk.nn.Layer):
        def call(self, inputs):
            shapes.append(inputs.shape)
            return call(inputs)

    return Own(), shapes


@pytest.mark.parametrize(
    ("call", "kind"),
    [
        (lambda x: undefined + x, NameError),
        (lambda x: (x,).shapes, AttributeError),
        (lambda x: {}["weights"], KeyError),
    ],
)
def test_a_mistake_in_a_call_is_traced_once_and_raised_as_it_is(call, kind):
    layer, shapes = counting(call)
    with pytest.raises(kind) as caught:
        layer(fk.Input((3,)))
    assert len(shapes) == 1
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


def test_an_error_that_no_size_mends_is_the_first_one():
    layer, shapes = counting(lambda x: x + jnp.ones(4))
    with pytest.raises(
        ValueError, match=r"(?s)\(batch, 3\).*In the call of Layer Own, on an input of shape \(None, 3\)"
    ) as caught:
        layer(fk.Input((3,)))
    assert len(shapes) == 2  # once with numbers: where only the batch is unknown, no other sizes are tried
    assert "64" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_the_error_behind_an_undecided_comparison_is_the_call_s_own():
    def call(x):
        return x[:, :2] if x.shape[1] > 4 else undefined

    def wrong(x):
        assert x.shape[1] > 4
        raise RuntimeError("broken")

    layer, _ = counting(call)
    assert layer(fk.Input((None, 3))).shape == (None, 2, 3)
    layer, _ = counting(wrong)
    with pytest.raises(RuntimeError, match="broken") as caught:
        layer(fk.Input((None, 3)))
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("look", [lambda size: {4: 1}[size], lambda size: size.bit_length()], ids=["key", "attribute"])
def test_what_only_a_number_has_is_tried_with_numbers(look):
    def call(x):
        try:
            return x * look(x.shape[1])
        except KeyError:
            if isinstance(x.shape[1], int):
                return x
            raise

    layer, _ = counting(call)
    assert layer(fk.Input((None, 3))).shape == (None, None, 3)


def test_a_weight_that_follows_from_values_is_told_from_one_that_follows_from_shapes():
    class Data(fk.nn.Layer):
        @linen.compact
        def __call__(self, x):
            return x - self.param("first", lambda key: x[0])[None]

    class Cache(fk.nn.Layer):
        @linen.compact
        def __call__(self, x):
            return x + self.variable("cache", "rows", jnp.zeros, x.shape[:1]).value[:, None]

    x = fk.Input((3,))
    needs = [layer(x).node.inferred for layer in (Data(), Cache(), fk.nn.Dense(2))]
    assert [found.needs_values for found in needs] == [True, False, False]
    assert [bool(found.needs) for found in needs] == [True, True, False]
    model = fk.Model(x, Data()(x))
    assert jnp.array_equal(model.init(jax.random.key(0), jnp.full((2, 3), 7.0))["params"]["data"]["first"], [7, 7, 7])
