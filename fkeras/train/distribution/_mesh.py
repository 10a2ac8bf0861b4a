"""Devices as a grid with named axes."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import jax
import numpy as np
from jax.sharding import AxisType, Mesh

from ...core import describe, explain

#: The axis that batches are spread over where a mesh has one of this name; its first axis elsewhere.
DATA = "data"


@dataclasses.dataclass(frozen=True, init=False)
class DeviceMesh:
    """Devices as a grid with named axes, in Keras's words.

    Args:
        shape: how many devices there are along each axis.
        axis_names: the axes' names.
        devices: the devices in order, JAX's or Keras's names of them (`"cpu:0"`); all by default.

    Raises:
        ValueError: another number of devices than the shape has places, or of names than it has axes.

    >>> import fkeras as fk
    >>> fk.distribution.DeviceMesh((1, 1), ("data", "model")).to_jax().shape
    OrderedDict({'data': 1, 'model': 1})

    Reference: https://keras.io/api/distribution/layout_map/
    """

    shape: tuple[int, ...]
    axis_names: tuple[str, ...]
    devices: tuple[Any, ...]

    def __init__(self, shape: Sequence[int], axis_names: Sequence[str], devices: Any = None) -> None:
        places = tuple(int(n) for n in shape)
        names = (axis_names,) if isinstance(axis_names, str) else tuple(axis_names)
        found = jax.devices()[: math.prod(places)] if devices is None else [_device(d) for d in np.ravel(devices)]
        if len(names) != len(places):
            raise ValueError(
                explain(
                    "A mesh has one name for each axis.",
                    received=f"shape={places}, axis_names={names}",
                    write='fk.distribution.DeviceMesh((4, 2), ("data", "model"))',
                )
            )
        if len(found) != math.prod(places):
            raise ValueError(_too_few(dict(zip(names, places, strict=True)), len(found)))
        object.__setattr__(self, "shape", places)
        object.__setattr__(self, "axis_names", names)
        object.__setattr__(self, "devices", tuple(found))

    def to_jax(self) -> Mesh:
        """The mesh as JAX has it, with axes that the compiler spreads arrays over by itself."""
        grid = np.asarray(self.devices, dtype=object).reshape(self.shape)
        return Mesh(grid, self.axis_names, axis_types=(AxisType.Auto,) * len(self.shape))


#: What `mesh=` takes.
MeshLike: TypeAlias = "Mesh | DeviceMesh | Mapping[str, int] | int | None"


def as_mesh(given: MeshLike) -> Mesh:
    """A mesh of what was given.

    Args:
        given: a mesh; `{"data": 4, "model": 2}`, where one size may be -1, for all the devices that are left; a number
            of devices; `None` for all devices along one axis, `"data"`.

    Returns:
        A mesh of JAX's whose axes are of the kind `Auto`: under the others, which `jax.make_mesh` makes, layers that
        know nothing of meshes fail.

    Raises:
        TypeError, ValueError: something else, or more devices than there are.

    >>> as_mesh({"data": -1, "model": 1}).axis_names
    ('data', 'model')
    """
    if isinstance(given, DeviceMesh):
        return given.to_jax()
    if isinstance(given, Mesh):
        return Mesh(given.devices, given.axis_names, axis_types=(AxisType.Auto,) * len(given.axis_names))
    sizes: Mapping[str, int]
    if given is None or (isinstance(given, int) and not isinstance(given, bool)):
        sizes = {DATA: jax.device_count() if given is None else given}
    elif isinstance(given, Mapping) and given and all(isinstance(n, int | np.integer) for n in given.values()):
        sizes = _filled(given)
    else:
        raise TypeError(
            explain(
                "`mesh` is a grid of devices with named axes.",
                received=describe(given),
                usually="a layout in its place, or a list of devices.",
                write='trainer.distribute({"data": 4, "model": 2}), or a jax.sharding.Mesh',
            )
        )
    count = math.prod(sizes.values())
    if count < 1 or count > jax.device_count():
        raise ValueError(_too_few(sizes, jax.device_count()))
    return DeviceMesh(tuple(sizes.values()), tuple(sizes)).to_jax()


def _filled(sizes: Mapping[str, int]) -> dict[str, int]:
    """Sizes in which a -1 is what the others leave of all devices."""
    known = math.prod(n for n in sizes.values() if n != -1)
    if list(sizes.values()).count(-1) > 1 or (-1 in sizes.values() and jax.device_count() % max(1, known)):
        raise ValueError(_too_few(sizes, jax.device_count()))
    return {name: jax.device_count() // known if n == -1 else int(n) for name, n in sizes.items()}


def _too_few(sizes: Mapping[str, int], count: int) -> str:
    axes = ", ".join(f"{name}={n}" for name, n in sizes.items())
    return explain(
        "A mesh needs a device for each of its places.",
        received=f"{axes}, and {count} device{'s' * (count != 1)}",
        usually="another machine; on a CPU, XLA_FLAGS=--xla_force_host_platform_device_count=8 makes eight of one.",
        write='trainer.distribute({"data": -1})   # all that there are',
    )


def _device(given: Any) -> Any:
    """A device by Keras's name, `"gpu:0"`; another as it is."""
    if not isinstance(given, str):
        return given
    platform, _, number = given.partition(":")
    known = [d for d in jax.devices() if d.platform == platform or f"{d.platform}:{d.id}" == given]
    matching = [d for d in known if not number or d.id == int(number)] if number.isdigit() or not number else []
    if not matching:
        raise ValueError(
            explain(
                f"There is no device {given!r}.",
                received=given,
                usually=f"the devices here are {', '.join(list_devices())}.",
                write="fk.distribution.list_devices()",
            )
        )
    return matching[0]


def list_devices(device_type: str | None = None) -> list[str]:
    """The devices of all processes, as Keras names them.

    Args:
        device_type: `"cpu"`, `"gpu"` or `"tpu"`; what JAX computes on by default.

    Returns:
        Names, such as `"cpu:0"`.

    >>> list_devices("cpu")[0]
    'cpu:0'

    Reference: https://keras.io/api/distribution/distribution_utils/
    """
    devices = jax.devices() if device_type is None else jax.devices(device_type.lower())
    return [f"{d.platform}:{d.id}" for d in devices]


def get_device_count(device_type: str | None = None) -> int:
    """How many devices there are, in all processes.

    Args:
        device_type: as for `list_devices`.

    Returns:
        Their number.

    >>> get_device_count("cpu") == len(list_devices("cpu"))
    True
    """
    return len(list_devices(device_type))
