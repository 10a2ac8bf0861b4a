"""Names of torch, Lightning and Hugging Face: by name, why one looks for it here, and the line to write.

`TORCH_NAMES` is of attributes, `kind -> name -> line`, `TORCH_ARGUMENTS` of arguments of `fit`, `compile`,
`generate` and callbacks, and `TORCH_LOSSES` of losses, by torch's class. Rows of parts of fkeras,
`fk.nn.Linear`, are in `_keras_api`.
"""

from __future__ import annotations

from collections.abc import Mapping

#: Why one looks for an attribute, an argument and a loss.
TORCH_HOLDS = "a torch module holds its weights and its mode; here both go in and come out."
TORCH_WORD = "a word of Lightning's, or of Hugging Face's."
TORCH_LOSS = "torch's losses take scores before the softmax, and are called with the prediction first."

_INIT = "variables = model.init(0)"
_MODE = "y = model.apply(variables, x, training=False)   # True, with rngs={'dropout': key}, for dropout"
_PLACED = "trainer = trainer.distribute(1)   # JAX puts arrays on the accelerator that is there"
_FIT = "state, history = trainer.fit(state, x, y)   # trainer = model.compile(...); state = trainer.init(0)"
_STEP = "state, logs = trainer.train_step(state, (x, y))   # gradients, the optimizer's update and metrics"
_LOAD = "variables = model.load_weights(path, variables)   # of other names: fk.load_weights(model, path, rename=...)"

TORCH_NAMES: Mapping[str, Mapping[str, str]] = {
    "Model": {
        "parameters": f'{_INIT}; params = variables["params"]   # by path: model.variable_map(variables)',
        "named_parameters": f"{_INIT}; by_path = model.variable_map(variables)",
        "state_dict": f"{_INIT}; by_path = model.variable_map(variables)",
        "load_state_dict": _LOAD,
        "eval": _MODE,
        "train": _FIT,
        "to": _PLACED,
        "cuda": _PLACED,
        "cpu": _PLACED,
        "half": 'model = model.with_dtype_policy("mixed_float16")',
        "bfloat16": 'model = model.with_dtype_policy("mixed_bfloat16")',
        "requires_grad_": 'model = model.freeze("dense")   # model.unfreeze("dense")',
        "zero_grad": _STEP,
        "backward": _STEP,
        "forward": "y = model.apply(variables, x)",
        "modules": "layers = model.layers   # those inside layers too: model.summary(expand_nested=True)",
        "named_modules": "layers = model.layers   # those inside layers too: model.summary(expand_nested=True)",
        "children": "layers = model.layers",
        "generate": "tokens = fk.nn.generate(model, variables, prompt, max_new_tokens=20)",
        "save_pretrained": "fk.applications.save_pretrained(path, model, variables)",
        "from_pretrained": "model, variables = fk.applications.load_pretrained(path)",
        "training_step": _STEP,
        "configure_optimizers": 'trainer = model.compile(fk.optimizers.Adam(1e-3), "mse")',
    },
    "Layer": {
        "parameters": f'{_INIT}; params = variables["params"]["dense"]',
        "state_dict": f"{_INIT}; by_path = model.variable_map(variables)",
        "weight": 'variables["params"]["dense"]["kernel"]   # torch\'s, transposed',
        "requires_grad_": 'model = model.freeze("dense")   # model.unfreeze("dense")',
        "train": _MODE,
        "eval": _MODE,
        "to": _PLACED,
        "cuda": _PLACED,
        "in_features": "size = layer.input.shape[-1]   # of a layer in a model",
        "out_features": "size = layer.output.shape[-1]   # of a layer in a model",
    },
    "Trainer": {
        "train": _FIT,
        "validate": "logs = trainer.evaluate(state, x, y)",
        "test": "logs = trainer.evaluate(state, x, y)",
        "global_step": "step = int(state.step)",
        "current_epoch": "epochs = history.epoch   # state, history = trainer.fit(state, x, y)",
        "callback_metrics": "numbers = history.history   # state, history = trainer.fit(state, x, y)",
        "save_checkpoint": "trainer.save(path, state)   # or fit(checkpoint=path), which goes on from there",
        "save_model": "trainer.save(path, state)",
    },
}

_CLIP = 'trainer = model.compile(fk.optimizers.Adam(1e-3, clipnorm=1.0), "mse")   # of all weights: global_clipnorm=1.0'
_PARTS = (
    'model.compile("adam", "mse", accumulate_in_step=4)   # or fk.optimizers.Adam(1e-3, gradient_accumulation_steps=4)'
)
_EPOCHS = "trainer.fit(state, x, y, epochs=3)"
_DEVICES = 'trainer = trainer.distribute({"data": 2})   # the accelerator is the one that JAX finds'
_POLICY = 'model = model.with_dtype_policy("mixed_bfloat16")'
_SIZE = "trainer.fit(state, x, y, batch_size=32)"
_RATE = 'trainer = model.compile(fk.optimizers.Adam(1e-3), "mse")'
_KEEP = "fk.callbacks.ModelCheckpoint(path, max_to_keep=3)   # with keep_best=True the best ones"

TORCH_ARGUMENTS: Mapping[str, str] = {
    "accumulate_grad_batches": _PARTS,
    "gradient_accumulation_steps": _PARTS,
    "limit_train_batches": "trainer.fit(state, x, y, steps_per_epoch=2)   # the same each epoch: overfit_batches=2",
    "limit_test_batches": "trainer.evaluate(state, x, y, steps=2)",
    "gradient_clip_val": _CLIP,
    "max_grad_norm": _CLIP,
    "precision": _POLICY,
    "fp16": 'model = model.with_dtype_policy("mixed_float16")',
    "bf16": _POLICY,
    "val_check_interval": "trainer.fit(state, x, y, validation_data=(x, y), validate_every=100)   # steps",
    "check_val_every_n_epoch": "trainer.fit(state, x, y, validation_data=(x, y), validation_freq=2)",
    "profiler": "trainer.fit(state, x, y, profile=(2, 3), profile_dir=path)",
    "max_epochs": _EPOCHS,
    "num_train_epochs": _EPOCHS,
    "per_device_train_batch_size": _SIZE,
    "learning_rate": _RATE,
    "lr": _RATE,
    "weight_decay": 'trainer = model.compile(fk.optimizers.AdamW(1e-3, weight_decay=0.01), "mse")',
    "accelerator": _DEVICES,
    "devices": _DEVICES,
    "strategy": 'trainer = trainer.distribute(layout="fsdp")   # or "data"',
    "logger": 'trainer.fit(state, x, y, callbacks=[fk.callbacks.CSVLogger("log.csv")])',
    "enable_progress_bar": "trainer.fit(state, x, y, verbose=0)",
    "train_dataloaders": "trainer.fit(state, loader)   # whose batches are (x, y)",
    "train_dataset": "trainer.fit(state, loader)   # whose batches are (x, y)",
    "val_dataloaders": "trainer.fit(state, x, y, validation_data=loader)",
    "eval_dataset": "trainer.fit(state, x, y, validation_data=loader)",
    "ckpt_path": "trainer.fit(state, x, y, checkpoint=path)   # a run that was cut off goes on from there",
    "resume_from_checkpoint": "trainer.fit(state, x, y, checkpoint=path)   # a run that was cut off goes on from there",
    "save_top_k": _KEEP,
    "save_last": "fk.callbacks.OrbaxCheckpoint(path)   # or fit(checkpoint=path), which goes on from the last one",
    "dirpath": 'fk.callbacks.ModelCheckpoint("runs/{epoch:02d}.keras")',
    "every_n_train_steps": "fk.callbacks.ModelCheckpoint(path, save_freq=100)   # batches",
    "do_sample": "fk.nn.generate(model, variables, prompt, 20, temperature=0.8, top_p=0.9, seed=0)   # greedy without",
}

_SPARSE = "fk.losses.SparseCategoricalCrossentropy(from_logits=True)"

TORCH_LOSSES: Mapping[str, str] = {
    "CrossEntropyLoss": f"{_SPARSE}   # of class probabilities as targets: CategoricalCrossentropy(from_logits=True)",
    "NLLLoss": f"{_SPARSE}   # on scores, without the log_softmax before it",
    "BCELoss": "fk.losses.BinaryCrossentropy()",
    "BCEWithLogitsLoss": "fk.losses.BinaryCrossentropy(from_logits=True)",
    "MSELoss": "fk.losses.MeanSquaredError()",
    "L1Loss": "fk.losses.MeanAbsoluteError()",
    "SmoothL1Loss": "fk.losses.Huber()",
    "HuberLoss": "fk.losses.Huber()",
    "KLDivLoss": "fk.losses.KLDivergence()   # of probabilities, not of their logarithms",
    "CosineEmbeddingLoss": "fk.losses.CosineSimilarity()",
    "CTCLoss": "fk.losses.CTC()",
}
# What `torch.nn.functional` calls them.
_FUNCTIONS = {
    "cross_entropy": "CrossEntropyLoss", "nll_loss": "NLLLoss", "binary_cross_entropy": "BCELoss",
    "binary_cross_entropy_with_logits": "BCEWithLogitsLoss", "mse_loss": "MSELoss", "l1_loss": "L1Loss",
    "smooth_l1_loss": "SmoothL1Loss", "huber_loss": "HuberLoss", "kl_div": "KLDivLoss", "ctc_loss": "CTCLoss",
}  # fmt: skip


def torch_loss(name: str) -> str | None:
    """The line for a loss of torch's, by its class's or its function's name; `None` for another name.

    >>> torch_loss("l1_loss")
    'fk.losses.MeanAbsoluteError()'
    """
    return TORCH_LOSSES.get(_FUNCTIONS.get(name, name))
