"""The choice of attention's kernel: programs lowered for CUDA, numbers in the kernel's words, half precision."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import fkeras as fk
from fkeras.nn._attention._attend import by_xla
from fkeras.nn._attention._kernel import attention, how_to_ask
from fkeras.nn._attention._seen import Seen

from ..real_keras import keras_world
from .cuda_plugin import lowered

RNG = np.random.default_rng(0)


# ------------------------------------------------------------------ programs for CUDA, lowered on a CPU
@pytest.fixture(scope="module")
def programs(tmp_path_factory):
    """JAX asks which cuDNN there is."""
    versions = "def __getattr__(name):\n    return lambda *_: 91000\n"
    return lowered("lower_attention.py", tmp_path_factory.mktemp("plugin"), _versions=versions)


BOTH = ["Softmax", "SoftmaxBackward"]
ONCE_MORE = ["Softmax", *BOTH]


@pytest.mark.parametrize(
    ("name", "calls", "mask", "window"),
    [
        ("causal", ["Softmax"], "CAUSAL", 0),
        ("whole", ["Softmax"], "NO_MASK", 0),
        ("window", ["Softmax"], "CAUSAL", 4),
        ("lengths", ["Softmax"], "PADDING_CAUSAL", 0),
        ("padded_targets", ["Softmax"], "CAUSAL", 0),
        ("one_head", ["Softmax"], "CAUSAL", 0),
        ("quantized", ["Softmax"], "CAUSAL", 0),
        ("lora", ["Softmax"], "CAUSAL", 0),
        ("gradient", BOTH, "CAUSAL", 0),
        ("gradient_of_window", BOTH, "CAUSAL", 4),
        ("gradient_of_lengths", ONCE_MORE, "PADDING_CAUSAL", 0),
        ("many", BOTH, "CAUSAL", 0),
        ("many_queries", BOTH, "CAUSAL", 0),
        ("remat", BOTH, "CAUSAL", 0),
    ],
)
def test_a_program_for_cuda_has_the_kernel_and_no_array_of_pairs(programs, name, calls, mask, window):
    program = programs[name]
    assert program["calls"] == calls
    assert set(program["masks"]) == {mask}
    assert set(program["windows"]) == {window}
    assert not program["pairs"]


@pytest.mark.parametrize(
    ("name", "mask", "calls"),
    [
        ("window_both_ways", "NO_MASK", ["ScaleBiasSoftmax"]),
        ("holes", "NO_MASK", ["ScaleBiasSoftmax"]),
        ("mask", "CAUSAL", ["ScaleBiasSoftmax"]),
        ("many_masked", "NO_MASK", ["ScaleBiasSoftmax", "ScaleBiasSoftmax", "ScaleBiasSoftmaxBackward"]),
    ],
)
def test_what_the_kernel_has_no_word_for_is_an_array(programs, name, mask, calls):
    assert programs[name]["calls"] == calls
    assert set(programs[name]["masks"]) == {mask}
    assert set(programs[name]["windows"]) == {0}


@pytest.mark.parametrize(
    "name", ["never", "single", "odd_heads", "other_length", "one_position", "scores", "on_cpu", "second"]
)
def test_elsewhere_and_where_the_kernel_has_conditions_it_is_not_asked_for(programs, name):
    assert programs[name]["calls"] == []


# ------------------------------------------------------------------ the kernel's words mean what the arrays mean
HOLES = np.array([[0, 0, 0, 0, 0, 0], [1, 1, 0, 1, 0, 1]], bool)
PREFIX = np.arange(6)[None] < np.array([[4], [0]])
PAIRS = RNG.random((2, 4, 6, 6)) < 0.8
WORDS = {
    "causal": Seen(causal=True),
    "window": Seen(causal=True, window=2),
    "window_both_ways": Seen(window=2),
    "lengths": Seen(sources=(PREFIX,), causal=True),
    "lengths_in_a_window": Seen(sources=(PREFIX, PREFIX[1:] | True), causal=True, window=2),
    "holes": Seen(sources=(jnp.asarray(HOLES),)),
    "all": Seen(jnp.arange(6)[None] < jnp.array([[5], [4]]), (jnp.asarray(HOLES),), jnp.asarray(PAIRS), True, 4),
}


@pytest.mark.parametrize("name", WORDS)
def test_numbers_and_gradients_in_the_kernels_words(name):
    """JAX's function takes the same words without the kernel: so do they mean what the masks do, blind targets too."""
    seen = WORDS[name]
    query, key, value, g = (jnp.asarray(RNG.normal(size=(2, 6, n, 8)), "float32") for n in (4, 2, 2, 4))
    how = how_to_ask(query, key, seen, 0.3)

    def asked(q, k, v):
        return attention(q, k, v, seen, how, "xla")

    def plain(q, k, v):
        return by_xla(q, k, v, seen, 0.3)

    @jax.jit
    def numbers(q, k, v):
        return [(f(q, k, v), *jax.vjp(f, q, k, v)[1](g)) for f in (asked, plain)]

    got, want = numbers(query, key, value)
    for a, b in zip(got, want, strict=True):
        np.testing.assert_allclose(a, b, atol=2e-6)  # float32, sums of six


@pytest.mark.parametrize("name", ["causal", "all"])
def test_under_vmap_and_to_the_second_order_in_the_kernels_words(name):
    seen = WORDS[name]
    query, key, value, g = (jnp.asarray(RNG.normal(size=(2, 6, n, 8)), "float32") for n in (4, 2, 2, 4))
    how = how_to_ask(query, key, seen, 0.3)

    @jax.jit
    def numbers(q):
        found = []
        for f in (
            lambda q: attention(q, key, value, seen, how, "xla"),
            lambda q: by_xla(q, key, value, seen, 0.3),
        ):
            slope = jax.grad(lambda q, f=f: (f(q) * g).sum())
            found.append((jax.vmap(slope)(jnp.stack([q, -q])), jax.jvp(slope, (q,), (g,))[1]))
        return found

    for a, b in zip(*numbers(query), strict=True):
        assert np.abs(b).max() > 1e-3
        np.testing.assert_allclose(a, b, atol=2e-6)


def test_only_what_is_known_to_be_a_run_is_a_length():
    query = key = jnp.zeros((2, 6, 1, 8))
    ask = lambda *masks, **more: how_to_ask(query, key, Seen(sources=masks, **more), 1.0)  # noqa: E731
    np.testing.assert_array_equal(ask(PREFIX).lengths, [4, 0])
    np.testing.assert_array_equal(ask(PREFIX, np.arange(6)[None] < 2).lengths, [2, 0])
    for masks in [(HOLES,), (~PREFIX,), (jnp.asarray(PREFIX),), (PREFIX, jnp.asarray(PREFIX))]:
        how = ask(*masks)
        assert how.masked
        assert how.lengths is None
    assert ask(PREFIX, pairs=jnp.ones((1, 6, 6), bool)).lengths is None


# ------------------------------------------------------------------ half precision where there is no kernel
X, Y = (RNG.normal(size=(2, n, 8)).astype("float32") for n in (5, 6))
MASK = HOLES[::-1]
HALF = {
    "causal": ("MultiHeadAttention", (2, 4), {}, {"use_causal_mask": True}, Y),
    "causal_to_others": ("MultiHeadAttention", (2, 4), {}, {"use_causal_mask": True, "value_mask": MASK}, X),
    "window": ("MultiHeadAttention", (2, 4), {"sliding_window": 2}, {"use_causal_mask": True}, Y),
    "nothing_seen": ("MultiHeadAttention", (2, 4), {}, {"value_mask": HOLES}, X),
    "scores": ("MultiHeadAttention", (2, 4), {}, {"return_attention_scores": True, "value_mask": MASK}, X),
    "shared": ("GroupQueryAttention", (4, 4, 2), {}, {"value_mask": HOLES}, X),
    "one_position": ("GroupQueryAttention", (4, 4, 2), {}, {}, X[:, :1]),
    "dropout": ("GroupQueryAttention", (4, 4, 2), {"dropout": 0.3}, {"use_causal_mask": True}, X),
}


@pytest.mark.sweep(5)
@pytest.mark.parametrize("dtype", ["float16", "mixed_bfloat16"])
@pytest.mark.parametrize("name", HALF)
def test_half_precision_as_in_keras(name, dtype):
    """Within four roundings of outputs around one: of the projections, the weights, their sum and the output."""
    keras = pytest.importorskip("keras")
    kind, sizes, fields, call, query = HALF[name]
    theirs = getattr(keras.layers, kind)(*sizes, dtype=dtype, **fields)
    with keras_world():
        want = theirs(query, Y, **call)
    tree: dict = {}
    for w in theirs.weights:
        tree.setdefault(w.path.split("/")[-2].replace("attention_output", "out"), {})[w.name] = jnp.asarray(w)
    layer = getattr(fk.nn, kind)(*sizes, dtype=dtype, **fields)
    rounding = float(jnp.finfo(layer.compute_dtype).eps)
    got = jax.jit(lambda v: layer.apply(v, query, Y, **call))({"params": tree})
    for a, b in zip(jax.tree.leaves(got), jax.tree.leaves(want), strict=True):
        assert a.dtype == b.dtype
        np.testing.assert_allclose(np.asarray(a, "float32"), np.asarray(b, "float32"), atol=4 * rounding)


@pytest.mark.parametrize("kind", ["MultiHeadAttention", "GroupQueryAttention", "Attention", "AdditiveAttention"])
def test_float16_trains_anywhere(kind):
    """A whole model under mixed_float16, on a platform whose dot products do not have JAX's algorithm for float16."""
    inputs = fk.Input((5, 8))
    x = fk.nn.Dense(8)(inputs)
    sizes = {"MultiHeadAttention": (2, 4), "GroupQueryAttention": (4, 4, 2)}.get(kind)
    y = getattr(fk.nn, kind)(*sizes)(x, x, use_causal_mask=True) if sizes else getattr(fk.nn, kind)()([x, x])
    model = fk.Model(inputs, fk.nn.Dense(1)(y))
    half = model.with_dtype_policy("mixed_float16")
    variables = model.init(0)

    @jax.jit
    def slopes(variables):
        return [jax.grad(lambda v, m=m: m.apply(v, X).astype("float32").mean())(variables) for m in (half, model)]

    got, want = (jax.tree.leaves(t["params"]) for t in slopes(variables))
    largest = max(float(jnp.abs(b).max()) for b in want)
    for a, b in zip(got, want, strict=True):
        np.testing.assert_allclose(a, b, atol=0.02 * largest)  # some ten operations of float16's 11 bits, each way


def test_the_kernel_by_name_must_be_had():
    """Where a model runs; described and initialized is it anywhere."""
    x = fk.Input((4, 8), batch_size=2)
    layer = fk.nn.MultiHeadAttention(2, 8, flash_attention=True)
    model = fk.Model(x, layer(x, x))
    with pytest.raises(ValueError, match=r"flash_attention=True asks for cuDNN's attention(.|\n)*not in float32"):
        model.apply(model.init(0), X[:, :4])
    layer = fk.nn.GroupQueryAttention(8, 4, 2, flash_attention=True, dtype="bfloat16")
    with pytest.raises(ValueError, match="for as many targets as sources"):
        layer.apply(layer.init(jax.random.key(0), X, Y), X, Y, use_causal_mask=True)
    layer = fk.nn.MultiHeadAttention(2, 8, value_dim=4, flash_attention=True, dtype="bfloat16")
    with pytest.raises(ValueError, match="one axis of time, and values of the keys' size"):
        layer.apply(layer.init(jax.random.key(0), X, Y), X, Y)


def test_a_fixed_batch_in_float16_is_exported_for_several_platforms(tmp_path):
    x = fk.Input((4, 8), batch_size=2)
    model = fk.Model(x, fk.nn.MultiHeadAttention(2, 8, flash_attention=True)(x, x)).with_dtype_policy("mixed_float16")
    model.export(tmp_path / "program", model.init(0))
    program = fk.load_exported(tmp_path / "program")
    assert program(np.ones((2, 4, 8), "float32")).shape == (2, 4, 8)


def test_the_function_of_ops_takes_float16_anywhere():
    query, mask = jnp.asarray(X[:, :, None], jnp.float16), jnp.asarray(HOLES[1:, :5])[:, None, None]
    attend = lambda q: fk.ops.dot_product_attention(q, q, q, mask=mask, is_causal=True)  # noqa: E731
    got, want = jax.jit(lambda q: (attend(q), attend(q.astype("float32"))))(query)
    assert got.dtype == jnp.float16
    np.testing.assert_allclose(got, want, atol=4 * float(jnp.finfo(jnp.float16).eps))
