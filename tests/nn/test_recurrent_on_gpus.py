"""Recurrent layers on accelerators: programs lowered for CUDA, and the numbers of what is chosen there, on a CPU."""

import types

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.experimental import rnn

import fkeras as fk
from fkeras.nn._recurrent import _by_platform, _cudnn

from ..real_keras import keras_world
from .cuda_plugin import lowered

RNG = np.random.default_rng(0)
RNGS = {"dropout": jax.random.key(1)}
BATCH, TIME, FEATURES, UNITS = 4, 5, 3, 4
X = jnp.asarray(RNG.normal(size=(BATCH, TIME, FEATURES)), "float32")
STATES = [jnp.asarray(RNG.normal(size=(BATCH, UNITS)), "float32") for _ in range(2)]
STEPS, LENGTHS = np.arange(TIME)[None], np.array([[3], [5], [1], [0]])
HOLES = RNG.random((BATCH, TIME)) < 0.5
MASKS = [STEPS < LENGTHS, STEPS >= TIME - LENGTHS, HOLES]


# ------------------------------------------------------------------ programs for CUDA, lowered on a CPU
@pytest.fixture(scope="module")
def programs(tmp_path_factory):
    """JAX asks how much memory the kernel needs."""
    kernel = (
        "registrations = dict\n"
        "compute_rnn_workspace_reserve_space_sizes = lambda *_: (1000, 2000)\n"
        "build_rnn_descriptor = lambda *_: b''\n"
    )
    return lowered("lower_recurrent.py", tmp_path_factory.mktemp("plugin"), _rnn=kernel)


@pytest.mark.parametrize("name", ["sequences", "states", "dropped", "both_ways", "quantized"])
def test_a_program_for_cuda_has_the_kernel_and_no_loop(programs, name):
    assert programs[name] == {"calls": ["", ""] if name == "both_ways" else [""], "loops": 0}


@pytest.mark.parametrize("name", ["gradient", "gradient_masked", "remat"])
def test_so_has_its_gradient(programs, name):
    assert programs[name] == {"calls": ["", "bwd_"], "loops": 0}


@pytest.mark.parametrize(
    "name",
    ["never", "half", "rectified", "gates", "no_bias", "states_dropped", "gru", "on_cpu", "second", "many", "low"],
)
def test_elsewhere_and_where_the_kernel_has_conditions_there_are_loops(programs, name):
    assert programs[name]["calls"] == []
    assert programs[name]["loops"] > 0


def test_a_fixed_batch_is_exported_for_several_platforms(programs):
    assert programs["exported"] == [2, 8]


# ------------------------------------------------------------------ what is chosen for CUDA, computed here
def by_reference(x, h, c, kernel, recurrent, bias, lengths):
    """The kernel's arguments, given to JAX's own reference of the kernel."""
    sizes = (FEATURES, UNITS, 1)
    weights = rnn.unpack_lstm_weights(_cudnn.packed(kernel, recurrent, bias), *sizes, False)
    outputs, h, c = rnn.lstm_ref(x, h[None], c[None], *weights, lengths, *sizes, 0.0, False)
    return outputs, h[0], c[0]


@pytest.fixture
def on_cuda(monkeypatch):
    """Branches for CUDA are what runs, with JAX's reference of the kernel in its place."""
    monkeypatch.setattr(_by_platform, "accelerators", lambda: 1)
    monkeypatch.setattr(_by_platform, "AT_ONCE", 2)  # which compiles sooner, and does not divide five steps either
    monkeypatch.setattr(_by_platform, "why_not_here", lambda *_: None)
    monkeypatch.setattr(_by_platform, "lstm", lambda *args, **words: _cudnn.lstm(*args, **words, run=by_reference))
    chosen = types.SimpleNamespace(platform_dependent=lambda *args, cuda, **_: cuda(*args))
    monkeypatch.setattr(_by_platform, "lax", chosen)


def numbers(layer, variables, masks, **call):
    """For each mask the outputs, and the gradients of weights, inputs and states."""

    @jax.jit
    def all_of(variables, x, states, mask):
        def run(variables, x, states):
            return layer.apply(variables, x, initial_state=states, mask=mask, **call)

        outputs, gradient = jax.vjp(run, variables, x, states)
        return outputs, gradient(
            jax.tree.map(lambda y: jnp.cos(jnp.arange(y.size, dtype=y.dtype)).reshape(y.shape), outputs)
        )

    states = STATES[: layer._states] if hasattr(layer, "_states") else None
    return [all_of(variables, X, states, mask) for mask in masks]


def check(layer, masks=MASKS, tolerance=2e-6, **call):
    """What is chosen equals what one program for all platforms computes."""
    plain = never(layer)
    shapes, rng = jax.eval_shape(plain.init, jax.random.key(0), X), np.random.default_rng(1)
    variables = jax.tree.map(lambda a: np.asarray(rng.normal(size=a.shape) / 2, a.dtype), shapes)
    got, want = (numbers(a, variables, masks, **call) for a in (layer, plain))
    assert jax.tree.structure(got) == jax.tree.structure(want)
    for a, b in zip(jax.tree.leaves(got), jax.tree.leaves(want), strict=True):
        assert a.dtype == b.dtype
        a, b = np.asarray(a, "float32"), np.asarray(b, "float32")
        np.testing.assert_allclose(a, b, atol=tolerance * max(1.0, np.abs(b).max()))


def never(layer):
    if isinstance(layer, fk.nn.Bidirectional):
        return layer.replace(layer=never(layer.layer), backward_layer=never(layer.backward_layer))
    return layer.replace(use_cudnn=False)


@pytest.mark.parametrize(
    "words",
    [{"return_state": True}, {"return_sequences": True, "zero_output_for_mask": True, "go_backwards": True}],
)
def test_the_kernel_is_the_layer_with_any_mask(on_cuda, words):
    check(fk.nn.LSTM(UNITS, use_cudnn=True, **words))


def test_a_mask_for_all_sequences_and_both_ways(on_cuda):
    layer = fk.nn.LSTM(UNITS, return_sequences=True, dropout=0.4)
    mask = (STEPS % 2 == 0)[..., None]
    check(fk.nn.Bidirectional(layer, merge_mode="sum"), [mask], training=True, rngs=RNGS)


def test_the_loop_of_an_accelerator_is_the_layer(on_cuda):
    layer = fk.nn.LSTM(UNITS, dropout=0.4, recurrent_dropout=0.4, go_backwards=True, return_sequences=True)
    check(layer, [None], training=True, rngs=RNGS)


def test_and_a_gru_in_half_precision(on_cuda):
    """Gradients are the same sums over time in another order: a few roundings."""
    layer = fk.nn.GRU(UNITS, dtype="bfloat16", dropout=0.4, return_state=True)
    check(layer, [HOLES], 8 * float(jnp.finfo("bfloat16").eps), training=True, rngs=RNGS)


def test_a_stateful_layer_goes_on(on_cuda):
    layer = fk.nn.LSTM(UNITS, stateful=True, use_cudnn=True)
    variables = layer.init(jax.random.key(0), X)
    for half in (X[:, :2], X[:, 2:]):
        got, updates = layer.apply(variables, half, mutable=["recurrent_state"])
        variables = {**variables, **updates}
    np.testing.assert_allclose(got, never(layer).replace(stateful=False).apply(variables, X), atol=2e-6)


def test_real_keras_computes_the_same_with_holes(on_cuda):
    keras = pytest.importorskip("keras")
    theirs = keras.layers.Bidirectional(keras.layers.LSTM(UNITS, return_sequences=True))
    with keras_world():
        want = theirs(X, mask=HOLES)
    forward, backward = (
        {"kernel": w[0], "recurrent_kernel": w[1], "bias": w[2]}
        for w in ([jnp.asarray(v) for v in one.weights] for one in (theirs.forward_layer, theirs.backward_layer))
    )
    layer = fk.nn.Bidirectional(fk.nn.LSTM(UNITS, return_sequences=True, use_cudnn=True))
    variables = {"params": {"forward_lstm": forward, "backward_lstm": backward}}
    got = jax.jit(layer.apply)(variables, X, mask=HOLES)
    np.testing.assert_allclose(got, want, atol=1e-5)


# ------------------------------------------------------------------ derivatives, vmap, weights
@pytest.mark.sweep(2)
@pytest.mark.parametrize("ragged", [False, True])
def test_derivatives_of_any_order_and_vmap(monkeypatch, ragged):
    """The kernel's functions are the loop here; what they keep for a gradient is nothing."""
    monkeypatch.setattr(_cudnn, "AT_ONCE", 1)  # which compiles sooner
    lengths = jnp.asarray([3, 5, 1, 2] if ragged else [TIME] * BATCH, "int32")
    arrays = (X, *STATES, *(jnp.asarray(RNG.normal(size=n), "float32") for n in ((FEATURES, 16), (UNITS, 16), (16,))))

    def reference(*arrays):
        return _cudnn.loop(*arrays[:6], arrays[6] if ragged else None)

    def backward(kept, outputs, g, *arrays):
        return jax.vjp(lambda *a: reference(*a, arrays[6]), *arrays[:6])[1](g)

    kernel = _cudnn.derived(lambda *arrays: (reference(*arrays), jnp.zeros(3)), backward, ragged)

    @jax.jit
    def both(*arrays):
        found = []
        for run in (kernel, reference):

            def energy(arrays, lengths, run=run):
                return sum((y * jnp.cos(y)).sum() for y in run(*arrays, lengths))

            slope = jax.grad(energy)
            if ragged:
                many = jax.vmap(slope, (None, 0))(arrays, jnp.stack([lengths, lengths[::-1]]))
            else:
                many = jax.vmap(slope, (0, None))(jax.tree.map(lambda a: jnp.stack([a, -a]), arrays), lengths)
            second = jax.jvp(lambda a, slope=slope: slope(a, lengths), (arrays,), (arrays,))[1]
            found.append((slope(arrays, lengths), second, many))
        return found

    for a, b in zip(*map(jax.tree.leaves, both(*arrays)), strict=True):
        assert np.abs(b).max() > 1e-3
        np.testing.assert_allclose(a, b, atol=1e-5 * np.abs(b).max())  # sums of some tens


def test_packed_weights_come_back():
    kernels = [jnp.asarray(RNG.normal(size=n), "float32") for n in ((3, 20), (5, 20), (20,))]
    packed = _cudnn.packed(*kernels)
    assert packed.shape == (rnn.get_num_params_in_lstm(3, 5, 1, False),)
    for a, b in zip(_cudnn.unpacked(packed, 3, 5), kernels, strict=True):
        np.testing.assert_array_equal(a, b)


# ------------------------------------------------------------------ asked for by name
@pytest.mark.parametrize(
    ("layer", "why"),
    [
        (fk.nn.LSTM(UNITS, "relu", use_cudnn=True), "its activation is tanh"),
        (fk.nn.LSTM(UNITS, recurrent_activation="hard_sigmoid", use_cudnn=True), "of its gates is a sigmoid"),
        (fk.nn.LSTM(UNITS, use_bias=False, use_cudnn=True), "it has a bias"),
        (fk.nn.LSTM(UNITS, unroll=True, use_cudnn=True), "no unrolled loop"),
        (fk.nn.LSTM(UNITS, recurrent_dropout=0.1, use_cudnn=True), "drops nothing of the states"),
        (fk.nn.LSTM(UNITS, dtype="bfloat16", use_cudnn=True), "float32, not in bfloat16"),
        (fk.nn.GRU(UNITS, use_cudnn=True), "no GRU"),
    ],
)
def test_what_cannot_be_had_anywhere_is_said_where_it_is_described(layer, why):
    with pytest.raises(ValueError, match=rf"use_cudnn=True asks for cuDNN's kernel(.|\n)*{why}(.|\n)*\"auto\""):
        layer(fk.Input((TIME, FEATURES)))


def test_what_cannot_be_had_here_is_said_where_it_runs():
    x = fk.Input((TIME, FEATURES))
    model = fk.Model(x, fk.nn.LSTM(UNITS, use_cudnn=True)(x))
    variables = model.init(0)
    with pytest.raises(ValueError, match="CUDA plugin, which has it, is not installed"):
        model.apply(variables, X)
    assert "use_cudnn" not in model.layers[-1].get_config()


def test_other_words_are_refused():
    with pytest.raises(ValueError, match="`use_cudnn` must be one of"):
        fk.nn.LSTM(UNITS, use_cudnn="never")


def test_the_kernel_is_not_split_among_devices_unasked(on_cuda, monkeypatch):
    monkeypatch.setattr(_by_platform, "accelerators", lambda: 2)
    asked = []
    monkeypatch.setattr(
        _by_platform, "lstm", lambda *args, **words: asked.append(1) or _cudnn.lstm(*args, run=by_reference)
    )
    for use_cudnn in ("auto", True):
        layer = fk.nn.LSTM(UNITS, use_cudnn=use_cudnn)
        jax.eval_shape(layer.apply, never(layer).init(jax.random.key(0), X), X)
        assert len(asked) == (use_cudnn is True)
