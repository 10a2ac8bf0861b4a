"""What arrives where variables or the state of a run are meant: either holds the weights, and what is neither is named.

Core knows no `TrainState`. What it needs of one is the protocol `HoldsVariables` of `core/typing.py`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import cast

from flax import linen

from ..typing import Variables, VariablesLike

# Collections that stand beside "params": a mapping with one of these keys is no tree of weights alone.
_BESIDE_PARAMS = {"params", "batch_stats", "non_trainable", "recurrent_state", "cache", "intermediates", "losses"}

_WORD = re.compile(r"\bvariables\b(?!=)")


def variables_in(given: VariablesLike) -> Variables:
    """The variables of what holds them, such as the state of a run; anything else as it is.

    >>> import types
    >>> variables_in(types.SimpleNamespace(variables={"params": {}}))
    {'params': {}}
    """
    if isinstance(given, Mapping):
        return given
    found = _part(given, "variables")
    return found if isinstance(found, Mapping) else cast(Variables, given)


def holds_weights(value: object) -> bool:
    """Whether a value is variables, or the state of a run."""
    return (isinstance(value, Mapping) and "params" in value) or is_state(value)


def is_state(value: object) -> bool:
    """Whether a value is the state of a run, which has variables and an optimizer's state."""
    return hasattr(value, "opt_state") and isinstance(_part(value, "variables"), Mapping)


def are_params(value: object) -> bool:
    """Whether a value looks like `variables["params"]` without the rest of the variables.

    >>> are_params({"dense": {"kernel": 1.0}}), are_params({"params": {"dense": {"kernel": 1.0}}}), are_params({})
    (True, False, False)
    """
    return isinstance(value, Mapping) and bool(value) and not _BESIDE_PARAMS & {str(key) for key in value}


def given_instead(given: object, call: str, rest: Iterable[object] = ()) -> tuple[str, str] | None:
    """What stands where variables or a state are meant, where it is something that holds weights or makes them.

    Args:
        given: what came first.
        call: the call as it should be, `"model.apply(variables, x)"` or `"trainer.fit(state, x, y)"`.
        rest: the arguments after it.

    Returns:
        `(why it usually happens, the line to write)`; `None` for anything else.

    >>> given_instead(3, "model.apply(variables, x)", [{"params": {}}])
    ('the order of the arguments: the weights come first.', 'model.apply(variables, x)')
    """
    with_state = of_state(call)
    if isinstance(given, tuple | list) and len(given) == 2 and any(map(holds_weights, given)):
        if holds_weights(given[0]):
            return "what `fit` returns was not taken apart.", f"state, history = trainer.fit(state, x, y); {with_state}"
        if isinstance(given[0], linen.Module):
            return (
                "what `fk.load_model` returns was not taken apart.",
                f"model, variables = fk.load_model(path); {call}",
            )
        return "what `fk.load_trainer` returns was not taken apart.", f"trainer, state = fk.load_trainer(path); {call}"
    if isinstance(given, linen.Module):
        if any(map(holds_weights, rest)):
            return "a model is a description and holds no weights; what holds them stands alone.", call
        made = "state = trainer.init(0)" if "(state" in call else "variables = model.init(jax.random.key(0))"
        return "a model is a description and holds no weights; they are made by `init`.", f"{made}; {call}"
    if hasattr(given, "train_step") and hasattr(given, "init"):
        return "a trainer holds no weights: they are in the state.", f"state = trainer.init(0); {with_state}"
    if any(map(holds_weights, rest)):
        return "the order of the arguments: the weights come first.", call
    if not isinstance(given, Mapping) and hasattr(given, "opt_state") and hasattr(given, "params"):
        return "a state of Flax's own, which has no `variables`.", _WORD.sub('{"params": state.params}', call)
    return None


def of_state(call: str) -> str:
    """A call on variables, as it is written where a state is at hand.

    >>> of_state("model.save(path, variables)")
    'model.save(path, state.variables)'
    """
    return _WORD.sub("state.variables", call)


def _part(value: object, name: str) -> object:
    try:
        return getattr(value, name, None)
    except ValueError:  # of a Linen module that is not bound
        return None
