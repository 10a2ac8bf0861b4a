"""`model.add_loss(tensor)` and `model.add_metric(tensor)` of Keras 2, which its graphs keep as layers.

A loss becomes a layer that an output passes through, and that adds the tensor to what is trained. A metric has no
equal: a warning names it. What only they need is no part of the predictions, which stay as they are if some of it is
not known.
"""

from __future__ import annotations

import warnings
from collections.abc import Collection, Mapping

from .._words._errors import Explanation, explain, explanation_of
from ..typing import Config, PyTree
from ._old_nodes import Renumber, is_tensor, new_tensor, tensors_in

_LOSS, _METRIC = "AddLoss", "AddMetric"
_MAX_DEPTH = 32


class AddedTensors:
    """The losses and metrics of one graph, and what they alone need.

    Attributes:
        losses: the records of the losses, in the file's order.
        metrics: those of the metrics.
        beside: the names of the layers that no output of the model needs.
        failed: what could not be read of those, by name.
    """

    def __init__(self, entries: list[Config], config: Config, own: Collection[str]) -> None:
        added = [e for e in entries if e.get("class_name") in (_LOSS, _METRIC) and e.get("class_name") not in own]
        self.losses = [e for e in added if e["class_name"] == _LOSS]
        self.metrics = [e for e in added if e["class_name"] == _METRIC]
        self.beside: set[str] = set()
        self.failed: dict[str, Exception] = {}
        if added:
            ends = [config.get("input_layers"), config.get("output_layers")]
            needed = _needed(entries, ends)
            for_losses = _needed(entries, [e.get("inbound_nodes") for e in self.losses])
            self.beside = for_losses - needed
            names = needed | for_losses
            self.left = [e for e in entries if str(e.get("name")) in names and e not in added]
        else:
            self.left = entries

    def fails(self, entry: Config) -> bool:
        """Whether a layer that only a loss needs takes what could not be read; then it cannot be read either."""
        name = str(entry.get("name"))
        before = next((n for n, _ in tensors_in(entry.get("inbound_nodes")) if n in self.failed), None)
        if name in self.beside and before is not None:
            self.failed[name] = self.failed[before]
            return True
        return False

    def read(
        self, outputs: PyTree, layers: list[Config], renumber: Renumber, known: Mapping[str, PyTree]
    ) -> tuple[list[Config], PyTree]:
        """The layers with those that add the losses, and the outputs, of which the first passes through them.

        Args:
            outputs: the model's outputs as the file has them.
            layers: the layers in Keras 3's form.
            renumber: which of a layer's calls a number means.
            known: names of nodes that became something else than a tensor.
        """
        if self.metrics:
            names = [str((e.get("config") or {}).get("metric_name") or e.get("name")) for e in self.metrics]
            _warn(
                explain(
                    f"The metrics {', '.join(names)[:200]} that the model computed of its own tensors are left out.",
                    received="model.add_metric(tensor, name) of Keras 2",
                    usually="Keras 3 has no such metric; the predictions and the training are the same.",
                    write="the tensor as an output of the model, and a metric of it in compile",
                )
            )
        first, made = _first_of(outputs), []
        passed = new_tensor(first, renumber) if first is not None else None
        for entry in self.losses:
            tensors = list(tensors_in(entry.get("inbound_nodes")))
            failed = next((self.failed[name] for name, _ in tensors if name in self.failed), None)
            tensor = _first_of(entry.get("inbound_nodes"))
            if failed is not None or tensor is None or passed is None or tensor[0] in known:
                _warn(_left_out(entry, failed))
                continue
            name = str(entry.get("name"))
            made.append(
                {
                    "module": "fkeras",
                    "class_name": "AddLoss",
                    "config": {"name": name},
                    "registered_name": None,
                    "name": name,
                    "inbound_nodes": [{"args": [passed, new_tensor(tensor, renumber)], "kwargs": {}}],
                }
            )
            passed = {"class_name": "__keras_tensor__", "config": {"keras_history": [name, 0, 0]}}
        kept = [e for e in layers if str(e.get("name")) not in self.failed]
        return [*kept, *made], _with_first(outputs, [made[-1]["name"], 0, 0]) if made else outputs


def _needed(entries: list[Config], ends: PyTree) -> set[str]:
    """The names of the layers that tensors are made by, and of those before them."""
    by_name = {str(e.get("name")): e for e in entries}
    found: set[str] = set()
    waiting = [name for name, _ in tensors_in(ends)]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += [n for n, _ in tensors_in(by_name.get(name, {}).get("inbound_nodes"))]
    return found


def _first_of(tree: PyTree, depth: int = 0) -> PyTree:
    """The first tensor in lists and dicts."""
    if is_tensor(tree):
        return tree
    if depth < _MAX_DEPTH and isinstance(tree, list | Mapping):
        for part in tree.values() if isinstance(tree, Mapping) else tree:
            found = _first_of(part, depth + 1)
            if found is not None:
                return found
    return None


def _with_first(tree: PyTree, new: PyTree) -> PyTree:
    """The same with another tensor in the place of the first."""
    if is_tensor(tree):
        return new
    if isinstance(tree, list):
        for i, part in enumerate(tree):
            if _first_of(part) is not None:
                return [*tree[:i], _with_first(part, new), *tree[i + 1 :]]
    if isinstance(tree, Mapping):
        for key, part in tree.items():
            if _first_of(part) is not None:
                return {**tree, key: _with_first(part, new)}
    return tree


def _left_out(entry: Config, why: Exception | None) -> Explanation:
    said = explanation_of(why) if why is not None else None
    return explain(
        f"The loss {str(entry.get('name'))[:80]!r} that the model computed of its own tensors is left out.",
        received=(said.wrong if said is not None else "a tensor that is none")[:300],
        usually="predictions are the same; further training would be without it.",
        write="the loss in code: a layer of your own that calls self.add_loss(...)",
    )


def _warn(said: Explanation) -> None:
    warnings.warn(said, UserWarning, stacklevel=2)
