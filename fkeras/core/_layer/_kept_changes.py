"""What a call computes anew for its variables: kept where the caller of `apply` asked for it, and named where not."""

from __future__ import annotations

import warnings

from flax import linen

from .._words._errors import Explanation, explain


def keeps_changes(module: linen.Module, collection: str) -> bool:
    """Whether new values that a bound module has for a collection go to the caller; while variables are made, none do.

    A caller that said nothing of what may change is warned; one that did, with `mutable=["losses"]` or `mutable=[]`, is
    not.

    Args:
        module: the bound module.
        collection: such as `batch_stats`.

    Returns:
        Whether to write them.
    """
    if module.is_initializing():
        return False
    if module.is_mutable_collection(collection):
        return True
    if _said_nothing(module):
        warnings.warn(_dropped(module, collection), stacklevel=3)
    return False


def _said_nothing(module: linen.Module) -> bool:
    """`mutable` is `False` unless it was given: a list, even an empty one, stays what it is."""
    assert module.scope is not None
    return module.scope.root.mutable is False


def _dropped(module: linen.Module, collection: str) -> Explanation:
    name = "/".join(module.path) or type(module).__name__
    return explain(
        f"{name} computed new values of {collection!r}, and they were dropped.",
        received="apply(...) without mutable=",
        usually="Keras changes them in place; here they come out beside the outputs, where they are asked for.",
        write=f"y, updates = model.apply(variables, x, training=True, mutable=[{collection!r}])\n"
        "variables = {**variables, **updates}   # or mutable=[] above, to drop them",
    )
