"""Quantised kernels as the public safetensors files of GPTQ and AWQ have them, in the form of a dtype policy's weights.

Both keep `(inputs, outputs)` matrices of numbers in int32 words, with a scale and a zero for each group of inputs:
`weight = (number - zero) · scale`. GPTQ packs the numbers along the inputs and the zeros along the outputs, lowest bits
first; its first version keeps each zero less one. AWQ packs both along the outputs, eight in a word in the order
0 2 4 6 1 3 5 7.
References: https://github.com/AutoGPTQ/AutoGPTQ, https://github.com/casper-hansen/AutoAWQ
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ...core import explain
from ...core.typing import ArrayLike

#: Where AWQ puts the eight numbers of a word, from its lowest bits on.
_AWQ_ORDER = (0, 2, 4, 6, 1, 3, 5, 7)


def read_gptq(
    arrays: Mapping[str, ArrayLike], bits: int = 4, group_size: int | None = None, version: int = 1
) -> tuple[str, dict[str, np.ndarray]]:
    """A kernel of GPTQ's public layout as a Dense of few bits keeps it.

    Args:
        arrays: `qweight` `(inputs · bits / 32, outputs)` and `qzeros` `(groups, outputs · bits / 32)`, int32, `scales`
            `(groups, outputs)`; and `g_idx` `(inputs,)`, the group of each input, which files with `desc_act` have in
            any order. A `bias` stays as it is.
        bits: of a number: 2, 3, 4 or 8.
        group_size: how many inputs a group has; by default all have as many.
        version: 1, of AutoGPTQ, keeps each zero less one; 2, of GPTQModel (`"gptq_v2"`), keeps it as it is.

    Returns:
        `(mode, weights)`: the mode of the layer's dtype policy, `"gptq/4/128"`, and its arrays `kernel`,
        `kernel_scale`, `kernel_zero`, `g_idx` by the names in the collection `non_trainable`.

    Raises:
        ValueError: arrays that do not belong together, or bits that there are not.

    >>> words = np.full((1, 8), 0x76543210, "int32")
    >>> mode, kept = read_gptq({"qweight": words, "qzeros": np.zeros((1, 1), "int32"), "scales": np.ones((1, 8))}, 4)
    >>> mode, kept["kernel"].shape, kept["kernel_zero"].ravel().tolist()
    ('gptq/4/8', (4, 8), [1, 1, 1, 1, 1, 1, 1, 1])

    Reference: Frantar et al., arXiv:2210.17323.
    """
    if bits not in (2, 3, 4, 8) or version not in (1, 2):
        raise _wrong("GPTQ", bits, f"bits={bits}, version={version}")
    qweight, qzeros, scales = _parts("GPTQ", bits, arrays)
    outputs, inputs = scales.shape[1], qweight.shape[0] * 32 // bits
    if qweight.shape[1] != outputs or qzeros.shape[1] * 32 < outputs * bits:
        raise _wrong("GPTQ", bits, f"qweight {qweight.shape}, qzeros {qzeros.shape}, scales {scales.shape}")
    numbers = _unpacked(qweight.T, bits)[:, :inputs]
    zeros = _unpacked(qzeros, bits)[:, :outputs].T + (version == 1)
    groups = None if "g_idx" not in arrays else np.asarray(arrays["g_idx"])
    return _kept("GPTQ", bits, numbers, zeros, scales, groups, group_size)


def read_awq(
    arrays: Mapping[str, ArrayLike], bits: int = 4, group_size: int | None = None
) -> tuple[str, dict[str, np.ndarray]]:
    """A kernel of AWQ's public layout ("gemm") as a Dense of few bits keeps it.

    Args:
        arrays: `qweight` `(inputs, outputs / 8)` int32, `qzeros` `(groups, outputs / 8)` int32, `scales`
            `(groups, outputs)`. The factors that AWQ found are in the layer before, as the files have it.
        bits: 4.
        group_size: how many inputs a group has; by default all have as many.

    Returns:
        `(mode, weights)`, as of `read_gptq`.

    Raises:
        ValueError: arrays that do not belong together, or bits that there are not.

    >>> arrays = {"qweight": np.full((2, 1), 0x75316420, "int32"), "qzeros": np.zeros((1, 1), "int32")}
    >>> mode, kept = read_awq({**arrays, "scales": np.ones((1, 8))})
    >>> mode, [int(byte) for byte in kept["kernel"][:, 0]] == [0x10, 0x32, 0x54, 0x76]
    ('gptq/4/2', True)

    Reference: Lin et al., arXiv:2306.00978.
    """
    if bits != 4:
        raise _wrong("AWQ", bits, f"bits={bits}")
    qweight, qzeros, scales = _parts("AWQ", bits, arrays)
    outputs = scales.shape[1]
    if qweight.shape[1] * 8 != outputs or qzeros.shape[1] != qweight.shape[1]:
        raise _wrong("AWQ", bits, f"qweight {qweight.shape}, qzeros {qzeros.shape}, scales {scales.shape}")
    numbers, zeros = (_in_order(_unpacked(words, bits)).T for words in (qweight, qzeros))
    return _kept("AWQ", bits, numbers, zeros, scales, None, group_size)


def _parts(kind: str, bits: int, arrays: Mapping[str, ArrayLike]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    missing = [name for name in ("qweight", "qzeros", "scales") if name not in arrays]
    if missing:
        raise _wrong(kind, bits, f"{sorted(arrays)} without {', '.join(missing)}")
    qweight, qzeros, scales = (np.asarray(arrays[name]) for name in ("qweight", "qzeros", "scales"))
    whole = all(a.ndim == 2 and a.dtype in (np.int32, np.uint32) for a in (qweight, qzeros))
    if not whole or scales.ndim != 2 or len(qzeros) != len(scales):
        shown = ", ".join(
            f"{n} {a.dtype}{list(a.shape)}"
            for n, a in zip(["qweight", "qzeros", "scales"], (qweight, qzeros, scales), strict=True)
        )
        raise _wrong(kind, bits, shown)
    return qweight, qzeros, scales.astype("float32")


def _unpacked(words: np.ndarray, bits: int) -> np.ndarray:
    """Numbers from the words of each row, one after another from the lowest bit on; those of 3 bits cross words."""
    rows = np.ascontiguousarray(words).astype("<u4", copy=False).view("uint8")
    stream = np.unpackbits(rows, axis=1, bitorder="little")
    count = stream.shape[1] // bits
    weights = 1 << np.arange(bits, dtype="uint16")
    return (stream[:, : count * bits].reshape(len(stream), count, bits) * weights).sum(-1, dtype="uint16")


def _in_order(numbers: np.ndarray) -> np.ndarray:
    """AWQ's numbers in the order of the outputs."""
    places = np.argsort(_AWQ_ORDER)
    return numbers.reshape(len(numbers), -1, 8)[:, :, places].reshape(len(numbers), -1)


def _kept(
    kind: str,
    bits: int,
    numbers: np.ndarray,
    zeros: np.ndarray,
    scales: np.ndarray,
    groups: np.ndarray | None,
    group_size: int | None,
) -> tuple[str, dict[str, np.ndarray]]:
    """Numbers `(outputs, inputs)`, zeros `(outputs, groups)` and scales `(groups, outputs)` as a policy keeps them."""
    inputs, count = numbers.shape[1], len(scales)
    size = -(-inputs // count) if group_size in (None, -1) else int(group_size)  # type: ignore[arg-type]
    place = np.arange(inputs) // size if groups is None else groups.astype("int64")
    if (
        place.shape != (inputs,)
        or place.min(initial=0) < 0
        or place.max(initial=0) >= count
        or -(-inputs // size) != count
    ):
        raise _wrong(
            kind, bits, f"{count} groups of {size} for {inputs} inputs" + ("" if groups is None else ", and g_idx")
        )
    if zeros.max(initial=0) > 255:
        raise _wrong(kind, bits, f"a zero of {zeros.max()}, which no byte keeps")
    packed = numbers.astype("uint8")
    if bits == 4:
        even = np.pad(packed, ((0, len(packed) % 2), (0, 0)))
        packed = even[0::2] | (even[1::2] << 4)
    return f"gptq/{bits}/{-1 if count == 1 and group_size == -1 else size}", {
        "kernel": packed,
        "kernel_scale": scales.T.copy(),
        "kernel_zero": zeros.astype("uint8"),
        "g_idx": place.astype("float32"),
    }


def _wrong(kind: str, bits: int, received: str) -> ValueError:
    return ValueError(
        explain(
            f"These arrays are no kernel of {kind} in {bits} bits.",
            received=received,
            usually="another number of bits or another size of a group, which the file's config.json says.",
            write='fk.nn.read_gptq({"qweight": ..., "qzeros": ..., "scales": ...}, bits=4, group_size=128)',
        )
    )
