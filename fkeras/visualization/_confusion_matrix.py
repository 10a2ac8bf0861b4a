"""`plot_confusion_matrix`: which classes are taken for which, as a picture."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..core import Picture, explain, html_text, svg_of
from ..core.typing import ArrayLike
from ._options import check_word
from ._text_width import shortened, text_width

_CELL, _MARGIN, _TOP = 46, 16, 76
# Above so many classes cells are small and have no numbers.
_MANY, _SMALL = 30, 14
_NORMALIZE = ("true", "pred", "all")
_STYLE = (
    ".ground{fill:#fff}text{fill:#1f2328;font-size:12px}.faint{fill:#57606a}"
    ".cell{fill:#3b82d6;stroke:#8c96a3;stroke-width:.5}"
    ".right{stroke:#57606a;stroke-width:1.6;fill:none}"
    ".on{fill:#fff}.title{font-weight:700;font-size:14px}"
    "@media(prefers-color-scheme:dark){.ground{fill:#0d1117}text{fill:#e6edf3}"
    ".faint{fill:#a3adb8}.on{fill:#fff}.cell{stroke:#3d444d}.right{stroke:#a3adb8}}"
)


def plot_confusion_matrix(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    class_names: Sequence[str] | None = None,
    normalize: str | None = None,
    title: str = "confusion matrix",
) -> Picture:
    """Which classes are taken for which: a row for each true class, a column for each predicted one.

    Args:
        y_true: the classes, integers `(rows,)`; or one-hot `(rows, classes)`.
        y_pred: the predicted classes; or a number for each class, `(rows, classes)`, of which the largest counts.
        class_names: a name for each class; its number by default.
        normalize: `"true"` for shares of each row, `"pred"` of each column, `"all"` of the whole; counts by default.
        title: what stands above.

    Returns:
        A `Picture`; `.save("confusion.svg")` writes it. The diagonal, where both agree, is framed.

    Raises:
        ValueError: arrays of other shapes or lengths, too few names, another word for `normalize`.

    >>> import fkeras as fk
    >>> fk.visualization.plot_confusion_matrix([0, 1, 1, 2], [0, 1, 2, 2], class_names=["cat", "dog", "owl"])
    <Picture of confusion matrix: 4 rows, 75.0% right, 222 x 246 pixels>

    Keras has none; the words of `normalize` are scikit-learn's, whose `confusion_matrix` has the same numbers.
    """
    true, pred = _classes(y_true, "y_true"), _classes(y_pred, "y_pred")
    if len(true) != len(pred) or not len(true):
        raise ValueError(
            explain(
                "y_true and y_pred have a class for each of the same rows.",
                received=f"{len(true)} and {len(pred)} rows",
                write="plot_confusion_matrix(y, trainer.predict(state, x))",
            )
        )
    found = int(max(true.max(), pred.max())) + 1
    for given in (y_true, y_pred):
        found = max(found, np.shape(given)[1] if np.ndim(given) == 2 else 0)
    if class_names is not None and len(class_names) < found:
        raise ValueError(
            explain(
                f"There are {found} classes, and a name for {len(class_names)} of them.",
                received=f"class_names={list(class_names)}",
                write="class_names=[...], a name for each class",
            )
        )
    names = [str(i) for i in range(found)] if class_names is None else [shortened(str(name)) for name in class_names]
    counts = np.zeros((len(names), len(names)), int)
    np.add.at(counts, (true, pred), 1)
    shares = _normalized(counts, normalize)
    right = float(np.trace(counts) / counts.sum())
    description = f"{title}: {len(true):,} rows, {right:.1%} right"
    return _drawn(shares, names, title, f"{len(true):,} rows, {right:.1%} right", description)


def _classes(given: ArrayLike, name: str) -> np.ndarray:
    """The class of each row."""
    array = np.asarray(given)
    if array.ndim == 2:
        array = array[:, 0] if array.shape[1] == 1 and array.dtype.kind in "iu" else array.argmax(-1)
    whole = array.ndim == 1 and array.dtype.kind in "iufb" and bool((array == np.floor(array)).all())
    if not whole or (array.size and array.min() < 0):
        raise ValueError(
            explain(
                f"{name} has the class of each row, integers from 0 on.",
                received=f"an array of shape {array.shape} and {array.dtype}",
                usually="probabilities of two classes, of which the second is above a half."
                if array.ndim == 1
                else "predictions for more than one place of each row.",
                write=f"({name} > 0.5).astype(int)" if array.ndim == 1 else f"{name}.reshape(-1, classes)",
            )
        )
    return array.astype(int)


def _normalized(counts: np.ndarray, normalize: str | None) -> np.ndarray:
    if normalize is None:
        return counts
    axis = {"true": 1, "pred": 0, "all": None}[check_word(normalize, "normalize", _NORMALIZE)]
    return counts / np.maximum(counts.sum(axis=axis, keepdims=True), 1)


def _drawn(values: np.ndarray, names: Sequence[str], title: str, under: str, description: str) -> Picture:
    count = len(names)
    texts = [[f"{value:,}" if values.dtype.kind == "i" else f"{value:.2f}" for value in row] for row in values]
    widest = max(text_width(text, 12) for row in texts for text in row) + 12
    cell = _SMALL if count > _MANY else round(max(_CELL, min(widest, 90)))
    label = round(max(text_width(name, 12) for name in names)) + 10
    tilted = count > _MANY or max(text_width(name, 12) for name in names) > cell - 6
    top = _TOP + (label if tilted else 16)
    left = _MARGIN + 20 + label
    width = max(left + count * cell + _MARGIN, round(text_width(title, 14, bold=True)) + 2 * _MARGIN)
    width = max(width, round(text_width(under, 12)) + 2 * _MARGIN)
    height = top + count * cell + _MARGIN
    most = float(values.max()) or 1.0
    middle = left + count * cell / 2
    parts = [
        f'<rect width="{width}" height="{height}" rx="8" class="ground"/>',
        f'<text x="{_MARGIN}" y="26" class="title">{html_text(title)}</text>',
        f'<text x="{_MARGIN}" y="44" class="faint">{html_text(under)}</text>',
        f'<text x="{middle:.1f}" y="66" text-anchor="middle" class="faint">predicted</text>',
    ]
    at = f'x="{_MARGIN + 10}" y="{top + count * cell / 2:.1f}"'
    turned = f'transform="rotate(-90 {_MARGIN + 10} {top + count * cell / 2:.1f})"'
    parts.append(f'<text {at} {turned} text-anchor="middle" class="faint">true</text>')
    for i, name in enumerate(names):
        y, x = top + i * cell + cell / 2, left + i * cell + cell / 2
        parts.append(f'<text x="{left - 8}" y="{y + 4:.1f}" text-anchor="end">{html_text(name)}</text>')
        turned = f' transform="rotate(-90 {x + 4:.1f} {top - 8})"' if tilted else ""
        anchor, across = ("start", x + 4) if tilted else ("middle", x)
        at = f'x="{across:.1f}" y="{top - 8}" text-anchor="{anchor}"'
        parts.append(f"<text {at}{turned}>{html_text(name)}</text>")
    for i in range(count):
        for j in range(count):
            x, y, share = left + j * cell, top + i * cell, float(values[i, j]) / most
            said = html_text(f"{names[i]} taken for {names[j]}: {texts[i][j]}")
            box = f'x="{x}" y="{y}" width="{cell}" height="{cell}"'
            parts.append(f'<rect {box} class="cell" fill-opacity="{share:.2f}"><title>{said}</title></rect>')
            if count <= _MANY:
                on = ' class="on"' if share > 0.55 else ""
                at = f'x="{x + cell / 2:.1f}" y="{y + cell / 2 + 4:.1f}"'
                parts.append(f'<text {at} text-anchor="middle"{on}>{texts[i][j]}</text>')
    inner = f'width="{cell - 2}" height="{cell - 2}" class="right"'
    parts += [f'<rect x="{left + i * cell + 1}" y="{top + i * cell + 1}" {inner}/>' for i in range(count)]
    return Picture(
        svg_of(width, height, title, description, "".join(parts), "matrix", _STYLE), width, height, description
    )
