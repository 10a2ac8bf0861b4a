"""Layers whose dtype says few bits: Keras's arrays under its names, and its numbers."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import fkeras as fk

from ..real_keras import keras_world

keras = pytest.importorskip("keras")
RNG = np.random.default_rng(0)
X = RNG.normal(size=(2, 5, 8)).astype("float32")
TOKENS = RNG.integers(0, 9, (2, 6))
# Which kinds of layers each policy is tried on; each pair is a program, so none is there twice for one mechanism.
LAYERS = {
    "dense": lambda of, dtype: of.Dense(5, dtype=dtype),
    "heads": lambda of, dtype: of.EinsumDense("abc,cde->abde", (None, 2, 3), bias_axes="de", dtype=dtype),
    "joined": lambda of, dtype: of.EinsumDense("abc,bcd->ad", 3, dtype=dtype),
    "table": lambda of, dtype: of.Embedding(9, 7, dtype=dtype),
    "tied": lambda of, dtype: of.ReversibleEmbedding(9, 8, dtype=dtype),
    "untied": lambda of, dtype: of.ReversibleEmbedding(9, 8, tie_weights=False, dtype=dtype),
}
CASES = {
    "int8_from_float32": ("dense", "heads", "joined", "table", "untied"),
    "int8_from_mixed_bfloat16": ("dense", "heads", "tied"),
    "int4_from_float32": ("dense", "joined", "table", "tied"),
    "int4/3_from_float32": ("dense", "heads", "table", "untied", "tied"),
    "float8_from_float32": ("dense", "heads"),
    "gptq/4/4_from_float32": ("dense", "heads"),
    "gptq/8/-1_from_float32": ("joined",),
    "awq/4/4_from_mixed_bfloat16": ("dense", "joined"),
}


def theirs(name, dtype, x, kwargs):
    """Keras's layer with random arrays of its own shapes, by name, and what it makes of `x`."""
    layer = LAYERS[name](keras.layers, dtype)
    layer.is_gptq_calibrated = layer.is_awq_calibrated = True
    layer.build(x.shape)
    kept = {}
    for weight in layer.weights:
        own, shape = weight.path.split("/")[-1], tuple(weight.shape)
        if "int" in weight.dtype:
            value = RNG.integers(0 if weight.dtype == "uint8" else -8, 8, shape).astype(weight.dtype)
        elif own == "g_idx":
            value = (np.arange(shape[0]) // (3 if "int4" in dtype else 4)).astype("float32")
        else:
            value = RNG.uniform(0.5, 2.0, shape).astype("float32")
        weight.assign(value)
        kept[own.replace("zero_point", "kernel_zero").replace("embeddings_", "embedding_")] = value
    layer.is_gptq_calibrated = layer.is_awq_calibrated = True
    kept = {n if n != "embeddings" else "embedding": v for n, v in kept.items()}
    kept = {n.replace("reverse_embedding_", "reverse_embeddings_"): v for n, v in kept.items()}
    return kept, np.asarray(layer(x, **kwargs), "float32")


@pytest.mark.sweep
@pytest.mark.parametrize(("dtype", "name"), [(dtype, name) for dtype, names in CASES.items() for name in names])
def test_it_computes_what_keras_does_with_its_arrays(dtype, name):
    kwargs = {"reverse": True} if name in ("tied", "untied") else {}
    x = TOKENS if name == "table" else X
    with keras_world():
        kept, want = theirs(name, dtype, x, kwargs)
    layer = LAYERS[name](fk.nn, dtype)
    spec = jax.eval_shape(lambda x: layer.init(0, x, **kwargs), x)
    leaves = {leaf: (where, s) for where, tree in spec.items() for leaf, s in tree.items()}
    assert {n: (s.shape, str(s.dtype)) for n, (_, s) in leaves.items()} == {
        n: (v.shape, str(v.dtype)) for n, v in kept.items()
    }
    variables = {where: {n: kept[n] for n, (w, _) in leaves.items() if w == where} for where in ("params", *spec)}
    # operation by operation, as Keras runs here: XLA leaves out roundings to bfloat16 between those that it joins
    got = np.asarray(layer.apply(variables, x, **kwargs), "float32")
    np.testing.assert_allclose(got, want, rtol=2e-6, atol=2e-6 * np.abs(want).max())


def test_jit_vmap_and_the_derivative_of_the_float_kernel():
    layer = fk.nn.Dense(3, use_bias=False, dtype="int8_from_float32")
    kernel, scale = RNG.integers(-127, 128, (8, 3)).astype("int8"), RNG.uniform(20, 40, 3).astype("float32")
    variables = {"params": {}, "non_trainable": {"kernel": kernel, "kernel_scale": scale}}
    slope = jax.jit(jax.grad(lambda x: layer.apply(variables, x).sum()))(X)
    np.testing.assert_allclose(slope, np.broadcast_to((kernel / scale).sum(1), X.shape), rtol=1e-5)
    rows = jax.jit(jax.vmap(lambda x: layer.apply(variables, x[None])[0]))(X)
    np.testing.assert_allclose(rows, layer.apply(variables, X), rtol=1e-6)
    _, forward = jax.jvp(lambda x: layer.apply(variables, x), (X,), (np.ones_like(X),))
    np.testing.assert_allclose(forward[0, 0], (kernel / scale).sum(0), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    "layer",
    [
        fk.nn.MultiHeadAttention(2, 3, dtype="int8_from_float32"),
        fk.nn.GroupQueryAttention(3, 2, 1, dtype="int8_from_float32"),
    ],
)
def test_attention_keeps_its_projections_so(layer):
    kept = layer.init(0, X, X)["non_trainable"]
    assert kept["query"]["kernel"].shape == (8, 2, 3)
    assert kept["query"]["kernel_scale"].shape == (1, 1, 2, 3)
    assert kept["out"]["kernel_scale"].shape == (1, 1, 8)
    assert {str(part["kernel"].dtype) for part in kept.values()} == {"int8"}


def test_policies_are_values_with_keras_configs():
    for name in (*CASES, "float8/16_from_float32", "int4/-1_from_bfloat16"):
        policy = fk.dtype_policies.get(name)
        record = fk.dtype_policies.serialize(policy)
        assert fk.dtype_policies.deserialize(record) == policy
        layer = fk.nn.Dense(2, dtype=policy)
        assert layer.dtype_policy == policy
        assert fk.nn.Dense.from_config(layer.get_config()) == layer
        if not name.startswith("float8/"):
            assert record["config"] == keras.dtype_policies.get(name).get_config()
            assert (policy.compute_dtype, policy.variable_dtype) == (
                keras.dtype_policies.get(name).compute_dtype,
                keras.dtype_policies.get(name).variable_dtype,
            )


def test_what_keras_refuses_is_refused_in_words():
    with pytest.raises(NotImplementedError, match=r"has no form of its weights in int8[\s\S]*model.quantize"):
        fk.nn.Conv1D(2, 3, dtype="int8_from_float32").init(0, X)
    with pytest.raises(NotImplementedError, match="no form of its weights in float8"):
        fk.nn.Embedding(9, 2, dtype="float8_from_float32").init(0, TOKENS)
    with pytest.raises(ValueError, match="int8 does not go with float16"):
        fk.nn.Dense(2, dtype="int8_from_mixed_float16")
    for wrong in ("int4/0_from_float32", "gptq/5/8_from_float32", "gptq_from_float32", "awq/8/4_from_float32"):
        with pytest.raises(ValueError, match="Unknown quantisation mode"):
            fk.nn.Dense(2, dtype=wrong)
    model = fk.Sequential([fk.Input((8,)), fk.nn.Dense(2, dtype="float8_from_float32")])
    for trainer in (
        fk.Trainer(model, "sgd", "mse", accumulate_in_step=2),
        fk.Trainer(model, fk.optimizers.SGD(gradient_accumulation_steps=2), "mse"),
    ):
        with pytest.raises(NotImplementedError, match=r"'dense/inputs_amax_history' is its next[\s\S]*accumulated"):
            trainer.train_step(trainer.init(0), (X[:, 0], X[:, 0, :2]))
    with pytest.raises(ValueError, match=r"an nnx.Optimizer does not do that[\s\S]*dense/inputs_amax_history"):
        fk.to_nnx(model, model.init(0))


def test_float8_trains_to_the_numbers_of_keras():
    """Scales and histories of the largest values too: the gradient of each is its next value, in both libraries."""
    shapes = {"equation": "abc,cd->abd", "output_shape": (None, 6), "bias_axes": "d"}

    def described(of, dtype="float8/4_from_float32"):
        return [of.EinsumDense(**shapes, activation="relu", dtype=dtype), of.Dense(3, dtype="float8_from_float32")]

    y = RNG.normal(size=(2, 5, 3)).astype("float32")
    with keras_world():
        policy = keras.dtype_policies.QuantizedFloat8DTypePolicy("float8", "float32", amax_history_length=4)
        oracle = keras.Sequential([keras.Input(X.shape[1:]), *described(keras.layers, policy)])
        oracle.compile(keras.optimizers.Adam(0.01), "mse")
        guests = fk.trainer_from_keras(oracle)  # Keras's own layers, which say of each variable that it is overwritten
        model = fk.Sequential([fk.Input(X.shape[1:]), *described(fk.nn)])
        variables = {"params": {}}
        for layer, live in zip(model.layers[-2:], oracle.layers, strict=True):
            variables["params"][layer.name] = {v.name: np.array(v) for v in live.weights}
        trainer = model.compile(fk.optimizers.Adam(0.01), "mse")
        runs = {trainer: trainer.init(0, variables=variables), guests[0]: guests[1]}
        for step in range(1, 4):
            oracle.train_on_batch(step * X, y)
            runs = {run: run.train_step(state, (step * X, y))[0] for run, state in runs.items()}
    for run, state in runs.items():
        for layer, live in zip(run.model.layers[-2:], oracle.layers, strict=True):
            for v in live.weights:
                want = np.asarray(v)
                got = state.params[layer.name][v.name]
                np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-6 * np.abs(want).max(), err_msg=v.path)
    assert "amax_history" not in str(jax.tree.structure(runs[trainer].opt_state))  # no optimizer moves them


def test_a_weight_of_ones_own_is_overwritten_with_its_gradient():
    @jax.custom_vjp
    def counted(x, count):
        return x

    counted.defvjp(lambda x, count: (x, count), lambda count, upstream: (upstream, count + 1.0))

    class Counting(fk.nn.Layer):
        def build(self, input_shape):
            self.count = self.add_weight((), "zeros", name="count", overwrite_with_gradient=True)

        def call(self, inputs):
            return counted(inputs, self.count)

    trainer = fk.Sequential([fk.Input((8,)), fk.nn.Dense(2), Counting()]).compile(fk.optimizers.Adam(), "mse")
    state, _ = trainer.fit(trainer.init(0), X[:, 0], X[:, 0, :2], epochs=3, verbose=0)
    assert float(state.params["counting"]["count"]) == 3.0
    frozen = trainer.model.freeze("counting").compile("sgd", "mse")
    state, _ = frozen.train_step(frozen.init(0), (X[:, 0], X[:, 0, :2]))
    assert float(state.params["counting"]["count"]) == 0.0


# ------------------------------------------------------------------ LoRA
CHANGED = {
    "dense": (lambda of, **k: of.Dense(5, **k), X, {}),
    "heads": (lambda of, **k: of.EinsumDense("abc,cd->abd", (None, 3), bias_axes="d", **k), X, {"lora_alpha": 6}),
    "conv": (lambda of, **k: of.Conv1D(4, 3, **k), X, {"lora_alpha": 1}),
    "table": (lambda of, **k: of.Embedding(9, 7, **k), TOKENS, {}),
}


@pytest.mark.parametrize(
    ("name", "dtype"),
    [*((name, None) for name in CHANGED), ("dense", "int8_from_float32"), ("heads", "int4/4_from_float32")],
)
def test_lora_rank_is_keras_change(name, dtype):
    make, x, more = CHANGED[name]
    kwargs = {"lora_rank": 2, **more, **({} if dtype is None else {"dtype": dtype})}
    with keras_world():
        other = make(keras.layers, **kwargs)
        other(x)
        names = {w.path.split("/")[-1]: w for w in other.weights}
        for own, weight in names.items():
            if own != "g_idx":
                weight.assign(
                    RNG.integers(-8, 8, weight.shape) if "int" in weight.dtype else RNG.normal(size=weight.shape)
                )
        want = np.asarray(other(x))
    layer = make(fk.nn, **kwargs)
    drawn = layer.init(0, x)
    trained = {w.path.split("/")[-1] for w in other.trainable_weights}
    assert set(drawn["params"]) == trained
    change = next(n for n in trained if n.endswith("_b"))
    assert not drawn["params"][change].any()
    limit = np.sqrt(6 / np.prod(drawn["params"][change[:-1] + "a"].shape[:-1]))  # he_uniform
    assert 0.5 * limit < np.abs(drawn["params"][change[:-1] + "a"]).max() <= limit
    filled = {
        c: {n: np.asarray(names["embeddings" if n == "embedding" else n]) for n in tree} for c, tree in drawn.items()
    }
    np.testing.assert_allclose(layer.apply(filled, x), want, rtol=1e-5, atol=1e-5 * np.abs(want).max())


def test_lora_trains_the_change_and_the_bias_alone():
    model = fk.Sequential([fk.Input((8,)), fk.nn.Dense(3, lora_rank=2, kernel_regularizer="l2")])
    trainer = model.compile("sgd", "mse")
    state = trainer.init(0)
    after, logs = trainer.train_step(state, (X[:, 0], np.ones((2, 3), "float32")))
    assert np.array_equal(
        after.variables["non_trainable"]["dense"]["kernel"], state.variables["non_trainable"]["dense"]["kernel"]
    )
    assert float(jnp.abs(after.params["dense"]["lora_kernel_b"]).max()) > 0
    a = state.params["dense"]["lora_kernel_a"]
    loss = np.mean((model.predict(state.variables, X[:, 0]) - 1) ** 2) + 0.01 * float(jnp.sum(a**2))
    assert float(logs["loss"]) == pytest.approx(loss, rel=1e-5)  # Keras's penalty is of the factors, not of the kernel
    with pytest.raises(ValueError, match="does not go with a constraint"):
        fk.nn.Dense(3, lora_rank=2, kernel_constraint="non_neg").init(0, X)
    with pytest.raises(NotImplementedError, match="LoRA is on float, int8 and int4"):
        fk.nn.Dense(3, lora_rank=2, dtype="gptq/4/8_from_float32").init(0, X)
    with pytest.warns(UserWarning, match="lora_alpha=8 is not used"):
        fk.nn.Dense(3, lora_rank=2, lora_alpha=8).init(0, X)


# ------------------------------------------------------------------ public layouts of GPTQ and AWQ
def words(numbers, bits, axis):
    """Numbers in int32 words along an axis, lowest bits first: the published layout, one bit at a time."""
    rows = np.moveaxis(numbers, axis, -1).astype(np.uint64)
    out = np.zeros((*rows.shape[:-1], rows.shape[-1] * bits // 32), np.uint64)
    for i in range(rows.shape[-1]):
        for bit in range(bits):
            at = i * bits + bit
            out[..., at // 32] |= ((rows[..., i] >> np.uint64(bit)) & np.uint64(1)) << np.uint64(at % 32)
    return np.moveaxis(out.astype(np.uint32).view(np.int32), -1, axis)


def check_dense(mode, kept, weight):
    inputs, outputs = weight.shape
    layer = fk.nn.Dense(outputs, use_bias=False, dtype=f"{mode}_from_float32")
    x = RNG.normal(size=(3, inputs)).astype("float32")
    spec = jax.eval_shape(lambda x: layer.init(0, x), x)["non_trainable"]
    assert {n: (v.shape, str(v.dtype)) for n, v in kept.items()} == {
        n: (s.shape, str(s.dtype)) for n, s in spec.items()
    }
    got = layer.apply({"params": {}, "non_trainable": kept}, x)
    np.testing.assert_allclose(got, x @ weight, rtol=1e-5, atol=1e-5 * np.abs(x @ weight).max())


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize(("bits", "acts"), [(4, False), (4, True), (8, False), (3, True)])
def test_a_kernel_of_gptq(bits, acts, version):
    inputs, outputs, size = 64, 32, 16
    numbers = RNG.integers(0, 2**bits, (inputs, outputs))
    zeros = RNG.integers(1, 2**bits, (inputs // size, outputs))
    scales = RNG.uniform(0.01, 0.1, zeros.shape).astype("float16")
    g_idx = np.arange(inputs, dtype="int32") // size
    if acts:
        RNG.shuffle(g_idx)
    weight = scales.astype("float32")[g_idx] * (numbers - zeros[g_idx])
    arrays = {"qweight": words(numbers, bits, 0), "qzeros": words(zeros - (version == 1), bits, 1), "scales": scales}
    if acts:
        arrays["g_idx"] = g_idx
    mode, kept = fk.nn.read_gptq(arrays, bits, size, version)
    assert mode == f"gptq/{bits}/{size}"
    check_dense(mode, kept, weight)


def test_a_kernel_of_awq():
    inputs, outputs, size = 32, 24, 16
    numbers, zeros = RNG.integers(0, 16, (inputs, outputs)), RNG.integers(0, 16, (inputs // size, outputs))
    scales = RNG.uniform(0.01, 0.1, zeros.shape).astype("float16")

    def packed(values):
        out = np.zeros((len(values), outputs // 8), np.uint32)
        for place, column in enumerate([0, 2, 4, 6, 1, 3, 5, 7]):
            out |= values[:, column::8].astype(np.uint32) << np.uint32(4 * place)
        return out.view(np.int32)

    mode, kept = fk.nn.read_awq({"qweight": packed(numbers), "qzeros": packed(zeros), "scales": scales}, 4, size)
    group = np.arange(inputs) // size
    check_dense(mode, kept, scales.astype("float32")[group] * (numbers - zeros[group]))


def test_arrays_that_do_not_belong_together_are_named():
    good = {"qweight": np.zeros((4, 8), "int32"), "qzeros": np.zeros((2, 1), "int32"), "scales": np.ones((2, 8))}
    with pytest.raises(ValueError, match=r"no kernel of GPTQ in 4 bits[\s\S]*without scales"):
        fk.nn.read_gptq({n: a for n, a in good.items() if n != "scales"})
    with pytest.raises(ValueError, match=r"2 groups of 8 for 32 inputs"):
        fk.nn.read_gptq(good, 4, 8)
    with pytest.raises(ValueError, match=r"no kernel of AWQ in 8 bits"):
        fk.nn.read_awq(good, 8)
