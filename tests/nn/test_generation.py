"""Language models: keys and values that are kept, positions, and generation as one loop."""

import functools
import warnings

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen

import fkeras as fk
from fkeras.nn._generation import _loop
from fkeras.nn._generation._sampling import choose

VOCABULARY, SIZE = 11, 8


def described(attention, positions=None, length=None, **embedding):
    """A decoder of one block."""
    tokens = fk.Input((length,), dtype="int32")
    x = fk.nn.Embedding(VOCABULARY, SIZE, embeddings_initializer="normal", **embedding)(tokens)
    x = x if positions is None else x + positions(x)
    y = fk.nn.LayerNormalization()(x)
    x = x + attention(y, y, use_causal_mask=True)
    x = x + fk.nn.Dense(SIZE, activation="gelu")(fk.nn.LayerNormalization()(x))
    return fk.Model(tokens, fk.nn.Dense(VOCABULARY)(x))


def heads(**kwargs):
    return fk.nn.MultiHeadAttention(2, 4, **kwargs)


class RotaryAttention(fk.nn.Layer):
    """Llama's attention, as a user writes it."""

    @linen.compact
    def call(self, x):
        turn = fk.nn.RotaryEmbedding()
        q, k, v = (
            fk.nn.EinsumDense("btd,dhs->bths", (None, n, 4), name=name)(x)
            for name, n in zip("qkv", (4, 2, 2), strict=True)
        )
        k, v, mask = fk.nn.update_cache(self, turn(k), v)
        y = jax.nn.dot_product_attention(turn(q), k, v, mask=mask)
        return fk.nn.EinsumDense("bths,hsd->btd", (None, x.shape[-1]), name="o")(y)


class Llama(fk.Model):
    """A subclass with attention of its own and grouped queries, under `remat` as well."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.embedding = fk.nn.Embedding(VOCABULARY, SIZE, embeddings_initializer="normal")
        self.norm = fk.nn.RMSNormalization()
        self.rotary = linen.remat(RotaryAttention)()
        self.turn = fk.nn.RotaryEmbedding()
        self.grouped = fk.nn.GroupQueryAttention(4, num_query_heads=4, num_key_value_heads=2)
        self.head = fk.nn.Dense(VOCABULARY)

    def call(self, tokens):
        x = self.embedding(tokens)
        x = x + self.rotary(self.norm(x))
        y = self.turn(x)
        return self.head(x + self.grouped(y, y, use_causal_mask=True))


class CountsFromZero(fk.nn.Layer):
    @linen.compact
    def call(self, x):
        return fk.nn.Embedding(32, SIZE, embeddings_initializer="normal")(jnp.arange(x.shape[1]))[None]


def recurrent():
    tokens = fk.Input((None,), dtype="int32")
    x = fk.nn.Embedding(VOCABULARY, SIZE, embeddings_initializer="normal")(tokens)
    return fk.Model(tokens, fk.nn.Dense(VOCABULARY, activation="softmax")(fk.nn.LSTM(SIZE, return_sequences=True)(x)))


TOKENS = np.random.default_rng(0).integers(1, VOCABULARY, (2, 9)).astype("int32")
GPT = described(heads(), fk.nn.PositionEmbedding(32))
MODELS = {
    "gpt": GPT,
    "window": described(heads(sliding_window=3), fk.nn.PositionEmbedding(32)),
    "masks": described(heads(), fk.nn.PositionEmbedding(32), mask_zero=True),
    "llama": Llama(),
    "positions": described(heads(), CountsFromZero()),
    "recurrent": recurrent(),
}
VARIABLES = {name: model.init(0, TOKENS) for name, model in MODELS.items()}
OF_GPT = VARIABLES["gpt"]


@functools.cache
def whole_scores(name):
    return jax.jit(functools.partial(MODELS[name].apply, VARIABLES[name]))


@functools.cache
def scores_from_a_cache(name):
    model, variables = MODELS[name], VARIABLES[name]
    return jax.jit(lambda cache, x: model.apply({**variables, "cache": cache}, x, mutable=["cache"]))


def naive(name, prompt, steps):
    """The best token of a forward pass over all that there is, again and again; what is to come is filled up."""
    tokens = np.pad(np.asarray(prompt), ((0, 0), (0, 9 - np.shape(prompt)[1])), constant_values=1)
    for at in range(np.shape(prompt)[1], np.shape(prompt)[1] + steps):
        tokens[:, at] = np.argmax(np.asarray(whole_scores(name)(tokens))[:, at - 1], axis=-1)
    return tokens[:, : np.shape(prompt)[1] + steps]


# ------------------------------------------------------------------ the cache
@pytest.mark.parametrize("name", ["gpt", "window", "masks", "llama"])
def test_scores_from_a_cache_are_those_of_the_whole_sequence(name):
    model = MODELS[name]
    tokens = TOKENS.copy()
    if name == "masks":
        tokens[0, 2] = tokens[1, 5] = 0  # padding within a sequence is left out later too
    cache, run = fk.nn.init_cache(model, 2, 12), scores_from_a_cache(name)
    whole, parts = np.asarray(whole_scores(name)(tokens)), []
    for start, end in ((0, 4), (4, 5), (5, 9)):
        scores, updates = run(cache, tokens[:, start:end])
        cache = updates["cache"]
        parts.append(scores)
        assert int(cache["position"]) == end
    counts = (tokens > 0) if name == "masks" else np.ones_like(tokens, bool)
    np.testing.assert_allclose(np.concatenate(parts, axis=1)[counts], whole[counts], atol=1e-5)


def test_a_cache_is_made_of_shapes_alone_and_models_without_one_run_as_before():
    cache = fk.nn.init_cache(Llama(), 3, 7)
    shapes = {jax.tree_util.keystr(path): leaf.shape for path, leaf in jax.tree_util.tree_leaves_with_path(cache)}
    assert shapes["['grouped']['keys']"] == shapes["['rotary']['values']"] == (3, 7, 2, 4)
    assert set(OF_GPT) == {"params"}, "init makes no cache"
    half = GPT.with_dtype_policy("mixed_bfloat16")
    assert fk.nn.init_cache(half, 1, 4)["multi_head_attention"]["keys"].dtype == jnp.bfloat16
    assert fk.nn.init_cache(fk.Sequential([fk.Input((3,)), fk.nn.Dense(2)]), 1, 4, inputs=np.ones((1, 3))) == {}


def test_rows_may_stand_at_different_positions():
    run = scores_from_a_cache("gpt")
    _, updates = run(fk.nn.init_cache(GPT, 2, 12), TOKENS[:, :4])
    cache = {**updates["cache"], "position": jnp.asarray([4, 2])}
    following = np.stack((TOKENS[0, 4:6], TOKENS[1, 2:4]))
    scores, _ = run(cache, following)
    whole = np.asarray(whole_scores("gpt")(TOKENS))
    np.testing.assert_allclose(scores, np.stack((whole[0, 4:6], whole[1, 2:4])), atol=1e-5)


def test_a_full_cache_says_so_and_is_never_silently_wrong():
    cache = fk.nn.init_cache(GPT, 2, 3)
    with pytest.raises(ValueError, match=r"(?s)the cache is full.*4 new positions, room for 3.*max_length=7"):
        GPT.apply({**OF_GPT, "cache": cache}, TOKENS[:, :4], mutable=["cache"])
    cache = {**cache, "position": jnp.asarray(2)}
    with pytest.raises(ValueError, match="filled up to 2"):
        GPT.apply({**OF_GPT, "cache": cache}, TOKENS[:, :2], mutable=["cache"])
    run = jax.jit(lambda cache: GPT.apply({**OF_GPT, "cache": cache}, TOKENS[:, :2], mutable=["cache"])[0])
    assert np.isnan(run(cache)).all()
    with pytest.raises(ValueError, match=r'(?s)cache that may not change.*mutable=\["cache"\]'):
        GPT.apply({**OF_GPT, "cache": cache}, TOKENS[:, :1])
    layers = {name: of_layer for name, of_layer in cache.items() if name != "position"}
    with pytest.raises(ValueError, match=r"(?s)its cache has no position.*init_cache"):
        GPT.apply({**OF_GPT, "cache": layers}, TOKENS[:, :1], mutable=["cache"])
    with pytest.raises(ValueError, match=r"(?s)cache of other sizes.*batch_size=1"):
        GPT.apply({**OF_GPT, "cache": cache}, TOKENS[:1, :1], mutable=["cache"])


@pytest.mark.parametrize("dtype", [None, "mixed_bfloat16"])
def test_what_has_no_cache(dtype):
    x = jnp.ones((1, 2, 8))

    class Twice(fk.nn.Layer):
        def setup(self):
            self.attention = heads()

        def call(self, x):
            return self.attention(x, self.attention(x, x, use_causal_mask=True), use_causal_mask=True)

    class Block(fk.nn.Layer):
        sees_all: bool

        @linen.compact
        def call(self, x):
            y = heads(name="own")(x, x, use_causal_mask=True)
            y = heads(name="across", dtype=dtype)(y, jnp.ones((1, 5, 3)))
            return heads(name="all", dtype=dtype)(y, y) if self.sees_all else y

    with pytest.raises(
        ValueError, match=r"(?s)'all'.*cannot go on from a cache.*what comes after.*use_causal_mask=True"
    ):
        fk.nn.init_cache(Block(True), 1, 4, inputs=x)
    assert set(fk.nn.init_cache(Block(False), 1, 4, inputs=x)) == {"own", "position"}
    with pytest.raises(ValueError, match="called twice in one run"):
        fk.nn.init_cache(Twice(), 1, 4, inputs=x)


# ------------------------------------------------------------------ positions
def test_rotation_is_multiplication_by_complex_numbers():
    x = np.random.default_rng(1).normal(size=(2, 5, 3, 8)).astype("float32")
    layer = fk.nn.RotaryEmbedding(max_wavelength=100, scaling_factor=2.0)

    def oracle(x, positions):
        turns = np.exp(1j * np.asarray(positions)[..., None] / 2 * 100.0 ** (-np.arange(4) / 4))
        z = (x[..., :4] + 1j * x[..., 4:]) * turns[..., None, :]
        return np.concatenate((z.real, z.imag), axis=-1)

    np.testing.assert_allclose(layer(x), oracle(x, np.arange(5)), atol=1e-5)
    np.testing.assert_allclose(layer(x, start_index=7), oracle(x, np.arange(7, 12)), atol=1e-5)
    rows = np.asarray([[0, 1, 2, 3, 4], [9, 8, 7, 6, 5]])
    np.testing.assert_allclose(layer(x, positions=rows), oracle(x, rows), atol=1e-5)
    moved = layer.replace(sequence_axis=3, feature_axis=1)(x.transpose(0, 3, 2, 1))
    np.testing.assert_allclose(moved, oracle(x, np.arange(5)).transpose(0, 3, 2, 1), atol=1e-5)
    q, k = layer(x, start_index=3), layer(x, start_index=90)
    scores = np.einsum("bthd,bshd->bhts", q, k)
    further = np.einsum("bthd,bshd->bhts", layer(x, start_index=13), layer(x, start_index=100))
    np.testing.assert_allclose(scores, further, atol=1e-4, err_msg="scores depend on distances")
    with pytest.raises(ValueError, match="turns pairs of features"):
        layer(np.ones((1, 2, 3)))


def test_positions_beyond_the_last_are_not_those_of_others():
    layer = fk.nn.PositionEmbedding(4)
    variables = layer.init(0, jnp.ones((1, 2, 3)))
    table = variables["params"]["embeddings"]
    np.testing.assert_array_equal(layer.apply(variables, jnp.ones((2, 2, 3)), start_index=1), [table[1:3]] * 2)
    assert np.isnan(layer.apply(variables, jnp.ones((1, 2, 3)), start_index=3)[0, 1]).all()
    with pytest.raises(ValueError, match="has vectors for 4 positions"):
        layer.apply(variables, jnp.ones((1, 5, 3)))


def test_a_file_has_the_layers_of_positions(tmp_path):
    tokens = fk.Input((None,), dtype="int32")
    x = fk.nn.Embedding(VOCABULARY, SIZE)(tokens)
    x = fk.nn.RotaryEmbedding(max_wavelength=500)(x) + fk.nn.PositionEmbedding(16)(x)
    x = fk.nn.GroupQueryAttention(4, 2, 1)(x, x, use_causal_mask=True)
    model = fk.Model(tokens, fk.nn.Dense(VOCABULARY)(x))
    variables = model.init(0)
    model.save(tmp_path / "model.keras", variables)
    loaded, read = fk.load_model(tmp_path / "model.keras")
    assert loaded == model
    given = fk.nn.generate(model, variables, TOKENS[:, :2], 3)
    np.testing.assert_array_equal(fk.nn.generate(loaded, read, TOKENS[:, :2], 3), given)


# ------------------------------------------------------------------ generation
@pytest.mark.parametrize("name", ["window", "llama"])
def test_the_best_tokens_are_those_of_forward_passes(name):
    model, variables = MODELS[name], VARIABLES[name]
    generated = fk.nn.generate(model, variables, TOKENS[:, :3], 5)
    np.testing.assert_array_equal(generated, naive(name, TOKENS[:, :3], 5))


def test_prompts_of_different_lengths_are_padded_before_or_after():
    rows = [[5, 3], [1, 2, 7, 4], [9]]
    alone = [naive("gpt", [row] * 2, 4)[0] for row in rows]
    before = np.asarray([[0] * (4 - len(row)) + row for row in rows])
    after = np.asarray([row + [0] * (4 - len(row)) for row in rows])
    mask = np.asarray([[True] * len(row) + [False] * (4 - len(row)) for row in rows])
    expected = np.stack([np.pad(row, (0, 8 - len(row))) for row in alone])
    for prompt, how in ((before, {"pad_token_id": 0}), (after, {"pad_token_id": 0}), (after, {"prompt_mask": mask})):
        tokens, lengths = fk.nn.generate(GPT, OF_GPT, prompt, 4, return_lengths=True, **how)
        np.testing.assert_array_equal(tokens, expected)
        np.testing.assert_array_equal(lengths, [6, 8, 5])
    with pytest.raises(ValueError, match=r"(?s)stand together.*2 tokens in row 1, with holes"):
        fk.nn.generate(GPT, OF_GPT, after, 1, prompt_mask=mask & [True, False, True, False])
    with pytest.raises(ValueError, match="0 tokens in row 0"):
        fk.nn.generate(GPT, OF_GPT, np.zeros((1, 2), int), 1, pad_token_id=0)
    with pytest.raises(ValueError, match="not padded to one length"):
        fk.nn.generate(GPT, OF_GPT, rows, 1)


def test_a_row_ends_behind_its_stop_token():
    free = np.asarray(fk.nn.generate(GPT, OF_GPT, TOKENS[:, :2], 6))
    stop = int(free[0, 3])
    ended, lengths = fk.nn.generate(
        GPT, OF_GPT, TOKENS[:, :2], 6, stop_token_ids=np.asarray([stop, 99]), pad_token_id=10, return_lengths=True
    )
    for row, length, whole in zip(np.asarray(ended), lengths, free, strict=True):
        found = np.flatnonzero(whole[2:] == stop)
        end = 3 + found[0] if found.size else 8
        assert int(length) == end
        np.testing.assert_array_equal(row, [*whole[:end], *[10] * (8 - end)])


def test_what_is_drawn_follows_from_the_seed_and_the_row():
    def draw(seed, rows=2):
        return fk.nn.generate(GPT, OF_GPT, TOKENS[:rows, :2], 6, 2.0, top_k=9, top_p=0.99, seed=seed)

    once, other = np.asarray(draw(3)), np.asarray(draw(jax.random.key(4)))
    assert not np.array_equal(once, other)
    np.testing.assert_array_equal(once[:1], draw(3, rows=1))
    many = jax.jit(jax.vmap(draw))(jnp.stack((jax.random.key(3), jax.random.key(4))))
    np.testing.assert_array_equal(many, [once, other])


def test_a_second_call_traces_nothing():
    calls = []

    class Counted(fk.nn.Layer):
        def call(self, x):
            calls.append(x.shape)
            return x

    def model():
        tokens = fk.Input((None,), dtype="int32")
        x = fk.nn.Embedding(VOCABULARY, SIZE)(tokens)
        x = fk.nn.RotaryEmbedding()(Counted()(x))
        return fk.Model(tokens, fk.nn.Dense(VOCABULARY)(heads()(x, x, use_causal_mask=True)))

    first, second = model(), model()
    variables = first.init(0)
    fk.nn.generate(first, variables, TOKENS, 2, 0.5, top_p=0.5, seed=0)
    calls.clear()
    fk.nn.generate(second, variables, TOKENS, 2, 0.9, top_p=0.6, seed=1)
    assert not calls


def test_the_tokens_that_are_left_and_how_often_each_is_drawn():
    scores = jnp.log(jnp.asarray([0.4, 0.1, 0.25, 0.05, 0.2]))
    many = 4000
    keys = jax.random.split(jax.random.key(0), many)

    def shares(temperature=1.0, top_k=None, top_p=None):
        top_p = None if top_p is None else jnp.asarray(top_p)
        drawn = choose(jnp.tile(scores, (many, 1)), keys, jnp.asarray(temperature), top_k, top_p)
        return np.bincount(drawn, minlength=5) / many

    for how, expected in (
        ({}, [0.4, 0.1, 0.25, 0.05, 0.2]),
        ({"top_k": 2}, [0.4 / 0.65, 0, 0.25 / 0.65, 0, 0]),
        ({"top_p": 0.7}, [0.4 / 0.85, 0, 0.25 / 0.85, 0, 0.2 / 0.85]),
        ({"top_k": 4, "top_p": 0.5}, [0.4 / 0.65, 0, 0.25 / 0.65, 0, 0]),
        ({"top_p": 1e-9}, [1, 0, 0, 0, 0]),
        ({"top_k": 99, "temperature": 0.5}, np.square([0.4, 0.1, 0.25, 0.05, 0.2]) / 0.275),
    ):
        expected = np.asarray(expected)
        found = shares(**how)
        assert (found[expected == 0] == 0).all(), how
        left = expected > 0
        chi_square = many * ((found - expected)[left] ** 2 / expected[left]).sum()
        assert chi_square < 18.5, how  # a thousandth of the draws with four degrees of freedom is above


@pytest.mark.parametrize(
    ("name", "why"),
    [("positions", "positions that count from 0"), ("recurrent", "no layer of it is causal attention")],
)
def test_a_model_without_a_cache_runs_on_all_tokens_and_says_why(name, why):
    model, variables = MODELS[name], VARIABLES[name]
    with pytest.warns(UserWarning, match=why):
        generated = fk.nn.generate(model, variables, TOKENS[:, :1], 4)
    np.testing.assert_array_equal(generated, naive(name, TOKENS[:, :1], 4))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        np.testing.assert_array_equal(fk.nn.generate(model, variables, TOKENS[:, :1], 4, use_cache=False), generated)
    with pytest.raises(ValueError, match=r"(?s)cannot go on from a cache.*use_cache=True"):
        fk.nn.generate(model, variables, TOKENS[:, :1], 4, use_cache=True)


def test_a_model_of_so_many_tokens_has_no_cache_either():
    model = described(heads(), fk.nn.PositionEmbedding(32), length=6)
    with pytest.warns(UserWarning, match="its input has 6 tokens"):
        generated = fk.nn.generate(model, OF_GPT, TOKENS[:, :2], 3)
    np.testing.assert_array_equal(generated, naive("gpt", TOKENS[:, :2], 3))
    with pytest.raises(ValueError, match="takes 6 tokens"):
        fk.nn.generate(model, OF_GPT, TOKENS[:, :3], 4)


def test_under_jit_a_cache_that_does_not_serve_is_seen_too():
    tokens = jax.jit(lambda v: fk.nn.generate(MODELS["positions"], v, TOKENS[:, :1], 4))(VARIABLES["positions"])
    np.testing.assert_array_equal(tokens, np.concatenate((TOKENS[:, :1], np.full((2, 4), -1)), axis=1))


def test_models_that_cannot_generate():
    tokens = fk.Input((None,), dtype="int32")
    x = fk.nn.Embedding(VOCABULARY, SIZE, embeddings_initializer="normal")(tokens)
    ahead = fk.Model(tokens, fk.nn.Dense(VOCABULARY)(fk.nn.Bidirectional(fk.nn.LSTM(4, return_sequences=True))(x)))
    with pytest.raises(ValueError, match="sees what comes after a token"):
        fk.nn.generate(ahead, ahead.init(0), TOKENS[:, :2], 2, use_cache=False)
    with pytest.raises(ValueError, match=r"(?s)scores .* are NaN.*tokens beyond the vocabulary"):
        fk.nn.generate(GPT, OF_GPT, TOKENS[:, :3] + VOCABULARY, 5)
    with pytest.raises(TypeError, match=r"takes variables: a dict"):
        fk.nn.generate(GPT, [[1, 2]], OF_GPT, 4)
    pooled = fk.Model(tokens, fk.nn.Dense(VOCABULARY)(fk.nn.GlobalAveragePooling1D()(x)))
    with pytest.raises(ValueError, match="no scores of the next token for each token"):
        fk.nn.generate(pooled, pooled.init(0), TOKENS[:, :2], 2, use_cache=False)


@pytest.mark.parametrize(
    ("kwargs", "words"),
    [
        ({"temperature": 0.7}, "was given no seed"),
        ({"max_new_tokens": 0}, "max_new_tokens is a positive integer"),
        ({"temperature": -1}, "temperature is a number that is not negative"),
        ({"top_k": 0, "seed": 0}, "top_k is a positive integer"),
        ({"top_p": 1.5, "seed": 0}, "top_p is a probability"),
        ({"prompt": [1, 2]}, r"prompt\[None\]"),
        ({"prompt": np.ones((1, 2, 3), int)}, r"shape \(1, 2, 3\)"),
    ],
)
def test_arguments_that_are_refused(kwargs, words):
    with pytest.raises(ValueError, match=words):
        fk.nn.generate(GPT, OF_GPT, **{"prompt": TOKENS, "max_new_tokens": 2, **kwargs})
    with pytest.raises(TypeError, match="token ids, which are integers"):
        fk.nn.generate(GPT, OF_GPT, np.ones((1, 2)), 2)


def test_other_weights_generate_too():
    half = GPT.with_dtype_policy("mixed_bfloat16")
    lora = GPT.with_lora(2)
    qmodel, quantised = GPT.quantize(OF_GPT, "int8")
    for model, variables in ((half, OF_GPT), (lora, lora.lora_variables(OF_GPT)), (qmodel, quantised)):
        tokens = np.asarray(fk.nn.generate(model, variables, TOKENS[:, :3], 2))
        assert tokens.shape == (2, 5), "and no word of a cache that does not serve"
    assert _loop._allowed(OF_GPT) < _loop._allowed(quantised)
