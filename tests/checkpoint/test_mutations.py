"""A checkpoint of which one leaf was changed, in any way, is refused: a thousand times of a thousand.

Each mutation follows from its number. Where values change, what vouches for them (a checksum beside them) stays as it
was: that is what damage and edits look like. Where the structure changes, the file is one that could have been saved.
"""

import collections
import json
import shutil
import zipfile

import h5py
import jax
import jax.numpy as jnp
import numpy as np
import orbax.checkpoint as ocp
import pytest

import fkeras as fk
from fkeras.checkpoint._files._checksums import digest_at
from fkeras.core import flatten

safetensors_numpy = pytest.importorskip("safetensors.numpy")
KINDS = ("value", "shape", "dtype", "name", "missing", "unexpected", "swapped")
OTHER = {"float32": "float16", "bfloat16": "float16"}


@pytest.fixture(scope="module")
def model():
    inputs = fk.Input((3,))
    x = fk.nn.BatchNormalization(name="norm")(fk.nn.Dense(4, name="body")(inputs))
    return fk.Model(inputs, fk.nn.Dense(2, dtype="bfloat16", name="head")(x))


@pytest.fixture(scope="module")
def variables(model):
    rng = np.random.default_rng(0)
    return jax.tree.map(lambda a: jnp.asarray(rng.normal(size=a.shape), a.dtype), model.init(jax.random.key(0)))


def mutated(arrays, rng, kind):
    """The arrays with one leaf changed: another value, shape, dtype or name, gone, one more, or two that traded."""
    arrays = dict(arrays)
    path = rng.choice(sorted(arrays))
    array = arrays[path]
    if kind == "value":
        raw = bytearray(array.tobytes())
        raw[rng.integers(len(raw))] ^= 1 << rng.integers(8)
        arrays[path] = np.frombuffer(bytes(raw), array.dtype).reshape(array.shape)
    elif kind == "shape":
        shapes = [array.reshape(-1)[:-1], array[None], np.concatenate([array, array]), array.reshape(-1, 1)]
        arrays[path] = next(
            s
            for s in rng.permutation(np.array([*shapes, None], object))[:4]
            if s is not None and s.shape != array.shape
        )
    elif kind == "dtype":
        arrays[path] = array.astype(OTHER[array.dtype.name])
    elif kind == "name":
        place = rng.integers(len(path))
        arrays[path[:place] + "x" + path[place:]] = arrays.pop(path)
    elif kind == "missing":
        del arrays[path]
    elif kind == "unexpected":
        arrays[f"{path}_{rng.integers(100)}"] = array
    else:
        other = next(p for p in rng.permutation(sorted(arrays)) if arrays[p].tobytes() != array.tobytes())
        arrays[path], arrays[other] = arrays[other], array
    return arrays


class Safetensors:
    """Tensors, and the note of their checksums, which is right unless values were changed behind its back."""

    count = 820

    def __init__(self, model, variables, place):
        self.path = place / "w.safetensors"
        model.save_weights(self.path, variables)
        self.arrays = safetensors_numpy.load_file(self.path)
        with safetensors_numpy.safe_open(self.path, "np") as file:
            self.notes = json.loads(file.metadata()["fkeras"])

    def write(self, arrays, kind):
        sums = {p: digest_at(p, a) for p, a in arrays.items()}
        notes = self.notes if kind in ("value", "swapped") else {**self.notes, "sha256": sums}
        safetensors_numpy.save_file(arrays, self.path, metadata={"fkeras": json.dumps(notes)})


class H5:
    """Datasets with their checksums as attributes."""

    count = 160

    def __init__(self, model, variables, place):
        self.path = place / "w.weights.h5"
        model.save_weights(self.path, variables)
        self.arrays, self.attributes = {}, {}
        with h5py.File(self.path) as file:
            file.visititems(self._note)

    def _note(self, path, item):
        if isinstance(item, h5py.Dataset):
            half = item.attrs.get("dtype") == "bfloat16"
            self.arrays[path] = item[()].view(jnp.bfloat16) if half else item[()]
            self.attributes[path] = dict(item.attrs)

    def write(self, arrays, kind):
        with h5py.File(self.path, "w") as file:
            for path, array in arrays.items():
                half = array.dtype == jnp.bfloat16
                raw = array.view("V2") if half else array
                file[path] = raw
                keep = kind in ("value", "swapped")
                said = self.attributes[path]["fkeras_sha256"] if keep else np.bytes_(digest_at(path, raw))
                file[path].attrs["fkeras_sha256"] = said
                if half:
                    file[path].attrs["dtype"] = "bfloat16"


class Orbax:
    """An Orbax checkpoint under the manifest of the good one, which says what should be there."""

    count = 40

    def __init__(self, model, variables, place):
        self.path = place / "w"
        model.save_weights(self.path, variables)
        self.arrays = {p: np.asarray(a) for p, a in flatten(variables).items()}
        manifest = json.loads((self.path / "fkeras.json").read_text())
        del manifest["sha256"], manifest["files"]  # the files are others, and no seal forbids to say so
        (self.path / "fkeras.json").write_text(json.dumps({**manifest, "version": 1}))

    def write(self, arrays, kind):
        shutil.rmtree(self.path / "arrays")
        with ocp.Checkpointer(ocp.PyTreeCheckpointHandler()) as checkpointer:
            checkpointer.save(self.path / "arrays", args=ocp.args.PyTreeSave(arrays))


WORDS = ("does not fit", "are not those that were saved", "is not what was saved", "cannot be read")


def refusal(model, path, variables):
    """What the error says; there has to be one."""
    try:
        model.load_weights(path, variables)
    except ValueError as error:
        return str(error)
    return "it was loaded"


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # of Orbax's reads that fail
@pytest.mark.parametrize("form", [Safetensors, H5, Orbax])
def test_a_thousand_mutations_are_caught(model, variables, tmp_path, form):
    good = form(model, variables, tmp_path)
    refused = collections.Counter()
    for number in range(form.count):
        rng, kind = np.random.default_rng(number), KINDS[number % len(KINDS)]
        if form is Orbax and kind == "unexpected":
            continue  # what no manifest knows is never looked at
        if form is H5 and kind == "dtype":
            kind = "missing"  # Keras's files convert floats to the model's width, as Keras does
        good.write(mutated(good.arrays, rng, kind), kind)
        said = refusal(model, good.path, variables)
        assert any(words in said for words in WORDS), f"mutation {number} of a {form.__name__} file, {kind}: {said}"
        refused[kind] += 1
    assert sum(refused.values()) >= form.count * 6 // 7
    good.write(good.arrays, "value")
    assert jax.tree.all(jax.tree.map(np.array_equal, model.load_weights(good.path, variables), variables))


# ------------------------------------------------------------------ configs
def places(value, path=()):
    """The path of every value within a config."""
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in items:
        yield from places(part, (*path, key))


def swapped(config, path, value):
    """The config with another value at a path."""
    made = json.loads(json.dumps(config))
    *parents, last = path
    place = made
    for key in parents:
        place = place[key]
    place[last] = value
    return made


@pytest.mark.parametrize(
    ("part", "load", "step"), [("config", fk.load_model, 3), ("compile_config", fk.load_trainer, 7)]
)
def test_values_of_other_types_are_refused_in_words_or_open(tmp_path, part, load, step):
    """A value of any type in any place of a config ends in an error that names the file, never in a library's own."""
    model = fk.Sequential([fk.Input((3,)), fk.nn.Dense(2, kernel_regularizer="l2")])
    trainer = model.compile(fk.optimizers.SGD(0.1), fk.losses.Huber(), metrics=["mae", fk.metrics.AUC()])
    trainer.save(tmp_path / "good.keras", trainer.init(0))
    with zipfile.ZipFile(tmp_path / "good.keras") as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    good = json.loads(members["config.json"])
    mutations = [(p, v) for p in places(good) if p[:1] == (part,) for v in (None, [3], -5, "x", {"a": 1})]
    refused = 0
    for path, value in mutations[::step]:
        bad = tmp_path / "bad.keras"
        with zipfile.ZipFile(bad, "w") as archive:
            for name, data in members.items():
                archive.writestr(name, json.dumps(swapped(good, path, value)) if name == "config.json" else data)
        try:
            load(bad)
        except ValueError as error:
            said = str(error)
            assert "bad.keras" in said, f"{path} = {value!r}: {said}"
            assert any(words in said for words in ("  Received: ", "  Usually:  ", "  Write:    ")), said
            refused += 1
    assert refused >= len(mutations[::step]) // 2
