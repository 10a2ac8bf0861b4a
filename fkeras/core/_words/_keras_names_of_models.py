"""What Keras keeps on models beside what its layers have. Rows as in `_keras_names_of_layers`."""

from __future__ import annotations

from ._keras_names_of_layers import APPLY, FEW_BITS, HOLDS, OLDER, QUANTIZE, REMADE, Rows

_TRAINS = "a Keras model trains itself; here a Trainer does, and the state of the run goes in and comes out."
_COMPILED = "`compile` changes a Keras model; here it returns a Trainer, which has what was given to it."

_FIT = 'trainer = model.compile("adam", "mse"); state = trainer.init(0); state, history = trainer.fit(state, x, y)'
_STEP = "state, logs = trainer.train_step(state, (x, y))   # pure and compiled"
_STOP = "def on_epoch_end(self, event): return event.replace(stop=True)   # of a fk.callbacks.Callback"

#: Of a model, beside those of a layer.
MODEL: Rows = (
    (
        _TRAINS,
        {
            "fit": _FIT,
            "evaluate": "logs = trainer.evaluate(state, x, y)   # trainer = model.compile(...)",
            "train_on_batch": "state, logs = trainer.train_on_batch(state, x, y)   # trainer = model.compile(...)",
            "test_on_batch": "logs = trainer.test_on_batch(state, x, y)   # trainer = model.compile(...)",
            "predict_on_batch": "y = trainer.predict_on_batch(state, x)   # trainer = model.compile(...)",
            "train_step": f"{_STEP}; to change it, subclass fk.Trainer",
            "test_step": "state, logs = trainer.eval_step(state, (x, y))   # pure and compiled",
            "predict_step": "y = trainer.predict_step(variables, x)   # pure and compiled",
            "train_function": _STEP,
            "test_function": "state, logs = trainer.eval_step(state, (x, y))   # pure and compiled",
            "predict_function": "y = trainer.predict_step(variables, x)   # pure and compiled",
            "make_train_function": _STEP,
            "make_test_function": "state, logs = trainer.eval_step(state, (x, y))   # pure and compiled",
            "make_predict_function": "y = trainer.predict_step(variables, x)   # pure and compiled",
            "compute_loss": "loss, extras = trainer.compute_loss(state.params, state, (x, y), key)",
            "stateless_compute_loss": "loss, extras = trainer.compute_loss(state.params, state, (x, y), key)",
            "compute_loss_and_updates": "loss, extras = trainer.compute_loss(state.params, state, (x, y), key)",
            "compute_metrics": "state, logs = trainer.eval_step(state, (x, y))",
            "get_metrics_result": "logs = trainer.evaluate(state, x, y)",
            "reset_metrics": "state = state.replace(metrics=trainer.reset_metrics(state))",
            "metrics_names": "names = trainer.metrics_names   # trainer = model.compile(...)",
            "history": "state, history = trainer.fit(state, x, y)",
            "stop_training": _STOP,
            "stop_evaluating": "logs = trainer.evaluate(state, x, y, steps=1)",
            "stop_predicting": "y = trainer.predict(state, x, steps=1)",
            "jax_state_sync": "variables = state.variables   # the state is the only copy",
            "get_state_tree": "tree = state.tree()   # of a run; of a model: variables",
            "set_state_tree": "state = state.filled(tree)   # of a run; of a model: variables",
        },
    ),
    (
        _COMPILED,
        {
            "optimizer": 'trainer = model.compile("adam", "mse"); trainer.optimizer',
            "loss": 'trainer = model.compile("adam", "mse"); trainer.loss',
            "compiled": 'trainer = model.compile("adam", "mse")',
            "jit_compile": 'trainer = model.compile("adam", "mse"); trainer.jit_compile',
            "run_eagerly": 'trainer = model.compile("adam", "mse", run_eagerly=True); trainer.run_eagerly',
            "steps_per_execution": 'trainer = model.compile("adam", "mse"); trainer.steps_per_execution',
            "get_compile_config": "config = trainer.get_config()   # trainer = model.compile(...)",
            "compile_from_config": 'trainer = model.compile("adam", "mse")   # or fk.load_trainer(path)',
        },
    ),
    (
        HOLDS,
        {
            "weights": 'weights = model.variable_map(variables)   # {"dense/kernel": array, ...}',
            "trainable_variables": 'params = variables["params"]   # model.freeze(path) rests some',
            "trainable_weights": 'params = variables["params"]   # model.freeze(path) rests some',
        },
    ),
    (
        FEW_BITS,
        {
            "get_quantization_layer_structure": QUANTIZE,
        },
    ),
    (
        "Keras's functional models are graphs of operations.",
        {
            "operations": "model.layers   # or get_config(), for each call",
        },
    ),
)

MODEL_OLDER: Rows = (
    (
        OLDER,
        {
            "fit_generator": "state, history = trainer.fit(state, batches)   # an iterable of (x, y)",
            "evaluate_generator": "logs = trainer.evaluate(state, batches)   # an iterable of (x, y)",
            "predict_generator": "y = trainer.predict(state, x)   # or an iterable of x",
            "predict_classes": "classes = trainer.predict(state, x).argmax(axis=-1)",
            "predict_proba": "probabilities = trainer.predict(state, x)",
            "compiled_metrics": "trainer.metrics   # trainer = model.compile(..., metrics=[...])",
            "compiled_loss": "trainer.loss   # trainer = model.compile(...)",
            "total_loss": "logs = trainer.evaluate(state, x, y)",
            "targets": "state, history = trainer.fit(state, x, y)",
            "sample_weights": "state, history = trainer.fit(state, x, y, sample_weight=sample_weight)",
            "to_yaml": "text = model.to_json()",
            "save_spec": "model.input_shape",
            "state_updates": APPLY,
            "distribute_strategy": 'trainer = trainer.distribute(layout="data")',
            "reset_states": REMADE,
        },
    ),
)
