"""Keras's names around models, files, few bits and devices, and what does their work."""

from __future__ import annotations

_BITS = "quantisation is a function from a model and its variables to others, and chooses the layers itself."
_QUANTIZE = 'qmodel, qvariables = model.quantize(variables, "int8")'
_OWN_STEP = "two models in one step: a loss of one's own sees the other's outputs."
_DEVICES = "a state is a pytree, and JAX places arrays."

MODELS: dict[str, tuple[str, str]] = {
    "layers.TFSMLayer": (
        "it calls a TensorFlow program; an exported JAX program is loaded as it is.",
        'program = fk.load_exported("model.stablehlo")',
    ),
    "layers.TorchModuleWrapper": (
        "it calls PyTorch, whose weights JAX cannot train.",
        "fk.nn.JaxLayer(call_fn, init_fn), or fk.nn.FlaxLayer(linen_module), with the weights copied over",
    ),
    "models.model_from_config": (
        "Keras 3 has none.",
        "fk.Sequential.from_config(config), fk.Model.from_config(config), or fk.model_from_json(text)",
    ),
    "callbacks.RemoteMonitor": (
        "it posts to a server of Keras 1's time.",
        "fk.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: post(logs))",
    ),
    "optimizers.legacy.Optimizer": (
        "Keras 3 refuses its older optimizers.",
        "fk.optimizers.Adam, or another of fk.optimizers",
    ),
    "optimizers.legacy.*": ("Keras 3 refuses its older optimizers.", "fk.optimizers.NAME"),
    "saving.KerasFileEditor": (
        "variables are a dict of arrays, so what a file holds is changed by changing that.",
        'model, variables = fk.load_model("model.keras"); variables["params"]["dense"]["kernel"] = kernel',
    ),
    "export.ExportArchive": (
        "a model and its variables are written as a program in one call.",
        'model.export("model.stablehlo", variables), and fk.load_exported("model.stablehlo")',
    ),
    "legacy.saving.serialize_keras_object utils.legacy.serialize_keras_object": (
        "Keras 2's configs, which no file of Keras 3 has.",
        "fk.saving.serialize_keras_object(layer)",
    ),
    "legacy.saving.deserialize_keras_object utils.legacy.deserialize_keras_object": (
        "Keras 2's configs, which no file of Keras 3 has.",
        "fk.saving.deserialize_keras_object(config)",
    ),
    # few bits
    "quantizers.get quantizers.serialize quantizers.deserialize quantizers.Quantizer": (_BITS, _QUANTIZE),
    "quantizers.compute_float8_amax_history quantizers.compute_float8_scale": (
        _BITS,
        'qmodel, qvariables = model.quantize(variables, "float8")',
    ),
    "quantizers.quantize_and_dequantize quantizers.fake_quant_with_min_max_vars": (
        "training that knows of the few bits is a model too.",
        'model = model.with_fake_quant("int8")',
    ),
    "quantizers.pack_int4 quantizers.unpack_int4": (
        "JAX has arrays of four bits.",
        "x.astype(jnp.int4), or " + 'model.quantize(variables, "int4"), which packs',
    ),
    "dtype_policies.DTypePolicyMap": (
        "policies of single layers are set on a copy of the model.",
        'model.map_layers(lambda layer: layer.replace(dtype="bfloat16") if layer.name == "head" else layer)',
    ),
    # two models
    "distillation.Distiller distillation.DistillationLoss distillation.LogitsDistillation "
    "distillation.FeatureDistillation": (
        _OWN_STEP,
        "class Distiller(fk.Trainer): def compute_loss(self, params, state, batch, rng): ..., with "
        "jax.lax.stop_gradient(teacher.apply(teacher_variables, x))",
    ),
    # devices
    "distribution.set_distribution distribution.distribution": (
        "a placement for all of a program; here it is a field of the trainer.",
        'trainer = trainer.distribute({"data": -1}, layout="fsdp")',
    ),
    "distribution.distribute_tensor": (_DEVICES, "jax.device_put(x, jax.sharding.NamedSharding(mesh, spec))"),
}
