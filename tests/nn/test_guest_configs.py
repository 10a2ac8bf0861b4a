"""Configs of layers around modules of other libraries: a class by its name, and the arguments that made the module."""

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen, nnx

import fkeras as fk

eqx = pytest.importorskip("equinox")


class MLP(nnx.Module):
    def __init__(self, din, dout, act=nnx.relu, *, rngs):
        self.linear, self.act = nnx.Linear(din, dout, rngs=rngs), act

    def __call__(self, x):
        return self.act(self.linear(x))


class Blocks(linen.Module):
    sizes: tuple
    inner: linen.Module | None = None
    dtype: object = jnp.float32

    @linen.compact
    def __call__(self, x):
        for size in self.sizes:
            x = linen.Dense(size, dtype=self.dtype)(x)
        return x if self.inner is None else self.inner(x)

    def encode(self, x):
        return self(x)


def linear(key):
    return eqx.nn.Linear(3, 2, key=key)


OWN = {"MLP": MLP, "Blocks": Blocks, "linear": linear}
LAYERS = {
    "of linen": lambda: fk.nn.FlaxLayer(linen.Conv(2, (3,), use_bias=False, dtype=jnp.bfloat16)),
    "in linen": lambda: fk.nn.FlaxLayer(linen.Sequential([Blocks((4, 2), linen.Dense(3)), jax.nn.gelu])),
    "method": lambda: fk.nn.FlaxLayer(Blocks((2,)), "encode", name="mine", trainable=False),
    "of nnx": lambda: fk.nn.FlaxLayer(nnx.Linear, args=(3, 2), kwargs={"use_bias": False}, wrt=nnx.LoRAParam),
    "own": lambda: fk.nn.FlaxLayer(MLP, args=(3, 2), kwargs={"act": nnx.silu}),
    "of equinox": lambda: fk.nn.EquinoxLayer(eqx.nn.BatchNorm, args=(2,), kwargs={"axis_name": "b", "mode": "ema"}),
    "a function": lambda: fk.nn.EquinoxLayer(linear, vmap=False),
}


@pytest.mark.parametrize("name", LAYERS)
def test_a_layer_comes_back_from_its_config(name):
    layer = LAYERS[name]()
    config = json.loads(json.dumps(layer.get_config()))
    again = type(layer).from_config(config, custom_objects=OWN)
    assert again == layer
    assert hash(again) == hash(layer)
    assert again.get_config() == config


def test_a_directory_and_a_text_hold_a_model_and_keras_files_do_not(tmp_path):
    model = fk.Sequential([fk.Input((3,)), LAYERS["own"](), LAYERS["of equinox"](), fk.nn.Dense(2)])
    trainer = model.compile("sgd", "mse")
    state = trainer.init(0)
    trainer.save(tmp_path / "run", state)
    again, read = fk.load_trainer(tmp_path / "run", custom_objects=OWN)
    assert again == trainer
    jax.tree.map(np.testing.assert_array_equal, read.params, state.params)
    assert fk.models.model_from_json(model.to_json(), custom_objects=OWN) == model
    with pytest.raises(ValueError, match=r"Unknown object 'MLP'(?s:.)*custom_objects=\{'MLP': MLP\}"):
        fk.load_model(tmp_path / "run")
    for save in (lambda path: model.save(path, state), lambda path: trainer.save(path, state)):
        for suffix in (".keras", ".h5"):
            with pytest.raises(TypeError, match=r"which no Keras file can hold(?s:.)*directories"):
                save(tmp_path / f"m{suffix}")
            assert not (tmp_path / f"m{suffix}").exists()


@pytest.mark.parametrize(
    ("layer", "text"),
    [
        (lambda: fk.nn.FlaxLayer(MLP(3, 2, rngs=nnx.Rngs(0))), "MLP was handed over as an instance"),
        (lambda: fk.nn.EquinoxLayer(linear(jax.random.key(0))), "Linear was handed over as an instance"),
        (lambda: fk.nn.FlaxLayer(lambda rngs: MLP(3, 2, rngs=rngs)), "<lambda> has no name"),
        (lambda: fk.nn.FlaxLayer(linen.Dense(2, kernel_init=jax.nn.initializers.he_normal())), "another one made"),
        (lambda: fk.nn.FlaxLayer(MLP, args=(3, 2, 1j)), "a complex among its arguments"),
        (lambda: fk.nn.EquinoxLayer(linear, filter=lambda leaf: False), "a filter of one's own"),
    ],
)
def test_what_has_no_config_says_why_and_what_needs_none(layer, text):
    with pytest.raises(TypeError, match=text) as caught:
        layer().get_config()
    assert "model.save_weights" in str(caught.value)


@pytest.mark.parametrize(
    "module",
    [
        {"linen": {"library": "os", "name": "system"}, "args": ["true"]},
        {"linen": {"library": "flax.linen", "name": "jit"}},
        {"nnx": {"library": "flax.nnx", "name": "__class__"}},
        {"nnx": {"library": "flax.nnx", "name": "Linear"}, "args": {"x": 1}},
        {"nnx": {"library": "jax.nn", "name": "relu"}},
        {"equinox": {"library": "equinox.nn", "name": "MLP"}, "args": [3, 2, 4, 10**9]},
        {"equinox": {"library": "equinox.nn", "name": "Linear"}, "args": [3]},
        {"linen": {"library": "flax.linen", "name": "Dense"}, "kwargs": {"features": 2, "dtype": {"dtype": "no"}}},
        {"linen": {"library": "flax.linen", "name": "Dense"}, "kwargs": {"lines": 2}},
        {"linen": {"name": 3}},
        "Dense",
    ],
)
def test_a_config_made_to_harm_is_refused(module):
    with pytest.raises(ValueError, match=r"(?s)config|Usually"):
        fk.nn.FlaxLayer.from_config({"module": module})
