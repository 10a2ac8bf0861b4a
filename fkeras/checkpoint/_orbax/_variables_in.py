"""The variables of a model in a checkpoint directory, whichever kind of checkpoint it is."""

from __future__ import annotations

from ...core import ArraySpec
from ._manifest import specs
from ._manifest_types import Manifest


def places_of_variables(manifest: Manifest) -> dict[str, str]:
    """Where a directory keeps each of a model's variables: paths in the manifest by paths in the variables."""
    if manifest["kind"] != "trainer":
        return {p: p for p in manifest["arrays"]}
    kept = [p for p in manifest["arrays"] if p.startswith(("params/", "model_state/"))]
    return {p.removeprefix("model_state/"): p for p in kept}


def specs_of_variables(manifest: Manifest) -> dict[str, ArraySpec]:
    """Shape and dtype of each of a model's variables in a directory, by its path in the variables."""
    every = specs(manifest)
    return {here: every[at] for here, at in places_of_variables(manifest).items()}
