"""What a draw asks for first: a key."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping

from ..core import Explanation, as_key, explain
from ..core.typing import Key
from ._seed_generator import SeedGenerator


def key_of(function: Callable[..., object], args: tuple[object, ...], kwargs: Mapping[str, object]) -> Key:
    """The typed key among the arguments of a draw.

    Args:
        function: what draws, for the error.
        args, kwargs: its arguments.

    Returns:
        The key.

    Raises:
        TypeError: the first argument is no key, or a seed is given as in Keras.
    """
    first = args[0] if args else kwargs.get("key")
    if "seed" in kwargs:
        raise TypeError(_refusal(function, kwargs["seed"], f"seed={kwargs['seed']!r}"))
    try:
        return as_key(first)
    except (ValueError, TypeError):
        raise TypeError(_refusal(function, first, "nothing" if first is None else f"{first!r:.80}")) from None


def _refusal(function: Callable[..., object], given: object, received: str) -> Explanation:
    needed = [n for n, p in inspect.signature(function).parameters.items() if p.default is p.empty and n != "key"]
    call = f"fk.random.{function.__name__}({', '.join(['{}', *needed])})"
    if isinstance(given, SeedGenerator):
        line = f"key, generator = generator.next(); {call.format('key')}"
    else:
        line = call.format(f"jax.random.key({given if type(given) is int else 0})")
    in_a_layer = call.format('self.make_rng("dropout")')
    return explain(
        f"fk.random.{function.__name__} takes a random key first.",
        received=received,
        usually="Keras draws from a generator that changes; here what is random is an argument.",
        write=f"{line}; in the call of a layer, {in_a_layer}",
    )
