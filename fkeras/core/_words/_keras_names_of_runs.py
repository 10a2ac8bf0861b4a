"""What Keras keeps on callbacks, and what Keras and Flax keep on the state of a run.

Rows as in `_keras_names_of_layers`.
"""

from __future__ import annotations

from ._keras_names_of_layers import OLDER, Rows

_HOOKS = "a Keras callback changes the model; here a hook gets an event and returns what trains next."
_PARTS = "Flax's TrainState holds functions; here the trainer has them, and the state holds arrays alone."

_STEP = (
    "updates, opt_state = trainer.optimizer.update(grads, state.opt_state, state.params); "
    "params = optax.apply_updates(state.params, updates); "
    "state = state.replace(step=state.step + 1, params=params, opt_state=opt_state)"
    "   # trainer.train_step(state, (x, y)) does all of it; docs/training.md has the step written out"
)

CALLBACK: Rows = (
    (
        "a callback has its model while a run goes on; a hook that takes the event finds it there.",
        {
            "model": "def on_epoch_end(self, event): model = event.trainer.model   # event.state has the weights",
        },
    ),
)

_AFTER = "a Keras callback remembers its run; here it is a value, and what a run found out is in its history."

#: What Keras's callbacks keep of a run that is over.
FOUND: Rows = (
    (
        _AFTER,
        {
            "stopped_epoch": "last = history.epoch[-1]   # state, history = trainer.fit(...)",
            "best": 'best = min(history.history["val_loss"])   # state, history = trainer.fit(...)',
            "best_epoch": 'best = int(np.argmin(history.history["val_loss"]))',
            "best_weights": "early = fk.callbacks.EarlyStopping(restore_best_weights=True)   # fit returns that state",
            "wait": "def on_epoch_end(self, event): print(event.memory)",
        },
    ),
)

CALLBACK_OLDER: Rows = (
    (
        OLDER,
        {
            "validation_data": "def on_epoch_end(self, event): event.trainer.evaluate(event.state, x_val, y_val)",
        },
    ),
)

#: Of an event, which a hook gets in place of Keras's model.
EVENT: Rows = (
    (
        _HOOKS,
        {
            "model": "event.trainer.model",
            "variables": "event.state.variables",
            "weights": "event.state.variables",
            "params": "event.state.params",
            "optimizer": "event.trainer.optimizer   # its slots: event.state.opt_state",
            "learning_rate": "event.trainer.get_learning_rate(event.state)",
            "stop_training": "event = event.replace(stop=True)",
            "step": "event.state.step",
        },
    ),
)

#: Of a trainer: what a run changes is in its state.
TRAINER: Rows = (
    (
        "a trainer is a description; what a run changes is in its state.",
        {
            "state": "state = trainer.init(0)",
            "variables": "state.variables   # state = trainer.init(0)",
            "weights": "state.variables   # model.variable_map(state) has them by path",
            "stateless_call": "y = trainer.model.apply(state, x)   # or trainer.model.stateless_call(params, rest, x)",
            "get_weights": "weights = trainer.model.get_weights(state)",
            "set_weights": "state = state.with_variables(variables)   # variables = model.set_weights(state, weights)",
            "trainable_variables": "state.params   # state = trainer.init(0)",
            "trainable_weights": "state.params   # state = trainer.init(0)",
            "params": "state.params   # state = trainer.init(0)",
            "opt_state": "state.opt_state   # state = trainer.init(0)",
            "learning_rate": "trainer.get_learning_rate(state)",
            "lr": "trainer.get_learning_rate(state)",
            "step": "state.step   # state = trainer.init(0)",
            "load_weights": "state = state.with_variables(trainer.model.load_weights(path, state))",
            "save_weights": "trainer.model.save_weights(path, state)",
            "apply": "y = trainer.predict(state, x)   # or trainer.model.apply(state, x)",
            "load": "trainer, state = fk.load_trainer(path)",
        },
    ),
)

#: Of a state; these are not Keras's: a user who threads a state takes it for the model, or for Flax's.
STATE: Rows = (
    (
        _PARTS,
        {
            "apply_fn": "y = model.apply(state, x)",
            "apply_gradients": _STEP,
            "tx": "trainer.optimizer",
            "batch_stats": 'stats = state.model_state.get("batch_stats", {})',
            "ema_params": "state = trainer.finalize(state)",
        },
    ),
    (
        "the state is arrays; what runs on it is the trainer.",
        {
            "weights": "state.variables   # model.variable_map(state) has them by path",
            "trainable_variables": "state.params",
            "get_weights": "weights = model.get_weights(state)",
            "set_weights": "state = state.with_variables(variables)   # variables = model.set_weights(state, weights)",
            "optimizer": "trainer.optimizer   # its slots: state.opt_state",
            "learning_rate": "trainer.get_learning_rate(state)",
            "iterations": "state.step",
            "epoch": "state, history = trainer.fit(state, x, y); history.epoch",
            "history": "state, history = trainer.fit(state, x, y)",
            "fit": "state, history = trainer.fit(state, x, y)",
            "evaluate": "logs = trainer.evaluate(state, x, y)",
            "predict": "y = trainer.predict(state, x)",
            "apply": "y = model.apply(state, x)",
            "save": "trainer.save(path, state)",
            "loss": "logs = trainer.evaluate(state, x, y)",
            "logs": "state, logs = trainer.train_step(state, (x, y))",
            "model": "trainer.model",
        },
    ),
)
