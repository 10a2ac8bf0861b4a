"""What stands for an optimizer that a checkpoint has the state of, but not the description."""

from __future__ import annotations

from typing import Any

import optax

from ...core import explain


class MissingOptimizer(optax.GradientTransformationExtraArgs):
    """The place of an optimizer that was not written: the run evaluates and predicts, and says what training needs.

    Args:
        reason: why it was not written.
        filepath: where the run is.
    """

    reason: str
    # nothing may be wrapped around it: that would have a state of its own, and the saved one has it already
    loss_scale_factor = 1.0
    # what it refuses is to train, whatever the state
    takes_any_state = True

    def __new__(cls, reason: str, filepath: str) -> MissingOptimizer:
        def nothing(params: Any) -> Any:
            return ()

        def refuse(*args: Any, **kwargs: Any) -> Any:
            raise ValueError(
                explain(
                    "This run's optimizer was not written, so it cannot train until it is handed again.",
                    received=reason,
                    usually="an optax transformation, or a schedule without a name: functions, which fkeras does not "
                    "write as code.",
                    write=f"trainer, state = fk.load_trainer({filepath!r}, optimizer=...)",
                )
            )

        self = super().__new__(cls, nothing, refuse)
        self.__dict__["reason"] = reason
        return self

    def __repr__(self) -> str:
        return "MissingOptimizer()"
