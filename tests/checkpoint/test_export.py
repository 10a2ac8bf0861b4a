"""StableHLO programs: what they compute elsewhere, what sizes they take, what a damaged or refused one says."""

import json
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import fkeras as fk


def encoder():
    """Two inputs of open lengths by name, an embedding, a recurrent layer, attention."""
    a = fk.Input((None,), dtype="int32", name="a")
    b = fk.Input((None,), dtype="int32", name="b")
    table = fk.nn.Embedding(10, 4)
    return fk.Model({"a": a, "b": b}, {"u": fk.nn.LSTM(3)(table(a)), "v": fk.nn.Attention()([table(a), table(b)])})


def mlp():
    return fk.Sequential([fk.Input((3,), name="x"), fk.nn.Dense(4, activation="relu"), fk.nn.Dense(2)])


@pytest.fixture(scope="module")
def network():
    model = mlp()
    return model, model.init(jax.random.key(0))


def rows(n, width=3):
    return np.random.default_rng(n).normal(size=(n, width)).astype("float32")


# What the README shows: JAX and numpy, and nothing of fkeras or Flax.
ELSEWHERE = """
import sys
import jax, numpy as np
from jax import export
place = sys.argv[1]
program = export.deserialize(bytearray(open(f"{place}/model.stablehlo", "rb").read()))
data = np.load(f"{place}.npz")
for n in ("1", "5"):
    got = jax.jit(program.call)({"a": data["a" + n], "b": data["b" + n]})
    for name in ("u", "v"):
        print(float(abs(got[name] - data[name + n]).max()))
assert not {"flax", "fkeras", "orbax"} & set(sys.modules)
"""


def test_a_fresh_process_with_jax_alone_computes_the_same(tmp_path):
    model = encoder()
    variables = model.init(jax.random.key(0))
    place, draw, data = tmp_path / "program", np.random.default_rng(0), {}
    model.export(place, variables)
    for n in (1, 5):
        x = {k: draw.integers(0, 10, (n, length)).astype("int32") for k, length in (("a", 3), ("b", 6))}
        data |= {f"{k}{n}": v for k, v in x.items()}
        data |= {f"{k}{n}": np.asarray(v) for k, v in model.apply(variables, x).items()}
    np.savez(tmp_path / "program.npz", **data)
    done = subprocess.run([sys.executable, "-c", ELSEWHERE, place], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    off = [float(line) for line in done.stdout.split()]
    assert len(off) == 4
    assert max(off) <= 1e-5  # the same program, compiled elsewhere


def test_what_the_manifest_says(network, tmp_path):
    model, variables = network
    model.export(tmp_path / "p", variables)
    told = json.loads((tmp_path / "p" / "fkeras.json").read_text())
    assert told["inputs"] == [{"name": "x", "shape": ["batch", 3], "dtype": "float32"}]
    assert told["outputs"] == [{"name": "dense_1", "shape": ["batch", 2], "dtype": "float32"}]
    assert told["platforms"] == ["cpu", "cuda", "tpu"]
    assert told["versions"] == {"fkeras": fk.__version__, "jax": jax.__version__, "jaxlib": jax.lib.__version__}
    assert sorted(told["files"]) == ["model.stablehlo"]
    assert sorted(p.name for p in (tmp_path / "p").iterdir()) == ["fkeras.json", "model.stablehlo"]
    assert [p.name for p in tmp_path.iterdir()] == ["p"]


@pytest.mark.parametrize("weights", ["embedded", "separate"])
def test_read_back_it_is_a_pure_function(network, tmp_path, weights):
    model, variables = network
    model.export(tmp_path / "p", variables, weights=weights, vjp_order=1)
    program = fk.load_exported(tmp_path / "p")
    assert repr(program) == "<Exported (x: float32[batch, 3]) -> (dense_1: float32[batch, 2])>"
    for n in (1, 5):
        x = rows(n)
        np.testing.assert_allclose(program(x), model.apply(variables, x), atol=1e-6)
        np.testing.assert_allclose(jax.jit(program)({"x": x.astype("float64")}), model.apply(variables, x), atol=1e-6)
        slope = jax.grad(lambda x: (program(x) ** 2).sum())(x)
        wanted = jax.grad(lambda x: (model.apply(variables, x) ** 2).sum())(jnp.asarray(x))
        np.testing.assert_allclose(slope, wanted, atol=1e-5)  # sums in another order
    with pytest.raises(NotImplementedError, match=r"does not go under jax.vmap[\s\S]*jax.lax.map\(program, x\)"):
        jax.jit(jax.vmap(program))(rows(4).reshape(2, 2, 3))


def test_weights_beside_the_program_are_plain_safetensors(network, tmp_path):
    from safetensors.numpy import load_file

    model, variables = network
    model.export(tmp_path / "p", variables, weights="separate")
    found = load_file(tmp_path / "p" / "weights.safetensors")
    assert sorted(found) == [f"params/{layer}/{name}" for layer in ("dense", "dense_1") for name in ("bias", "kernel")]
    program = jax.export.deserialize(bytearray((tmp_path / "p" / "model.stablehlo").read_bytes()))
    doubled = {path: 2 * array if path.startswith("params/dense_1") else array for path, array in found.items()}
    np.testing.assert_allclose(program.call(doubled, rows(4)), 2 * model.apply(variables, rows(4)), atol=1e-5)


@pytest.mark.sweep(2)
@pytest.mark.parametrize(("mode", "weights"), [("int8", "embedded"), ("int4", "separate"), ("float8", "separate")])
def test_quantised_models_leave_too(tmp_path, mode, weights):
    model = fk.Sequential([fk.Input((6, 6, 1)), fk.nn.Conv2D(4, 3), fk.nn.Flatten(), fk.nn.Dense(3)])
    qmodel, qvariables = model.quantize(model.init(jax.random.key(0)), mode)
    qmodel.export(tmp_path / "q", qvariables, weights=weights)
    program = fk.load_exported(tmp_path / "q")
    x = np.random.default_rng(0).normal(size=(5, 6, 6, 1)).astype("float32")
    np.testing.assert_allclose(program(x), jax.jit(qmodel.apply)(qvariables, x), atol=1e-5)  # the same program
    if mode == "int4":
        kept = sum(a.nbytes for a in program.weights.values())
        assert kept == sum(a.nbytes for a in jax.tree.leaves(qvariables))


def test_weights_of_many_devices_leave_as_one_program(network, tmp_path):
    model, variables = network
    mesh = jax.make_mesh((2,), ("model",), devices=jax.devices()[:2])
    last = jax.NamedSharding(mesh, jax.P(None, "model"))
    spread = jax.tree.map(lambda a: jax.device_put(a, last) if a.ndim == 2 else a, variables)
    model.export(tmp_path / "p", spread)
    program = fk.load_exported(tmp_path / "p")
    assert program.program.nr_devices == 1
    np.testing.assert_allclose(program(rows(2)), model.apply(variables, rows(2)), atol=1e-6)


class Scale(fk.Model):
    def __init__(self, factor=2.0, **kwargs):
        super().__init__(**kwargs)
        self.factor = factor
        self.dense = fk.nn.Dense(3)

    def call(self, inputs):
        return {"y": self.dense(inputs["x"]) * self.factor}


def test_a_model_by_subclass_says_what_it_takes(tmp_path):
    model, x = Scale(), {"x": rows(2)}
    variables = model.init(jax.random.key(0), x)
    with pytest.raises(ValueError, match=r"does not say what it takes[\s\S]*input_signature=fk.Input"):
        model.export(tmp_path / "p", variables)
    model.export(tmp_path / "p", variables, input_signature={"x": fk.Input((3,))})
    program = fk.load_exported(tmp_path / "p")
    assert program.input_names == ["x"]
    assert program.output_names == ["y"]
    np.testing.assert_allclose(program({"x": rows(4)})["y"], model.apply(variables, {"x": rows(4)})["y"], atol=1e-6)


# ------------------------------------------------------------------ sizes that stay open
def sizes_of(model, place, **kwargs):
    model.export(place, model.init(jax.random.key(0)), **kwargs)
    program = fk.load_exported(place)
    return program, program.manifest["inputs"][0]["shape"], program.manifest["constraints"]


def test_images_of_any_size(tmp_path):
    inputs = fk.Input((None, None, 1))
    x = fk.nn.MaxPooling2D()(fk.nn.Conv2D(2, 3)(inputs))
    model = fk.Model(inputs, fk.nn.GlobalAveragePooling2D()(x))
    program, shape, constraints = sizes_of(model, tmp_path / "p")
    assert (shape, constraints) == (["batch", "h", "w", 1], [])
    assert program(np.ones((2, 9, 12, 1), "float32")).shape == (2, 2)


def test_a_net_that_halves_and_doubles_takes_multiples(tmp_path):
    inputs = fk.Input((None, None, 1))
    below = fk.nn.UpSampling2D()(fk.nn.AveragePooling2D(2)(inputs))
    model = fk.Model(inputs, fk.nn.Concatenate()([inputs, below]))
    program, shape, _ = sizes_of(model, tmp_path / "p")
    assert shape == ["batch", "2*h", "2*w", 1]
    assert program(np.ones((1, 6, 10, 1), "float32")).shape == (1, 6, 10, 2)


def test_a_crop_takes_what_is_large_enough(tmp_path):
    inputs = fk.Input((None, None, 1))
    model = fk.Model(inputs, fk.nn.CenterCrop(4, 4)(inputs))
    program, shape, constraints = sizes_of(model, tmp_path / "p")
    assert (shape, constraints) == (["batch", "h", "w", 1], ["h >= 8", "w >= 8"])
    assert program(np.ones((1, 8, 11, 1), "float32")).shape == (1, 4, 4, 1)


class Unrolled(fk.nn.Layer):
    """A loop in Python over the second axis: its length must be a number."""

    def call(self, inputs):
        total = inputs[:, 0]
        for i in range(1, int(inputs.shape[1])):
            total = 0.5 * total + inputs[:, i]
        return total


def test_a_size_that_must_be_given_says_which_and_how(tmp_path):
    inputs = fk.Input((None, 2), name="steps")
    model = fk.Model(inputs, Unrolled()(inputs))
    wanted = r"only with a fixed size of 't' of the input 'steps'[\s\S]*input_signature=\{'steps': \(None, 64, 2\)\}"
    with pytest.raises(ValueError, match=wanted):
        sizes_of(model, tmp_path / "p")
    assert list(tmp_path.iterdir()) == []
    program, shape, _ = sizes_of(model, tmp_path / "p", input_signature={"steps": (None, 5, 2)})
    assert shape == ["batch", 5, 2]
    assert program(np.ones((3, 5, 2), "float32")).shape == (3, 2)


@pytest.mark.parametrize("given", [
    (7, 3), [(7, 3)], {"x": (7, 3)}, fk.Input(batch_shape=(7, 3)), jax.ShapeDtypeStruct((7, 3), "float32"),
    fk.nn.InputSpec(shape=(7, 3)), np.ones((7, 3)),
], ids=lambda g: type(g).__name__)  # fmt: skip
def test_forms_of_a_signature(network, tmp_path, given):
    model, variables = network
    model.export(tmp_path / "p", variables, input_signature=given, verify=False)
    assert json.loads((tmp_path / "p" / "fkeras.json").read_text())["inputs"][0]["shape"] == [7, 3]


# ------------------------------------------------------------------ what goes wrong, in words, with nothing left behind
@pytest.mark.parametrize(("kwargs", "said"), [
    ({"format": "stablehl"}, r"Unknown export format 'stablehl'[\s\S]*Did you mean 'stablehlo'"),
    ({"weight": "separate"}, r"has no option 'weight'[\s\S]*Did you mean 'weights'"),
    ({"weights": "beside"}, r'weights= is "embedded"'),
    ({"vjp_order": -1}, r"vjp_order= is how many times"),
    ({"input_signature": [(None, 3), (None, 3)]}, r"takes 1 inputs[\s\S]*an input_signature of 2"),
    ({"input_signature": (None, 4)}, r"is float32\[batch, 3\][\s\S]*only dimensions that are unknown"),
    ({"input_signature": "x"}, "something without a shape"),
    ({"platforms": ("abacus",)}, r"kinds of devices[\s\S]*cpu, cuda"),
    ({"platforms": ("tpu",)}, r"for tpu cannot be checked here[\s\S]*\('tpu', 'cpu'\)"),
])  # fmt: skip
def test_arguments_that_are_wrong(network, tmp_path, kwargs, said):
    model, variables = network
    with pytest.raises(ValueError, match=said):
        model.export(tmp_path / "p", variables, **kwargs)
    assert list(tmp_path.iterdir()) == []


def test_variables_and_names_that_are_wrong(network, tmp_path):
    model, variables = network
    with pytest.raises(ValueError, match="needs the model's variables"):
        model.export(tmp_path / "p", None)
    with pytest.raises(ValueError, match="dense_1"):
        model.export(tmp_path / "p", {"params": {"dense": variables["params"]["dense"]}})
    with pytest.raises(ValueError, match=r"name of a .onnx file[\s\S]*format='onnx'"):
        model.export(tmp_path / "p.onnx", variables)
    with pytest.raises(ValueError, match=r"name of a .keras file[\s\S]*model.save"):
        model.export(tmp_path / "p.keras", variables)
    (tmp_path / "file").write_text("mine")
    with pytest.raises(FileExistsError, match="is no checkpoint"):
        model.export(tmp_path / "file", variables)
    assert [p.name for p in tmp_path.iterdir()] == ["file"]
    model.export(tmp_path / "p", variables, verify=False)
    with pytest.raises(FileExistsError, match="overwrite=True"):
        model.export(tmp_path / "p", variables, overwrite=False)


@pytest.mark.parametrize(("format", "library", "extra"), [
    ("tf_saved_model", "tensorflow", "export"), ("litert", "tensorflow", "export"), ("onnx", "jax2onnx", "onnx"),
    ("onnx", "onnxruntime", "onnx"),
])  # fmt: skip
def test_a_missing_extra_says_what_to_install(network, tmp_path, monkeypatch, format, library, extra):
    model, variables = network
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(ImportError, match=rf"Write:    pip install 'fkeras\[{extra}\]'"):
        model.export(tmp_path / "p", variables, format=format)
    assert list(tmp_path.iterdir()) == []


def test_separate_weights_need_safetensors(network, tmp_path, monkeypatch):
    model, variables = network
    model.export(tmp_path / "p", variables, weights="separate", verify=False)
    monkeypatch.setitem(sys.modules, "safetensors.numpy", None)
    with pytest.raises(ImportError, match=r"pip install 'fkeras\[keras\]'"):
        model.export(tmp_path / "q", variables, weights="separate")
    with pytest.raises(ImportError, match=r"pip install 'fkeras\[keras\]'"):
        fk.load_exported(tmp_path / "p")
    assert [p.name for p in tmp_path.iterdir()] == ["p"]


def test_text_cannot_leave(tmp_path):
    words = fk.Input((), dtype="string", name="word")
    model = fk.Model(words, fk.nn.Embedding(4, 2)(fk.nn.StringLookup(vocabulary=["a", "b"])(words)))
    with pytest.raises(ValueError, match=r"'word' is text[\s\S]*fk.Model\(lookup.output"):
        model.export(tmp_path / "p", model.init(jax.random.key(0)))


class Drawn(fk.nn.Layer):
    """Another result each time it is traced."""

    def call(self, inputs):
        DRAWN.append(0)
        return inputs + len(DRAWN)


DRAWN: list[int] = []


def test_a_program_that_differs_is_not_kept(tmp_path):
    inputs = fk.Input((3,))
    model = fk.Model(inputs, Drawn()(inputs))
    with pytest.raises(RuntimeError, match=r"does not compute what the model does[\s\S]*output 'drawn'"):
        model.export(tmp_path / "p", {"params": {}})
    assert list(tmp_path.iterdir()) == []
    model.export(tmp_path / "p", {"params": {}}, verify=False)
    assert [p.name for p in tmp_path.iterdir()] == ["p"]


def test_what_was_there_stays_when_an_export_fails(network, tmp_path):
    model, variables = network
    model.export(tmp_path / "p", variables)
    inputs = fk.Input((3,))
    with pytest.raises(RuntimeError):
        fk.Model(inputs, Drawn()(inputs)).export(tmp_path / "p", {"params": {}})
    assert [p.name for p in tmp_path.iterdir()] == ["p"]
    np.testing.assert_allclose(fk.load_exported(tmp_path / "p")(rows(2)), model.apply(variables, rows(2)), atol=1e-6)


def test_damaged_programs_are_refused(network, tmp_path):
    model, variables = network
    place = tmp_path / "p"
    with pytest.raises(FileNotFoundError, match="no checkpoint at"):
        fk.load_exported(place)
    model.export(place, variables, weights="separate", verify=False)
    with pytest.raises(ValueError, match=r"is a exported, not a model[\s\S]*fk.load_exported"):
        fk.load_model(place)
    good = {path.name: path.read_bytes() for path in place.iterdir()}
    for name, content in good.items():
        flipped = bytearray(content)
        flipped[len(content) // 2] ^= 1
        for wrong in (bytes(flipped), content[:-1], None):
            (place / name).unlink() if wrong is None else (place / name).write_bytes(wrong)
            with pytest.raises((ValueError, FileNotFoundError), match=r"damaged|not what was exported|no checkpoint"):
                fk.load_exported(place)
        (place / name).write_bytes(content)
    assert fk.load_exported(place)(rows(2)).shape == (2, 2)


def test_a_program_is_called_with_what_it_takes(network, tmp_path):
    model = encoder()
    model.export(tmp_path / "p", model.init(jax.random.key(0)), verify=False)
    program, ids = fk.load_exported(tmp_path / "p"), np.ones((2, 3), "int32")
    with pytest.raises(ValueError, match=r"takes other inputs[\s\S]*'a'"):
        program({"a": ids})
    with pytest.raises(TypeError, match=r"'b' has dtype int32, which would cut"):
        program({"a": ids, "b": ids * 1.0})
    with pytest.raises(ValueError, match=r"'a' has the shape \(batch, t\)"):
        program({"a": ids[0], "b": ids})
