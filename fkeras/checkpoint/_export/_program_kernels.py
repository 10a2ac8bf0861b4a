"""LAPACK in an exported program: routines that trust the sizes that the program gives their results.

They are compiled into jaxlib, and write as much as the operand's sizes say, whatever room the result has. So a program
may call them only where every size is a number and all sizes are those of the routine: a row a routine.
Reference: https://netlib.org/lapack/explore-html/
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

Shape = Sequence[int]

# Operands -> results after the batch: `k` is min(m, n), `a` the side of a triangular matrix; "" is a number.
# Results of an SVD and of real eigenvalues depend on how much is asked for, see `_forms`.
_ROUTINES: dict[str, str] = {
    "potrf": "nn -> nn,",
    "geqrf": "mn -> mn,k",
    "orgqr": "mn,j -> mn",
    "syevd": "nn -> nn,n,",
    "getrf": "mn -> mn,k,",
    "trsm": "aa,mn -> mn",
    "gesdd": "mn -> mn,k,{u},{v},",
    "geev": "nn -> {w}nn,nn,",
}
_NAMES = {"ungqr": "orgqr", "heevd": "syevd"}
_TARGET = re.compile(r"lapack_([sdcz])([a-z]+)_ffi")


def is_kernel(target: str) -> bool:
    """Whether a target of a custom call is a LAPACK routine that this table has.

    >>> is_kernel("lapack_spotrf_ffi"), is_kernel("lapack_sgees_ffi")
    (True, False)
    """
    match = _TARGET.fullmatch(target)
    return match is not None and _NAMES.get(match[2], match[2]) in _ROUTINES


def fits(target: str, operands: Sequence[Shape], results: Sequence[Shape], options: Mapping[str, int]) -> bool:
    """Whether sizes are those that a routine reads and writes.

    Args:
        target: of the custom call, `"lapack_sgetrf_ffi"`.
        operands: their shapes.
        results: their shapes.
        options: the call's numbers: `mode` of an SVD and `side` of a triangular solve are letters in ASCII.

    Returns:
        Whether the routine can run on them.

    >>> fits("lapack_sgetrf_ffi", [(7, 5, 3)], [(7, 5, 3), (7, 3), (7,)], {})
    True
    >>> fits("lapack_sgetrf_ffi", [(7, 5, 3)], [(7, 5, 3), (7, 1), (7,)], {})
    False
    """
    match = _TARGET.fullmatch(target)
    if match is None or not operands or len(operands[0]) < 2:
        return False
    name = _NAMES.get(match[2], match[2])
    batch, shapes = tuple(operands[0][:-2]), [*operands, *results]
    if any(tuple(shape[: len(batch)]) != batch for shape in shapes):
        return False
    rest = [tuple(shape[len(batch) :]) for shape in shapes]
    return any(_matches(form, rest, options) for form in _forms(name, match[1] in "cz", options))


def _forms(name: str, is_complex: bool, options: Mapping[str, int]) -> list[str]:
    form = _ROUTINES[name]
    if name == "geev":
        return [form.format(w="n," if is_complex else "n,n,")]
    if name != "gesdd":
        return [form]
    whole, thin = form.format(u="mm", v="nn"), form.format(u="mk", v="kn")
    return {ord("A"): [whole], ord("S"): [thin], ord("N"): [whole, thin]}.get(options.get("mode", 0), [])


def _matches(form: str, shapes: Sequence[tuple[int, ...]], options: Mapping[str, int]) -> bool:
    """Whether shapes without their batch have the form of a row of the table."""
    words = [word for side in form.split(" -> ") for word in side.split(",")]
    if len(words) != len(shapes):
        return False
    sizes: dict[str, int] = {}
    for word, shape in zip(words, shapes, strict=True):
        if len(word) != len(shape):
            return False
        for letter, size in zip(word, shape, strict=True):
            if letter != "k" and sizes.setdefault(letter, size) != size:
                return False
    m, n = sizes.get("m", sizes["n"]), sizes["n"]
    least = all(
        s == min(m, n)
        for w, shape in zip(words, shapes, strict=True)
        for c, s in zip(w, shape, strict=True)
        if c == "k"
    )
    reflected = "j" not in sizes or sizes["j"] <= n <= m
    side = {ord("L"): m, ord("R"): n}.get(options.get("side", 0))
    return least and reflected and ("a" not in sizes or sizes["a"] == side)
