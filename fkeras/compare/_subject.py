"""One layer under suspicion: the call that gives other numbers, the numbers that it should give, and ways to try."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen

from ..core import Layer
from ..core.typing import PyTree
from ._equal import Tolerance, magnitude, nearest, numbers
from ._record import Call


class Attempt(NamedTuple):
    """A change that may be the cause.

    Attributes:
        text: the change in words, after "with".
        make: the outputs that the layer gives with it.
    """

    text: str
    make: Callable[[], list[np.ndarray]]


Attempts = Iterator[Attempt]
#: What an attempt runs.
Make = Callable[[], list[np.ndarray]]


def with_fields(module: linen.Module, **changes: PyTree) -> linen.Module:
    """A layer with other fields."""
    return module.replace(**changes) if isinstance(module, Layer) else module.clone(**changes)


def of_array(array: PyTree) -> Make:
    """An attempt that was computed."""
    return lambda: [np.asarray(array, np.float64)]


@dataclasses.dataclass(frozen=True, eq=False)
class Subject:
    """A layer whose outputs are others than they should be, on the inputs that it should have.

    Attributes:
        call: the layer's call.
        given: the outputs that it gives.
        targets: the outputs that it should give.
        other: the call of the other model, which gives the targets; without a layer where it was only recorded.
        earlier: what the other model computed before, by name: inputs and outputs of layers.
        rounding: what rounding may change.
        tolerance: how far two arrays may lie apart.
        is_first: whether nothing with weights stands before it.
    """

    call: Call
    given: list[np.ndarray]
    targets: list[np.ndarray]
    other: Call | None
    earlier: tuple[tuple[str, np.ndarray], ...]
    rounding: float
    tolerance: Tolerance
    is_first: bool = False

    @property
    def target(self) -> np.ndarray:
        """The first output that it should give."""
        return self.targets[0]

    @property
    def own(self) -> np.ndarray:
        """The first output that it gives, with its axes as the target has them."""
        return nearest(self.given[0], self.target)[1]

    def gives(self, outputs: list[np.ndarray]) -> bool:
        """Whether outputs are the targets, within rounding."""
        if not outputs or any(magnitude(target) < 1e-30 for target in self.targets[:1]):
            return False
        pairs = zip(outputs, self.targets, strict=False)
        return all(
            nearest(out, target)[0] <= self.tolerance.allowed(target, max(self.rounding, 2e-5)) for out, target in pairs
        )

    # ------------------------------------------------------------------ what an attempt changes
    def field(self, name: str) -> object:
        """A field of the layer; `None` where it has none of this name."""
        return getattr(self.call.module, name, None) if self.has(name) else None

    def has(self, *names: str) -> bool:
        """Whether the layer has all these fields."""
        made = self.call.module
        fields = {f.name for f in dataclasses.fields(made)} if made is not None else set()
        return set(names) <= fields

    def fields(self, **changes: object) -> Make:
        """The outputs with other fields."""
        made = self.call.module
        assert made is not None
        return lambda: self.outputs(module=with_fields(made, **changes))

    def weights(self, changes: Mapping[str, PyTree]) -> Make:
        """The outputs with other variables, `{"params/kernel": array}`."""
        return lambda: self.outputs(variables=self.with_weights(changes))

    def program(self) -> Callable[[Mapping[str, PyTree]], Make]:
        """`weights` for many attempts on a layer that is a loop, which is compiled anew whenever it is traced."""
        run = jax.jit(lambda variables: self.call.run(variables=variables))

        def attempt(changes: Mapping[str, PyTree]) -> Make:
            def make() -> list[np.ndarray]:
                output, statistics = run(self.with_weights(changes))
                return dataclasses.replace(self.call, output=output, statistics=statistics).results

            return make

        return attempt

    def with_weights(self, changes: Mapping[str, PyTree]) -> dict[str, PyTree]:
        """The layer's variables with some of them changed."""

        def leaf(path: PyTree, old: PyTree) -> PyTree:
            name = jax.tree_util.keystr(path, simple=True, separator="/")
            return jnp.asarray(changes[name], old.dtype) if name in changes else old

        return jax.tree_util.tree_map_with_path(leaf, dict(self.call.variables))

    def inputs(self, change: Callable[[np.ndarray], np.ndarray], every: bool = True) -> Make:
        """The outputs with other inputs."""

        def leaf(value: PyTree) -> PyTree:
            if not isinstance(value, jax.Array | np.ndarray) or not np.ndim(value):
                return value
            return jnp.asarray(change(np.asarray(value)), value.dtype)

        args = self.call.args or ()
        return lambda: self.outputs(args=jax.tree.map(leaf, args) if every else (leaf(args[0]), *args[1:]))

    def outputs(self, **changes: object) -> list[np.ndarray]:
        """The outputs of the layer's call with some parts of it changed."""
        output, statistics = self.call.run(**changes)
        return dataclasses.replace(self.call, output=output, statistics=statistics).results

    # ------------------------------------------------------------------ what is known of it
    @property
    def input(self) -> np.ndarray | None:
        """Its first input."""
        found = self.call.inputs
        return numbers(found[0]) if found else None

    def kernels(self, least: int = 2) -> dict[str, np.ndarray]:
        """Its weights of so many axes or more, by path."""
        found = {name: leaf for name, leaf in self.call.weights.items() if name.startswith("params")}
        return {name: np.asarray(leaf) for name, leaf in found.items() if leaf.ndim >= least}

    def named(self, *ends: str) -> dict[str, np.ndarray]:
        """Its variables whose own names are these, by path."""
        return {n: np.asarray(leaf) for n, leaf in self.call.weights.items() if n.rsplit("/", 1)[-1] in ends}
