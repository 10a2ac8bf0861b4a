"""What a file holds, by its first bytes: suffixes are names, and people give any."""

from __future__ import annotations

import pathlib

from ...core import Explanation, explain
from ...core.typing import FilePath

HDF5, ZIP, TEXT, PICKLE, EMPTY, UNKNOWN = "HDF5", "zip", "text", "a pickle", "nothing", "unknown"

#: The suffixes of whole models in HDF5.
HDF5_SUFFIXES = (".h5", ".hdf5")
_HDF5_MAGIC = b"\x89HDF\r\n\x1a\n"
# HDF5 may begin after a block of the user's, at these places.
_HDF5_PLACES = (0, 512, 1024, 2048)
_TENSORFLOW = "a TensorFlow SavedModel is a program, and its variables are in a form that only TensorFlow reads."


def contents_of(path: FilePath) -> str:
    """What kind of file is at a path; of a directory, or of nothing, `EMPTY`."""
    place = pathlib.Path(path)
    if not place.is_file():
        return EMPTY
    with place.open("rb") as file:
        start = file.read(_HDF5_PLACES[-1] + len(_HDF5_MAGIC))
    if not start:
        return EMPTY
    if any(start[at : at + len(_HDF5_MAGIC)] == _HDF5_MAGIC for at in _HDF5_PLACES):
        return HDF5
    if start[:4] in (b"PK\x03\x04", b"PK\x05\x06"):
        return ZIP
    if start[:1] == b"\x80" and start[1:2] in (b"\x02", b"\x03", b"\x04", b"\x05"):
        return PICKLE
    head = start[:512]
    if not any(byte < 9 or 13 < byte < 32 for byte in head):
        return TEXT
    return UNKNOWN


def is_hdf5(path: FilePath) -> bool:
    """Whether a file is HDF5, whatever it is called."""
    return contents_of(path) == HDF5


def foreign(path: FilePath) -> Explanation | None:
    """What is said of a path that no part of fkeras reads, as something else wrote it; `None` of any other.

    A TensorFlow SavedModel, a TensorFlow checkpoint, a pickle, and text where a binary file is named.
    """
    place = pathlib.Path(path)
    if place.is_dir():
        if (place / "saved_model.pb").is_file() or (place / "saved_model.pbtxt").is_file():
            return explain(
                f"{str(place)!r} is a TensorFlow SavedModel, which is not read.",
                received="a directory with saved_model.pb",
                usually=_TENSORFLOW,
                write='tf.keras.models.load_model(path).save("model.h5")   # in TensorFlow; fk.load_model("model.h5")',
            )
        return None
    index = place.with_name(place.name + ".index")
    is_part = place.suffix == ".index" or ".data-" in place.name
    if (is_part and place.exists()) or (not place.exists() and index.is_file()):
        return explain(
            f"{str(place)!r} is a TensorFlow checkpoint, which is not read.",
            received="files of .index and .data-00000-of-00001",
            usually="Keras 2 wrote it in save_weights, as no suffix .h5 was given.",
            write='model.save_weights("w.h5")   # in Keras 2, after its load_weights; that file is read here',
        )
    kind = contents_of(place)
    if kind == PICKLE and place.suffix not in (".safetensors",):
        return explain(
            f"{str(place)!r} is a Python pickle, which is not read.",
            received="a file that begins as pickles do",
            usually="reading a pickle runs code from it. torch.save, joblib and pickle.dump write such files.",
            write="a file of numbers: .h5, .keras or .safetensors",
        )
    if place.suffix == ".pb":
        return explain(
            f"{str(place)!r} is a TensorFlow graph, which is not read.",
            received="a file of TensorFlow's protocol buffers",
            usually=_TENSORFLOW,
            write='model.save("model.h5")   # in Keras; fk.load_model("model.h5") here',
        )
    if kind == TEXT and (place.suffix in HDF5_SUFFIXES or (place.suffix == ".keras" and _is_a_page(place))):
        return explain(
            f"{str(place)!r} is text, and no model.",
            received=_start(place),
            usually="a page of a web server, or a pointer of Git LFS, in the place of the file.",
            write="the file downloaded again (git lfs pull); of JSON, fk.model_from_json(open(path).read())",
        )
    return None


def _is_a_page(place: pathlib.Path) -> bool:
    """Whether text is a page of a web server, or a pointer of Git LFS."""
    with place.open("rb") as file:
        return file.read(60).lstrip().lower().startswith((b"<", b"version https://git-lfs"))


def _start(place: pathlib.Path) -> str:
    with place.open("rb") as file:
        return repr(file.read(60).decode("utf-8", "replace"))
