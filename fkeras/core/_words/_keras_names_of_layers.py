"""What Keras keeps on layers, and is not kept here: by name, the line to write.

Each table is rows of `(why Keras's users look for it, {name: the line})`. In the lines `model`, `trainer`, `state`,
`variables` and the data `x`, `y` are those of a user's script, and "dense" stands for the layer's name.
"""

from __future__ import annotations

from collections.abc import Mapping

Rows = tuple[tuple[str, Mapping[str, str]], ...]

HOLDS = "a Keras model or layer holds its weights; here they are variables, which go in and come out."
FEW_BITS = "Keras changes the layer in place; here a new model has other weights."
OLDER = "Keras before version 3 had it."

QUANTIZE = 'qmodel, qvariables = model.quantize(variables, "int8")'
APPLY = 'y, updates = model.apply(variables, x, training=True, rngs={"dropout": key}, mutable=["batch_stats"])'
REMADE = 'variables = {**variables, "recurrent_state": jax.tree.map(jnp.zeros_like, variables["recurrent_state"])}'
_DESCRIBED = "a Keras layer is built when it sees its input; here `init` makes the variables of a description."

_LORA = "lmodel = model.with_lora(4); lvariables = lmodel.lora_variables(variables)"
_LOSSES = 'y, updates = model.apply(variables, x, mutable=["losses"]); losses = updates.get("losses", {})'
_SYMBOLIC = "y = layer(fk.Input((3,)))   # a symbolic tensor: y.shape, y.dtype"

#: Of a layer, and so of a model too.
LAYER: Rows = (
    (
        HOLDS,
        {
            "variables": "variables = model.init(jax.random.key(0)); y = model.apply(variables, x)",
            "weights": 'variables["params"]["dense"]   # all: model.variable_map(variables)',
            "trainable_variables": 'params = variables["params"]["dense"]   # model.freeze(path) rests some',
            "trainable_weights": 'params = variables["params"]["dense"]   # model.freeze(path) rests some',
            "non_trainable_variables": "rest = {kind: tree for kind, tree in variables.items() if kind != 'params'}",
            "non_trainable_weights": "rest = {kind: tree for kind, tree in variables.items() if kind != 'params'}",
            "metrics": "trainer.metrics   # trainer = model.compile(..., metrics=[...])",
            "metrics_variables": "state.metrics   # state = trainer.init(0)",
            "losses": _LOSSES,
            "save_own_variables": "model.save_weights(path, variables)",
            "load_own_variables": "variables = model.load_weights(path, variables)",
            "path": 'model.get_layer("dense").name   # paths in variables: model.variable_map(variables)',
        },
    ),
    (
        _DESCRIBED,
        {
            "built": "variables = model.init(jax.random.key(0))",
            "symbolic_call": _SYMBOLIC,
            "get_build_config": "model.get_config()",
            "call_signature_parameters": "import inspect; inspect.signature(layer.call).parameters",
            "add_metric": 'trainer = model.compile("adam", "mse", metrics=["mae"])',
            "supports_jit": "jax.jit(model.apply)(variables, x)",
            "rematerialized_call": "layer = fk.nn.remat(fk.nn.Dense(3))",
        },
    ),
    (
        FEW_BITS,
        {
            "enable_lora": _LORA,
            "lora_enabled": _LORA,
            "variable_serialization_spec": "model.save_weights(path, variables)",
            "quantize": QUANTIZE,
            "quantized_build": QUANTIZE,
            "quantized_call": QUANTIZE,
            "quantization_mode": QUANTIZE,
        },
    ),
)

#: Of particular layers: their weights as attributes, and what else they keep.
SOME_LAYERS: Rows = (
    (
        HOLDS,
        {
            "kernel": 'variables["params"]["dense"]["kernel"]',
            "bias": 'variables["params"]["dense"]["bias"]',
            "embeddings": 'variables["params"]["embedding"]["embedding"]',
            "gamma": 'variables["params"]["batch_normalization"]["scale"]',
            "beta": 'variables["params"]["batch_normalization"]["bias"]',
            "moving_mean": 'variables["batch_stats"]["batch_normalization"]["mean"]',
            "moving_variance": 'variables["batch_stats"]["batch_normalization"]["var"]',
            "recurrent_kernel": 'variables["params"]["lstm"]["recurrent_kernel"]',
            "depthwise_kernel": 'variables["params"]["separable_conv2d"]["depthwise_kernel"]',
            "pointwise_kernel": 'variables["params"]["separable_conv2d"]["pointwise_kernel"]',
            "alpha": 'variables["params"]["p_re_lu"]["alpha"]',
            "scale": 'variables["params"]["rms_normalization"]["scale"]',
            "query_dense": 'variables["params"]["multi_head_attention"]["query"]',
            "key_dense": 'variables["params"]["multi_head_attention"]["key"]',
            "value_dense": 'variables["params"]["multi_head_attention"]["value"]',
            "output_dense": 'variables["params"]["multi_head_attention"]["out"]',
            "states": 'variables.get("recurrent_state", {})',
            "reset_state": REMADE,
        },
    ),
    (
        "a Keras layer has a seed of its own, holds a cell, counts while it adapts; here each is passed or made.",
        {
            "seed_generator": 'y = model.apply(variables, x, training=True, rngs={"dropout": key})',
            "cell": "cell = fk.nn.LSTMCell(4)   # fk.nn.RNN(cell) computes what fk.nn.LSTM(4) does",
            "finalize_state": "layer = fk.nn.Normalization().adapt(x)",
        },
    ),
)

LAYER_OLDER: Rows = (
    (
        OLDER,
        {
            "input_shape": "layer.input.shape",
            "output_shape": "layer.output.shape",
            "get_input_at": "layer.input",
            "get_output_at": "layer.output",
            "get_input_shape_at": "layer.input.shape",
            "get_output_shape_at": "layer.output.shape",
            "get_input_mask_at": "mask = layer.compute_mask(x)",
            "get_output_mask_at": "mask = layer.compute_mask(x)",
            "input_mask": "mask = layer.compute_mask(x)",
            "output_mask": "mask = layer.compute_mask(x)",
            "inbound_nodes": "model.get_config()   # layer.input and layer.output are its tensors",
            "outbound_nodes": "model.get_config()   # layer.input and layer.output are its tensors",
            "get_losses_for": _LOSSES,
            "get_updates_for": APPLY,
            "updates": APPLY,
            "add_update": "self.total = self.add_weight(shape=(), trainable=False, name='total')   # then assign(...)",
            "stateful": "layer = fk.nn.LSTM(3, stateful=True)   # its state: variables['recurrent_state']",
            "dynamic": "trainer = model.compile('adam', 'mse', run_eagerly=True)",
            "reset_states": REMADE,
        },
    ),
)
