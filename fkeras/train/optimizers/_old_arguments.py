"""Arguments and attributes of Keras 2's optimizers, and what they are called now."""

from __future__ import annotations

from collections.abc import Collection, Mapping

_NEW = {"lr": "learning_rate", "beta1": "beta_1", "beta2": "beta_2", "eps": "epsilon"}
_DECAY = "fk.optimizers.schedules.InverseTimeDecay({rate}, decay_steps=1, decay_rate={decay})"
# Arguments that Keras 2 had and no optimizer has any more: why one may leave them out.
_GONE = {
    "jit_compile": "Keras 2's argument; a step is always compiled here. ",
    "is_legacy_optimizer": "Keras 2's config; there is one kind of optimizer. ",
    "schedule_decay": "Keras 1's argument of Nadam, whose momentum has a schedule of its own. ",
}


def old_argument(owner: str, name: str, given: Mapping[str, object], known: Collection[str]) -> tuple[str, str]:
    """Why an argument is not known, and the call to write; both empty of an argument that Keras never had.

    Args:
        owner: the optimizer.
        name: the argument.
        given: all that were given by name.
        known: the arguments that the optimizer has.

    >>> old_argument("SGD", "lr", {"lr": 0.1, "momentum": 0.9}, ["learning_rate", "momentum"])
    ("Keras 2's name of `learning_rate`. ", 'SGD(learning_rate=0.1, momentum=0.9)')
    """
    if name in _NEW:
        why = f"Keras 2's name of `{_NEW[name]}`. "
    elif name == "decay":
        why = "Keras 2's argument, which made the rate fall with each step: that is a schedule. "
    elif name in _GONE:
        why = _GONE[name]
    else:
        return "", ""
    new = {_NEW.get(n, n): f"{value!r:.40}" for n, value in given.items()}
    decay = given.get("decay")
    if decay:
        schedule = _DECAY.format(rate=new.pop("learning_rate", "0.01"), decay=new["decay"])
        new = {"learning_rate": schedule, **new}
    return why, f"{owner}({', '.join(f'{n}={value}' for n, value in new.items() if n in known)})"
