"""The state of a run from its directory, for the trainer that goes on with it."""

from __future__ import annotations

import pathlib
from collections.abc import Mapping

import jax
import optax
from jax.sharding import Sharding

from ..core import NAMED_CONTAINERS, ArraySpec, Layer, described, flatten, nest, spec_of
from ..core.typing import Array, PyTree
from ..train import Trainer, TrainState
from ._files._report import compare
from ._files._tree_arrays import ArraySpecs
from ._orbax._manifest import specs
from ._orbax._manifest_types import Manifest
from ._orbax._read_arrays import read_arrays
from ._orbax._saved_trees import in_structure_of, kinds_in, naming, rebuilt, struct_of
from ._orbax._variables_in import places_of_variables
from ._training._carry_over import Carried, carry_over
from ._training._carry_over_warning import warn_of
from ._training._example_input import as_example
from ._training._learning_rate import warn_of_rate
from ._training._missing_optimizer import MissingOptimizer
from ._training._own_states import as_saved
from ._training._shardings import shardings_of
from ._training._trainer_from_config import Given, saved_optimizer

# The part of a run's tree whose arrays are not the state's.
BESIDE = "beside"
# Arguments that decide which running sums a state keeps.
_MEASURES = {"loss", "metrics", "weighted_metrics"}


def read_state(trainer: Trainer, directory: pathlib.Path, manifest: Manifest, given: Given) -> TrainState:
    """The saved state; of the parts that were handed with the trainer, what fits.

    Args:
        trainer: the trainer that goes on.
        directory: the checkpoint, and
        manifest: what it says of itself.
        given: what was handed in place of what was saved.

    Returns:
        The state.

    Raises:
        ValueError: arrays that do not fit; every mismatch is listed.
    """
    like = _state_like(trainer, directory, manifest, given)
    tree = jax.eval_shape(TrainState.tree, like)
    expected, saved = spec_of(tree, naming(manifest)), state_specs(manifest)
    anew = _sums_that_begin_anew(expected, saved, given)
    handed = "optimizer" in given.parts and not isinstance(trainer.optimizer, MissingOptimizer)
    may_differ = (*(("opt_state/",) if handed else ()), *(("metrics/",) if anew else ()))
    compare(_without(expected, may_differ), _without(saved, may_differ)).require(f"{directory}")
    sources = {path: path for path in expected}
    optimizer = saved_optimizer(manifest["compile_config"], given.custom_objects) if handed else None
    if handed:
        carried = _carried(trainer, like, saved, optimizer, manifest)
        warn_of(carried, spec_of(like.params), directory)
        sources = {p: s for p, s in sources.items() if not p.startswith("opt_state/")}
        sources |= {f"opt_state/{p}": f"opt_state/{s}" for p, s in carried.source.items()}
        anew |= {p for p in expected if p not in sources}
    sources = {p: s for p, s in sources.items() if p not in anew}
    read = read_arrays(directory, manifest, set(sources.values()), _places(trainer, like, sources, manifest))
    arrays = {p: read[s] for p, s in sources.items()}
    if anew:
        arrays |= {p: a for p, a in _fresh(trainer, like, arrays, manifest).items() if p in anew}
    state = like.filled(in_structure_of(tree, arrays, manifest, sources))
    if handed:
        warn_of_rate(trainer, state, optimizer)
    return state


def _places(trainer: Trainer, like: TrainState, sources: Mapping[str, str], manifest: Manifest) -> dict[str, Sharding]:
    """Where the saved array at a path is to lie, which may get another path in the state."""
    places = shardings_of(trainer, like, manifest)
    return {source: places[path] for path, source in sources.items() if path in places}


def _state_like(trainer: Trainer, directory: pathlib.Path, manifest: Manifest, given: Given) -> TrainState:
    """The saved state as shapes, of its own class; a missing optimizer's state is taken as it was saved."""
    like = _abstract_state(trainer, manifest)
    with described(directory):
        like = as_saved(like, manifest, given.custom_objects)
    if not isinstance(trainer.optimizer, MissingOptimizer):
        return like
    paths = paths_below(manifest, "opt_state/")
    structs = {p.removeprefix("opt_state/"): struct_of(manifest["arrays"][p]) for p in paths}
    return like.replace(opt_state=nest(structs))


def paths_below(manifest: Manifest, prefix: str) -> set[str]:
    """The paths of a manifest's arrays that begin with a prefix."""
    return {path for path in manifest["arrays"] if path.startswith(prefix)}


def _without(specs: ArraySpecs, prefixes: tuple[str, ...]) -> ArraySpecs:
    return {path: spec for path, spec in specs.items() if not path.startswith(prefixes)}


def _sums_that_begin_anew(expected: ArraySpecs, saved: ArraySpecs, given: Given) -> set[str]:
    """The paths of the running sums, if other losses or metrics were handed than the saved ones."""
    mine, its = ({p: s for p, s in part.items() if p.startswith("metrics/")} for part in (expected, saved))
    return set(mine) if _MEASURES & set(given.parts) and mine != its else set()


def _carried(
    trainer: Trainer,
    like: TrainState,
    saved: ArraySpecs,
    optimizer: optax.GradientTransformation | None,
    manifest: Manifest,
) -> Carried:
    """What the optimizer that was handed takes of the saved state, which is that of `optimizer` where it is known."""
    before = None if optimizer is None else _abstract_state(trainer.replace(optimizer=optimizer), manifest).opt_state
    its = {p.removeprefix("opt_state/"): s for p, s in saved.items() if p.startswith("opt_state/")}
    return carry_over(like.opt_state, its, before, spec_of(like.params))


def _fresh(trainer: Trainer, like: TrainState, arrays: Mapping[str, Array], manifest: Manifest) -> dict[str, PyTree]:
    """The arrays of a state that begins with the saved weights."""
    weights = {"params": like.params, "model_state": like.model_state}
    weights = in_structure_of(weights, arrays, manifest)
    variables = {"params": weights["params"], **weights["model_state"]}
    state = trainer.init(0, as_example(manifest.get("example")), variables=variables)
    return flatten(TrainState.tree(state))


def state_specs(manifest: Manifest) -> dict[str, ArraySpec]:
    """What a manifest says of the state's arrays."""
    return {p: s for p, s in specs(manifest).items() if not p.startswith(f"{BESIDE}/")}


def _abstract_state(trainer: Trainer, manifest: Manifest) -> TrainState:
    """The shapes of the state that this trainer would make, with the file's weights where only it knows them."""
    example = as_example(manifest.get("example"))
    key = jax.eval_shape(lambda: jax.random.key(0))
    graph = trainer.model.graph if isinstance(trainer.model, Layer) else None
    names_suffice = all(kind in NAMED_CONTAINERS for kind in kinds_in(manifest).values())
    from_example = example is not None and (isinstance(trainer.model, Layer) or not names_suffice)
    if (graph is not None and not graph.needs) or from_example:
        return jax.eval_shape(lambda k: trainer.init(k, example), key)
    structs = {at: jax.ShapeDtypeStruct(*spec) for at, spec in specs(manifest).items()}
    variables = rebuilt(structs, places_of_variables(manifest), manifest)
    return jax.eval_shape(lambda k, v: trainer.init(k, example, variables=v), key, {"params": {}, **variables})
