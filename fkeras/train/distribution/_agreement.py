"""Numbers that the processes of a run tell each other, in the order in which they give work to their devices."""

from __future__ import annotations

import collections
from collections.abc import Sequence
from typing import Final

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

_PROCESS = "process"


class Agreement:
    """What each process tells all of them, and hears later, so that all decide alike.

    To tell is a program of the devices like a step, and as quickly dispatched. What was told before some steps is heard
    as soon as the steps before those have ended, so that to hear it while they run keeps no device idle. Every process
    tells, and hears, as often as the others.

    Attributes:
        told: what was told and not heard yet.

    >>> agreement = Agreement()
    >>> agreement.tell([3, 4])
    >>> agreement.hear()
    array([[3, 4]], dtype=int32)
    """

    def __init__(self) -> None:
        first = {device.process_index: device for device in reversed(jax.devices())}  # the first one of each process
        self._mine = first[jax.process_index()]
        mesh = Mesh(np.asarray([first[i] for i in sorted(first)], dtype=object), (_PROCESS,))
        self._each = NamedSharding(mesh, PartitionSpec(_PROCESS))
        self._to_all = jax.jit(_same, out_shardings=NamedSharding(mesh, PartitionSpec()))
        self.told: Final[collections.deque[jax.Array]] = collections.deque()

    def tell(self, numbers: Sequence[int]) -> None:
        """Tell the others some numbers, as many as they tell."""
        mine = jax.device_put(np.asarray([numbers], np.int32), self._mine, may_alias=False)
        shape = (self._each.mesh.size, len(numbers))
        whole = jax.make_array_from_single_device_arrays(shape, self._each, [mine])
        self.told.append(self._to_all(whole))

    def hear(self) -> np.ndarray:
        """What the processes told first of all that was not heard yet: one row for each process."""
        return np.asarray(self.told.popleft())


def _same(numbers: jax.Array) -> jax.Array:
    return numbers
