"""Sizes in a config from which a layer makes arrays as soon as it is described: bounded, before any memory is taken.

All other sizes are those of inputs and weights, which are only shapes until a file was seen to have so much.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..core import explain

# Each is far beyond any that is used; a table of all bins by all frequencies has half a gigabyte then.
_LARGEST = {
    "output_size": 1 << 14,  # adaptive pooling: the window of each output
    "tile_grid_size": 1 << 12,
    "num_oov_indices": 1 << 20,
    "fft_length": 1 << 16,
    "frame_length": 1 << 16,
    "num_mel_bins": 1 << 12,
}
# The largest known models have about a thousand layers.
_MOST_LAYERS = 5_000


def check_sizes(config: Any, what: str) -> None:
    """Refuse a config with more layers or larger constants than a model has.

    Raises:
        ValueError: it has.

    >>> check_sizes({"class_name": "MelSpectrogram", "config": {"num_mel_bins": 80}}, "m.keras")
    """
    waiting = [config]
    layers = 0
    while waiting:
        value = waiting.pop()
        if isinstance(value, list):
            waiting.extend(v for v in value if isinstance(v, Mapping | list))
            continue
        for name, most in _LARGEST.items():
            for number in _numbers(value.get(name)):
                if number > most:
                    raise _refused(what, f"{name}={number}, where at most {most} is read from a file")
        within = value.get("layers")
        layers += len(within) if isinstance(within, list) else 0
        if layers > _MOST_LAYERS:
            raise _refused(what, f"more than {_MOST_LAYERS:,} layers")
        waiting.extend(v for v in value.values() if isinstance(v, Mapping | list))


def _numbers(value: Any) -> list[Any]:
    listed = value if isinstance(value, list) else [value]
    return [v for v in listed if isinstance(v, int | float)]


def _refused(what: str, received: str) -> ValueError:
    return ValueError(
        explain(
            f"The model in {what!r} is larger than any that is read.",
            received=received,
            usually="a file made to fill the memory of its reader.",
            write="the model in code, and model.load_weights(path, variables)",
        )
    )
