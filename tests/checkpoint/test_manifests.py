"""JSON beside arrays: every field of another kind than it has to be is refused, with the file's name, in no time."""

import io
import json
import pathlib
import re
import struct
import time
import zipfile

import h5py
import jax
import numpy as np
import pytest

import fkeras as fk
from fkeras.checkpoint._orbax._write_directory import write_directory

WRONG = [None, [], {}, "x", 1.5, True, -1, 1 << 70]
# Whose inside others look at; and fields that may be null, or of several kinds.
OTHERS = r"(model|compile_config|fields|without_config)/.*|memory/\d+.*"
NULLABLE = r"model|conditions/matmul_precision|trainer_class|example(/.*)?|inputs/\d+/shape/\d+|outputs/\d+/shape/\d+"
X, Y = np.ones((4, 3), "float32"), np.ones((4, 2), "float32")


def mlp():
    return fk.Sequential([fk.Input((3,), name="x"), fk.nn.Dense(2)])


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """Small files of each form, and how each is read."""
    place = tmp_path_factory.mktemp("saved")
    model = mlp()
    trainer = model.compile("sgd", "mse")
    state = trainer.init(0)
    model.save(place / "model", state.variables)
    model.save_weights(place / "weights", state.variables)
    model.export(place / "exported", state.variables, weights="separate", verify=False)
    trainer.fit(state, X, Y, checkpoint=place / "run", verbose=0)
    trainer.save(place / "t.keras", state)
    model.save_weights(place / "w.safetensors", state.variables)
    model.save_weights(place / "s.weights.json", state.variables, max_shard_size=1e-7)
    model.save_weights(place / "w.weights.h5", state.variables)
    return place, model, state.variables


def opened(saved, name, path):
    """Read a file as its form is read."""
    _, model, variables = saved
    if name == "exported":
        return fk.load_exported(path)
    if name.startswith("run") or name.endswith(".keras"):
        return fk.load_trainer(path)
    return model.load_weights(path, variables)


def parts(value, at=()):
    """Each value in JSON with the names that lead to it, containers included."""
    if at:
        yield at, value
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield from parts(inner, (*at, key))


def changed(value, at, new):
    """The JSON with one value changed, or gone where `new` is Ellipsis."""
    value = json.loads(json.dumps(value))
    inner = value
    for key in at[:-1]:
        inner = inner[key]
    if new is ...:
        del inner[at[-1]]
    else:
        inner[at[-1]] = new
    return value


def kind_of(value):
    if isinstance(value, bool | None):
        return type(value)
    return int if isinstance(value, int) and value >= 0 else "negative" if isinstance(value, int) else type(value)


@pytest.mark.parametrize("name", ["model", "weights", "exported", "run/000000001"])
def test_every_field_of_a_manifest_has_a_kind(saved, tmp_path, name):
    source, refused = saved[0] / name, 0
    good = json.loads((source / "fkeras.json").read_text())
    del good["sha256"]  # of format 1, which had no seal: an editor's own would fit too
    good["version"] = 1
    path = tmp_path / "bad"
    path.mkdir()
    for at, value in parts(good):
        text = "/".join(map(str, at))
        kept = at[:2] == ("run", "dict") and len(at) > 3 and good["run"]["dict"][at[2]][0]
        if re.fullmatch(OTHERS, text) or kept in ("logs", "data", "history", "epochs"):
            continue  # a config's, or any value at all
        if kept == "asked" and len(at) > 5 and good["run"]["dict"][at[2]][1]["dict"][at[5]][0] == "arguments":
            continue
        nullable = re.fullmatch(NULLABLE, text)
        for wrong in WRONG:
            huge = kind_of(wrong) is int and kind_of(value) is int
            if (kind_of(wrong) == kind_of(value) and not huge) or (nullable and not isinstance(wrong, float)):
                continue
            if huge and at[-1] == "version":
                continue  # "format version … and this fkeras reads up to"
            (path / "fkeras.json").write_text(json.dumps(changed(good, at, wrong)))
            with pytest.raises(ValueError, match=r"is damaged|is no manifest|is not what was exported") as error:
                opened(saved, name, path)
            assert str(path) in str(error.value), text
            refused += 1
        if len(at) == 1 and at[0] not in ("files", "run", "memory", "fields", "containers"):
            (path / "fkeras.json").write_text(json.dumps(changed(good, at, ...)))
            with pytest.raises(ValueError, match=re.escape(str(path))):
                opened(saved, name, path)
    assert refused > 60


@pytest.mark.parametrize(("field", "wrong"), [
    *[("step", w) for w in (None, -1, 1.5, [0], "0", True, 1 << 31, {})],
    *[("key", w) for w in (None, [], "x", ["threefry2x32"], ["x", [0, 1]], ["threefry2x32", [0]],
                           ["threefry2x32", [0, -1]], ["threefry2x32", [0, 1 << 32]], ["threefry2x32", "ab"])],
    *[("example", w) for w in (1, "x", {"shape": None, "dtype": "float32"}, {"shape": [2], "dtype": "float33"},
                               {"shape": [-1], "dtype": "float32"}, {"shape": [1 << 30] * 3, "dtype": "int8"}, [[3]])],
    ("trainer_class", 3), ("fkeras", None), ("fkeras", []),
])  # fmt: skip
def test_what_a_keras_file_keeps_of_a_run_has_a_kind(saved, tmp_path, field, wrong):
    bad = tmp_path / "bad.keras"
    with zipfile.ZipFile(saved[0] / "t.keras") as old, zipfile.ZipFile(bad, "w") as new:
        for name in old.namelist():
            data = old.read(name)
            if name == "metadata.json":
                said = json.loads(data)
                said.update({field: wrong} if field == "fkeras" else {"fkeras": {**said["fkeras"], field: wrong}})
                data = json.dumps(said)
            new.writestr(name, data)
    with pytest.raises(ValueError, match=rf"{re.escape(str(bad))}[\s\S]* is damaged[\s\S]*has to be"):
        fk.load_trainer(bad)


def test_a_run_of_less_than_no_steps_is_refused(saved, tmp_path):
    trainer = saved[1].compile("sgd", "mse")
    state = trainer.init(0)
    trainer.save(tmp_path / "run", state.replace(step=state.step - 5))
    with pytest.raises(ValueError, match="has made -5 steps"):
        fk.load_trainer(tmp_path / "run")


@pytest.mark.parametrize(("count", "said"), [(-5, "has made -5 iterations"), (1 << 40, "do not fit into int32")])
def test_an_optimizer_s_count_is_one(saved, tmp_path, count, said):
    bad = tmp_path / "bad.keras"
    with zipfile.ZipFile(saved[0] / "t.keras") as old, zipfile.ZipFile(bad, "w") as new:
        for name in old.namelist():
            data = io.BytesIO(old.read(name))
            if name == "model.weights.h5":
                with h5py.File(data, "a") as file:
                    del file["optimizer/vars/0"]  # as Keras writes it, without a checksum
                    file["optimizer/vars/0"] = np.int64(count)
            new.writestr(name, data.getvalue())
    with pytest.raises(ValueError, match=said):
        fk.load_trainer(bad)


# ------------------------------------------------------------------ links
@pytest.mark.parametrize("name", ["exported/model.stablehlo", "exported/weights.safetensors", "exported/fkeras.json",
                                  "model/fkeras.json", "s_00000.weights.h5"])  # fmt: skip
def test_links_are_not_followed(saved, tmp_path, name):
    place, *_ = saved
    form = name.partition("/")[0] if "/" in name else "s.weights.json"
    for path in place.rglob("*"):
        if path.is_file():
            copy = tmp_path / path.relative_to(place)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(path.read_bytes())
    opened(saved, form, tmp_path / form)
    (tmp_path / name).rename(tmp_path / "elsewhere")
    (tmp_path / name).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ValueError, match="a link"):
        opened(saved, form, tmp_path / form)


# ------------------------------------------------------------------ HDF5: what was never written
@pytest.mark.parametrize("made", [
    {}, {"fillvalue": 0.5}, {"chunks": (1, 2)}, {"chunks": (1, 2), "compression": "gzip"},
])  # fmt: skip
def test_numbers_that_were_never_written_are_refused(saved, tmp_path, made):
    source, model, variables = saved
    path = tmp_path / "w.weights.h5"
    for written in (False, True):
        path.write_bytes((source / "w.weights.h5").read_bytes())
        with h5py.File(path, "a") as file:
            (at,) = [p for p in _names(file) if file[p].shape == (3, 2)]
            values = file[at][()]
            del file[at]
            file.create_dataset(at, (3, 2), "float32", **made)
            if written:
                file[at][...] = values
            elif "chunks" in made:
                file[at][0] = 1.0
        if written:
            same = model.load_weights(path, variables)["params"]["dense"]["kernel"]
            np.testing.assert_array_equal(same, variables["params"]["dense"]["kernel"])
        else:
            with pytest.raises(ValueError, match=r"w.weights.h5[\s\S]*written"):
                model.load_weights(path, variables)


def _names(file):
    found = []
    file.visititems(lambda name, item: found.append(name) if isinstance(item, h5py.Dataset) else None)
    return found


# ------------------------------------------------------------------ cost
def _many_groups(path):
    with h5py.File(path, "w", libver="latest") as file:
        whole = file.create_group("0")
        for j in range(1_000):
            whole.create_group(f"{j}")
        for i in range(1, 60):
            file.copy(whole, f"{i}")


def _many_objects(path):
    path.mkdir()
    text = '{"format": "fkeras", "version": 1, "kind": "weights", "arrays": {}, "x": [' + "[]," * 2_100_000 + "[]]}"
    (path / "fkeras.json").write_text(text)


def _large(path):
    path.mkdir()
    with (path / "fkeras.json").open("wb") as file:
        file.truncate(200 << 20)


def _deep(path):
    path.mkdir()
    (path / "fkeras.json").write_text('{"format": "fkeras", "x": ' + "[" * 100_000 + "]" * 100_000 + "}")


def _long_header(path):
    with path.open("wb") as file:
        file.write(struct.pack("<Q", 99_000_000))
        file.truncate(100_000_000)


def _twice(path):
    one = '"params/dense/bias": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}'
    text = ("{" + one + "," + one + "}").encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + bytes(8))


@pytest.mark.parametrize(("name", "make", "said"), [
    ("g.weights.h5", _many_groups, "more than 50,000 groups and datasets"),
    ("objects", _many_objects, "lists and dicts, where at most"),
    ("large", _large, "209,715,200 bytes, where at most"),
    ("deep", _deep, "RecursionError|lists and dicts|deep"),
    ("h.safetensors", _long_header, "a header of 99,000,000 bytes"),
    ("t.safetensors", _twice, "twice"),
])  # fmt: skip
def test_files_made_to_cost_are_refused_at_once(saved, tmp_path, name, make, said):
    make(tmp_path / name)
    began = time.process_time()
    with pytest.raises(ValueError, match=rf"{re.escape(str(pathlib.Path(tmp_path, name)))}[\s\S]*({said})"):
        opened(saved, name, tmp_path / name)
    assert time.process_time() - began < 8


def test_what_could_not_be_read_is_not_written(saved, tmp_path):
    with pytest.raises(ValueError, match=r"too long to be read again[\s\S]*lists and dicts"):
        write_directory(tmp_path / "long", {"kind": "weights", "x": [[]] * 2_100_000}, saved[2], True)
    assert list(tmp_path.iterdir()) == []


def test_shards_are_not_more_than_can_be_opened(tmp_path):
    model = fk.Sequential([fk.Input((1,)), *[fk.nn.Dense(1) for _ in range(251)]])
    variables = jax.tree.map(lambda s: np.zeros(s.shape, s.dtype), model.abstract_variables())
    with pytest.raises(ValueError, match="more than 500 shards"):
        model.save_weights(tmp_path / "s.weights.json", variables, max_shard_size=5e-9)
    assert list(tmp_path.iterdir()) == []
