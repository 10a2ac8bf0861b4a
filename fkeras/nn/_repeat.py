"""Repeat: equal blocks one after another, traced and compiled as one, with stacked weights."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen

from ..core import Layer, call_state, check_collections, enter_loop, explain, field, loops_around, register
from ..core.typing import PyTree, Training, Variables
from . import _arguments as arg
from ._guests._flax_layer import FlaxLayer
from ._wrappers import as_layer

# All collections and all random streams: each block has its own.
_ALL = linen.DenyList(())


def _as_block(value: object) -> Layer:
    """A converter: a layer, or a Linen module, which becomes one."""
    return as_layer(FlaxLayer(value) if isinstance(value, linen.Module) and not isinstance(value, Layer) else value)


@register("fkeras")
class Repeat(Layer):
    """A block, `n` times one after another, each time with weights of its own.

    `y = block_{n-1}(… block_1(block_0(x)))`. The block is traced and compiled once, as the body of a loop
    (`jax.lax.scan`), however many there are.

    Args:
        block: a layer, a model or a Linen module, whose output has the structure, shape and dtype of its input.
        n: how many there are.

    Further arguments of a call (`training`, `mask`, the output of an encoder) are given to each block as they are.

    Each variable has an axis of `n` first. Every block draws its weights and its dropout from a key of its own, keeps
    its own statistics, and adds its own losses. `unstack_blocks` takes the variables apart, `stack_blocks` makes them
    of those of blocks that were built one by one. `model.get_layer("repeat/3")` is the fourth block, and
    `model.variables_for("repeat/3", variables)` its variables.

    Raises:
        ValueError: something that is no layer; a block that returns something else than it takes.

    >>> import fkeras as fk, jax
    >>> inputs = fk.Input((4,))
    >>> block = fk.Sequential([fk.nn.Dense(8, activation="relu"), fk.nn.Dense(4)])
    >>> model = fk.Model(inputs, fk.nn.Repeat(block, 12)(inputs))
    >>> variables = model.init(jax.random.key(0))
    >>> jax.tree.map(lambda a: a.shape, variables["params"]["repeat"]["block"]["dense"])
    {'bias': (12, 8), 'kernel': (12, 4, 8)}

    Reference: https://docs.jax.dev/en/latest/_autosummary/jax.lax.scan.html
    Keras has none: `.keras` and `.weights.h5` files hold the `n` blocks one by one, and real Keras reads them so.
    """

    block: Layer = field(convert=_as_block)
    n: int = field(convert=lambda value: arg.positive_int(value, "n"))

    def call(
        self, inputs: PyTree, *args: PyTree, training: Training | None = None, mask: PyTree = None, **kwargs: PyTree
    ) -> PyTree:
        names = self.block._call_parameters.names
        told = {"training": training} if "training" in names and training is not None else {}
        arrays, treedef = jax.tree.flatten((args, kwargs))
        places = [i for i, leaf in enumerate(arrays) if isinstance(leaf, jax.Array | np.ndarray)]
        keeps_mask, loops = False, loops_around(self) + 1

        def run(
            block: Layer, carry: tuple[PyTree, PyTree], given: list[jax.Array]
        ) -> tuple[tuple[PyTree, PyTree], None]:
            nonlocal keeps_mask
            enter_loop(block, loops)
            filled = list(arrays)
            for place, array in zip(places, given, strict=True):
                filled[place] = array
            its_args, its_kwargs = jax.tree.unflatten(treedef, filled)
            x, seen = carry
            if seen is not None and "mask" in names:
                its_kwargs = {**its_kwargs, "mask": seen}
            y = block(x, *its_args, **told, **its_kwargs)
            self._check_same(x, y)
            left = None if seen is None else _first(block.compute_mask(x, seen), seen)
            keeps_mask = left is not None
            return (y, seen if left is None else left), None

        loop = linen.scan(
            run, variable_axes={_ALL: 0}, split_rngs={_ALL: True}, in_axes=linen.broadcast, length=self.n,
            metadata_params={linen.PARTITION_NAME: None}, check_constancy_invariants=False,
        )  # fmt: skip
        (outputs, seen), _ = loop(self.block, (_as_arrays(inputs), _as_arrays(mask)), [arrays[i] for i in places])
        if keeps_mask:
            call_state(self).output_masks = jax.tree.leaves(seen)
        return outputs

    def compute_mask(self, inputs: PyTree, mask: PyTree = None) -> PyTree:
        return call_state(self).output_masks

    @linen.nowrap
    def _check_same(self, given: PyTree, returned: PyTree) -> None:
        """Refuse a block that returns something else than it takes, which no second block could take.

        Raises:
            ValueError: naming both.
        """
        if _described(given) == _described(returned):
            return
        raise ValueError(
            explain(
                f"The block of {self.path_text()} returns something else than it takes, so it cannot be repeated.",
                received=f"{_shown(returned)} for {_shown(given)}",
                usually="a last layer of another width, one that changes the shape, or another dtype policy.",
                write="fk.nn.Repeat(block, n), where block(x) is like x",
            ).complete()
        )

    @linen.nowrap
    def _cast(self, args: PyTree) -> PyTree:
        return self.block._cast(args)

    @linen.nowrap
    def _with_remat(self, policy: object) -> Self:
        """Each block by itself is computed again: computing all of them again would save nothing."""
        return self.clone(parent=None, name=self.name, block=self.block._with_remat(policy))

    @property
    def _stacked_blocks(self) -> int:
        return self.n


def _as_arrays(tree: PyTree) -> PyTree:
    return jax.tree.map(jnp.asarray, tree)


def _first(found: PyTree, like: PyTree) -> PyTree:
    """The mask that a block returned, in the form of the one that it was given."""
    if isinstance(found, list | tuple) and not isinstance(like, list | tuple):
        return found[0] if len(found) == 1 else None
    return found


def _described(tree: PyTree) -> tuple[Any, ...]:
    leaves, treedef = jax.tree.flatten(tree)
    return treedef, *((tuple(jnp.shape(leaf)), jnp.result_type(leaf)) for leaf in leaves)


def _shown(tree: PyTree) -> str:
    """Shapes and dtypes in words: `float32(2, 4)`."""
    return str(jax.tree.map(lambda leaf: _Shown(f"{jnp.result_type(leaf)}{jnp.shape(leaf)}"), tree))


class _Shown(str):
    """Text without quotation marks in a structure."""

    __repr__ = str.__str__


def stack_blocks(blocks: Sequence[Variables]) -> Variables:
    """The variables of a `Repeat`, from those of its blocks.

    Args:
        blocks: the variables of each block, `{"params": …}`, all of the same names and shapes: of blocks that were
            built one by one, say.

    Returns:
        What `model.put(variables, "repeat", …)` takes: each array has an axis of `len(blocks)` first.

    Raises:
        ValueError: no blocks, or blocks of unequal variables.

    >>> import fkeras as fk, jax
    >>> model = fk.Sequential([fk.Input((3,)), fk.nn.Dense(3, name="low"), fk.nn.Dense(3, name="high")])
    >>> variables = model.init(0)
    >>> short = fk.Sequential([fk.Input((3,)), fk.nn.Repeat(fk.nn.Dense(3), 2)])
    >>> stacked = fk.nn.stack_blocks([model.variables_for(name, variables) for name in ("low", "high")])
    >>> jax.tree.map(lambda a: a.shape, short.put(short.init(0), "repeat", stacked))
    {'params': {'repeat': {'block': {'bias': (2, 3), 'kernel': (2, 3, 3)}}}}
    """
    blocks = [check_collections("stack_blocks", block) for block in blocks]
    kinds = [_described(block) for block in blocks]
    unequal = [i for i, kind in enumerate(kinds) if kind != kinds[0]]
    if not blocks or unequal:
        raise ValueError(
            explain(
                "Blocks are stacked whose variables have the same names, shapes and dtypes.",
                received=f"{_shown(blocks[unequal[0]])} at {unequal[0]}, {_shown(blocks[0])} at 0"
                if blocks
                else "none",
                usually="blocks of unequal widths, or names that are counted through the model.",
                write="fk.nn.stack_blocks([model.variables_for(name, variables) for name in names])",
            )
        )
    stacked = jax.tree.map(lambda *leaves: jnp.stack(leaves), *map(dict, blocks))
    return {collection: {"block": tree} for collection, tree in stacked.items()}


def unstack_blocks(variables: Variables) -> list[Variables]:
    """The variables of each block of a `Repeat`, which the block's own `apply` takes; the inverse of `stack_blocks`.

    Args:
        variables: those of the `Repeat`: `model.variables_for("repeat", variables)`.

    Returns:
        One `{"params": …}` for each block, in order.

    Raises:
        ValueError: variables of another layer.

    >>> import fkeras as fk
    >>> layer = fk.nn.Repeat(fk.nn.Dense(3), 2)
    >>> blocks = fk.nn.unstack_blocks(layer.init(0, fk.ops.ones((1, 3))))
    >>> [block["params"]["kernel"].shape for block in blocks]
    [(3, 3), (3, 3)]
    """
    collections = check_collections("unstack_blocks", variables)
    leaves = jax.tree.leaves(collections)
    counts = {jnp.shape(leaf)[:1] for leaf in leaves}
    if len(counts) != 1 or () in counts or any(set(tree) != {"block"} for tree in collections.values() if tree):
        raise ValueError(
            explain(
                "These are not the variables of a Repeat: arrays of one leading axis under 'block'.",
                received=str({name: sorted(tree) for name, tree in collections.items()})[:80],
                usually="the variables of the model around it.",
                write='fk.nn.unstack_blocks(model.variables_for("repeat", variables))',
            )
        )
    ((n,),) = counts
    inside = {name: tree["block"] for name, tree in collections.items() if tree}
    return [jax.tree.map(lambda leaf, i=i: leaf[i], inside) for i in range(n)]
