"""A stand-in for an optimizer whose state a checkpoint has, but not its description."""

from __future__ import annotations

from typing import Any, NoReturn

import optax

from ...core import explain
from ...core.typing import Params


class MissingOptimizer(optax.GradientTransformationExtraArgs):
    """Stands in for an optimizer that was not written: the run evaluates and predicts, and training raises.

    Args:
        reason: why it was not written.
        filepath: where the run is.
    """

    reason: str
    # so that no loss scaling is wrapped around it: the saved state has that wrapper's state already
    loss_scale_factor = 1.0
    # the state is never compared with it, as its update raises anyway
    takes_any_state = True

    def __new__(cls, reason: str, filepath: str) -> MissingOptimizer:
        def nothing(params: Params) -> tuple[()]:
            return ()

        def refuse(*args: Any, **kwargs: Any) -> NoReturn:
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
