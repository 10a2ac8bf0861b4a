"""What one writes with Flax and optax, and the line for it here.

`docs/from_flax.md` is written from it, and each line of both columns is executed, from the top to the bottom.
"""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True)
class Row:
    """One idiom.

    Attributes:
        flax: the code with Flax, optax, orbax or JAX; what is in a loop is written once.
        here: the code with fkeras.
        why: what is different, in a sentence.
        equal: two expressions, of the left and of the right, that have the same value after both.
    """

    flax: str
    here: str
    why: str = ""
    equal: tuple[str, str] | None = None


#: What both columns begin with.
GIVEN = """\
import tempfile

import jax, jax.numpy as jnp, numpy as np, optax
import orbax.checkpoint as ocp
from flax import linen as nn, nnx, serialization, traverse_util
from flax.training.train_state import TrainState
from jax.sharding import NamedSharding, PartitionSpec as P

import fkeras as fk

key = jax.random.key(0)
x, y = np.ones((16, 4), "float32"), np.arange(16) % 3


class MLP(nn.Module):
    width: int

    @nn.compact
    def __call__(self, x, train=False):
        x = nn.relu(nn.Dense(self.width)(x))
        x = nn.Dropout(0.5, deterministic=not train)(x)
        return nn.Dense(3)(x)


class Twin(nnx.Module):
    def __init__(self, rngs):
        self.inner, self.outer = nnx.Linear(4, 8, rngs=rngs), nnx.Linear(8, 3, rngs=rngs)

    def __call__(self, x):
        return self.outer(nnx.relu(self.inner(x)))


def cross_entropy(y_true, y_pred):
    return optax.softmax_cross_entropy_with_integer_labels(y_pred, y_true)
"""

TABLE: dict[str, list[Row]] = {
    "Describe": [
        Row(
            "net = MLP(8)",
            'model = fk.Sequential([fk.Input((4,)), fk.nn.Dense(8, "relu"), fk.nn.Dropout(0.5), fk.nn.Dense(3)])',
            "or the module as it is: `fk.Trainer(MLP(8), optax.adam(1e-3), cross_entropy)`",
        ),
        Row("nn.Dense(8)", "fk.nn.Dense(8)", "a Linen module as well: it works in your modules"),
        Row('nn.Conv(8, (3, 3))', 'fk.nn.Conv2D(8, 3, padding="same")', 'Keras pads `"valid"` by default'),
        Row("nn.BatchNorm(use_running_average=True)", "fk.nn.BatchNormalization()", "`training=` says which"),
        Row("nn.Embed(100, 16)", "fk.nn.Embedding(100, 16)"),
        Row("nn.remat(nn.Dense)(8)", "fk.nn.remat(fk.nn.Dense(8))"),
        Row(
            'nn.scan(nn.Dense, variable_axes={"params": 0}, split_rngs={"params": True}, length=4)',
            "fk.nn.Repeat(fk.nn.Dense(8), 4)",
            "each time with weights of its own, compiled once",
        ),
        Row("nn.Sequential([net, nn.relu])", 'fk.Sequential([fk.Input((4,)), fk.nn.FlaxLayer(MLP(8)), fk.nn.ReLU()])'),
        Row("print(nn.tabulate(net, key)(x))", "model.summary()"),
    ],
    "Variables": [
        Row("variables = net.init(key, x)", "variables = model.init(key)", "the shape is in the `Input`"),
        Row("logits = net.apply(variables, x)", "logits = model.apply(variables, x)"),
        Row(
            'logits = net.apply(variables, x, train=True, rngs={"dropout": key})',
            'logits = model.apply(variables, x, training=True, rngs={"dropout": key})',
        ),
        Row(
            'logits, updates = net.apply(variables, x, mutable=["batch_stats"])',
            'logits, updates = model.apply(variables, x, mutable=["batch_stats"])',
        ),
        Row(
            "shapes = jax.eval_shape(net.init, key, x)", "shapes = jax.eval_shape(model.init, key)",
            equal=("jax.tree.leaves(shapes)[0].shape", "jax.tree.leaves(shapes)[0].shape"),
        ),
        Row(
            "count = sum(leaf.size for leaf in jax.tree.leaves(variables))", "count = model.count_params()",
            equal=("count", "count"),
        ),
        Row(
            'flat = traverse_util.flatten_dict(variables["params"], sep="/")', "flat = model.variable_map(variables)",
            equal=("len(flat)", "len(flat)"),
        ),
    ],
    "Train": [
        Row(
            'state = TrainState.create(apply_fn=net.apply, params=variables["params"], tx=optax.adam(1e-3))',
            'trainer = model.compile(optax.adam(1e-3), cross_entropy, metrics=["accuracy"])\n'
            "state = trainer.init(0, variables=variables)",
            "a loss is a function of `(y_true, y_pred)`, or a Keras name",
        ),
        Row(
            "@jax.jit\n"
            "def train_step(train_state, batch):\n"
            "    def loss_of(params):\n"
            '        return cross_entropy(batch[1], net.apply({"params": params}, batch[0])).mean()\n\n'
            "    loss, gradients = jax.value_and_grad(loss_of)(train_state.params)\n"
            "    return train_state.apply_gradients(grads=gradients), loss\n\n\n"
            "state, loss = train_step(state, (x, y))",
            "state, logs = trainer.train_step(state, (x, y))",
            "dropout's keys, batch statistics, metrics and freezing are part of it; the loss in `logs` is the mean "
            "over all steps since `state = state.replace(metrics=trainer.reset_metrics(state))`",
            equal=("int(state.step)", "int(state.step)"),
        ),
        Row(
            "for rows in np.random.default_rng(0).permutation(16).reshape(2, 8):\n"
            "    state, loss = train_step(state, (x[rows], y[rows]))",
            "state, history = trainer.fit(state, x, y, batch_size=8, epochs=1, verbose=0)",
            "also of generators, `grain`, data sets of torch and TensorFlow",
        ),
        Row(
            'accuracy = (net.apply({"params": state.params}, x).argmax(-1) == y).mean()',
            "loss, accuracy = trainer.evaluate(state, x, y, verbose=0)",
        ),
        Row(
            "batches = (x.reshape(2, 8, 4), y.reshape(2, 8))\nstate, losses = jax.lax.scan(train_step, state, batches)",
            "batches = (x.reshape(2, 8, 4), y.reshape(2, 8))\n"
            "state, logs = jax.lax.scan(trainer.train_step, state, batches)",
            "a step is a pure function; its logs are running means, so the last of a scan is that of all; "
            "`trainer.run(state, (x, y), steps=20)` shuffles as `fit` does",
        ),
        Row(
            "tx = optax.chain(optax.clip_by_global_norm(1.0), optax.adamw(1e-3))",
            "tx = optax.chain(optax.clip_by_global_norm(1.0), optax.adamw(1e-3))",
            'any transformation is an optimizer; Keras has `fk.optimizers.AdamW(1e-3, global_clipnorm=1.0)` for it',
        ),
        Row(
            "rate = optax.cosine_decay_schedule(1e-3, 100)", "rate = fk.optimizers.schedules.CosineDecay(1e-3, 100)",
            "optax's schedules are taken as well", equal=("rate(50)", "rate(50)"),
        ),
        Row(
            "tx = optax.MultiSteps(optax.adam(1e-3), 4)", "tx = fk.optimizers.Adam(1e-3, gradient_accumulation_steps=4)"
        ),
        Row(
            "average = params = state.params\n"
            "average = optax.incremental_update(params, average, 0.01)  # after each step",
            "tx = fk.optimizers.Adam(1e-3, use_ema=True, ema_momentum=0.99)",
            "`fit` and `run` return a state whose weights are the average; that of a scan is `trainer.finalize(state)`",
        ),
        Row(
            'tx = optax.multi_transform(\n    {"trains": optax.adam(1e-3), "stays": optax.set_to_zero()},\n'
            '    {"params": {"Dense_0": "stays", "Dense_1": "trains"}},\n)',
            'frozen = model.freeze("dense")',
            "a new model; frozen weights get no slots of an optimizer",
        ),
        Row(
            "loss = optax.softmax_cross_entropy_with_integer_labels(jnp.eye(3), np.arange(3)).mean()",
            "loss = fk.losses.SparseCategoricalCrossentropy(from_logits=True)(np.arange(3), jnp.eye(3))",
            equal=("loss", "loss"),
        ),
        Row(
            "def loss_of(params, state, batch, rng):  # a loss of one's own, in a step of one's own\n"
            '    logits = net.apply({"params": params}, batch[0])\n'
            "    return cross_entropy(batch[1], logits).mean() + 1e-4 * optax.global_norm(params)",
            "class Decayed(fk.Trainer):\n"
            "    def compute_loss(self, params, state, batch, rng):\n"
            "        loss, aux = super().compute_loss(params, state, batch, rng)\n"
            "        return loss + 1e-4 * optax.global_norm(params), aux\n\n\n"
            'decayed = model.compile(optax.adam(1e-3), cross_entropy, trainer_class=Decayed)',
            "gradients, the loop and the logs stay",
        ),
    ],
    "Keep": [
        Row(
            "place = tempfile.mkdtemp()\n"
            'ocp.StandardCheckpointer().save(place + "/weights", variables)',
            "place = tempfile.mkdtemp()\n"
            'trainer.save(place + "/run", state)\n'
            'trainer, state = fk.load_trainer(place + "/run", custom_objects={"cross_entropy": cross_entropy})',
            "with the description and what `compile` was given; Orbax underneath",
        ),
        Row(
            "data = serialization.to_bytes(variables)\nvariables = serialization.from_bytes(variables, data)",
            'model.save_weights(place + "/weights", variables)\n'
            'variables = model.load_weights(place + "/weights", variables)',
            "the suffix says the format: `.safetensors`, `.weights.h5`, or a directory of Orbax's",
        ),
    ],
    "Devices": [
        Row(
            'mesh = jax.make_mesh((len(jax.devices()),), ("data",))\n'
            'rows = jax.device_put(x, NamedSharding(mesh, P("data")))',
            "spread = trainer.distribute()",
            'every batch is cut; `distribute({"data": 4, "model": 2}, "auto")` cuts weights too',
        ),
    ],
    "NNX": [
        Row("module = Twin(nnx.Rngs(0))", "module = Twin(nnx.Rngs(0))", "a module is a layer, and trains as it is"),
        Row(
            "optimizer = nnx.Optimizer(module, optax.adam(1e-3), wrt=nnx.Param)",
            "trainer = fk.Trainer(module, optax.adam(1e-3), cross_entropy)\nstate = trainer.init(0, x[:1])",
            "the module is read, and never changed",
        ),
        Row(
            "@nnx.jit\n"
            "def step(module, optimizer, x, y):\n"
            "    gradients = nnx.grad(lambda m: cross_entropy(y, m(x)).mean())(module)\n"
            "    optimizer.update(module, gradients)\n\n\n"
            "step(module, optimizer, x, y)",
            "state, logs = trainer.train_step(state, (x, y))",
            equal=("module.inner.kernel[...]", 'state.params["inner"]["kernel"]'),
        ),
        Row(
            "graph, values = nnx.split(module)", "nnx.update(module, fk.to_nnx_state(state, like=module))",
            "back into a live module",
        ),
        Row(
            "module.eval()\nlogits = module(x)",
            "module = fk.to_nnx(model, variables)\nmodule.eval()\nlogits = module(x)",
            "a model of fkeras as a module of NNX",
        ),
    ],
}  # fmt: skip
