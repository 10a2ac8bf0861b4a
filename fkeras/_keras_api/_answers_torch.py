"""Names of torch, Lightning and Hugging Face that are asked of a part of fkeras, and what does their work.

Rows as in Keras's tables: the path without `fkeras.` -> why there is none, and the line to write. Losses are in
`TORCH_LOSSES` of `fkeras.core`.
"""

from __future__ import annotations

from ..core import TORCH_LOSS, TORCH_LOSSES

_LAYER = "torch's layers are told the size of their input, which comes before the channels; here `init` finds it."
_SAME = "torch's word for it."
_GRADIENT = "nothing is recorded: a gradient is made where it is asked for."
_SEED = "randomness goes in: there is no global generator."
_TWO = "a model and its weights are two things."
_PLACES = "JAX puts arrays on the accelerator that it finds."
_LOADER = "batches come from whatever yields them: torch's own loader, Grain, tf.data, or arrays."
_MODULE = "a module of torch's holds its weights; a layer here is a description."
_LIGHTNING = "Lightning's module is model, loss and optimizer in one; here a model is compiled to a trainer."
_HUB = "models are not downloaded here, and the config says which one it is."

_POOL = "of the last axes in torch, of all but the last one here."
_NORM = "torch's momentum is one minus this one, and its epsilon is 1e-5."
_PAD = "torch pads as much on both sides, and puts the channels first."

_LAYERS: dict[str, tuple[str, str]] = {
    "Linear": (_LAYER, "fk.nn.Dense(10)   # torch's weight is transposed: kernel = weight.T"),
    "LazyLinear": (_SAME, "fk.nn.Dense(10)"),
    "Module": (_MODULE, "class Net(fk.nn.Layer): ...   # or fk.Model; its forward pass is `call(self, x)`"),
    "ModuleList": (_MODULE, "fk.Sequential([fk.nn.Dense(8), fk.nn.Dense(8)])   # or a list as an attribute of a layer"),
    "Parameter": (_MODULE, 'self.add_weight(shape=(3,), name="scale")   # in `build` of a fk.nn.Layer'),
    "Conv1d": (_PAD, 'fk.nn.Conv1D(8, 3, padding="same")'),
    "Conv2d": (_PAD, 'fk.nn.Conv2D(8, 3, padding="same")   # with strides: fk.nn.ZeroPadding2D(1), padding="valid"'),
    "Conv3d": (_PAD, 'fk.nn.Conv3D(8, 3, padding="same")'),
    "ConvTranspose2d": (_PAD, 'fk.nn.Conv2DTranspose(8, 3, strides=2, padding="same")'),
    "BatchNorm1d": (_NORM, "fk.nn.BatchNormalization(momentum=0.9, epsilon=1e-5)"),
    "BatchNorm2d": (_NORM, "fk.nn.BatchNormalization(momentum=0.9, epsilon=1e-5)"),
    "LayerNorm": ("of the last axis, and of another epsilon.", "fk.nn.LayerNormalization(epsilon=1e-5)"),
    "GroupNorm": ("of another epsilon.", "fk.nn.GroupNormalization(4, epsilon=1e-5)"),
    "RMSNorm": (_SAME, "fk.nn.RMSNormalization()"),
    "Dropout2d": (_SAME, "fk.nn.SpatialDropout2D(0.5)"),
    "MaxPool2d": (_POOL, "fk.nn.MaxPooling2D(2)"),
    "AvgPool2d": (_POOL, "fk.nn.AveragePooling2D(2)"),
    "AdaptiveAvgPool2d": (_POOL, "fk.nn.AdaptiveAveragePooling2D(7)   # of 1: fk.nn.GlobalAveragePooling2D()"),
    "Upsample": (_SAME, "fk.nn.UpSampling2D(2)"),
    "MultiheadAttention": (_SAME, "fk.nn.MultiHeadAttention(num_heads=4, key_dim=16)   # key_dim is of each head"),
    "SiLU": (_SAME, 'fk.nn.Activation("silu")'),
    "GELU": ("exact in torch.", 'fk.nn.Activation(lambda x: fk.activations.gelu(x, approximate=False))'),
    "Tanh": (_SAME, 'fk.nn.Activation("tanh")'),
    "Sigmoid": (_SAME, 'fk.nn.Activation("sigmoid")'),
    "functional": ("functions of arrays are in two parts.", "fk.ops.softmax, fk.activations.relu"),
}  # fmt: skip

TORCH: dict[str, tuple[str, str]] = {
    **{f"losses.{name}": (TORCH_LOSS, write) for name, write in TORCH_LOSSES.items()},
    **{f"nn.{name}": (TORCH_LOSS, write) for name, write in TORCH_LOSSES.items()},
    **{f"nn.{name}": row for name, row in _LAYERS.items()},
    **{f"layers.{name}": row for name, row in _LAYERS.items()},
    **dict.fromkeys(
        ("DataLoader", "utils.DataLoader"),
        (_LOADER, "trainer.fit(state, x, y, batch_size=32)   # or trainer.fit(state, loader), of torch.utils.data"),
    ),
    **dict.fromkeys(
        ("Dataset", "utils.Dataset", "utils.TensorDataset"),
        (_LOADER, "trainer.fit(state, x, y)   # or a fk.utils.PyDataset, whose items are batches"),
    ),
    "Module": _LAYERS["Module"],
    "LightningModule": (_LIGHTNING, 'trainer = model.compile("adam", "mse"); state = trainer.init(0)'),
    "LightningDataModule": (_LOADER, "trainer.fit(state, loader, validation_data=val_loader)"),
    "TrainingArguments": (_LIGHTNING, 'trainer = model.compile("adam", "mse"); trainer.fit(state, x, y, epochs=3)'),
    "no_grad": (_GRADIENT, "y = model.apply(variables, x)   # jax.lax.stop_gradient(y) inside a loss"),
    "inference_mode": (_GRADIENT, "y = model.apply(variables, x)   # jax.lax.stop_gradient(y) inside a loss"),
    "autograd": (_GRADIENT, "jax.grad(loss_of)(params)"),
    "optim": ("Keras's word for it.", "fk.optimizers.Adam(1e-3)"),
    "tensor": (_PLACES, "jnp.asarray(x)   # numpy's arrays work as they are"),
    "Tensor": (_PLACES, "jax.Array"),
    "from_numpy": (_PLACES, "jnp.asarray(x)   # numpy's arrays work as they are"),
    "cuda": (_PLACES, "jax.devices()"),
    "manual_seed": (_SEED, "state = trainer.init(0)   # or jax.random.key(0)"),
    "seed_everything": (_SEED, "state = trainer.init(0)   # or jax.random.key(0)"),
    "save": (_TWO, "model.save(path, variables)   # of a run: trainer.save(path, state)"),
    "load": (_TWO, "model, variables = fk.load_model(path)   # of a run: fk.load_trainer(path)"),
    "AutoModel": (_HUB, "model, variables = fk.applications.load_pretrained(directory)"),
    "AutoModelForCausalLM": (_HUB, "model, variables = fk.applications.load_pretrained(directory)"),
    "callbacks.LearningRateMonitor": (_SAME, 'trainer = model.compile("adam", "mse", log=["learning_rate"])'),
    "callbacks.LearningRateFinder": ("a method of the trainer.", "trainer.find_learning_rate(state, x, y)"),
    "callbacks.BatchSizeFinder": ("a method of the trainer.", "trainer.find_batch_size(state, x, y)"),
    "callbacks.GradientAccumulationScheduler": (_SAME, 'model.compile("adam", "mse", accumulate_in_step=4)'),
    "callbacks.StochasticWeightAveraging": (_SAME, "fk.optimizers.Adam(1e-3, use_ema=True)   # a moving average"),
    "callbacks.TQDMProgressBar": ("`fit` shows one.", "trainer.fit(state, x, y, verbose=1)"),
    "callbacks.Timer": ("an argument of fit.", 'trainer.fit(state, x, y, max_time="00:12:00:00")'),
}  # fmt: skip
