"""Writing weights in HDF5 as Keras 3 lays them out, with a checksum beside each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import BinaryIO, TypeAlias

import jax.numpy as jnp
import numpy as np

from ...core import explain
from ...core.typing import Array
from .._files._checksums import digest_at
from ._h5py import DIGEST, h5py_module

#: Where a dataset is, and its array.
Dataset: TypeAlias = tuple[str, Array | np.ndarray]


def write_weights(file: BinaryIO, datasets: Iterable[Dataset], names: Mapping[str, str]) -> None:
    """Write a `.weights.h5`.

    Args:
        file: a file opened for reading and writing in binary.
        datasets: `(dataset path, array)`; each array is fetched from its device when its turn comes.
        names: the layer's name for the path of each layer's group.

    Raises:
        ValueError: two datasets for one path.
    """
    written: set[str] = set()
    # this form of the file keeps checksums of its own structure, and is read by HDF5 1.10 and later
    with h5py_module().File(file, "w", libver=("v110", "v110")) as h5:
        for at, name in names.items():
            h5.require_group(f"{at}/vars" if at else "vars").attrs["name"] = name
        for path, leaf in datasets:
            if path in written:
                raise ValueError(
                    explain(
                        f"Two arrays would be {path!r} in the file.",
                        usually="a layer is an attribute of a name that Keras uses itself.",
                        write="another name of the attribute, or an Orbax directory: a path without a suffix",
                    )
                )
            written.add(path)
            array = np.asarray(leaf)
            half = array.dtype == jnp.bfloat16  # HDF5 has no such type: raw bytes, and an attribute that says so
            array = array.view("V2") if half else array
            dataset = h5.create_dataset(path, data=array)
            dataset.attrs[DIGEST] = np.bytes_(digest_at(path, array))
            if half:
                dataset.attrs["dtype"] = "bfloat16"
