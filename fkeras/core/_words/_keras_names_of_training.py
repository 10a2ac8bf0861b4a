"""What Keras keeps on losses, metrics and optimizers.

Rows as in `_keras_names_of_layers`.
"""

from __future__ import annotations

from ._keras_names_of_layers import OLDER, Rows

_SUMS = "a Keras metric holds its sums; here `empty` makes them, `update` returns new ones, `compute` reads them."
_SLOTS = "a Keras optimizer holds its slots and changes weights; here both go in and come out."

_EMPTY = "metric_state = metric.empty()"
_UPDATE = "metric_state = metric.update(metric.empty(), y_true, y_pred)"
_INIT = "opt_state = optimizer.init(params)"
_MOVE = "updates, opt_state = optimizer.update(grads, opt_state, params); params = optax.apply_updates(params, updates)"
_OWN_SLOT = "def rule(self, learning_rate, step): return optax.scale(-learning_rate)   # its state is the slots"

LOSS: Rows = (
    (
        "Keras's losses wrap a function.",
        {"fn": "values = loss.call(y_true, y_pred)"},
    ),
)

#: What Keras's metrics keep, by the name of the variable.
SUMS: Rows = (
    (
        _SUMS,
        {
            name: f'metric_state["{name}"]   # metric_state = metric.update(metric.empty(), y_true, y_pred)'
            for name in ("total", "count", "true_positives", "false_positives", "true_negatives", "false_negatives")
        },
    ),
)

METRIC_OLDER: Rows = (
    (
        OLDER,
        {
            "reset_states": _EMPTY,
            "weights": _EMPTY,
            "get_weights": _EMPTY,
            "non_trainable_variables": _EMPTY,
            "trainable_variables": _EMPTY,
        },
    ),
)

OPTIMIZER: Rows = (
    (
        _SLOTS,
        {
            "iterations": "state.step   # of a run; of an optimizer's own state: opt_state.iterations",
            "variables": _INIT,
            "built": _INIT,
            "build": _INIT,
            "apply": _MOVE,
            "apply_gradients": _MOVE,
            "update_step": _MOVE,
            "set_weights": "state = state.replace(opt_state=opt_state)",
            "assign": _MOVE,
            "assign_add": _MOVE,
            "assign_sub": _MOVE,
            "add_variable": _OWN_SLOT,
            "add_variable_from_reference": _OWN_SLOT,
            "add_optimizer_variables": _OWN_SLOT,
            "save_own_variables": "trainer.save(path, state)",
            "load_own_variables": "trainer, state = fk.load_trainer(path)",
        },
    ),
)

OPTIMIZER_OLDER: Rows = (
    (
        OLDER,
        {
            "lr": "trainer.get_learning_rate(state)   # as it was given: optimizer.learning_rate",
            "decay": "optimizer = fk.optimizers.SGD(fk.optimizers.schedules.InverseTimeDecay(0.1, 100, 0.5))",
            "minimize": f"grads = jax.grad(loss_fn)(params); {_MOVE}",
            "compute_gradients": "grads = jax.grad(loss_fn)(params)",
            "get_gradients": "grads = jax.grad(loss_fn)(params)",
            "get_updates": _MOVE,
            "get_weights": "opt_state = state.opt_state",
            "weights": "opt_state = state.opt_state",
            "get_slot": "opt_state = state.opt_state",
            "get_slot_names": "opt_state = state.opt_state",
        },
    ),
)
