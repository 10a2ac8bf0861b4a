"""Which names of a layer an editor offers: ours, and of Linen's those that a user types."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from flax import linen

if TYPE_CHECKING:
    from ._layer import Layer

# Linen's own that are for users; the rest is for authors of modules, who find it in Flax's documentation.
_OFFERED = {"apply", "bind", "init", "name"}
_LINENS = {name for name in dir(linen.Module) if name[0] != "_"} - _OFFERED | {"parent", "scope"}
# What models are made of, for those who extend them.
_MADE_OF = {"graph", "start", "operate", "preserve_adopted_names"}


def shown_names(layer: Layer, names: Iterable[str]) -> list[str]:
    """Those of a layer's names that `dir()` lists; every other one can be reached as before."""
    own = set(() if layer._description is None else layer._description.attributes or ())
    return sorted({name for name in names if name[0] != "_" and (name in own or name not in _LINENS | _MADE_OF)})
