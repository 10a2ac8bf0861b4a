"""Keras's top-level names that stand for hidden state or for scopes, and what is written in their place."""

from __future__ import annotations

SCOPES: dict[str, tuple[str, str]] = {
    "Variable": (
        "a weight that holds its value and changes; here weights are arrays in a pytree that goes in and comes out.",
        'self.w = self.add_weight(shape=(3,), name="w") in the build of a layer; elsewhere an array, jnp.zeros((3,))',
    ),
    "StatelessScope": (
        "a scope that makes Keras's calls pure; here every call is.",
        'outputs, updates = model.apply(variables, x, training=True, mutable=["batch_stats"])',
    ),
    "SymbolicScope": ("a scope in which Keras infers shapes.", "jax.eval_shape(function, x), or fk.Input((3,))"),
    "device": (
        "a scope that chooses where arrays lie; JAX has its own.",
        'with jax.default_device(jax.devices("cpu")[0]): ...',
    ),
    "name_scope": ("a scope of names; JAX has its own.", 'with jax.named_scope("block"): ...'),
    "Function": ("a graph that is no model yet.", "fk.Model(inputs, outputs)"),
    "Operation": ("a step of a graph that is no layer.", "fk.nn.Lambda(function)(x), or a subclass of fk.Layer"),
    "remat RematScope": (
        "memory is saved by computing again in the backward pass: of a layer, of a model's by path, or of a function.",
        'fk.nn.remat(layer, "dots_saveable"), model.with_remat({"block_.*": None}), or jax.checkpoint(function)',
    ),
    "Quantizer": (
        "quantisation is a function from a model to a model.",
        'qmodel, qvariables = model.quantize(variables, "int8")',
    ),
}
