"""open_run: what was saved of a run, and what was handed beside it, compared before a step is made again."""

from __future__ import annotations

import json
import pathlib
from collections.abc import Mapping
from typing import Any

import jax
import numpy as np

from ..core import describe, did_you_mean, explain, spec_of, to_read
from ..core.typing import Config, CustomObjects, FilePath, PyTree
from ..train import Replay, Trainer, TrainState
from ..train.callbacks import BackupAndRestore, Callback, CallbackList, Digests
from ._files._conditions import conditions, warn_of_changes
from ._orbax._manifest import read_manifest
from ._orbax._manifest_types import Manifest
from ._runs import checkpoints_of, read_moment
from ._saved_run import SavedRun
from ._trainer_states import read_state
from ._trainers import load_trainer
from ._training._missing_optimizer import MissingOptimizer
from ._training._trainer_config import trainer_manifest
from ._training._trainer_from_config import Given

# Arguments of `fit` that a directory has, or that runs of an older version are opened with.
_ARGUMENTS = (
    "batch_size", "shuffle", "class_weight", "initial_epoch", "steps_per_epoch", "validation_split",
    "validation_steps", "validation_batch_size", "validation_freq", "check_nans", "overfit_batches",
)  # fmt: skip


def open_run(
    directory: FilePath,
    x: PyTree = None,
    y: PyTree = None,
    *,
    sample_weight: PyTree = None,
    validation_data: PyTree = None,
    callbacks: PyTree = None,
    trainer: Trainer | None = None,
    state: TrainState | None = None,
    custom_objects: CustomObjects | None = None,
    **arguments: PyTree,
) -> SavedRun:
    """A run that `fit(checkpoint=...)` or `BackupAndRestore` keeps in a directory, to be asked for any of its steps.

    A run is a function of its state, and the order of its data and its randomness follow from the seed and the step. So
    a state that was not saved is made again from the nearest save before it, to the bit, by the programs of `fit`.

    Args:
        directory: the run's directory.
        x, y, sample_weight: the data, as `fit` had them; a directory does not hold them. A fingerprint of arrays is
            compared. What cannot be read again in the same order, a generator, is refused.
        validation_data: as `fit` had it, where callbacks look at its numbers (`ReduceLROnPlateau`).
        callbacks: those of `fit`, where one of them may change what trains: a schedule, a plateau, a function of the
            user's own. They are called again. Those that show, write files or stop are not needed and not called.
        trainer: what trained, where it cannot be read from the directory (a loss without a config), or lies on several
            devices.
        state: the state that the run began with, for steps before the first save.
        custom_objects: as for `fk.load_trainer`.
        **arguments: further arguments of `fit` (`batch_size`, `shuffle`, `class_weight`, …). The directory has them;
            those that are given here are compared.

    Returns:
        A `SavedRun`: `run.at(step)`, `run.batch(step)`, `run.diff(a, b)`, `run.bisect(test)`, `run.explain(step)`.

    Raises:
        FileNotFoundError: there is no run.
        TypeError, ValueError: other data, arguments, callbacks or another trainer than the run had; each is named.

    >>> import fkeras as fk, numpy as np, tempfile
    >>> trainer = fk.Sequential([fk.Input((3,)), fk.nn.Dense(1)]).compile("adam", "mse")
    >>> x, y = np.ones((64, 3), "float32"), np.ones((64, 1), "float32")
    >>> with tempfile.TemporaryDirectory() as place:
    ...     kept = fk.callbacks.BackupAndRestore(place, keep_every=4, delete_checkpoint=False)
    ...     _ = trainer.fit(trainer.init(0), x, y, batch_size=4, callbacks=kept, verbose=0)
    ...     run = fk.open_run(place, x, y)
    ...     run.saves, run.total, int(run.at(6).step), run.batch(6).rows
    ((0, 4, 8, 12, 16), 16, 6, array([62, 30, 24, 22]))

    Neither Keras nor Flax has it.
    """
    if x is None:
        raise ValueError(
            explain("A run's directory does not hold its data.", received="no x", write="fk.open_run(directory, x, y)")
        )
    if jax.process_count() > 1:
        raise ValueError(
            explain("A run is opened by one process.", received=f"{jax.process_count()} processes", write="one process")
        )
    _check_names(arguments)
    place = pathlib.Path(to_read(directory, "fk.open_run", '"run"'))
    found = checkpoints_of(place)
    if not found:
        raise FileNotFoundError(
            explain(
                f"There is no run in {str(place)!r}.",
                received="nothing there" if not place.exists() else "no save of a run in it",
                usually="another path, or BackupAndRestore deleted it when training ended (delete_checkpoint=True).",
                write='BackupAndRestore("run/", keep_every=100, delete_checkpoint=False)',
            )
        )
    manifests = [read_manifest(p, ("trainer",)) for p in found]
    step = manifests[-1]["arrays"].get("step")
    if step is not None and step["shape"]:
        raise ValueError(
            explain(
                f"The run in {str(place)!r} is one of many members.",
                received="a state with an axis of members",
                usually="fit_many; its members are trained in one program, each of which can be run by itself.",
                write="fit(..., callbacks=BackupAndRestore(place, keep_every=100, delete_checkpoint=False))",
            )
        )
    trainer, like = _trainer_of(found[-1], manifests[-1], trainer, custom_objects)
    _, last, memory = read_moment(found[-1], manifests[-1], trainer, like)
    asked = last.get("asked") or {}
    since, total = int(asked.get("since", 0)), int(last["total"])
    own = trainer_manifest(trainer, like)
    others = [p for p, m in zip(found, manifests, strict=True) if _differing(own, m)]
    if others:
        if others[-1] == found[-1]:
            raise _other("trainer", ", ".join(_differing(own, manifests[-1])), "the trainer of the run")
        since = max(since, int(found[found.index(others[-1]) + 1].name))
    saves = tuple(int(p.name) for p in found if int(p.name) >= since)
    calls = _callbacks(callbacks, asked, len(memory))
    replay = Replay(
        trainer=trainer, x=x, y=y, sample_weight=sample_weight, validation_data=validation_data, callbacks=calls,
        arguments={**asked.get("arguments", {}), **arguments},
    )  # fmt: skip
    _check_arguments(arguments, replay, asked.get("arguments"))
    _check_settings(replay, asked)
    _check_data(replay, like, asked, calls)
    now = conditions(like.params, trainer.distribution, like.variables, like.example)
    warn_of_changes(str(place), manifests[-1].get("conditions"), now, level=2)
    start = None if state is None else _start(state, like, since)
    nbytes = sum(p.stat().st_size for p in place.rglob("*") if p.is_file())
    return SavedRun(place, trainer, saves, total, since, nbytes, replay, like, start)


def _trainer_of(
    checkpoint: pathlib.Path, manifest: Manifest, trainer: Trainer | None, custom_objects: CustomObjects | None
) -> tuple[Trainer, TrainState]:
    """The trainer, and a state of the structure that the run's have."""
    if trainer is not None:
        return trainer, read_state(trainer, checkpoint, manifest, Given({}, custom_objects, None))
    if manifest.get("model") is None:
        raise ValueError(
            explain(
                "The run's model could not be written down, and a replay needs it.",
                received=manifest.get("without_config", {}).get("model", "no model in the directory"),
                usually="it was a plain Linen module, or has a part without a config.",
                write="fk.open_run(directory, x, y, trainer=trainer)",
            )
        )
    trainer, like = load_trainer(checkpoint, custom_objects)
    if isinstance(trainer.optimizer, MissingOptimizer):
        raise ValueError(
            explain(
                "The run's optimizer could not be written down, and a replay needs it.",
                received=manifest["without_config"]["optimizer"],
                usually="an optax transformation is two functions, and has no config.",
                write="fk.open_run(directory, x, y, trainer=model.compile(optax.adam(1e-3), ...))",
            )
        )
    return trainer, like


def _differing(own: Mapping[str, Any], saved: Mapping[str, Any]) -> list[str]:
    """The parts of a trainer that a save says otherwise."""
    parts = []
    for part in ("model", "trainer_class"):
        parts += [part] if _text(own[part]) != _text(saved.get(part)) else []
    for part in ("compile_config", "fields"):
        mine, its = own[part], saved.get(part) or {}
        parts += [name for name in sorted({*mine, *its}) if _text(mine.get(name)) != _text(its.get(name))]
    return parts


def _text(value: PyTree) -> str:
    return json.dumps(value, sort_keys=True, default=str)


def _other(what: str, received: str, write: str) -> ValueError:
    return ValueError(
        explain(
            f"This is another {what} than the run had.",
            received=received,
            usually="the script was changed since; a replay of it would silently be another run.",
            write=write,
        )
    )


def _check_names(given: Config) -> None:
    """Refuse arguments that no step depends on, and those that do not exist."""
    unknown = sorted(set(given) - set(_ARGUMENTS))
    if unknown:
        raise TypeError(
            explain(
                f"open_run has no argument {unknown[0]!r}.",
                received=", ".join(f"{name}=" for name in unknown),
                usually=f"an argument of fit on which no step depends. {did_you_mean(unknown[0], _ARGUMENTS)}",
                write="fk.open_run(directory, x, y)   # the directory has the rest",
            )
        )


def _check_arguments(given: Config, replay: Replay, recorded: Config | None) -> None:
    """Compare arguments that were given with those that the run has."""
    wrong = [name for name in given if recorded is not None and replay.recorded[name] != recorded.get(name)]
    if recorded is not None and wrong:
        received = ", ".join(f"{name}={given[name]!r}, the run had {recorded.get(name)!r}" for name in wrong)
        raise _other("call of fit", received, "without " + ", ".join(f"{name}=" for name in wrong))


def _callbacks(given: PyTree, asked: Config, count: int) -> list[Callback] | None:
    """The callbacks of the run, as many as its saves remember; `None` where none of them has to be called."""
    recorded = asked.get("callbacks")
    listed = CallbackList(given).callbacks
    listed = [c for c in listed if not isinstance(c, BackupAndRestore | Digests)]
    if not listed:
        needed = [name for name, changes in recorded if changes] if recorded is not None else ["?"] * count
        if needed:
            raise ValueError(
                explain(
                    f"The run had callbacks that may change what trains: {', '.join(needed)}.",
                    received="no callbacks=",
                    usually="they are not in the directory; without them a replay would silently be another run.",
                    write="fk.open_run(directory, x, y, callbacks=[...])   # as for fit",
                )
            )
        return None
    names = [type(callback).__name__ for callback in listed]
    had = names if recorded is None else [name for name, _ in recorded]
    if names != had or len(names) != count:
        received = f"{', '.join(names)}; the run had {', '.join(had) if recorded is not None else count}"
        raise _other("list of callbacks", received, "those of fit, in their order")
    return listed if recorded is None or any(changes for _, changes in recorded) else None


def _check_settings(replay: Replay, asked: Config) -> None:
    """Compare how callbacks are set with how they were, where the run says it."""
    if "settings" not in asked:
        return
    for (name, _), had, given in zip(asked["callbacks"], asked["settings"], replay.settings, strict=False):
        if had != given:
            raise _other(name, f"{given}; the run had {had}", f"callbacks=[fk.callbacks.{name}({had}), ...]")


def _check_data(replay: Replay, like: TrainState, asked: Config, calls: list[Callback] | None) -> None:
    """Compare the data with the fingerprints that the run has."""
    data, validation = replay.fingerprints(like)
    if asked.get("data") and data != asked["data"]:
        raise _other("set of data", describe(replay.x), "the x, y and sample_weight that fit had")
    if asked and asked["arguments"].get("batch_size") is None and replay.batches_rows(like):
        received = f"{describe(replay.x)}, and the run read batches that somebody else had made"
        raise _other("kind of data", received, "the list or the data set of batches that fit had")
    if "validation" in asked and replay.validation_data is not None and (validation or "") != asked["validation"]:
        raise _other("set of validation data", describe(replay.validation_data), "the validation_data that fit had")
    if not asked.get("validates") or calls is None:
        return
    held_out = bool(replay.arguments.get("validation_split"))
    if replay.validation_data is None and not held_out:
        raise ValueError(
            explain(
                "The run was validated, and its callbacks see the numbers.",
                received="no validation_data=",
                usually="a replay without them would silently be another run.",
                write="fk.open_run(directory, x, y, validation_data=(x_val, y_val), callbacks=[...])",
            )
        )


def _start(state: TrainState, like: TrainState, since: int) -> TrainState:
    """The state that the run began with, as far as that can be seen."""
    same = np.array_equal(jax.device_get(state.rng_data), jax.device_get(like.rng_data))
    if since > 0 or not same or not _alike(state, like):
        received = "a state with another random key, or of another model"
        raise _other("beginning", f"the run changed at step {since}" if since else received, "the state given to fit")
    return state


def _alike(state: TrainState, other: TrainState) -> bool:
    """Whether two states have weights of the same paths and shapes."""
    return spec_of(state.params) == spec_of(other.params)
