"""How a batch is made to fit: in parts of its rows, then with blocks computed again in the backward pass."""

from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING, Protocol

from ...core import Layer, Model, walk
from ._byte_counts import byte_text
from ._largest import Law
from ._needs import Needs

if TYPE_CHECKING:
    from .._trainer import Trainer

# Parts of fewer rows leave a device idle, so blocks are computed again first.
_FEW_ROWS = 8
# Programs that are compiled for one trainer to see whether its parts fit.
_TRIALS = 3


class Asks(Protocol):
    """Compiles a trainer's step for so many rows, once, and says what it needs."""

    def __call__(self, trainer: Trainer, size: int) -> Needs: ...


@dataclasses.dataclass(frozen=True)
class Plan:
    """A trainer that fits, or comes as near as there is.

    Attributes:
        trainer: the trainer to go on with.
        needs: what its step needs.
        policies: which layers are computed again, as `model.with_remat` takes them.
        choices: what was chosen, and why, a sentence each.
    """

    trainer: Trainer
    needs: Needs
    policies: dict[str, str]
    choices: tuple[str, ...]


def plan_for(trainer: Trainer, size: int, limit: int, asks: Asks) -> Plan:
    """A trainer whose step of `size` rows needs at most so many bytes.

    The numbers that are learnt stay those of the whole batch. What costs no time comes first: parts of at least eight
    rows; then blocks that are computed again; then both, down to single rows.

    Args:
        trainer: the trainer.
        size: rows in a batch.
        limit: bytes of each device.
        asks: what a step needs.
    """
    first = asks(trainer, size)
    if first.total <= limit:
        return Plan(trainer, first, {}, (f"{size} rows fit as they are: nothing was changed.",))
    said = [f"{size} rows need {byte_text(first.total)} and there are {byte_text(limit)}."]
    policies = _policies(trainer.model)
    again = trainer.replace(model=trainer.model.with_remat(policies)) if policies else None
    needs, chosen, computed_again = first, trainer, False
    for fewest, candidate in ((_FEW_ROWS, trainer), (_FEW_ROWS, again), (1, trainer), (1, again)):
        if candidate is None or needs.total <= limit:
            continue
        found, tried = _in_parts(candidate, size, limit, fewest, asks, said)
        if found.total < needs.total:
            needs, chosen, computed_again = found, tried, candidate is again
    policies = policies if computed_again else {}
    if policies:
        said.append(
            f"model.with_remat({policies!r}): these blocks are computed again in the backward pass, which costs "
            "about a third more operations; the numbers stay."
        )
    parts = chosen.accumulate_in_step
    if parts != trainer.accumulate_in_step:
        said.append(
            f"accumulate_in_step={parts}: {-(-size // parts)} rows at a time, whose gradients are those of all {size}."
        )
    fits = needs.total <= limit
    over = "" if fits else f", {byte_text(needs.total - limit)} too many"
    said.append(f"It then needs {byte_text(needs.total)}{over}.")
    if not fits:
        said.append('Nothing that was tried fits: more devices (layout="fsdp"), or a smaller model.')
    return Plan(chosen, needs, policies, tuple(said))


def _in_parts(
    trainer: Trainer, size: int, limit: int, fewest: int, asks: Asks, said: list[str]
) -> tuple[Needs, Trainer]:
    """The fewest parts that fit, with what they need; the most that were tried where none do."""
    base = trainer.accumulate_in_step
    known = asks(trainer, size)
    if known.total <= limit:
        return known, trainer
    counts = []
    parts = 2 * base
    while -(-size // parts) >= fewest and parts <= size:
        counts.append(parts)
        parts *= 2
    found: tuple[Needs, Trainer] = known, trainer
    law: Law | None = None
    for _ in range(_TRIALS):
        if not counts:
            break
        likely = counts if law is None else [p for p in counts if law.at(-(-size // p)) <= limit]
        count = likely[0] if likely else counts[-1]
        if law is None and len(counts) > 1:  # a first look in the middle tells how much parts help
            count = counts[len(counts) // 2]
        other = trainer.replace(accumulate_in_step=count)
        try:
            needs = asks(other, size)
        except ValueError as error:  # a loss that cannot be taken apart
            said.append(f"Parts of a batch are not for this loss: {str(error).splitlines()[0]}")
            return known, trainer
        law = Law.of((-(-size // count), needs.total), (-(-size // base), known.total))
        if needs.total <= limit or needs.total < found[0].total:
            found = needs, other
        if needs.total <= limit:
            counts = [p for p in counts if p < count and law.at(-(-size // p)) <= limit]
        else:
            counts = [p for p in counts if p > count]
    return found


def _policies(model: object) -> dict[str, str]:
    """Which layers of a model are blocks that can be computed again, as `model.with_remat` takes them."""
    if not isinstance(model, Model):
        return {}
    layers = list(walk(model))
    inside = [path[0] for path, _ in layers if len(path) > 1]
    blocks = [path[0] for path, layer in layers if len(path) == 1 and _is_block(layer, inside.count(path[0]))]
    return {re.escape(name): "nothing_saveable" for name in blocks}


def _is_block(layer: Layer, inside: int) -> bool:
    """Whether a layer has several layers in it, and is not one that is computed again already."""
    return layer._remat is None and (bool(layer._stacked_blocks) or inside > 1)
