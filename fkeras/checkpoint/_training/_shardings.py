"""Where the arrays of a run are to lie, by their paths in a checkpoint."""

from __future__ import annotations

from jax.sharding import Sharding

from ...core import named_leaves, nest
from ...train import Trainer, TrainState
from .._orbax._manifest_types import Manifest
from .._orbax._saved_trees import naming, struct_of


def shardings_of(trainer: Trainer, like: TrainState, manifest: Manifest, beside: str = "") -> dict[str, Sharding]:
    """Where each saved array is to lie on the devices of a trainer.

    Args:
        trainer: the trainer.
        like: the state, or its shapes.
        manifest: what the checkpoint says of itself.
        beside: the part of the tree with what callbacks remember: arrays of a weight's path lie as the weight does.

    Returns:
        A sharding by path; empty where the trainer is on one device.
    """
    where = trainer.distribution
    if where is None:
        return {}
    kept = {p: struct_of(record) for p, record in manifest["arrays"].items() if beside and p.startswith(f"{beside}/")}
    found = where.shardings(like.replace(opt_state={"opt_state": like.opt_state, **nest(kept)}))
    parts = {**found.opt_state, "params": found.params, "model_state": found.model_state}
    places: dict[str, Sharding] = dict.fromkeys(manifest["arrays"], where.everywhere)
    return places | named_leaves(parts, naming(manifest))
