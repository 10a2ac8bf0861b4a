"""What `compile`, and the model, say otherwise than when a run was saved: by name, and which of the two counts."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np

from ...core import explain
from ...core.typing import JSON
from ...train import Trainer, TrainState
from .._files._warnings import warn
from .._orbax._manifest_types import Manifest
from ._trainer_config import KERAS_ARGUMENTS, class_name, trainer_manifest

# How steps are run and what is shown of them: no number of the run follows from these.
_HARMLESS = ("run_eagerly", "steps_per_execution", "jit_compile", "log")
# Where a class lives, which may move.
_PLACES = ("module", "registered_name", "build_config")
# A message lists so many changes, and so many letters of a value.
_MOST, _LONGEST = 8, 60
_WITHOUT_CONFIG = "a part without a config"


class Change(NamedTuple):
    """One value that was changed.

    Attributes:
        path: where: `"optimizer.learning_rate"`.
        before: what the run was saved with, and
        now: what the program says, both as JSON.
    """

    path: str
    before: JSON
    now: JSON

    def __str__(self) -> str:
        return f"{self.path}: {_shown(self.before)}, now {_shown(self.now)}"

    @property
    def is_kept(self) -> bool:
        """Whether the number is in the state, so that the saved one counts."""
        name = self.path.rpartition(".")[2]
        return name in ("learning_rate", "initial_scale") and isinstance(self.now, int | float)


def changes_of(manifest: Manifest, trainer: Trainer, like: TrainState) -> list[Change]:
    """What a trainer, or its model, says otherwise than a run's manifest.

    What neither can write, such as an optax transformation, is not compared; nor are arguments that an older version
    did not have.

    Args:
        manifest: the run's.
        trainer: what goes on with it.
        like: a state of that trainer.

    Returns:
        The changes, those of `compile` first.
    """
    own = json.loads(json.dumps(trainer_manifest(trainer, like), default=str))
    found: list[Change] = []
    if manifest.get("trainer_class") != class_name(trainer):
        found.append(Change("trainer_class", manifest.get("trainer_class") or "Trainer", type(trainer).__name__))
    for part in (name for name in KERAS_ARGUMENTS if name not in _HARMLESS):
        before, now = _said(manifest, part), _said(own, part)
        if before is not None and now is not None:
            found += _differences(part, before["value"], now["value"])
    fields = manifest.get("fields") or {}
    for name in sorted({*fields} & {*own["fields"]} - {*_HARMLESS}):
        if fields[name] != own["fields"][name]:
            found.append(Change(name, "another value", repr(getattr(trainer, name))))
    if manifest.get("model") is not None and own["model"] is not None:
        found += _differences("model", manifest["model"], own["model"])
    return found


def _said(manifest: Manifest, part: str) -> dict[str, JSON] | None:
    """What a manifest says of an argument; `None` where it says nothing."""
    if part in (manifest.get("compile_config") or {}):
        return {"value": manifest["compile_config"][part]}
    return {"value": _WITHOUT_CONFIG} if part in manifest.get("without_config", {}) else None


def _differences(path: str, before: JSON, now: JSON, is_config: bool = False) -> Iterator[Change]:
    """The values in two configs that differ; of two objects of one class only what both of them say."""
    if isinstance(before, Mapping) and isinstance(now, Mapping) and before.get("class_name") == now.get("class_name"):
        is_object = "class_name" in before
        for key in sorted({*before, *now} - {*_PLACES}):
            within = path if is_object and key == "config" else f"{path}.{key}"
            if key in before and key in now:
                yield from _differences(within, before[key], now[key], is_object and key == "config")
            elif not (is_object or is_config):
                yield Change(within, before.get(key), now.get(key))
    elif isinstance(before, list) and isinstance(now, list) and len(before) == len(now):
        for place, parts in enumerate(zip(before, now, strict=True)):
            yield from _differences(f"{path}[{place}]", *parts)
    elif json.dumps(before, sort_keys=True) != json.dumps(now, sort_keys=True):
        yield Change(path, before, now)
        rates = [_rate_in(side) for side in (before, now)]
        if None not in rates and rates[0] != rates[1]:  # the state keeps it, of another class too
            yield Change(f"{path}.learning_rate", *rates)


def _rate_in(config: JSON) -> JSON:
    inside = config.get("config") if isinstance(config, Mapping) else None
    return inside.get("learning_rate") if isinstance(inside, Mapping) else None


def _shown(value: JSON) -> str:
    if isinstance(value, Mapping) and "class_name" in value:
        named = value.get("config")
        return named if isinstance(named, str) else str(value["class_name"])
    if isinstance(value, list):
        text = f"[{', '.join(map(_shown, value))}]"
    elif isinstance(value, float):
        text = f"{value:g}"  # as it was written, and not as float32 has it
    else:
        text = value if isinstance(value, str) else repr(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def listed(changes: list[Change]) -> str:
    """The changes, a line each."""
    lines = [*map(str, changes[:_MOST]), *([f"… and {len(changes) - _MOST} more"] if len(changes) > _MOST else [])]
    return "".join(f"\n    {line}" for line in lines)


def other_trainer(place: str, changes: list[Change], differences: str) -> ValueError:
    """The error for a run whose state does not fit, because the trainer was changed."""
    handed = any(change.path == "optimizer" for change in changes)
    return ValueError(
        explain(
            f"The run in {place!r} was saved by another trainer, and its state does not fit this one.",
            received=f"{listed(changes)}\n{differences}",
            usually="the arguments of `compile`, or the model, were changed between the two runs.",
            write='those that the run had, or another directory: checkpoint="another"'
            + (f"   # with fk.load_trainer({place!r}, optimizer=...), which goes on with what fits" if handed else ""),
        )
    )


def warn_of_changes_in(place: str, changes: list[Change], trainer: Trainer, state: TrainState) -> None:
    """Say what was changed, and which of the two the run goes on with.

    Args:
        place: the run's directory.
        changes: those that were found.
        trainer: what goes on.
        state: the state that was read.
    """
    kept, taken = [c for c in changes if c.is_kept], [c for c in changes if not c.is_kept]
    if kept:
        rate = trainer.get_learning_rate(state)
        is_one = rate is not None and not isinstance(rate, dict) and np.size(rate) == 1
        rates = [_shown(change.now) for change in kept if change.path.endswith("learning_rate")]
        what = f"The run in {place!r} resumes at the learning rates that its state has."
        write = 'another directory: checkpoint="another"'
        if len(rates) == 1 and is_one:
            what = f"The run in {place!r} resumes at learning_rate {float(np.asarray(rate)):g}, not {rates[0]}."
            write = (
                f"trainer, state = fk.load_trainer({place!r}); state = trainer.set_learning_rate(state, {rates[0]}); "
                f'trainer.fit(state, x, y, checkpoint="another")'
            )
        usually = "`compile` was changed between the two runs; what is in the state goes on as it was saved."
        warn(explain(what, received=listed(kept), usually=usually, write=write))
    if taken:
        warn(
            explain(
                f"The run in {place!r} resumes with another trainer than it had: what the program says counts.",
                received=listed(taken),
                usually="`compile`, or the model, was changed between the two runs; the steps before were made "
                "with what was there then.",
                write='those that the run had, or another directory: checkpoint="another"',
            )
        )
