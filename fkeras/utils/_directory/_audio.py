"""Sounds of a directory."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ...core import explain
from ...core.typing import FilePath, Float, Shaped
from ._made import datasets, missing
from ._options import Options

if TYPE_CHECKING:
    from ._dataset import DirectoryDataset

_Sound = Float[np.ndarray, "samples channels"]


def audio_dataset_from_directory(
    directory: FilePath,
    labels: str | Sequence[int] | None = "inferred",
    label_mode: str | None = "int",
    class_names: Sequence[str] | None = None,
    batch_size: int | None = 32,
    sampling_rate: int | None = None,
    output_sequence_length: int | None = None,
    ragged: bool = False,
    shuffle: bool = True,
    seed: int | None = None,
    validation_split: float | None = None,
    subset: str | None = None,
    follow_links: bool = False,
    verbose: bool = True,
) -> DirectoryDataset | tuple[DirectoryDataset, DirectoryDataset]:
    """The `.wav` files of a directory, a folder for each class, as a Grain data set of batches that `fit` takes.

    Args:
        directory: where the sounds are: `directory/yes/1.wav`.
        labels: `"inferred"` from the folders, `None`, or a list with one for each file, in the order of sorted paths.
        label_mode: `"int"`, `"categorical"` (one-hot), `"binary"` (0 and 1, of two classes) or `None`.
        class_names: the folders to read, in the order of their labels; all, sorted, by default.
        batch_size: sounds a batch; `None` gives them one by one.
        sampling_rate: samples a second that all sounds are brought to, by `scipy.signal.resample_poly`; each keeps its
            own by default.
        output_sequence_length: how many samples every sound has, longer ones cut and shorter ones filled up with
            zeros; by default as many as the longest of its batch.
        ragged: whether each sound of a batch keeps its own length: x is then an array of arrays.
        shuffle: whether to shuffle; sorted by path otherwise.
        seed: of the order; 0 by default.
        validation_split: which part of the files, the last ones after shuffling, is for validation.
        subset: `"training"`, `"validation"`, or `"both"`, which gives two data sets.
        follow_links: whether folders that are links are entered.
        verbose: whether to print how many files were found.

    Returns:
        A `grain.MapDataset` of `(x, y)`, or of `x` without labels: x float32 of shape `(batch, samples, channels)` from
        -1 to 1, y int32 of `(batch,)`, or float32 of `(batch, 1)` or `(batch, classes)`. It has `class_names` and
        `file_paths`. For `subset="both"` a tuple of two; the one of validation is not shuffled.

    Raises:
        ValueError: arguments that do not go together, no such directory, or no sound in it.
        ImportError: soundfile or Grain is not installed (`pip install 'fkeras[audio]'`).

    >>> audio_dataset_from_directory("sounds", ragged=True, output_sequence_length=16000)
    Traceback (most recent call last):
    ValueError: Cannot set both `ragged` and `output_sequence_length`.
      Received: ragged=True, output_sequence_length=16000
      Usually:  sounds of one length were wanted.
      Write:    output_sequence_length=16000

    Reference: https://keras.io/api/data_loading/audio/

    Differs from Keras: it needs no TensorFlow, which Keras does here. A length is one of the sound after its rate was
    changed; Keras cuts before that.
    """
    options = Options(
        directory=directory, labels=labels, label_mode=label_mode, class_names=class_names, batch_size=batch_size,
        shuffle=shuffle, seed=seed, validation_split=validation_split, subset=subset, follow_links=follow_links,
        verbose=verbose,
    )  # fmt: skip
    if ragged and output_sequence_length is not None:
        raise ValueError(
            explain(
                "Cannot set both `ragged` and `output_sequence_length`.",
                received=f"ragged={ragged}, output_sequence_length={output_sequence_length}",
                usually="sounds of one length were wanted.",
                write=f"output_sequence_length={output_sequence_length}",
            )
        )
    _check_count("sampling_rate", sampling_rate)
    _check_count("output_sequence_length", output_sequence_length)
    try:
        import soundfile  # noqa: F401
    except (ImportError, OSError) as error:  # OSError: the library that it calls is not there
        raise missing("soundfile", "audio") from error
    read = functools.partial(_read_sound, rate=sampling_rate, length=output_sequence_length)
    return datasets(options, (".wav",), read, _ragged if ragged else _padded)


def _check_count(name: str, given: int | None) -> None:
    if given is not None and (not isinstance(given, int | np.integer) or isinstance(given, bool) or given <= 0):
        raise ValueError(
            explain(
                f"`{name}` is a whole number higher than 0.",
                received=f"{name}={given!r}",
                usually="seconds, or kHz.",
                write=f"{name}=16000",
            )
        )


def _read_sound(path: str, rate: int | None, length: int | None) -> _Sound:
    import soundfile

    try:
        samples, own_rate = soundfile.read(path, dtype="float32", always_2d=True)
    except (soundfile.SoundFileError, OSError) as error:
        raise ValueError(
            explain(
                "A file cannot be read as a sound.",
                received=f"{path!r}: {error}",
                usually="a download that was cut off, or a file with a wrong ending.",
                write="pathlib.Path(path).unlink() for such files, before the data set is made",
            )
        ) from error
    if rate is not None and rate != own_rate:
        from scipy.signal import resample_poly

        common = math.gcd(rate, own_rate)
        samples = resample_poly(samples, rate // common, own_rate // common, axis=0).astype("float32")
    return samples if length is None else _filled(samples, length)


def _filled(sound: _Sound, length: int) -> _Sound:
    """A sound cut or filled up with zeros at its end."""
    return np.pad(sound[:length], ((0, max(0, length - len(sound))), (0, 0)))


def _padded(sounds: Sequence[_Sound]) -> Float[np.ndarray, "batch samples channels"]:
    channels = sorted({sound.shape[1] for sound in sounds})
    if len(channels) > 1:
        raise ValueError(
            explain(
                "Sounds of one batch have as many channels.",
                received=f"sounds of {' and '.join(map(str, channels))} channels",
                usually="mono and stereo files in one directory.",
                write="ragged=True, or batch_size=None and .map(lambda row: (row[0].mean(1, keepdims=True), row[1]))",
            )
        )
    longest = max(map(len, sounds))
    return np.stack([_filled(sound, longest) for sound in sounds])


def _ragged(sounds: Sequence[_Sound]) -> Shaped[np.ndarray, " batch"]:
    batch = np.empty(len(sounds), dtype=object)
    for i, sound in enumerate(sounds):  # at once, sounds of one length would be taken for rows
        batch[i] = sound
    return batch
