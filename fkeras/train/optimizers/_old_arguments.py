"""Arguments and attributes of Keras 2's optimizers, and what they are called now."""

from __future__ import annotations

from collections.abc import Mapping

from ...core import Explanation, explain

_NEW = {"lr": "learning_rate", "beta1": "beta_1", "beta2": "beta_2", "eps": "epsilon"}
_DECAY = "fk.optimizers.schedules.InverseTimeDecay({rate}, decay_steps=1, decay_rate={decay})"
# Arguments that Keras 2 had and no optimizer has any more: why one may leave them out.
_GONE = {
    "jit_compile": "Keras 2's argument; a step is always compiled here. ",
    "is_legacy_optimizer": "Keras 2's config; there is one kind of optimizer. ",
    "schedule_decay": "Keras 1's argument of Nadam, whose momentum has a schedule of its own. ",
}


def old_argument(owner: str, name: str, given: Mapping[str, object]) -> tuple[str, str]:
    """Why an argument is not known, and what to write; both empty of an argument that Keras never had.

    >>> old_argument("SGD", "lr", {"lr": 0.1})
    ("Keras 2's name of `learning_rate`. ", 'SGD(learning_rate=0.1)')
    """
    if name in _NEW:
        new = _NEW[name]
        return f"Keras 2's name of `{new}`. ", f"{owner}({new}={given[name]!r})"
    if name == "decay":
        rate = given.get("learning_rate", given.get("lr", 0.01))
        schedule = _DECAY.format(rate=f"{rate!r:.40}", decay=f"{given[name]!r:.40}")
        return (
            "Keras 2's argument, which made the rate fall with each step: that is a schedule. ",
            f"{owner}({schedule})",
        )
    if name in _GONE:
        return _GONE[name], f"{owner}(…), without {name}="
    return "", ""


def old_attribute(owner: str, name: str) -> Explanation | None:
    """What is said of an attribute that Keras 2's optimizers had; `None` of any other."""
    if name == "lr":
        return explain(
            f"{owner} has no `lr`.",
            usually="Keras 2's name; and the number that the next step uses is in the state.",
            write="optimizer.learning_rate, what it was made with; or trainer.get_learning_rate(state)",
        )
    if name == "decay":
        return explain(
            f"{owner} has no `decay`.",
            usually="Keras 2's argument: a rate that falls is a schedule.",
            write=f"{owner}(fk.optimizers.schedules.InverseTimeDecay(0.01, decay_steps=1, decay_rate=1e-4))",
        )
    return None
