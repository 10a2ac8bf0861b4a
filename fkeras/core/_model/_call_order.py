"""The order in which the calls of a config can be recorded: each after those whose outputs it takes."""

from __future__ import annotations

from collections.abc import Container, Mapping
from typing import TypeAlias

from .._words._config_errors import at
from .._words._errors import explain
from ..typing import Config
from ._keras_history import histories_in

#: A layer's name, and which of its calls.
CallId: TypeAlias = tuple[str, int]


def in_order(
    calls: Mapping[CallId, Config], recorded: Container[CallId], entries: Mapping[str, Config]
) -> list[CallId]:
    """The calls in an order in which their inputs are known, in as many steps as there are links between them.

    A layer's own calls come in the order in which they are listed.

    Args:
        calls: the records of the calls.
        recorded: the calls that have been made already.
        entries: the layers' records, by name.

    Raises:
        ValueError: calls that wait for each other, or for a layer that is not there.
    """
    waits_for: dict[CallId, set[CallId]] = {}
    feeds: dict[CallId, list[CallId]] = {}
    for key, call in calls.items():
        with at("layers", key[0], "inbound_nodes", key[1]):
            before = {(name, index) for name, index, _ in histories_in(call)}
        before |= {(key[0], key[1] - 1)} if key[1] else set()
        waits_for[key] = {earlier for earlier in before if earlier not in recorded}
        for earlier in waits_for[key]:
            feeds.setdefault(earlier, []).append(key)
    ready = [key for key in calls if not waits_for[key]]
    order: list[CallId] = []
    while ready:  # in rounds, so that what is listed first runs first, as it was written
        order += ready
        fed = [(key, later) for key in ready for later in feeds.get(key, ())]
        for key, later in fed:
            waits_for[later].discard(key)
        ready = list(dict.fromkeys(later for _, later in fed if not waits_for[later]))
    if len(order) < len(calls):
        done = set(order)
        stuck = [key for key in calls if key not in done]
        raise _stuck(sorted({name for name, _ in stuck}), [b for key in stuck for b in waits_for[key]], entries)
    return order


def _stuck(names: list[str], before: list[CallId], entries: Mapping[str, Config]) -> ValueError:
    lost = sorted({name for name, _ in before if name not in entries})
    shown = names if len(names) <= 20 else [*names[:20], f"… ({len(names) - 20} more)"]
    return ValueError(
        explain(
            f"The layers {shown} wait for each other (a cycle)"
            + (f" or for {lost[:20]}, not in the config." * bool(lost) or "."),
            received=f"{len(before)} inputs that never come to be",
            usually="the config was edited by hand, or is damaged.",
            write="inbound_nodes whose keras_history names layers that run before",
        )
    )
