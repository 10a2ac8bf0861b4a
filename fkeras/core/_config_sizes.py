"""Sizes in a config from which something makes arrays, or loops, as soon as it is described: bounded by class.

All other sizes are those of inputs, outputs and weights, which are only shapes until a file was seen to have so much.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ._errors import explain

# By argument, or by class and argument; each is far beyond any that is used.
LARGEST = {
    "output_size": 1 << 14,  # adaptive pooling: the window of each output
    "tile_grid_size": 1 << 12,
    "num_oov_indices": 1 << 20,
    "fft_length": 1 << 16,
    "frame_length": 1 << 16,
    "sequence_length": 1 << 16,
    "num_mel_bins": 1 << 12,
}


def check_size(class_name: Any, config: Mapping[str, Any]) -> None:
    """Refuse an object whose config has a size beyond any that is used.

    Raises:
        ValueError: naming it.

    >>> check_size("MelSpectrogram", {"num_mel_bins": 80})
    """
    for name, value in config.items():
        most = LARGEST.get(f"{class_name}.{name}", LARGEST.get(name))
        if most is None:
            continue
        for number in value if isinstance(value, list) else [value]:
            if isinstance(number, int | float) and number > most:
                raise ValueError(
                    explain(
                        f"The config of a {str(class_name)[:80]} is larger than any that is read.",
                        received=f"{name}={number}, where at most {most} is read from a file",
                        usually="a file made to fill the memory or the time of its reader.",
                        write="the model in code, and model.load_weights(path, variables)",
                    )
                )
