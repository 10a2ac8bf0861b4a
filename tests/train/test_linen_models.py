"""Linen modules that know nothing of fkeras train through `fk.Trainer` as they are."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import linen as nn

import fkeras as fk

RNG = np.random.default_rng(0)
N = 24
LABELS = (np.arange(N) % 3).astype("int32")
VECTORS = (RNG.normal(size=(N, 6)) + LABELS[:, None]).astype("float32")
IMAGES = (0.5 * RNG.normal(size=(N, 8, 8, 2)) + LABELS[:, None, None, None]).astype("float32")
TOKENS = RNG.integers(0, 5, (N, 7)).astype("int32") + 5 * LABELS[:, None]
CROSS = fk.losses.SparseCategoricalCrossentropy(from_logits=True)


class MLP(nn.Module):
    @nn.compact
    def __call__(self, x):
        return nn.Dense(3)(nn.relu(nn.Dense(16)(x)))


class ResNetBlock(nn.Module):
    """Its training flag is Flax's own: `train`, and batch statistics are a collection."""

    @nn.compact
    def __call__(self, x, train: bool = False):
        y = nn.Conv(4, (3, 3), use_bias=False)(x)
        y = nn.relu(nn.BatchNorm(use_running_average=not train, momentum=0.9)(y))
        y = nn.BatchNorm(use_running_average=not train, momentum=0.9)(nn.Conv(4, (3, 3), use_bias=False)(y))
        return nn.Dense(3)((y + nn.Conv(4, (1, 1))(x)).mean((1, 2)))


class ViT(nn.Module):
    @nn.compact
    def __call__(self, x, deterministic: bool = True):
        x = nn.Conv(8, (4, 4), strides=(4, 4))(x).reshape(len(x), -1, 8)
        x = jnp.concatenate([jnp.tile(self.param("cls", nn.initializers.zeros, (1, 1, 8)), (len(x), 1, 1)), x], 1)
        x += self.param("positions", nn.initializers.normal(0.02), (1, x.shape[1], 8))
        for _ in range(1):
            y = nn.LayerNorm()(x)
            x += nn.MultiHeadDotProductAttention(2, dropout_rate=0.1, deterministic=deterministic)(y, y)
            y = nn.Dense(16)(nn.LayerNorm()(x))
            x += nn.Dropout(0.1, deterministic=deterministic)(nn.Dense(8)(nn.gelu(y)))
        return nn.Dense(3)(x[:, 0])


class LSTM(nn.Module):
    @nn.compact
    def __call__(self, tokens):
        x = nn.Embed(15, 6)(tokens)
        return nn.Dense(3)(nn.RNN(nn.OptimizedLSTMCell(8))(x)[:, -1])


class UNet(nn.Module):
    @nn.compact
    def __call__(self, x):
        down = nn.relu(nn.Conv(4, (3, 3))(x))
        deep = nn.relu(nn.Conv(8, (3, 3))(nn.max_pool(down, (2, 2), (2, 2))))
        up = nn.ConvTranspose(4, (2, 2), strides=(2, 2))(deep)
        return nn.Conv(2, (1, 1))(jnp.concatenate([down, up], -1))


class GNNLayer(nn.Module):
    """Two rounds of messages along the edges; its input is a dict."""

    @nn.compact
    def __call__(self, graph):
        x, edges = graph["nodes"], graph["edges"]
        for _ in range(2):
            degree = jnp.maximum(edges.sum(-1, keepdims=True), 1)
            x = nn.relu(nn.Dense(8)(x) + nn.Dense(8)(edges @ x / degree))
        return nn.Dense(3)(x.mean(1))


class Autoencoder(nn.Module):
    """Written with setup, with methods of its own."""

    def setup(self):
        self.encoder, self.decoder = nn.Dense(4), nn.Dense(6)

    def encode(self, x):
        return nn.tanh(self.encoder(x))

    def __call__(self, x):
        return self.decoder(self.encode(x))


class Mixer(nn.Module):
    @nn.compact
    def __call__(self, x, training: bool = False):
        x = nn.Dense(6)(x.reshape(len(x), 64, 2))
        y = nn.Dense(64)(nn.gelu(nn.Dense(8)(nn.LayerNorm()(x).swapaxes(1, 2)))).swapaxes(1, 2)
        x = nn.Dropout(0.1)(x + y, deterministic=not training)
        return nn.Dense(3)((x + nn.Dense(6)(nn.gelu(nn.Dense(8)(nn.LayerNorm()(x))))).mean(1))


class SpectralConv(nn.Module):
    @nn.compact
    def __call__(self, x, train: bool = False):
        x = nn.SpectralNorm(nn.Conv(4, (3, 3)))(x, update_stats=train)
        return nn.WeightNorm(nn.Dense(3))(nn.relu(x).mean((1, 2)))


class SeveralCollections(nn.Module):
    """Batch statistics, a counter and a running mean of its own, and dropout."""

    @nn.compact
    def __call__(self, x, train: bool = False):
        seen = self.variable("counters", "batches", lambda: jnp.zeros((), jnp.int32))
        mean = self.variable("averages", "mean", jnp.zeros, x.shape[-1:])
        if train and not self.is_initializing():
            seen.value += 1
            mean.value = 0.9 * mean.value + 0.1 * x.mean(0)
        x = nn.BatchNorm(use_running_average=not train, momentum=0.9)(nn.Dense(8)(x - mean.value[None]))
        return nn.Dense(3)(nn.Dropout(0.2)(x, deterministic=not train))


NODES = (RNG.normal(size=(N, 5, 4)) + LABELS[:, None, None]).astype("float32")
EDGES = (RNG.random((N, 5, 5)) < 0.5).astype("float32")
MODELS = {
    "MLP": (MLP(), VECTORS, LABELS, CROSS),
    "ResNetBlock": (ResNetBlock(), IMAGES, LABELS, CROSS),
    "ViT": (ViT(), IMAGES, LABELS, CROSS),
    "LSTM": (LSTM(), TOKENS, LABELS, CROSS),
    "UNet": (UNet(), IMAGES, IMAGES, "mse"),
    "GNNLayer": (GNNLayer(), {"nodes": NODES, "edges": EDGES}, LABELS, CROSS),
    "Autoencoder": (Autoencoder(), VECTORS, VECTORS, "mse"),
    "Mixer": (Mixer(), IMAGES, LABELS, CROSS),
    "SpectralConv": (SpectralConv(), IMAGES, LABELS, CROSS),
    "SeveralCollections": (SeveralCollections(), VECTORS, LABELS, CROSS),
}


@pytest.mark.sweep(5, 4)
@pytest.mark.parametrize("name", MODELS)
def test_a_linen_module_trains_as_it_is(name):
    module, x, y, loss = MODELS[name]
    metrics = ["accuracy"] if loss is CROSS else ["mae"]
    trainer = fk.Trainer(module, optimizer=fk.optimizers.SGD(0.1), loss=loss, metrics=metrics)
    row = jax.tree.map(lambda a: a[:1], x)
    state = trainer.init(0, row)
    wanted = jax.eval_shape(module.init, jax.random.key(0), row)
    assert jax.tree.structure(state.params) == jax.tree.structure(dict(wanted["params"]))
    assert set(state.model_state) == set(wanted) - {"params"}
    before = trainer.evaluate(state, x, y)["loss"]
    after, history = trainer.fit(state, x, y, batch_size=8, epochs=4, verbose=0)
    assert history.history["loss"][-1] < history.history["loss"][0]
    found = trainer.evaluate(after, x, y)
    assert found["loss"] < before
    # Inference is the module's own, called as its author calls it.
    np.testing.assert_allclose(
        trainer.predict(after, x), jax.jit(module.apply)(after.variables, x), rtol=1e-4, atol=1e-5
    )
    for collection, values in state.model_state.items():  # what training changes has changed
        pairs = zip(jax.tree.leaves(values), jax.tree.leaves(after.model_state[collection]), strict=True)
        assert not all(np.array_equal(a, b) for a, b in pairs)


def test_a_linen_model_s_run_goes_on(tmp_path):
    module, x, y, loss = MODELS["SeveralCollections"]
    trainer = fk.Trainer(module, optimizer="sgd", loss=loss)
    start = trainer.init(0, x[:1])
    state, _ = trainer.fit(start, x, y, batch_size=8, epochs=2, verbose=0, checkpoint=tmp_path / "run")
    assert int(state.model_state["counters"]["batches"]) == 6
    longer, _ = trainer.fit(start, x, y, batch_size=8, epochs=4, verbose=0, checkpoint=tmp_path / "run")
    whole, _ = trainer.fit(start, x, y, batch_size=8, epochs=4, verbose=0)
    for a, b in zip(jax.tree.leaves(longer.variables), jax.tree.leaves(whole.variables), strict=True):
        np.testing.assert_array_equal(a, b)


class OverDevices(nn.Module):
    """Its statistics are those of all devices of a `pmap`, as in Flax's ImageNet example."""

    @nn.compact
    def __call__(self, x, train: bool = True):
        x = nn.BatchNorm(use_running_average=not train, momentum=0.9, axis_name="batch")(nn.Dense(8)(x))
        return nn.Dense(3)(nn.relu(x))


class OverTheBatch(nn.Module):
    @nn.compact
    def __call__(self, x, train: bool = True):
        x = nn.BatchNorm(use_running_average=not train, momentum=0.9)(nn.Dense(8)(x))
        return nn.Dense(3)(nn.relu(x))


def test_an_axis_of_devices_is_the_whole_batch_in_one_program():
    runs = []
    for module in (OverDevices(), OverTheBatch()):
        trainer = fk.Trainer(module, "sgd", CROSS)
        state, history = trainer.fit(trainer.init(0, VECTORS), VECTORS, LABELS, epochs=2, batch_size=8, verbose=0)
        runs.append((state.variables, history.history, trainer.evaluate(state, VECTORS, LABELS)))
        assert trainer.predict(state, VECTORS[:2]).shape == (2, 3)
    jax.tree.map(np.testing.assert_array_equal, *runs)


def test_the_axis_of_a_pmap_is_the_users_own():
    module, devices = OverDevices(), 2
    trainer = fk.Trainer(module, "sgd", CROSS)
    state = trainer.init(0, VECTORS)
    step = jax.pmap(lambda x: trainer.forward(state.params, state, x, state.rng)[0], axis_name="batch")
    whole = trainer.forward(state.params, state, VECTORS, state.rng)[0]
    found = step(VECTORS.reshape(devices, -1, VECTORS.shape[1])).reshape(whole.shape)
    np.testing.assert_allclose(found, whole, atol=1e-5)  # sums in another order


def test_an_axis_that_no_layer_names_is_an_error():
    class Wrong(nn.Module):
        @nn.compact
        def __call__(self, x):
            x = nn.Dense(3)(x)
            return x if self.is_initializing() else jax.lax.pmean(x, "devices")

    trainer = fk.Trainer(Wrong(), "sgd", CROSS)
    with pytest.raises(NameError, match="devices"):
        trainer.init(0, VECTORS)


# ------------------------------------------------------------------ the mode
class Told(nn.Module):
    """It has every name of the mode at once, and no default."""

    @nn.compact
    def __call__(self, x, training, train, is_training, is_train, deterministic, inference, eval, use_running_average):
        self.param("scale", nn.initializers.ones, ())
        calm = [deterministic, inference, eval, use_running_average]
        return x + jnp.array([training, train, is_training, is_train, *(not flag for flag in calm)], "float32")[None]


def test_a_module_is_told_the_mode_by_any_name_for_it():
    trainer, x = fk.Trainer(Told(), "sgd", "mse"), np.zeros((1, 8), "float32")
    state = trainer.init(0, x)
    for training in (True, False):
        found, _ = trainer.forward(state.params, state, x, state.rng, training)
        np.testing.assert_array_equal(found, [[float(training)] * 8])
    np.testing.assert_array_equal(trainer.predict(state, x), np.zeros((1, 8)))


class Normalised(nn.Module):
    """It has no default: who calls it says the mode."""

    @nn.compact
    def __call__(self, x, use_running_average: bool):
        return nn.Dense(3)(nn.BatchNorm(use_running_average, momentum=0.5)(x))


def test_batch_statistics_move_in_training_and_are_used_in_inference():
    trainer = fk.Trainer(Normalised(), "sgd", CROSS)
    state = trainer.init(0, VECTORS)
    after, _ = trainer.train_step(state, (VECTORS, LABELS))
    moved = after.model_state["batch_stats"]["BatchNorm_0"]["mean"]
    np.testing.assert_allclose(moved, VECTORS.mean(0) / 2, rtol=1e-4, atol=1e-6)
    wanted = Normalised().apply(after.variables, VECTORS, use_running_average=True)
    np.testing.assert_allclose(trainer.predict(after, VECTORS), wanted, rtol=1e-5, atol=1e-6)


def test_a_field_that_says_the_mode_is_not_said_again():
    inputs = fk.Input((6,))
    told = fk.Model(inputs, fk.nn.FlaxLayer(nn.BatchNorm(use_running_average=True))(inputs))
    _, updates = told.apply(told.init(jax.random.key(0)), VECTORS, training=True, mutable=["batch_stats"])
    np.testing.assert_array_equal(jax.tree.leaves(updates)[0], 0)  # it stays in inference
    open_ = fk.Model(inputs, fk.nn.FlaxLayer(nn.BatchNorm())(inputs))
    _, updates = open_.apply(open_.init(jax.random.key(0)), VECTORS, training=True, mutable=["batch_stats"])
    assert np.any(jax.tree.leaves(updates)[0])


class Worded(nn.Module):
    """Its word for the mode is one that nobody knows."""

    rate: float = 0.5

    @nn.compact
    def __call__(self, x, mode="train"):
        return nn.Dense(3)(nn.Dropout(self.rate, deterministic=mode != "train")(x))


class Required(nn.Module):
    @nn.compact
    def __call__(self, x, mode):
        return nn.Dense(3)(x)


def test_a_word_for_the_mode_that_is_not_known_is_named():
    with pytest.warns(UserWarning, match=r"Nothing tells Worded whether a call trains[\s\S]*mode= .*Dropout inside"):
        fk.Trainer(Worded(), "sgd", CROSS).init(0, VECTORS[:1])
    fk.Trainer(Worded(0.0), "sgd", CROSS).init(0, VECTORS[:1])  # which drops nothing
    with pytest.raises(TypeError, match=r"Required.__call__ has the argument 'mode' without[\s\S]*deterministic"):
        fk.Trainer(Required(), "sgd", CROSS).init(0, VECTORS[:1])


def test_a_module_asks_for_an_example_of_its_input():
    with pytest.raises(ValueError, match=r"weights of MLP follow from an example[\s\S]*trainer.init\(0, x\[:1\]\)"):
        fk.Trainer(MLP(), "sgd", CROSS).init(0)


def test_parts_of_a_module_rest_by_path():
    trainer = fk.Trainer(MLP(), {"Dense_0/.*": optax.set_to_zero(), ".*": optax.adam(1e-3)}, CROSS)
    state = trainer.init(0, VECTORS)
    after, _ = trainer.train_step(state, (VECTORS, LABELS))
    moved = jax.tree.map(lambda a, b: not np.array_equal(a, b), state.params, after.params)
    assert moved == {"Dense_0": {"kernel": False, "bias": False}, "Dense_1": {"kernel": True, "bias": True}}
