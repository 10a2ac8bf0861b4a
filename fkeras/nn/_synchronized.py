"""Which axes of a mesh a layer's moments are taken over, inside `jax.shard_map` and `jax.pmap`."""

from __future__ import annotations

import jax

from ..core import explain
from ._shapes import NamedLayer


def axis_names(value: object) -> bool | str | tuple[str, ...]:
    """A converter: whether moments are taken over devices, or over the axes of which names.

    Raises:
        TypeError: something else.
    """
    found = tuple(value) if isinstance(value, list) else value
    if isinstance(found, bool | str) or (isinstance(found, tuple) and all(isinstance(name, str) for name in found)):
        return found  # type: ignore[return-value]
    raise TypeError(
        explain(
            "`synchronized` is whether moments are taken over all devices, or the name of a mesh's axis.",
            received=f"synchronized={value!r}",
            write='synchronized=True, or synchronized="batch"',
        )
    )


def device_axes(layer: NamedLayer, synchronized: bool | str | tuple[str, ...], x: jax.Array) -> tuple[str, ...]:
    """The axes of the devices that each have a part of the batch; none where one program sees the whole of it.

    Args:
        layer: whose input it is.
        synchronized: whether to look for them, or their names.
        x: the input.

    Returns:
        Names that a collective takes.

    Raises:
        ValueError: several that the input may differ along, and no name.
    """
    if not isinstance(synchronized, bool):
        return (synchronized,) if isinstance(synchronized, str) else tuple(synchronized)
    if not synchronized:
        return ()
    bound = jax.sharding.get_abstract_mesh().manual_axes
    if len(bound) < 2:
        return tuple(bound)
    # with `check_vma=True`, the default, JAX knows along which axes a value differs
    differs = tuple(axis for axis in bound if axis in jax.typeof(x).manual_axis_type.varying)
    if len(differs) != 1:
        raise ValueError(
            explain(
                f"{layer.path_text()} cannot tell which axis of the mesh the rows of the batch are spread over.",
                received=f"synchronized=True inside a shard_map over {', '.join(map(repr, bound))}",
                usually="a mesh with further axes, for parts of the weights; or check_vma=False.",
                write=f"synchronized={bound[0]!r}",
            )
        )
    return differs
