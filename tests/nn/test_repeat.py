"""Repeat and remat: equal blocks as one, and blocks that are computed again."""

import copy
import pickle

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen

import fkeras as fk

KEY = jax.random.key(0)
X = np.random.default_rng(0).normal(size=(4, 6)).astype("float32")
# The loop's body is fused otherwise than blocks one by one: float32 sums in another order.
CLOSE = {"rtol": 1e-5, "atol": 1e-6}


def shapes(tree):
    return jax.tree.map(jnp.shape, tree)


def close(one, other, **tolerance):
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, **{**CLOSE, **tolerance}), one, other)


def equal(one, other):
    jax.tree.map(np.testing.assert_array_equal, one, other)


def block(**kwargs):
    return fk.Sequential(
        [
            fk.nn.Dense(6, activation="tanh", kernel_regularizer="l2", kernel_constraint="unit_norm"),
            fk.nn.BatchNormalization(),
            fk.nn.Dropout(0.5),
        ],
        **kwargs,
    )


def repeated(n=3, inside=None):
    inputs = fk.Input((6,))
    return fk.Model(inputs, fk.nn.Dense(2)(fk.nn.Repeat(block() if inside is None else inside, n)(inputs)))


@pytest.fixture(scope="module")
def model():
    return repeated()


@pytest.fixture(scope="module")
def one_by_one():
    x = inputs = fk.Input((6,))
    for i in range(3):
        x = block(name=f"block_{i}")(x)
    return fk.Model(inputs, fk.nn.Dense(2)(x))


@pytest.fixture(scope="module")
def variables(model):
    return model.init(KEY)


def apart(model, one_by_one, variables):
    """The variables of a model with a Repeat as those of the same blocks one by one."""
    theirs = one_by_one.put(one_by_one.init(1), "dense", model.variables_for("dense", variables))
    for i, part in enumerate(fk.nn.unstack_blocks(model.variables_for("repeat", variables))):
        theirs = one_by_one.put(theirs, f"block_{i}", part)
    return theirs


def test_it_computes_what_its_blocks_do_one_by_one(model, one_by_one, variables):
    theirs = apart(model, one_by_one, variables)

    def gradient(model):
        def loss(params, rest):
            out, updates = model.apply(
                {"params": params, **rest}, X, training=True, rngs={"dropout": KEY}, mutable=True
            )
            return jnp.square(out).sum() + sum(jnp.sum(leaf) for leaf in jax.tree.leaves(updates["losses"])), updates

        return jax.jit(jax.grad(loss, has_aux=True))

    # without dropout, which draws otherwise
    still = [m.map_layers(lambda la: la.replace(rate=0.0) if isinstance(la, fk.nn.Dropout) else la)
             for m in (model, one_by_one)]  # fmt: skip
    close(still[0].apply(variables, X), still[1].apply(theirs, X))
    (mine, updates), (others, expected) = (
        gradient(m)({"params": v["params"]}["params"], {"batch_stats": v["batch_stats"]})
        for m, v in zip(still, (variables, theirs), strict=True)
    )
    rest = {"batch_stats": updates["batch_stats"]}
    got = apart(model, one_by_one, {"params": mine, **rest})
    close(got["params"], others, atol=2e-5)  # gradients of three normalisations of four rows
    close(got["batch_stats"], expected["batch_stats"])
    total = [float(sum(jnp.sum(leaf) for leaf in jax.tree.leaves(u["losses"]))) for u in (updates, expected)]
    assert total[0] == pytest.approx(total[1], rel=1e-5)
    assert total[0] > 0


def test_each_block_has_weights_and_dropout_of_its_own(model, variables):
    kernels = np.asarray(variables["params"]["repeat"]["block"]["dense"]["kernel"])
    assert kernels.shape == (3, 6, 6)
    assert len({k.tobytes() for k in kernels}) == 3
    assert np.abs(kernels).max() <= np.sqrt(6 / 12)  # Glorot's limit for six inputs of one block, not of all
    dropped = fk.Sequential([fk.Input((6,)), fk.nn.Repeat(fk.nn.Dropout(0.5), 8)])
    ones, call = np.ones((256, 6), "float32"), {"training": True, "rngs": {"dropout": KEY}}
    out = np.asarray(dropped.apply({}, ones, **call))
    assert np.unique(out).tolist() == [0, 256]  # with one mask for all, half would be left
    assert 0 <= (out > 0).mean() < 0.05
    equal(out, dropped.apply({}, ones, **call))
    (intermediates,) = model.apply(variables, X, capture_intermediates=True, mutable=["intermediates"])[1].values()
    assert intermediates["repeat"]["block"]["dense"]["__call__"][0].shape == (3, 4, 6)


def test_it_maps_and_traces_like_any_layer(model, variables):
    want = model.apply(variables, X)
    close(jax.jit(model.apply)(variables, X), want)
    close(jax.jit(jax.vmap(lambda x: model.apply(variables, x[None])[0]))(X), want)
    program = str(jax.make_jaxpr(model.init)(KEY))
    assert "dot_general" not in program  # weights need no forward pass
    equal(repeated().init(KEY), variables)
    body = [
        str(jax.make_jaxpr(repeated(n).apply)(jax.eval_shape(repeated(n).init, KEY), X)).count("tanh") for n in (2, 7)
    ]
    assert body[0] == body[1]


def test_it_trains_with_constraints_and_rests_where_it_is_frozen(model):
    trainer = model.compile("adam", "mse")
    start = trainer.init(0)
    state, _ = trainer.train_step(start, (X, X[:, :2]))
    kernels = state.params["repeat"]["block"]["dense"]["kernel"]
    np.testing.assert_allclose(np.linalg.norm(kernels, axis=1), 1, atol=1e-5)  # of each block by itself
    frozen = model.freeze("repeat")
    trainer = frozen.compile("adam", "mse")
    start = trainer.init(0)
    state, _ = trainer.train_step(start, (X, X[:, :2]))
    equal(state.params["repeat"], start.params["repeat"])
    equal(state.model_state, start.model_state)
    assert not jax.tree.leaves(frozen.apply(start.variables, X, mutable=["losses"])[1])
    some = model.freeze("repeat/block/dense").weight_facts()
    assert not some["repeat", "block", "dense"].trainable
    assert some["repeat", "block", "batch_normalization"].trainable


class Attending(fk.nn.Layer):
    supports_masking = True

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.attention = fk.nn.MultiHeadAttention(2, 3)

    def call(self, inputs, context, scale=1.0, mask=None):
        assert mask is not None
        seen = mask[:, :, None]
        return inputs + scale * self.attention(inputs, context) * seen


def test_blocks_are_given_what_the_call_is_given():
    inputs, context = fk.Input((5,), dtype="int32"), fk.Input((3, 6))
    x = fk.nn.Embedding(7, 6, mask_zero=True)(inputs)
    y = fk.nn.Repeat(Attending(), 2)(x, context, scale=0.5)
    pooled = fk.nn.GlobalAveragePooling1D()(y)  # which takes the mask that the blocks handed on
    model = fk.Model([inputs, context], [y, pooled])
    ids = np.array([[1, 2, 3, 0, 0], [4, 5, 6, 1, 2]])
    seen = np.random.default_rng(1).normal(size=(2, 3, 6)).astype("float32")
    variables = model.init(0)
    out, mean = model.apply(variables, [ids, seen])
    x = embedded = variables["params"]["embedding"]["embedding"][ids]
    for part in fk.nn.unstack_blocks(model.variables_for("repeat", variables)):
        x = Attending().apply(part, x, seen, scale=0.5, mask=jnp.asarray(ids != 0))
    close(out, x)
    equal(out[0, 3:], embedded[0, 3:])
    close(mean[0], np.mean(x[0, :3], axis=0))
    with pytest.raises(ValueError, match="blocks are given more than one input"):
        model.save("repeat.keras", variables)


class Residual(linen.Module):
    @linen.compact
    def __call__(self, x, train: bool = False):
        return x + linen.Dropout(0.5, deterministic=not train)(linen.Dense(x.shape[-1])(x))


KINDS = {
    "functional": lambda: fk.Model(x := fk.Input((6,)), fk.nn.Add()([x, fk.nn.Dense(6)(x)])),
    "linen": Residual,
    "layer": lambda: fk.nn.Dense(6),
    "repeat": lambda: fk.nn.Repeat(fk.nn.Dense(6), 2),
}


@pytest.mark.parametrize("kind", KINDS)
def test_any_layer_is_a_block(kind):
    model = fk.Sequential([fk.Input((6,)), fk.nn.Repeat(KINDS[kind](), 2)])
    variables = model.init(0)
    assert all(leaf.shape[0] == 2 for leaf in jax.tree.leaves(variables))
    inner = model.layers[0].block
    x = X
    for part in fk.nn.unstack_blocks(model.variables_for("repeat", variables)):
        x = inner.apply(part, x)
    close(model.apply(variables, X), x)
    if kind == "linen":
        assert not np.allclose(model.apply(variables, X, training=True, rngs={"dropout": KEY}), x)


def test_what_no_block_can_be():
    with pytest.raises(ValueError, match=r"float32\(batch, 3\) for float32\(batch, 6\)"):
        fk.nn.Repeat(fk.nn.Dense(3), 2)(fk.Input((6,)))
    with pytest.raises(ValueError, match=r"bfloat16.* for float32"):
        fk.nn.Repeat(fk.Sequential([fk.nn.Dense(6, dtype="mixed_bfloat16")]), 2)(fk.Input((6,)))
    with pytest.raises(ValueError, match="needs a layer"):
        fk.nn.Repeat(jnp.tanh, 2)
    with pytest.raises(ValueError, match="positive integer"):
        fk.nn.Repeat(fk.nn.Dense(6), 0)
    with pytest.raises(ValueError, match="at 1"):
        fk.nn.stack_blocks([fk.nn.Dense(n).init(0, X) for n in (6, 5)])
    with pytest.raises(ValueError, match="not the variables of a Repeat"):
        fk.nn.unstack_blocks(fk.nn.Dense(6).init(0, X))


def test_one_block_is_found_by_its_number(model, variables):
    part = model.variables_for("repeat/2", variables)
    equal(part["params"]["dense"]["kernel"], variables["params"]["repeat"]["block"]["dense"]["kernel"][2])
    equal(model.variables_for("repeat/2/dense", variables)["params"], part["params"]["dense"])
    assert model.get_layer("repeat/2").apply(part, X).shape == (4, 6)
    assert model.get_layer("block/2").layers == model.get_layer("repeat").block.layers
    changed = model.put(variables, "repeat/1", part)
    equal(model.variables_for("repeat/1", changed), part)
    equal(model.variables_for("repeat/0", changed), model.variables_for("repeat/0", variables))
    with pytest.raises(ValueError, match="has 3 blocks, so there is none of number 3"):
        model.get_layer("repeat/3")
    with pytest.raises(ValueError, match="none of number 9"):
        model.variables_for("repeat/9", variables)
    lines = []
    model.summary(print_fn=lines.append)
    assert "repeat (Repeat, 3 blocks)" in "".join(lines)
    parts = fk.nn.unstack_blocks(model.variables_for("repeat", variables))
    equal(fk.nn.stack_blocks(parts), model.variables_for("repeat", variables))


def test_configs_pickles_and_files(model, variables, tmp_path):
    for again in (fk.model_from_json(model.to_json()), pickle.loads(pickle.dumps(model)), copy.deepcopy(model)):
        assert again == model
    for name in ("run", "w.safetensors", "w.weights.h5"):
        if name == "run":
            model.save(tmp_path / name, variables)
            again, restored = fk.load_model(tmp_path / name)
            assert again == model
        else:
            model.save_weights(tmp_path / name, variables)
            restored = model.load_weights(tmp_path / name, model.init(5))
        equal(restored, variables)
    model.save(tmp_path / "m.keras", variables)
    equal(model.load_weights(tmp_path / "m.keras", model.init(5)), variables)
    weights = model.get_weights(variables)
    assert len(weights) == 3 * 6 + 2  # as Keras has them
    equal(model.set_weights(model.init(5), weights), variables)


def test_real_keras_reads_the_blocks(model, variables, tmp_path, one_by_one):
    import keras

    trainer = model.compile("adam", "mse")
    state, _ = trainer.train_step(trainer.init(0, variables=variables), (X, X[:, :2]))
    trainer.save(tmp_path / "run.keras", state)
    theirs = keras.models.load_model(tmp_path / "run.keras")
    assert [layer.name for layer in theirs.get_layer("repeat").layers] == ["block", "block_1", "block_2"]
    want = model.apply(state.variables, X)
    with jax.numpy_rank_promotion("allow"):
        np.testing.assert_allclose(theirs.predict(X, verbose=0), want, atol=1e-5)
    equal(theirs.get_weights(), model.get_weights(state.variables))
    again, resumed = fk.load_trainer(tmp_path / "run.keras")
    close(again.predict(resumed, X), want)
    moments = resumed.opt_state
    assert sum(leaf.size for leaf in jax.tree.leaves(moments)) == sum(
        leaf.size for leaf in jax.tree.leaves(state.opt_state)
    )


def test_blocks_in_few_bits_each_by_itself(model, variables, one_by_one):
    mode = "int4_weight_only"
    theirs = apart(model, one_by_one, variables)
    mine, others = model.quantize(variables, mode), one_by_one.quantize(theirs, mode)
    close(mine[0].apply(mine[1], X), others[0].apply(others[1], X))


def test_low_rank_changes_of_each_block(model, variables):
    changed = model.with_lora(2)
    own = changed.lora_variables(variables)
    assert own["params"]["repeat"]["block"]["dense"]["lora_kernel_a"].shape == (3, 6, 2)
    own = {**own, "params": jax.tree.map(lambda leaf: leaf + 0.1, own["params"])}
    merged, plain = changed.merge_lora(own)
    assert merged == model
    close(merged.apply(plain, X), changed.apply(own, X))


# ------------------------------------------------------------------ remat
def gradient(model, variables):
    def loss(params):
        return model.apply({**variables, "params": params}, X, training=True, rngs={"dropout": KEY}).sum()

    return jax.grad(loss)


@pytest.fixture(scope="module")
def kept(model):
    return model.with_remat({"repeat": "dots_saveable", "dense": None})


def test_remat_changes_no_number_and_no_tree(model, variables, kept):
    equal(kept.init(KEY), variables)
    equal(kept.apply(variables, X), model.apply(variables, X))
    mine = jax.jit(gradient(kept, variables))(variables["params"])
    close(mine, jax.jit(gradient(model, variables))(variables["params"]))
    program = str(jax.make_jaxpr(gradient(kept, variables))(variables["params"]))
    plain = str(jax.make_jaxpr(gradient(model, variables))(variables["params"]))  # normalisations are remat themselves
    assert program.count("prevent_cse=False") > plain.count("prevent_cse=False")  # in the loop
    assert program.count("prevent_cse=True") > 0
    updates = kept.apply(variables, X, training=True, rngs={"dropout": KEY}, mutable=["batch_stats", "losses"])[1]
    expected = model.apply(variables, X, training=True, rngs={"dropout": KEY}, mutable=["batch_stats", "losses"])[1]
    close(updates, expected)


def test_remat_is_of_the_value_and_of_files(model, variables, kept, tmp_path):
    assert kept != model
    assert kept == model.with_remat({"repeat": jax.checkpoint_policies.dots_saveable, "dense": "nothing_saveable"})
    for again in (fk.model_from_json(kept.to_json()), pickle.loads(pickle.dumps(kept)), copy.deepcopy(kept)):
        assert again == kept
    assert "remat(Dense" in repr(kept.layers)
    kept.save(tmp_path / "m.keras", variables)
    loaded = fk.load_model(tmp_path / "m.keras")[0]
    assert loaded.get_layer("dense")._remat == "nothing_saveable"
    assert {la._remat for la in loaded.get_layer("repeat").layers} == {"dots_saveable"}
    import keras

    theirs, want = keras.models.load_model(tmp_path / "m.keras"), model.apply(variables, X)
    with jax.numpy_rank_promotion("allow"):
        np.testing.assert_allclose(theirs.predict(X, verbose=0), want, atol=1e-5)


class Owner(fk.Model):
    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.blocks = [fk.nn.Dense(units) for _ in range(2)]

    def call(self, inputs):
        for one in self.blocks:
            inputs = one(inputs)
        return inputs


def test_remat_of_layers_that_an_init_makes():
    model = Owner(6).with_remat({"blocks_.*": "dots_saveable"})
    again = fk.model_from_json(model.to_json(), {"Owner": Owner})
    assert again == model != Owner(6)
    assert "prevent_cse=True" in str(jax.make_jaxpr(jax.grad(lambda v: model.apply(v, X).sum()))(model.init(0, X)))


def test_remat_hands_masks_on():
    inner = fk.Sequential([fk.Input((3, 4)), fk.nn.Masking(), fk.nn.Dense(4)], name="inner")
    model = fk.Sequential([fk.Input((3, 4)), fk.nn.remat(inner), fk.nn.GlobalAveragePooling1D()])
    plain = model.map_layers(lambda layer: layer.clone(parent=None, name=layer.name, _remat=None))
    x = np.ones((2, 3, 4), "float32")
    x[:, 1:] = 0
    variables = model.init(0)
    close(model.apply(variables, x), plain.apply(variables, x))


def test_what_cannot_be_said_of_remat(model):
    with pytest.raises(ValueError, match=r"matches no layer(.|\n)*Did you mean 'repeat'"):
        model.with_remat({"repaet": None})
    with pytest.raises(ValueError, match="Did you mean 'dots_saveable'"):
        fk.nn.remat(fk.nn.Dense(3), "dots_savable")
    with pytest.raises(ValueError, match="takes no arguments"):
        fk.nn.remat(fk.nn.Dense(3), jax.checkpoint_policies.save_only_these_names)
    with pytest.raises(TypeError, match="by pattern"):
        model.with_remat("repeat")
    outermost = fk.Sequential([fk.Input((6,)), block(name="block_0")]).with_remat({"block_.*": None})
    assert outermost.layers[0]._remat == "nothing_saveable"
    assert {layer._remat for layer in outermost.layers[0].layers} == {None}
