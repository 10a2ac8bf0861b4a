"""The callbacks of `fit_many`: for each member by itself, or for all of them at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import jax
import numpy as np

from ...core import explain
from ...core.typing import PyTree
from .._step._learner import Learner
from .._step._state import TrainState
from ..callbacks import (
    Callback,
    CallbackList,
    CSVLogger,
    Digests,
    EarlyStopping,
    Event,
    ModelCheckpoint,
    TensorBoard,
)  # fmt: skip
from ..callbacks._base import CallbackLike, Memory
from ..callbacks._keras_form import AsInKeras
from ..callbacks._monitor import check_callbacks

# What a user has instead of a callback that writes files of one model.
_INSTEAD: tuple[tuple[type[Callback], str], ...] = (
    (ModelCheckpoint, "fk.callbacks.EarlyStopping(restore_best_weights=True), and model.save after the run"),
    (CSVLogger, "histories.to_pandas().to_csv(path)"),
    (Digests, "trainer.fit(trainer.init(seed), ..., callbacks=fk.callbacks.Digests(100))"),
    (TensorBoard, "histories.to_pandas(), or a callback with sees_members = True that writes what it likes"),
)


class MemberCallbacks:
    """The callbacks of many members, and what each remembers of each of them.

    A callback that sees members is called once, with the stacked states. Each other one is called for each member that
    trains, with its state and its numbers, and remembers for each member by itself.

    Args:
        given: callbacks, or functions `(trainer, state, logs) -> state`.
        count: how many members there are.

    Raises:
        TypeError: a callback that cannot be called for many models.
    """

    def __init__(self, given: Sequence[CallbackLike], count: int) -> None:
        everyone = CallbackList(list(given))
        for callback, other in zip(everyone.callbacks, everyone._other, strict=True):
            _check(callback, any(isinstance(hook, AsInKeras) for hook in other.values()))
        self.all = [c for c in everyone.callbacks if c.sees_members]
        own = [c for c in everyone.callbacks if not c.sees_members]
        self.own = [CallbackList(own) for _ in range(count)]
        self.all_memory: list[Memory] = [{} for _ in self.all]

    # ------------------------------------------------------------------ as a backup of a run wants it
    @property
    def callbacks(self) -> list[Callback]:
        """Each callback, as often as it remembers something of its own."""
        return [*self.all, *(c for calls in self.own for c in calls.callbacks)]

    @property
    def memory(self) -> list[Memory]:
        """What each remembers; arrays as JAX's, which are written beside the numbers."""
        found = [*self.all_memory, *(m for calls in self.own for m in calls.memory)]
        return [jax.tree.map(lambda a: jax.device_put(a) if isinstance(a, np.ndarray) else a, m) for m in found]

    @memory.setter
    def memory(self, saved: Sequence[Memory]) -> None:
        rest = list(saved)
        self.all_memory = [rest.pop(0) for _ in self.all]
        for calls in self.own:
            calls.memory = [rest.pop(0) for _ in calls.callbacks]

    # ------------------------------------------------------------------ hooks
    def hooks(self, name: str) -> int:
        """How many callbacks have a hook."""
        return self.own[0].hooks(name) + sum(c._has_hook(name) for c in self.all)

    def check(
        self, trainer: Learner, state: TrainState, goals: Mapping[str, str | None], names: Sequence[str], closed: bool,
        validates: bool,
    ) -> None:  # fmt: skip
        """Refuse, before a run, what could only be found to be wrong after its first epoch."""
        check_callbacks(self.own[0], trainer, state, goals, names, closed, validates)

    def call(
        self, name: str, states: TrainState, active: np.ndarray, logs: Mapping[str, np.ndarray], **parts: PyTree
    ) -> tuple[TrainState, dict[str, np.ndarray], np.ndarray]:
        """Run a hook.

        Args:
            name: the hook's.
            states: the stacked states.
            active: for which members it is called.
            logs: a number of each member by name.
            **parts: of the event.

        Returns:
            `(states, logs, stops)`: what trains next, the numbers with what callbacks added, and which members stop.
        """
        stops, logs = np.zeros(len(self.own), bool), dict(logs)
        if self.own[0].hooks(name):
            states, logs, stops = self._each(name, states, active, logs, parts)
        for i, callback in enumerate(self.all):
            if not callback._has_hook(name):
                continue
            event = Event(state=states, logs=logs, memory=self.all_memory[i], **parts)
            result = getattr(callback, name)(event)
            if isinstance(result, TrainState):
                states = result
            elif isinstance(result, Event):
                states, self.all_memory[i] = result.state, result.memory
                logs = {k: np.broadcast_to(np.asarray(v, float), stops.shape) for k, v in result.logs.items()}
                stops = stops | np.asarray(result.stop, bool)
        return states, logs, stops

    def _each(
        self,
        name: str,
        states: TrainState,
        active: np.ndarray,
        logs: dict[str, np.ndarray],
        parts: Mapping[str, PyTree],
    ) -> tuple[TrainState, dict[str, np.ndarray], np.ndarray]:
        leaves, treedef = jax.tree.flatten(states)
        host = jax.device_get(leaves)
        changed: dict[int, dict[int, PyTree]] = {}
        stops, added = np.zeros(len(self.own), bool), {k: np.array(v, copy=True) for k, v in logs.items()}
        for i in np.flatnonzero(active).tolist():
            before = [np.array(leaf[i]) for leaf in host]  # a copy: what is remembered holds on to no other member
            numbers = {k: v[i] if np.ndim(v[i]) else float(v[i]) for k, v in logs.items()}
            event = Event(state=jax.tree.unflatten(treedef, before), logs=numbers, member=i, **parts)
            found = self.own[i].call(name, event)
            stops[i] = found.stop
            for place, (a, b) in enumerate(zip(before, _leaves(found.state, treedef, name), strict=True)):
                if a is not b:
                    changed.setdefault(place, {})[i] = b
            for k, v in found.logs.items():
                if k not in added:
                    added[k] = np.full((len(self.own), *np.shape(v)), np.nan)
                added[k][i] = v
        for place, rows in changed.items():
            leaf = np.array(host[place])
            for i, row in rows.items():
                leaf[i] = row
            # one that nobody has placed stays so: to place it would compile the steps again
            placed = getattr(leaves[place], "committed", False)
            leaves[place] = jax.device_put(leaf, leaves[place].sharding if placed else None)
        return jax.tree.unflatten(treedef, leaves), added, stops

    def kept(self) -> dict[int, int]:
        """For each member the epoch whose weights a callback has put back at the end."""
        found = {}
        for i, calls in enumerate(self.own):
            for callback, memory in zip(calls.callbacks, calls.memory, strict=True):
                if isinstance(callback, EarlyStopping) and callback.restore_best_weights and memory.get("variables"):
                    found[i] = int(memory["best_epoch"])
        return found


def _leaves(state: TrainState, treedef: object, name: str) -> list[PyTree]:
    leaves, found = jax.tree.flatten(state)
    if found != treedef:
        raise TypeError(
            explain(
                f"A callback's {name} returned a state of another structure, and all members are one program.",
                received=f"{str(found)[:80]}",
                write="event.state.replace(params=...), with the same arrays",
            )
        )
    return leaves


def _check(callback: Callback, in_keras_form: bool) -> None:
    """Refuse a callback that was made for one model.

    Raises:
        TypeError: what it does, and what to write.
    """
    kind = type(callback).__name__
    for cls, write in _INSTEAD:
        if isinstance(callback, cls) and not callback.sees_members:
            raise TypeError(
                explain(
                    f"{kind} writes the files of one model, and fit_many trains many."
                    if not isinstance(callback, Digests)
                    else f"{kind} keeps the digests of one run, and fit_many makes many.",
                    received=kind,
                    usually="each member would write over what the others have written.",
                    write=write,
                )
            )
    if in_keras_form:
        raise TypeError(
            explain(
                f"{kind} has hooks in Keras's form, which know of one model.",
                received=f"{kind} in fit_many",
                usually="its attributes would mix the members, and self.model would be of one of them.",
                write="def on_epoch_end(self, event): ...   # event.member; or sees_members = True in the class",
            )
        )
    if callback._has_hook("on_train_batch_begin") or callback._has_hook("on_train_batch_end"):
        raise TypeError(
            explain(
                f"{kind} looks at each batch, and many steps of all members are one program.",
                received=f"{kind} in fit_many",
                write="def on_epoch_end(self, event): ...   # e.g. stop where event.logs['loss'] is NaN",
            )
        )
