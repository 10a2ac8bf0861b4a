"""Arguments of a call, looked at by name before Python refuses them in words that name no line to write."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import ParamSpec, TypeVar

from ._array_errors import describe
from ._errors import did_you_mean, explain, nearest
from ._given_instead import holds_weights
from ._short_repr import short_repr
from ._torch_names import TORCH_ARGUMENTS, TORCH_WORD
from ._tracebacks import caller, shorten

P = ParamSpec("P")
R = TypeVar("R")

# What Keras keeps in its objects and a call here is given: how messages call it, and the line that makes it.
_KEPT = {
    "state": ("the state of the run", "state = trainer.init(0)"),
    "variables": ("the model's variables", "variables = model.init(jax.random.key(0))"),
}
# What a line has for an argument whose name says little.
_WRITTEN = {"rngs": "jax.random.key(0)", "steps": "steps=100"}


def checked_by_name(
    owner: str, name: str | None = None, is_bound: bool = True
) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """A decorator for a verb whose arguments are looked at by name first; its signature stays as it is written.

    Args:
        owner: how messages call what has the verb: `"trainer"`, `"model"`.
        name: how they call the verb; its own name by default.
        is_bound: whether the first argument is what has the verb, and stands before the dot.

    Returns:
        A decorator, which returns a function of the same signature.

    >>> @checked_by_name("trainer")
    ... def fit(trainer, state, x=None, *, epochs=1):
    ...     return epochs
    >>> fit(None, None, epoch=2)
    Traceback (most recent call last):
        ...
    TypeError: `fit` has no argument 'epoch'.
      Received: epoch=
      Usually:  Did you mean 'epochs'? Known: epochs, state, x.
      Write:    trainer.fit(state, x, ..., epochs=2)
    """

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        verb = _Verb(function, owner, name, is_bound)
        least, most = verb.least, verb.most

        @functools.wraps(function)
        def checked(*args: P.args, **kwargs: P.kwargs) -> R:
            try:
                if kwargs or not least <= len(args) <= most:  # some calls take microseconds; no more is looked at
                    verb.check(args, kwargs)
                return function(*args, **kwargs)
            except Exception as error:
                shorten(error, caller())
                raise

        return checked

    return decorate


class _Verb:
    """What a function takes.

    Attributes:
        least, most: how many arguments by position are enough, and are too many when there is one more.
    """

    def __init__(self, function: Callable[..., object], owner: str, name: str | None, is_bound: bool) -> None:
        parameters = inspect.signature(function).parameters
        kinds = {name: parameter.kind for name, parameter in parameters.items()}
        self.owner, self.name, self.first = owner, name or function.__name__, int(is_bound)
        self.names = [n for n, kind in kinds.items() if kind not in (_SPREAD, _SPREAD_BY_NAME)]
        self.required = [n for n in self.names if parameters[n].default is inspect.Parameter.empty]
        self.by_position = [n for n in self.names if kinds[n] is not inspect.Parameter.KEYWORD_ONLY]
        self.takes_any_name = _SPREAD_BY_NAME in kinds.values()
        self.least = len(self.required)
        self.most = float("inf") if _SPREAD in kinds.values() else len(self.by_position)

    def check(self, args: tuple[object, ...], kwargs: Mapping[str, object]) -> None:
        """Refuse arguments that the function does not take.

        Raises:
            TypeError: an unknown name, with the nearest one that exists; a name given twice; too many by position;
                one that is missing.
        """
        known = self.names[self.first :]
        unknown = [name for name in kwargs if name not in known]
        if unknown and not self.takes_any_name:
            near = [f"{name}={short_repr(kwargs[unknown[0]])}" for name in nearest(unknown[0], known)[:1]]
            torch = TORCH_ARGUMENTS.get(unknown[0])
            raise TypeError(
                explain(
                    f"`{self.name}` has no argument {unknown[0]!r}.",
                    received=", ".join(f"{name}=" for name in kwargs),
                    usually=did_you_mean(unknown[0], known) if torch is None else TORCH_WORD,
                    write=torch or f"{self.owner}.{self.name}({', '.join([*known[:2], '...', *near])})",
                )
            )
        twice = [name for name in kwargs if name in self.by_position[: len(args)]]
        if twice or len(args) > self.most:
            order = self.by_position[self.first :]
            raise TypeError(
                explain(
                    f"`{self.name}` was given {twice[0]!r} twice."
                    if twice
                    else f"`{self.name}` was given too many arguments.",
                    received=f"{len(args) - self.first} by position" + (f", and {twice[0]}=" if twice else ""),
                    usually=f"their order: it is {', '.join(order[:8])}{', …' if len(order) > 8 else ''}.",
                    write=f"{self.owner}.{self.name}({', '.join(known[:2])}, ...), the others by name",
                )
            )
        missing = [n for n in self.required if n not in kwargs and n not in self.by_position[: len(args)]]
        if missing:
            raise self._lacks(missing, args[self.first :], kwargs)

    def _lacks(self, missing: list[str], args: tuple[object, ...], kwargs: Mapping[str, object]) -> TypeError:
        given = [*map(describe, args), *(f"{name}=" for name in kwargs)]
        call = (
            f"{self.owner}.{self.name}({', '.join(_WRITTEN.get(name, name) for name in self.required[self.first :])})"
        )
        received = ", ".join(given) or "no arguments"
        lacks = " and ".join(f"no {name}" for name in missing)
        kept = next((name for name in self.required if name in _KEPT), None)
        named = {**dict(zip(self.by_position[1:], args, strict=False)), **kwargs}
        if kept is None or holds_weights(named.get(kept)):
            return TypeError(explain(f"`{self.name}` got {lacks}.", received=received, write=call))
        what, made = _KEPT[kept]
        return TypeError(
            explain(
                f"`{self.name}` takes {what}{' first' if kept == self.required[self.first] else ''}; it got {lacks}.",
                received=received,
                usually="Keras keeps weights in the model; here they go in and come out.",
                write=f"{made}; {call}",
            )
        )


_SPREAD, _SPREAD_BY_NAME = inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD
