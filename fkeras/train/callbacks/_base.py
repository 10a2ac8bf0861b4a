"""The callback protocol: an event comes in, what should train next goes out.

A callback holds no state of the run. What it has to remember (patience, the best value) is `event.memory`, a
dict that travels with the run; what it returns is what trains next.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn, TypeAlias, TypeVar, cast

from ...core import answers_setting, arguments_repr, no_attribute
from .._step._learner import Learner
from .._step._state import TrainState
from ..losses._exact_key import exact_key
from ._hook_forms import ALIASES, Form, form_of
from ._of_a_run import ModelView

#: What a callback remembers between its hooks; it travels with the run, so it holds what a checkpoint can hold.
Memory: TypeAlias = Mapping[str, Any]
#: What a hook returns: what trains next, or nothing where nothing changes.
CallbackResult: TypeAlias = "TrainState | Event | None"
#: What stands for a callback: one, or a function `(trainer, state, logs) -> state`.
CallbackLike: TypeAlias = "Callback | Callable[..., CallbackResult]"
#: What `callbacks=` takes: one, several, or none.
CallbackSpec: TypeAlias = (
    "Callback | Callable[..., CallbackResult] | Sequence[Callback | Callable[..., CallbackResult]] | None"
)

Hook = TypeVar("Hook", bound=Callable[..., Any])


@answers_setting("Event", "event")
@dataclasses.dataclass(frozen=True, kw_only=True)
class Event:
    """A moment of a run, as a callback sees it.

    Attributes:
        trainer: what trains.
        state: the whole state; yours to keep, it is never donated.
        logs: the numbers so far; floats at the end of an epoch, of an evaluation and of the training (those of its last
            epoch), device scalars after a batch. After a batch of a prediction `"outputs"`, what the model said.
        epoch: counted from 0.
        batch: counted from 0 within the epoch.
        memory: what this callback remembers; saved with the run.
        stop: whether training ends after this epoch.
        validates: whether the run has validation data, be it this epoch's turn or not.
        goals: which way the numbers of a step are better, `"max"` or `"min"`; `None` where nobody knows.
        member: which member of `fit_many` it is of; `None` in a run of one model, and for a callback that sees all.
    """

    trainer: Any
    state: TrainState
    logs: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    epoch: int = 0
    batch: int = 0
    memory: Memory = dataclasses.field(default_factory=dict)
    stop: bool = False
    validates: bool = False
    goals: Mapping[str, str | None] = dataclasses.field(default_factory=dict)
    member: int | None = None

    if not TYPE_CHECKING:  # a type checker refuses what is missing

        def __getattr__(self, name: str) -> NoReturn:
            raise no_attribute(self, ("Event",), name)

    def replace(self, **changes: Any) -> Event:
        """The event with some parts changed; what a callback returns."""
        return dataclasses.replace(self, **changes)

    def remember(self, **values: Any) -> Event:
        """The event with more in its memory."""
        return dataclasses.replace(self, memory={**self.memory, **values})


def _nothing(hook: Hook) -> Hook:
    """A hook that does nothing, also where code written for Keras calls it: `super().on_epoch_end(epoch, logs)`."""

    @functools.wraps(hook)
    def ignored(self: Callback, *args: object, **kwargs: object) -> None:
        return None

    return cast("Hook", ignored)


class Callback:
    """The base of callbacks. Override the hooks you need; each takes an `Event` and may return

    * `None`: nothing changes,
    * a `TrainState`: that is what trains next,
    * an `Event`, made by `event.replace(state=…, stop=True)` or `event.remember(best=…)`.

    A plain function `(trainer, state, logs) -> state` is a callback too; it runs at the end of each epoch.

    A hook may be written as for Keras instead, `on_epoch_end(self, epoch, logs=None)`, `on_train_batch_end(self, batch,
    logs=None)`, `on_train_begin(self, logs=None)`. It gets the epoch or batch as an integer and the logs as numbers;
    what it adds to the logs of an epoch is in the history. `self.model` is the model as it is at that moment, to be
    read: `get_weights`, `predict`, `evaluate`, `save`, `optimizer.learning_rate`, `layers`. `self.model.stop_training =
    True` ends the training. What would change the model is refused, with the hook to write. Which form a hook has is
    found from its parameters when the callback is given; what fits neither is refused then.

    Attributes that such hooks set (`self.losses.append(…)`) stay on the callback. They are not saved with a run: one
    that goes on by `checkpoint=` calls `on_train_begin` once more and warns that they begin anew. What has to be saved
    belongs in `event.memory`.

    >>> import fkeras as fk
    >>> class HalveOnRise(fk.callbacks.Callback):
    ...     def on_epoch_end(self, event):
    ...         worse = event.logs["loss"] > event.memory.get("last", float("inf"))
    ...         rate = event.trainer.get_learning_rate(event.state)
    ...         state = event.trainer.set_learning_rate(event.state, rate / 2) if worse else event.state
    ...         return event.replace(state=state).remember(last=event.logs["loss"])
    >>> fk.callbacks.CallbackList([HalveOnRise()]).hooks("on_epoch_end")
    1

    >>> class Losses(fk.callbacks.Callback):
    ...     def on_train_begin(self, logs=None):
    ...         self.losses = []
    ...     def on_train_batch_end(self, batch, logs=None):
    ...         self.losses.append(logs["loss"])
    >>> import numpy as np
    >>> losses = Losses()
    >>> trainer = fk.Sequential([fk.Input((3,)), fk.nn.Dense(1)]).compile("sgd", "mse")
    >>> x, y = np.ones((8, 3), "float32"), np.ones((8, 1), "float32")
    >>> state, _ = trainer.fit(trainer.init(0), x, y, batch_size=4, callbacks=losses, verbose=0)
    >>> len(losses.losses)
    2

    Reference: https://keras.io/api/callbacks/base_callback/
    Unlike Keras, a hook that changes what trains takes one `Event` and returns the change instead of making it.
    """

    #: Whether a hook gets one event of all members of `fit_many`: stacked states, and logs of shape (members,). Other
    #: callbacks are called for each member by itself.
    sees_members: ClassVar[bool] = False
    #: The model as it is at the moment of a hook, for hooks in Keras's form; while a run goes on.
    model: ModelView
    #: What the run was asked for (`epochs`, `steps`, `verbose`), for hooks in Keras's form; `None` before it.
    params: Mapping[str, Any] | None = None

    def set_model(self, model: ModelView) -> None:
        """Take the model of a run; called at its beginning, where the callback has hooks in Keras's form."""
        self.model = model

    def set_params(self, params: Mapping[str, Any]) -> None:
        """Take what a run was asked for; called at its beginning, where the callback has hooks in Keras's form."""
        self.params = params

    if not TYPE_CHECKING:  # a type checker refuses what is missing

        def __getattr__(self, name: str) -> NoReturn:
            raise no_attribute(self, ("Callback",), name)

    @_nothing
    def on_train_begin(self, event: Event) -> CallbackResult:
        """Before the first epoch."""

    @_nothing
    def on_train_end(self, event: Event) -> CallbackResult:
        """After the last epoch; `event.logs` holds its numbers."""

    @_nothing
    def on_epoch_begin(self, event: Event) -> CallbackResult:
        """Before an epoch's first batch."""

    @_nothing
    def on_epoch_end(self, event: Event) -> CallbackResult:
        """After an epoch and its validation; `event.logs` holds both."""

    @_nothing
    def on_train_batch_begin(self, event: Event) -> CallbackResult:
        """Before a step."""

    @_nothing
    def on_train_batch_end(self, event: Event) -> CallbackResult:
        """After a step."""

    @_nothing
    def on_test_begin(self, event: Event) -> CallbackResult:
        """Before an evaluation."""

    @_nothing
    def on_test_end(self, event: Event) -> CallbackResult:
        """After an evaluation; `event.logs` holds its numbers."""

    @_nothing
    def on_test_batch_begin(self, event: Event) -> CallbackResult:
        """Before an evaluation batch."""

    @_nothing
    def on_test_batch_end(self, event: Event) -> CallbackResult:
        """After an evaluation batch; `event.logs` holds the numbers so far."""

    @_nothing
    def on_predict_begin(self, event: Event) -> CallbackResult:
        """Before a prediction."""

    @_nothing
    def on_predict_end(self, event: Event) -> CallbackResult:
        """After a prediction."""

    @_nothing
    def on_predict_batch_begin(self, event: Event) -> CallbackResult:
        """Before a prediction batch."""

    @_nothing
    def on_predict_batch_end(self, event: Event) -> CallbackResult:
        """After a prediction batch; `event.logs["outputs"]` are the outputs."""

    @_nothing
    def on_batch_begin(self, event: Event) -> CallbackResult:
        """Keras's other name of `on_train_batch_begin`."""

    @_nothing
    def on_batch_end(self, event: Event) -> CallbackResult:
        """Keras's other name of `on_train_batch_end`."""

    # What a callback holds only while a run goes on, open files and threads, with what makes its empty value: such
    # attributes are neither compared nor copied nor pickled.
    _held_by_a_run: ClassVar[Mapping[str, Callable[[], object]]] = {}

    def __getstate__(self) -> dict[str, object]:
        own = self._own()
        return {**own, **{name: empty() for name, empty in self._held_by_a_run.items() if name in vars(self)}}

    def _own(self) -> dict[str, object]:
        """The attributes but for those of a run."""
        of_a_run = ("model", "params") if isinstance(vars(self).get("model"), ModelView) else ()
        return {k: v for k, v in vars(self).items() if k not in (*self._held_by_a_run, *of_a_run)}

    def _key(self) -> Hashable:
        return (type(self), exact_key(self._own()))

    def __eq__(self, other: object) -> bool:
        return self is other or (type(self) is type(other) and self._key() == other._key())  # type: ignore[attr-defined]

    def __hash__(self) -> int:
        return hash(type(self))  # attributes of a callback may change, so they cannot be part of it

    def __repr__(self) -> str:
        return arguments_repr(self, makes=False)

    def _has_hook(self, name: str) -> bool:
        """Whether a hook does anything: its class overrides it, or it was set on the object."""
        names = [name, ALIASES[name]] if name in ALIASES else [name]
        return any(getattr(type(self), n) is not getattr(Callback, n) or n in vars(self) for n in names)

    def _form_of(self, name: str, hook: Callable[..., object]) -> Form:
        """What a hook of this callback is called with.

        Raises:
            TypeError: it can be called in neither form.
        """
        return form_of(type(self).__name__, name, hook)

    # Whether it writes files that a run which was cut off before its first save, and begins anew, would write twice to.
    _leaves_files = False
    # Whether it writes files at all: a dry run does without it.
    _writes_files = False

    def _on_run_resumed(self, event: Event) -> CallbackResult:
        """In place of `on_train_begin`, where a run goes on that was saved."""

    def _refuse_before_run(self, trainer: Learner, state: TrainState, names: Sequence[str] | None) -> None:
        """Refuse, before a run, what could not be done at the end of its first epoch.

        Args:
            trainer: what will train.
            state: where the run begins.
            names: the numbers that the logs will have, `None` where they cannot be known.
        """

    def _on_run_over(self) -> None:
        """Let go of files and threads; called when a run is over, however it ended."""
