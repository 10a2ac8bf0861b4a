"""Sizes in a config from which something makes arrays, or loops, as soon as it is described: bounded by class.

All other sizes are those of inputs, outputs and weights, which are only shapes until a file was seen to have so much.
"""

from __future__ import annotations

from collections.abc import Mapping

from ..typing import JSON
from ._errors import explain

# By argument; each is far beyond any that is used.
LARGEST = {
    "output_size": 1 << 14,  # adaptive pooling: the window of each output
    "tile_grid_size": 1 << 12,
    "num_oov_indices": 1 << 20,
    "max_tokens": 1 << 24,
    "vocabulary_size": 1 << 24,
    "fft_length": 1 << 16,
    "frame_length": 1 << 16,
    "sequence_length": 1 << 16,
    "num_mel_bins": 1 << 12,
    # loops of a layer or an optimizer
    "power_iterations": 1 << 10,
    "num_ops": 1 << 10,
    "num_chains": 1 << 10,
    "chain_depth": 1 << 10,
    "ns_steps": 1 << 10,
    "ngrams": 1 << 10,
}
# What metrics keep a number for, of which a run's first state has all: the numbers are multiplied.
_KEPT: dict[str, dict[str, int]] = {
    **{
        name: {"num_thresholds": 1 << 14, "num_labels": 1 << 20}
        for name in (
            "AUC",
            "SensitivityAtSpecificity",
            "SpecificityAtSensitivity",
            "PrecisionAtRecall",
            "RecallAtPrecision",
        )
    },
    **{name: {"num_classes": 1 << 12} for name in ("IoU", "MeanIoU", "OneHotIoU", "OneHotMeanIoU")},
    **{name: {"num_classes": 1 << 20} for name in ("FBetaScore", "F1Score")},
    "R2Score": {"num_outputs": 1 << 20},
}
_SQUARED = ("IoU", "MeanIoU", "OneHotIoU", "OneHotMeanIoU")


def check_size(class_name: str, config: Mapping[str, JSON]) -> int:
    """Refuse an object whose config has a size beyond any that is used.

    Returns:
        How many numbers a metric of this config keeps at least; 0 for what is no metric.

    Raises:
        ValueError: naming it.

    >>> check_size("MelSpectrogram", {"num_mel_bins": 80}), check_size("MeanIoU", {"num_classes": 21})
    (0, 441)
    """
    of_metric = _KEPT.get(class_name, {})
    kept = 1
    for name, value in config.items():
        most = of_metric.get(name, LARGEST.get(name))
        if most is None:
            continue
        for number in value if isinstance(value, list) else [value]:
            if isinstance(number, int | float) and number > most:
                raise _too_large(class_name, f"{name}={number}, where at most {most} is read from a file")
        if name in of_metric and isinstance(value, int):
            kept *= max(value, 1) ** (1 + (class_name in _SQUARED))
    return kept if of_metric else 0


def _too_large(class_name: str, received: str) -> ValueError:
    return ValueError(
        explain(
            f"The config of a {class_name[:80]} is larger than any that is read.",
            received=received,
            usually="a file made to fill the memory or the time of its reader.",
            write="the model in code, and model.load_weights(path, variables)",
        )
    )
