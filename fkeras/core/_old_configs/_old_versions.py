"""What the version of Keras that wrote a description says of numbers, beyond what the description says itself."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from typing import Self

from ..typing import PyTree

_MAX_DEPTH = 128
_VERSION = re.compile(r"(\d+)\.(\d+)")


@dataclasses.dataclass(frozen=True)
class OldNumbers:
    """How layers computed that have the same arguments in Keras 3.

    Attributes:
        corners: whether `UpSampling2D(interpolation="bilinear")` measured pixels from their corners, as TensorFlow 1
            does; `None` where the version does not say it.
        masked_steps_repeat: whether both directions of a `Bidirectional` repeat what the step before gave where a step
            is masked, in place of zeros.
        has_masks: whether anything in the model makes a mask.
    """

    corners: bool | None = False
    masked_steps_repeat: bool = False
    has_masks: bool = False

    @classmethod
    def of(cls, record: Mapping[str, PyTree], said: str | None, version: int) -> Self:
        """Those of a model.

        Args:
            record: the model's record.
            said: the version in words, as in `"2.2.4"` or `"2.2.4-tf"`; `None` where nothing says it.
            version: its first number.

        >>> OldNumbers.of({}, "2.2.4", 2).corners, OldNumbers.of({}, "2.13.1", 2).corners
        (True, False)
        """
        found = _VERSION.match(said or "")
        has_masks = _has_masks(record, 0)
        if version >= 3 or (found is None and version != 1):
            return cls(has_masks=has_masks)
        number = (1, 0) if found is None else (int(found[1]), int(found[2]))
        if (said or "").endswith("-tf"):
            is_told = number != (2, 2) or _says(record, "ragged", 0)  # TensorFlow 1.13 to 2.1 all say 2.2.4-tf
            return cls(corners=number < (2, 2) if is_told else None, has_masks=has_masks)
        before = number < (2, 4)
        return cls(corners=before, masked_steps_repeat=before, has_masks=has_masks)


def _has_masks(value: PyTree, depth: int) -> bool:
    """Whether an `Embedding` with a mask, or a `Masking`, is anywhere in a record."""
    if depth > _MAX_DEPTH or not isinstance(value, Mapping | list):
        return False
    if isinstance(value, Mapping) and (value.get("mask_zero") is True or value.get("class_name") == "Masking"):
        return True
    return any(_has_masks(v, depth + 1) for v in (value.values() if isinstance(value, Mapping) else value))


def _says(value: PyTree, key: str, depth: int) -> bool:
    """Whether an argument is anywhere in a record."""
    if depth > _MAX_DEPTH or not isinstance(value, Mapping | list):
        return False
    if isinstance(value, Mapping) and key in value:
        return True
    return any(_says(v, key, depth + 1) for v in (value.values() if isinstance(value, Mapping) else value))
