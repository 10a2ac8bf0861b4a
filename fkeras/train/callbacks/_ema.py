"""SwapEMAWeights: evaluate and save with the moving averages of the weights."""

from __future__ import annotations

from ...core import explain
from ._base import Callback, CallbackResult, Event


class SwapEMAWeights(Callback):
    """Puts the optimizer's moving averages in the weights' place for evaluation, and takes them out again.

    Args:
        swap_on_epoch: whether the weights at the end of each epoch (for callbacks after this one) are the averages.

    Raises:
        ValueError: an optimizer without `use_ema`.

    >>> import fkeras as fk
    >>> fk.callbacks.SwapEMAWeights(swap_on_epoch=True).swap_on_epoch
    True

    Reference: https://keras.io/api/callbacks/swap_ema_weights/
    The weights that rest are in `event.memory` while the averages are in their place.
    """

    def __init__(self, swap_on_epoch: bool = False) -> None:
        self.swap_on_epoch = swap_on_epoch

    def on_train_begin(self, event: Event) -> CallbackResult:
        optimizer = event.trainer.optimizer
        if not getattr(getattr(optimizer, "inner_optimizer", optimizer), "use_ema", False):
            raise ValueError(
                explain(
                    "SwapEMAWeights needs an optimizer that keeps moving averages.",
                    received=type(optimizer).__name__,
                    write="fk.optimizers.Adam(use_ema=True)",
                )
            )
        return None

    def _in(self, event: Event) -> Event:
        averaged = event.trainer.finalize(event.state)
        return event.replace(state=averaged).remember(weights=event.state.params)

    def _out(self, event: Event) -> Event:
        weights = event.memory.get("weights")
        if weights is None:
            return event
        return event.replace(state=event.state.replace(params=weights)).remember(weights=None)

    def on_test_begin(self, event: Event) -> CallbackResult:
        return self._in(event) if event.memory.get("weights") is None else None

    def on_test_end(self, event: Event) -> CallbackResult:
        return self._out(event)

    def on_epoch_end(self, event: Event) -> CallbackResult:
        return self._in(event) if self.swap_on_epoch else None

    def on_epoch_begin(self, event: Event) -> CallbackResult:
        return self._out(event)

    def on_train_end(self, event: Event) -> CallbackResult:
        return self._out(event)
