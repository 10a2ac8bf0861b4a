"""Weights of torch modules: what torch computed with the file in `goldens/`, which it wrote."""

import json
import pathlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import safetensors.numpy

import fkeras as fk

L = fk.nn
FILE = pathlib.Path(__file__).parent / "goldens" / "torch.safetensors"
EXPECTED = np.load(FILE.with_suffix(".npz"))


def image():
    """Channels last: what torch has as `(4, 7, 7)` is `(7, 7, 4)` here."""
    return fk.Sequential(
        [
            fk.Input((7, 7, 4)),
            L.Conv2D(6, 3, groups=2, name="grouped"),
            L.BatchNormalization(epsilon=1e-5, name="norm"),
            L.ReLU(),
            L.DepthwiseConv2D((2, 3), depth_multiplier=2, name="apart"),
            L.Conv2DTranspose(5, 3, strides=2, name="up"),
            L.GroupNormalization(1, epsilon=1e-5, name="groups"),
            L.Flatten(),
            L.BatchNormalization(epsilon=1e-5, name="flat_norm"),
            L.Dropout(0.5),
            L.Dense(3, name="head"),
        ]
    )


def text():
    norm = L.LayerNormalization(epsilon=1e-5, name="norm")
    words = L.Embedding(7, 6, name="embedding")
    return fk.Sequential([fk.Input((5,), dtype="int32"), words, norm, L.Dense(4, use_bias=False, name="dense")])


def signal():
    return fk.Sequential([fk.Input((6, 3)), L.Conv1D(4, 3, name="conv"), L.Conv1DTranspose(2, 3, strides=2, name="up")])


def attention():
    x = fk.Input((5, 6))
    return fk.Model(x, L.MultiHeadAttention(2, 3, name="mha")(x, x))


def runs(layer):
    return fk.Sequential([fk.Input((5, 3)), layer])


MODELS = {
    "image": image,
    "signal": signal,
    "volume": lambda: fk.Sequential([fk.Input((3, 3, 3, 2)), L.Conv3D(3, 2, name="conv3d")]),
    "text": text,
    "attention": attention,
    "projections": attention,
    "lstm": lambda: runs(L.Bidirectional(L.LSTM(4, return_sequences=True), name="rnn")),
    "gru": lambda: runs(L.GRU(4, return_sequences=True, name="rnn")),
    "rnn": lambda: runs(L.SimpleRNN(4, return_sequences=True, name="rnn")),
}


def of(name):
    """The names of one of the modules, and none of the others."""
    sequential = {"volume": {"0.": "conv3d."}}

    def rename(key):
        module, _, rest = key.partition("/")
        for old, new in sequential.get(name, {}).items():
            rest = rest.replace(old, new)
        return rest if module == name else None

    return rename


@pytest.mark.parametrize("name", MODELS)
def test_what_torch_computed_is_computed_with_its_weights(name):
    model, x, y = MODELS[name](), EXPECTED[f"{name}/x"], EXPECTED[f"{name}/y"]
    variables = fk.load_weights(model, FILE, rename=of(name))
    assert jax.tree.all(jax.tree.map(lambda a, b: a.dtype == b.dtype, variables, model.abstract_variables()))
    images = name in ("image", "signal", "volume")
    found = model.apply(variables, jnp.moveaxis(x, 1, -1) if images else x)
    if images and y.ndim > 2:
        found = jnp.moveaxis(found, -1, 1)
    np.testing.assert_allclose(found, y, atol=1e-5)


def small(names=("low", "high")):
    return fk.Sequential([fk.Input((3,)), L.Dense(4, name=names[0]), L.Dense(2, name=names[1])])


def torch_file(place, dtype="float32", **more):
    rng = np.random.default_rng(0)
    tensors = {"net.0.weight": (4, 3), "net.0.bias": (4,), "net.1.weight": (2, 4), "net.1.bias": (2,), **more}
    tensors = {name: jnp.asarray(rng.normal(size=shape), dtype) for name, shape in tensors.items()}
    fk.checkpoint.save_tensors(place / "model.safetensors", tensors)
    return {name: np.asarray(array, "float32") for name, array in tensors.items()}


NET = {r"net\.0": "low", r"net\.1": "high"}


@pytest.mark.parametrize("dtype", ["bfloat16", "float16", "float32"])
def test_names_are_changed_by_patterns_and_half_precision_is_read(tmp_path, dtype):
    tensors = torch_file(tmp_path, dtype)
    variables = fk.load_weights(small(), tmp_path, rename=NET)
    assert variables["params"]["low"]["kernel"].dtype == jnp.float32
    assert np.array_equal(variables["params"]["low"]["kernel"], tensors["net.0.weight"].T)
    assert np.array_equal(variables["params"]["high"]["bias"], tensors["net.1.bias"])


def test_everything_that_finds_no_place_is_listed_with_the_nearest_names(tmp_path):
    torch_file(tmp_path, **{"extra.weight": (1, 1)})
    with pytest.raises(ValueError, match="does not fit the model: 5 arrays find no place") as error:
        fk.load_weights(small(), tmp_path, rename={r"net\.0": "low", r"net\.1": "hihg"})
    listed = str(error.value)
    assert "missing     high.weight float32(2, 4), for params/high/kernel   (did you mean 'hihg.weight'?)" in listed
    assert "unexpected  extra.weight float32(1, 1)" in listed
    wide = fk.Sequential([fk.Input((3,)), L.Dense(5, name="low"), L.Dense(2, name="high")])
    with pytest.raises(ValueError, match=r"params/low/kernel low.weight float32\(4, 3\) in the file, float32\(5, 3\)"):
        fk.load_weights(wide, tmp_path, rename=NET, allow=r"extra\..*")
    with pytest.raises(ValueError, match=r"'net.0.bais' is found in no name(.|\n)*Did you mean 'net\.0\.bias'"):
        fk.load_weights(small(), tmp_path, rename={"net.0.bais": "low"})
    with pytest.raises(ValueError, match=r"would both be 'low.bias'"):
        fk.load_weights(small(), tmp_path, rename={r"net\.\d": "low"})


def test_a_part_may_be_missing_and_keeps_what_was_given(tmp_path):
    tensors = torch_file(tmp_path)
    model = small(("low", "head"))
    before = model.init(0)
    after = fk.load_weights(model, tmp_path, before, rename=NET, allow=["head/.*", r"high\..*"])
    assert np.array_equal(after["params"]["low"]["kernel"], tensors["net.0.weight"].T)
    assert after["params"]["head"]["kernel"] is before["params"]["head"]["kernel"]


def test_axes_are_exchanged_as_told(tmp_path):
    square = {"low.weight": (3, 3), "low.bias": (3,)}
    tensors = {name: np.arange(np.prod(shape), dtype="float32").reshape(shape) for name, shape in square.items()}
    fk.checkpoint.save_tensors(tmp_path / "x.safetensors", tensors)
    model = fk.Sequential([fk.Input((3,)), L.Dense(3, name="low")])
    load = lambda **how: fk.load_weights(model, tmp_path / "x.safetensors", **how)["params"]["low"]["kernel"]  # noqa: E731
    assert np.array_equal(load(), tensors["low.weight"].T)
    assert np.array_equal(load(transpose=False), tensors["low.weight"])
    assert np.array_equal(load(transpose={"low/kernel": (0, 1)}), tensors["low.weight"])
    with pytest.raises(ValueError, match='`transpose` is "auto", False, or axes by paths'):
        load(transpose=True)


def test_several_files_are_read_by_their_index_and_pickles_never(tmp_path):
    tensors = torch_file(tmp_path)
    (tmp_path / "model.safetensors").unlink()
    files = {name: f"model-0000{i}-of-00002.safetensors" for i, name in enumerate(tensors)}
    for name, file in files.items():
        fk.checkpoint.save_tensors(tmp_path / file, {name: tensors[name]})
    index = tmp_path / "model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": files}))
    for place in (tmp_path, index):
        variables = fk.load_weights(small(), place, rename=NET)
        assert np.array_equal(variables["params"]["high"]["kernel"], tensors["net.1.weight"].T)
    index.write_text(json.dumps({"weight_map": {**files, "gone": "model-00001-of-00002.safetensors"}}))
    with pytest.raises(ValueError, match=r"tensors that its files do not have(.|\n)*gone"):
        fk.load_weights(small(), index)
    index.write_text(json.dumps({"weight_map": {"a": "../a.safetensors"}}))
    with pytest.raises(ValueError, match=r"is no index of \.safetensors files"):
        fk.load_weights(small(), index)
    (tmp_path / "pytorch_model.bin").write_bytes(b"\x80\x02.")
    with pytest.raises(ValueError, match=r"is a pickle, which can run any code(.|\n)*weights_only=True"):
        fk.load_weights(small(), tmp_path / "pytorch_model.bin")


def test_a_model_of_ones_own_takes_them_too(tmp_path):
    class Own(fk.Model):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.low, self.high = L.Dense(4), L.Dense(2)

        def call(self, x):
            return self.high(self.low(x))

    tensors = torch_file(tmp_path)
    with pytest.raises(ValueError, match="needs variables of a model without a graph"):
        fk.load_weights(Own(), tmp_path, rename=NET)
    variables = fk.load_weights(Own(), tmp_path, Own().init(0, np.ones((1, 3))), rename=NET)
    assert np.array_equal(variables["params"]["high"]["kernel"], tensors["net.1.weight"].T)


def test_blocks_that_are_repeated_go_by_their_numbers(tmp_path):
    names = {f"layers.{i}.{name}": shape for i in range(3) for name, shape in (("weight", (3, 3)), ("bias", (3,)))}
    rng = np.random.default_rng(0)
    tensors = {name: rng.normal(size=shape).astype("float32") for name, shape in names.items()}
    fk.checkpoint.save_tensors(tmp_path / "x.safetensors", tensors)
    model = fk.Sequential([fk.Input((3,)), L.Repeat(L.Dense(3), 3, name="layers")])
    variables = fk.load_weights(model, tmp_path / "x.safetensors")
    x = rng.normal(size=(2, 3)).astype("float32")
    want = x
    for i in range(3):
        want = want @ tensors[f"layers.{i}.weight"].T + tensors[f"layers.{i}.bias"]
    np.testing.assert_allclose(model.apply(variables, x), want, atol=1e-5)


def test_arguments_that_are_something_else_are_named(tmp_path):
    with pytest.raises(TypeError, match="load_weights takes a model, a file"):
        fk.load_weights("model.safetensors", small())
    with pytest.raises(TypeError, match="or a function that renames"):
        fk.load_weights(small(), tmp_path, rename=["a", "b"])
    with pytest.raises(ValueError, match=r"Write:    variables = model.load_weights\('m.weights.h5'"):
        fk.load_weights(small(), "m.weights.h5")


def test_features_that_a_permute_has_put_in_order_are_taken_as_they_are(tmp_path):
    arrays = {"fc.weight": np.arange(24, dtype="float32").reshape(2, 12), "fc.bias": np.zeros(2, "float32")}
    safetensors.numpy.save_file(arrays, tmp_path / "model.safetensors")
    model = fk.Sequential([fk.Input((2, 2, 3)), L.Permute((3, 1, 2)), L.Flatten(), L.Dense(2, name="fc")])
    variables = fk.load_weights(model, tmp_path / "model.safetensors")
    np.testing.assert_array_equal(variables["params"]["fc"]["kernel"], arrays["fc.weight"].T)
