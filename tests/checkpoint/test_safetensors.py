"""Weights as safetensors: every dtype to the bit, others' files by name, and nothing of a damaged one."""

import json
import struct

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import fkeras as fk

safetensors_numpy = pytest.importorskip("safetensors.numpy")


def network():
    inputs = fk.Input((4,))
    x = fk.nn.BatchNormalization(name="norm")(fk.nn.Dense(5, name="body")(inputs))
    return fk.Model(inputs, fk.nn.Dense(2, dtype="bfloat16", name="head")(x))


def same(a, b):
    return jax.tree.structure(a) == jax.tree.structure(b) and all(
        x.dtype == y.dtype and np.array_equal(x, y) for x, y in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True)
    )


@pytest.fixture(scope="module")
def model():
    return network()


@pytest.fixture(scope="module")
def variables(model):
    return model.init(jax.random.key(0))


@pytest.fixture
def saved(model, variables, tmp_path):
    model.save_weights(tmp_path / "w.safetensors", variables)
    return tmp_path / "w.safetensors"


def test_weights_come_back(model, variables, saved):
    blank = jax.tree.map(jnp.zeros_like, variables)
    assert same(model.load_weights(saved, blank), variables)
    assert not any(leaf.any() for leaf in jax.tree.leaves(blank))
    with pytest.raises(FileExistsError, match="overwrite=True"):
        model.save_weights(saved, variables, overwrite=False)
    assert [p.name for p in saved.parent.iterdir()] == [saved.name]


def test_another_program_reads_it(variables, saved):
    found = safetensors_numpy.load_file(saved)
    assert sorted(found) == [
        "batch_stats/norm/mean", "batch_stats/norm/var", "params/body/bias", "params/body/kernel", "params/head/bias",
        "params/head/kernel", "params/norm/bias", "params/norm/scale",
    ]  # fmt: skip
    np.testing.assert_array_equal(found["params/head/kernel"], variables["params"]["head"]["kernel"])


def test_another_program_s_file_is_read(model, variables, tmp_path):
    theirs = {"encoder.weight": np.arange(20, dtype="float32").reshape(4, 5), "encoder.bias": np.ones(5, "float32")}
    safetensors_numpy.save_file(theirs, tmp_path / "theirs.safetensors")
    rename = {r"encoder\.weight": "params/body/kernel", r"encoder\.bias": "params/body/bias"}
    allow = ["head/.*", "norm/.*"]
    loaded, report = model.load_weights(
        tmp_path / "theirs.safetensors", variables, rename=rename, allow=allow, report=True
    )
    np.testing.assert_array_equal(loaded["params"]["body"]["kernel"], theirs["encoder.weight"])
    assert same(loaded["params"]["head"], variables["params"]["head"])
    assert report.renamed == {"encoder.weight": "params/body/kernel", "encoder.bias": "params/body/bias"}
    with pytest.raises(ValueError, match="missing     params/head/kernel"):
        model.load_weights(tmp_path / "theirs.safetensors", variables, rename=rename)


@pytest.mark.parametrize("mode", ["int8", "int4", "float8", "nf4"])
def test_weights_in_few_bits_come_back(model, variables, mode, tmp_path):
    qmodel, qvariables = model.quantize(variables, mode)
    qmodel.save_weights(tmp_path / "q.safetensors", qvariables)
    assert same(qmodel.load_weights(tmp_path / "q.safetensors", jax.tree.map(jnp.zeros_like, qvariables)), qvariables)


def test_what_does_not_fit_is_listed(model, saved):
    other = fk.Sequential([fk.Input((4,)), fk.nn.Dense(5, dtype="bfloat16", name="body")])
    with pytest.raises(ValueError, match=r"does not fit") as error:
        other.load_weights(saved, other.init(jax.random.key(0)))
    assert "mismatched  params/body/kernel float32(4, 5) in the file, bfloat16(4, 5) expected" in str(error.value)
    assert "unexpected  params/head/kernel bfloat16(5, 2)" in str(error.value)


def with_header(path, change):
    """The file with `change(header)` made of its JSON."""
    whole = path.read_bytes()
    size = struct.unpack("<Q", whole[:8])[0]
    text = json.dumps(change(json.loads(whole[8 : 8 + size]))).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + whole[8 + size :])


def version_9(header):
    notes = json.loads(header["__metadata__"]["fkeras"])
    header["__metadata__"]["fkeras"] = json.dumps({**notes, "version": 9})
    return header


def swapped(header):
    bias, other = header["params/norm/bias"], header["params/norm/scale"]
    return {**header, "params/norm/bias": other, "params/norm/scale": bias}


def endless(header):
    header["params/body/kernel"]["shape"] = [1 << 40, 1 << 40]
    return header


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (version_9, "format version 9"),
        (swapped, "are not those that were saved"),
        (endless, "is no whole .safetensors file"),
        (lambda h: {k: v for k, v in h.items() if k != "params/body/bias"}, "is no whole .safetensors file"),
    ],
)
def test_an_edited_file_is_refused(model, variables, saved, change, text):
    with_header(saved, change)
    with pytest.raises(ValueError, match=text):
        model.load_weights(saved, variables)


def test_a_damaged_file_is_refused(model, variables, saved):
    whole = saved.read_bytes()
    for bad in (whole[:-1], whole[:100], b"", whole[:-1] + b"\1", b"\xff" * 8 + whole[8:]):
        saved.write_bytes(bad)
        with pytest.raises(ValueError, match=r"is no whole .safetensors file"):
            model.load_weights(saved, variables)
    with pytest.raises(FileNotFoundError, match="There is no file"):
        model.load_weights(saved.with_name("nowhere.safetensors"), variables)
