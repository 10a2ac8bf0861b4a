"""NNX modules as layers and under a Trainer: their variables, streams, modes and errors; and models as NNX modules."""

import copy
import functools
import pickle

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import linen, nnx

import fkeras as fk

from .nnx_modules import MLP, LoRAMLP, TransformerLM

KEY = jax.random.key(0)
X = np.random.default_rng(0).normal(size=(4, 3)).astype("float32")


class Seen(nnx.Variable):
    """A type of the user's own."""


class Noisy(nnx.Module):
    """One of each: lists, an array that is no variable, dropout, a stream of its own, and a method of another name."""

    def __init__(self, dim, *, rngs: nnx.Rngs):
        self.layers = nnx.List([nnx.Linear(3, dim, rngs=rngs), nnx.Linear(dim, dim, rngs=rngs)])
        self.shared = self.layers[1]
        self.dropout = nnx.Dropout(0.5, rngs=rngs)
        self.scale = nnx.data(jnp.full((1,), 2.0))
        self.seen = Seen(jnp.zeros((), jnp.int32))

    def __call__(self, x, mask=None):
        self.sow(nnx.Intermediate, "hidden", x)
        self.seen[...] += x.shape[0]
        x = self.shared(self.layers[1](self.layers[0](x)))
        x = self.dropout(x) * self.scale[None, :]
        return x if mask is None else x * mask

    def encode(self, x, *, rngs: nnx.Rngs | None = None, deterministic: bool = True):
        x = self.layers[0](x)
        return x if deterministic else x + jax.random.normal(rngs.noise(), x.shape)


layer = fk.nn.FlaxLayer(Noisy, args=(4,))


@pytest.fixture(scope="module")
def variables():
    return layer.init(KEY, X)


def test_variables_stand_where_they_stand_in_the_module(variables):
    linear = {"bias": (4,), "kernel": (4, 4)}
    assert jax.tree.map(jnp.shape, variables) == {
        "params": {"layers": {"0": {"bias": (4,), "kernel": (3, 4)}, "1": linear}},  # what is shared is there once
        "non_trainable": {"scale": (1,)},
        "seen": {"seen": ()},  # a type that Flax does not know
    }
    _, updates = layer.apply(variables, X, mutable=["seen"])
    assert int(updates["seen"]["seen"]) == len(X)
    given = jax.tree.map(np.asarray, variables)
    layer.apply(given, X, mutable=["seen"])
    assert int(given["seen"]["seen"]) == int(variables["seen"]["seen"]) == 0  # what is the caller's is not written to


def test_streams_follow_from_the_key(variables):
    again = fk.nn.FlaxLayer(Noisy, args=(4,)).init(KEY, X)
    assert jax.tree.all(jax.tree.map(np.array_equal, again, variables))

    def run(**rngs):
        return layer.apply(variables, X, training=True, mutable=[], **rngs)[0]

    one, other = run(rngs={"dropout": KEY}), run(rngs={"dropout": jax.random.key(1)})
    np.testing.assert_array_equal(one, run(rngs={"dropout": KEY}))
    assert (np.asarray(one) == 0).sum() > 0
    assert not np.array_equal(one, other)
    np.testing.assert_array_equal(layer.apply(variables, X), layer.apply(variables, X, rngs={"dropout": KEY}))
    with pytest.raises(ValueError, match="Noisy draws random numbers, and the call has no key"):
        run()


def test_what_a_module_sows_is_there_when_it_is_asked_for(variables):
    outputs, updates = layer.apply(variables, X, mutable=["intermediates"])
    np.testing.assert_array_equal(updates["intermediates"]["hidden"][0], X)
    np.testing.assert_array_equal(outputs, layer.apply(variables, X))


def test_methods_inputs_and_keywords(variables):
    mask = jnp.zeros((4, 1))
    assert not jnp.any(layer.apply(variables, X, mask))
    encoder = fk.nn.FlaxLayer(Noisy, method="encode", args=(4,))
    plain, noisy = encoder.apply(variables, X), encoder.apply(variables, X, training=True, rngs={"noise": KEY})
    kernel = variables["params"]["layers"]["0"]["kernel"]
    np.testing.assert_allclose(plain, X @ kernel, rtol=1e-5, atol=1e-6)
    assert not np.allclose(plain, noisy)
    first = fk.nn.FlaxLayer(Noisy, method=lambda module, x: module.layers[0](x), args=(4,))
    np.testing.assert_array_equal(first.apply(variables, X), plain)


def test_an_instance_gives_its_values_and_is_never_changed():
    module = MLP(3, 4, 2, rngs=nnx.Rngs(0))
    before = jax.tree.map(np.asarray, fk.from_nnx_state(module))
    guest = fk.nn.FlaxLayer(module)
    model = fk.Sequential([fk.Input((3,)), guest, fk.nn.Dense(1)])
    module.linear1.kernel[...] = jnp.zeros((3, 4))  # what comes later is not the layer's
    variables = model.init(KEY)
    jax.tree.map(np.testing.assert_array_equal, model.variables_for(guest, variables), before)
    trainer = model.freeze("flax_layer").compile("sgd", "mse")
    state, _ = trainer.train_step(trainer.init(0), (X, np.ones((4, 1), "float32")))
    old, new = before["params"], state.params["flax_layer"]
    jax.tree.map(np.testing.assert_array_equal, new, old)  # frozen, and its statistics move
    assert not np.array_equal(
        state.variables["batch_stats"]["flax_layer"]["bn"]["mean"], before["batch_stats"]["bn"]["mean"]
    )


def test_only_low_rank_weights_train():
    module = LoRAMLP(3, 4, 2, rngs=nnx.Rngs(0))
    model = fk.Sequential([fk.Input((3,)), fk.nn.FlaxLayer(module, wrt=nnx.LoRAParam, name="lora")])
    trainer = model.compile("sgd", "mse")
    state, _ = trainer.train_step(trainer.init(0), (X, np.ones((4, 2), "float32")))
    assert jax.tree.map(jnp.shape, state.params["lora"]["first"]) == {"lora": {"lora_a": (3, 2), "lora_b": (2, 4)}}
    nnx.update(module, fk.to_nnx_state(model.variables_for("lora", state.variables), like=module))
    assert module.first.kernel.get_value() is state.variables["non_trainable"]["lora"]["first"]["kernel"]
    np.testing.assert_allclose(module(X), model.apply(state.variables, X), rtol=1e-6)


def test_a_trainer_of_a_module_is_a_value():
    def made(seed=0):
        return fk.Trainer(MLP(3, 4, 2, rngs=nnx.Rngs(seed)), "sgd", "mse")

    one = made()
    assert one == made() == copy.deepcopy(one) == pickle.loads(pickle.dumps(one))
    assert hash(one) == hash(made())
    assert one != made(1)
    partial = fk.Trainer(functools.partial(MLP, 3, 4, 2), "sgd", "mse")
    assert "MLP(3, 4, 2)" in repr(partial)


def test_a_module_is_jitted_mapped_differentiated_and_saved(tmp_path):
    model = fk.Sequential([fk.Input((3,)), fk.nn.FlaxLayer(LoRAMLP, args=(3, 4, 2))])
    variables = model.init(KEY)
    want = model.apply(variables, X)
    np.testing.assert_allclose(jax.jit(model.apply)(variables, X), want, rtol=1e-6, atol=1e-6)
    mapped = jax.vmap(lambda x: model.apply(variables, x[None])[0])(X)
    np.testing.assert_allclose(mapped, want, rtol=1e-6, atol=1e-6)
    grads = jax.grad(lambda p: jnp.sum(model.apply({**variables, "params": p}, X)))(variables["params"])
    assert set(grads["flax_layer"]["first"]) == {"kernel", "bias", "lora"}
    for name in ("w.safetensors", "w.weights.h5", "orbax"):
        model.save_weights(tmp_path / name, variables)
        got = model.load_weights(tmp_path / name, jax.tree.map(jnp.zeros_like, variables))
        jax.tree.map(np.testing.assert_array_equal, got, variables)


def test_a_draw_that_changes_nothing_needs_no_key():
    cell = nnx.LSTMCell(3, 4, rngs=nnx.Rngs(0))
    recurrent = fk.nn.FlaxLayer(nnx.RNN(cell, rngs=nnx.Rngs(0)))
    variables = recurrent.init(KEY, X[None])
    short = recurrent.apply(variables, X[None], seq_lengths=jnp.array([3]))
    assert short.shape == (1, 4, 4)
    inner = {"params": variables["params"]["cell"]}
    carry = fk.nn.FlaxLayer(cell, "initialize_carry").apply(inner, (4, 3), rngs={"params": KEY})
    assert jax.tree.map(jnp.shape, carry) == ((4, 4), (4, 4))


def test_a_trainer_of_a_module_needs_no_example():
    trainer = fk.Trainer(LoRAMLP(3, 4, 2, rngs=nnx.Rngs(0)), "sgd", "mse")
    jax.tree.map(np.testing.assert_array_equal, trainer.init(0).params, trainer.init(0, X).params)


def test_a_cache_is_a_collection_of_its_own():
    def decoder(rngs):
        module = TransformerLM(7, 4, decode=True, rngs=rngs)
        for block in module.blocks:
            block.attention.init_cache((2, 5, 4))
        return module

    tokens = np.asarray([[1, 2, 3], [4, 5, 6]])
    step = fk.nn.FlaxLayer(decoder)
    variables = jax.jit(step.init)(KEY, tokens[:, :1])
    whole = jax.jit(fk.nn.FlaxLayer(TransformerLM, args=(7, 4)).apply)({"params": variables["params"]}, tokens)
    run = jax.jit(functools.partial(step.apply, mutable=["cache"]))
    for i in range(3):
        logits, updates = run(variables, tokens[:, i : i + 1])
        variables = {**variables, **updates}
        np.testing.assert_allclose(logits[:, 0], whole[:, i], rtol=1e-5, atol=1e-5)
    assert int(variables["cache"]["blocks"]["0"]["attention"]["cache_index"]) == 3


def test_modules_of_linen_and_nnx_inside_each_other():
    class Bridged(nnx.Module):
        def __init__(self, rngs):
            self.dense = nnx.bridge.ToNNX(linen.Dense(4), rngs=rngs)
            self.bn = nnx.bridge.ToNNX(linen.BatchNorm(), rngs=rngs)

        def __call__(self, x, train=False):
            return self.bn(self.dense(x), use_running_average=not train)

    class Net(linen.Module):
        @linen.compact
        def __call__(self, x):
            return linen.Dense(2)(fk.nn.FlaxLayer(Bridged)(x))

    variables = Net().init(KEY, X)
    assert set(variables["params"]["FlaxLayer_0"]["dense"]) == {"kernel", "bias"}
    assert set(variables["batch_stats"]["FlaxLayer_0"]["bn"]) == {"mean", "var"}
    guest = fk.nn.FlaxLayer(Bridged)
    inner = jax.tree.map(lambda a: a, {c: t["FlaxLayer_0"] for c, t in variables.items() if "FlaxLayer_0" in t})
    _, updates = guest.apply(inner, X, training=True, mutable=["batch_stats"])
    assert not np.array_equal(updates["batch_stats"]["bn"]["mean"], inner["batch_stats"]["bn"]["mean"])


def test_names_of_axes_are_those_of_the_module():
    init = nnx.with_partitioning(nnx.initializers.lecun_normal(), ("embed", "mlp"))
    model = fk.Sequential([fk.Input((3,)), fk.nn.FlaxLayer(nnx.Linear, args=(3, 4), kwargs={"kernel_init": init})])
    layout = fk.distribution.LogicalAxes({"embed": None, "mlp": "model"})
    trainer = model.compile("sgd", "mse").distribute({"data": 2, "model": 2}, layout)
    kernel = trainer.init(0).params["flax_layer"]["kernel"]
    assert kernel.sharding.spec == jax.sharding.PartitionSpec(None, "model")


def test_statistics_over_an_axis_are_those_of_the_batch():
    trainer = fk.Trainer(nnx.BatchNorm(3, axis_name="devices", rngs=nnx.Rngs(0)), "sgd", "mse")
    state, _ = trainer.train_step(trainer.init(0, X), (X, X))
    np.testing.assert_allclose(state.variables["batch_stats"]["mean"], 0.01 * X.mean(0), rtol=1e-4, atol=1e-6)


# ------------------------------------------------------------------ errors
class Counting(MLP):
    def __call__(self, x):
        self.calls = getattr(self, "calls", 0) + 1
        return super().__call__(x)


@pytest.mark.parametrize(
    ("wrong", "kind", "text"),
    [
        (lambda: fk.nn.FlaxLayer(MLP), TypeError, r"MLP cannot be made of these arguments: missing .*'din'"),
        (lambda: fk.Trainer(MLP), TypeError, r"args=\(3, 4\)\), functools.partial\(MLP, 3, 4\), or an instance"),
        (lambda: fk.nn.FlaxLayer(linen.Dense), TypeError, "Received: Dense, a class"),
        (lambda: fk.nn.FlaxLayer(nnx.Linear, args=(2, 3), kwargs={"rngs": nnx.Rngs(0)}), ValueError, "without rngs"),
        (lambda: fk.nn.FlaxLayer(MLP(3, 4, 2, rngs=nnx.Rngs(0)), args=(3,)), ValueError, "an instance, which is made"),
        (lambda: fk.nn.FlaxLayer(linen.Dense(2), args=(3,)), ValueError, "is a Linen module, which is made already"),
        (lambda: fk.nn.FlaxLayer(lambda rngs: 3), TypeError, r"<lambda> made no nnx.Module"),
        (lambda: fk.nn.FlaxLayer(Counting, args=(3, 4, 2)).init(KEY, X), ValueError, "changed the module itself"),
        (lambda: layer.init(KEY, X, train=True), TypeError, r"Noisy.__call__ has no argument 'train'"),
        (lambda: fk.nn.FlaxLayer(Noisy, "decode", args=(4,)).init(KEY, X), AttributeError, "no method 'decode'"),
        (lambda: layer.apply({"params": {}}, X), ValueError, "have no 'params/layers/0/bias'"),
        (lambda: fk.to_nnx(MLP(3, 4, 2, rngs=nnx.Rngs(0)), {}), TypeError, "takes an fkeras model, a layer or a Linen"),
        (lambda: fk.to_nnx(linen.Dense(2), {"kernel": X}), TypeError, "weights without the name of their collection"),
        (lambda: fk.to_nnx_state(linen.Dense(2), {"params": {"kernel": X}}), TypeError,
         r"Write:    fk.to_nnx_state\(variables\)"),
        (lambda: fk.from_nnx_state({}), TypeError, "takes an nnx.State or an nnx.Module"),
        (lambda: fk.to_nnx_state({"params": {"a": X}}, nnx.Linear(2, 3, rngs=nnx.Rngs(0))), ValueError,
         "missing: params/bias, params/kernel; no place for: params/a"),
    ],
)  # fmt: skip
def test_errors_say_what_to_write(wrong, kind, text):
    with pytest.raises(kind, match=text):
        wrong()


def test_an_optimizer_is_no_module():
    optimizer = nnx.Optimizer(nnx.Linear(2, 3, rngs=nnx.Rngs(0)), optax.sgd(0.1), wrt=nnx.Param)
    with pytest.raises(TypeError, match=r"An nnx.Optimizer is no module: it holds the state of a run"):
        fk.Trainer(optimizer, "sgd", "mse")


# ------------------------------------------------------------------ the other way
def test_a_model_trains_as_an_nnx_module():
    model = fk.Sequential(
        [
            fk.Input((3,)),
            fk.nn.Dense(4, kernel_regularizer="l2", activation="tanh"),
            fk.nn.BatchNormalization(),
            fk.nn.Dense(2, trainable=False),
        ]
    )
    y, tx = np.ones((4, 2), "float32"), optax.sgd(0.1)
    trainer = model.compile(tx, "mse")
    state = trainer.init(0)
    module = fk.to_nnx(model, state, nnx.Rngs(0))
    kernel = state.params["dense"]["kernel"]
    assert module.dense["kernel"].get_value() is kernel
    assert set(nnx.state(module, nnx.Param)) == {"dense", "batch_normalization"}
    optimizer = nnx.Optimizer(module, tx, wrt=nnx.Param)

    @nnx.jit
    def step(module, optimizer):
        def loss(module):
            return jnp.mean((module(X) - y) ** 2) + module.added_loss[...]

        value, grads = nnx.value_and_grad(loss)(module)
        optimizer.update(module, grads)
        return value

    for _ in range(2):
        step(module, optimizer)
        state, _ = trainer.train_step(state, (X, y))
    back = fk.from_nnx_state(module)
    assert jax.tree.structure(back) == jax.tree.structure(dict(state.variables))
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-6), back, dict(state.variables))
    module.eval()
    merged = nnx.merge(*nnx.split(module))
    np.testing.assert_allclose(merged(X), model.apply(back, X), rtol=1e-6)
    assert nnx.view(merged, deterministic=False).deterministic is False


def test_dropout_of_a_model_draws_from_the_modules_streams():
    model = fk.Sequential([fk.Input((3,)), fk.nn.Dropout(0.5)])
    module = fk.to_nnx(model, model.init(KEY), nnx.Rngs(dropout=0))
    one, other = module(X), module(X)
    assert not np.array_equal(one, other)
    module.eval()
    np.testing.assert_array_equal(module(X), X)


def test_variables_and_states_are_the_same_arrays():
    module = LoRAMLP(3, 4, 2, rngs=nnx.Rngs(0))
    variables = fk.from_nnx_state(nnx.state(module))
    same = jax.tree.map(lambda a, b: a is b, fk.from_nnx_state(fk.to_nnx_state(variables)), variables)
    assert jax.tree.all(same)
    other = LoRAMLP(3, 4, 2, rngs=nnx.Rngs(1))
    nnx.update(other, fk.to_nnx_state(variables, like=other))
    assert other.first.lora.lora_a.get_value() is module.first.lora.lora_a.get_value()
    with pytest.raises(ValueError, match="something else under the name 'train'"):
        fk.to_nnx(fk.Sequential([fk.Input((3,)), fk.nn.Dense(1, name="train")]), {"params": {"train": {"bias": X}}})


# ------------------------------------------------------------------ writes into weights
class Centred(nnx.Module):
    """Keeps a running mean where only the optimizer writes."""

    def __init__(self, transform, *, rngs: nnx.Rngs):
        self.linear = nnx.Linear(3, 3, rngs=rngs)
        self.centre = nnx.Param(jnp.zeros(3))
        self.transform = transform

    def __call__(self, x):
        def run(module, x):
            module.centre[...] = 0.9 * module.centre[...] + 0.1 * x.mean(0)
            return module.linear(x - module.centre[...][None, :])

        return self.transform(run)(self, x)


class Transformed(nnx.Module):
    """Writes into no weight, though the transform hands all of them back as new arrays."""

    def __init__(self, transform, *, rngs: nnx.Rngs):
        self.inner = nnx.Sequential(nnx.Linear(3, 3, rngs=rngs), nnx.BatchNorm(3, rngs=rngs))
        self.transform = transform

    def __call__(self, x):
        return self.transform(lambda module, x: module(x))(self.inner, x)


def plain(function):
    return function


@pytest.mark.parametrize("transform", [plain, nnx.jit, nnx.remat])
def test_a_write_into_a_weight_is_told_by_its_name(transform):
    layer = fk.nn.FlaxLayer(Centred, args=(transform,))
    variables = layer.init(KEY, X)
    with pytest.warns(UserWarning, match="Centred wrote into weights") as told:
        jax.jit(layer.apply)(variables, X)
    assert "new values of centre\n" in str(told[0].message)


@pytest.mark.parametrize("transform", [plain, nnx.jit, nnx.remat])
@pytest.mark.filterwarnings("error")
def test_what_a_transform_hands_back_unchanged_is_no_write(transform):
    layer = fk.nn.FlaxLayer(Transformed, args=(transform,))
    variables = layer.init(KEY, X)
    _, updates = jax.jit(lambda v: layer.apply(v, X, training=True, mutable=["batch_stats"]))(variables)
    assert jnp.any(updates["batch_stats"]["inner"]["layers"]["1"]["mean"] != 0)
    jax.grad(lambda v: layer.apply(v, X).sum())(variables)


@pytest.mark.parametrize("wrapper", [nnx.WeightNorm, nnx.SpectralNorm])
@pytest.mark.filterwarnings("error")
def test_weights_that_are_normalised_anew_in_each_call_are_no_write(wrapper):
    layer = fk.nn.FlaxLayer(lambda rngs: wrapper(nnx.Linear(3, 2, rngs=rngs), rngs=rngs))
    layer.apply(layer.init(KEY, X), X)
