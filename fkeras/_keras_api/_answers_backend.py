"""`keras.backend` as Keras 2 had it (`K.mean`), which Keras 3 keeps for TensorFlow's Keras alone."""

from __future__ import annotations

_OPS = "Keras 3 has it in keras.ops."
_HELD = "a weight that holds its value and changes; here weights are arrays in a pytree that goes in and comes out."
_DRAWN = "randomness is an argument."

BACKEND: dict[str, tuple[str, str]] = {
    "backend.abs backend.all backend.any backend.arange backend.argmax backend.argmin backend.batch_normalization "
    "backend.binary_crossentropy backend.cast backend.categorical_crossentropy backend.clip backend.concatenate "
    "backend.cos backend.cumprod backend.cumsum backend.dot backend.dtype backend.elu backend.equal backend.exp "
    "backend.expand_dims backend.eye backend.greater backend.greater_equal backend.hard_sigmoid backend.in_top_k "
    "backend.less backend.less_equal backend.log backend.max backend.maximum backend.mean backend.min "
    "backend.minimum backend.ndim backend.not_equal backend.one_hot backend.ones backend.ones_like backend.prod "
    "backend.relu backend.repeat backend.reshape backend.round backend.shape backend.sigmoid backend.sign "
    "backend.sin backend.softmax backend.softplus backend.softsign backend.sparse_categorical_crossentropy "
    "backend.sqrt backend.square backend.squeeze backend.stack backend.std backend.stop_gradient backend.sum "
    "backend.switch backend.tanh backend.tile backend.transpose backend.var backend.zeros backend.zeros_like "
    "backend.ctc_decode": (_OPS, "fk.ops.NAME"),
    "backend.batch_dot": (_OPS, "fk.ops.matmul(x, y), or fk.nn.Dot(axes=1)([x, y])"),
    "backend.batch_flatten": (_OPS, "fk.ops.reshape(x, (x.shape[0], -1))"),
    "backend.batch_get_value backend.get_value backend.eval": (_HELD, "numpy.asarray(x)"),
    "backend.batch_set_value backend.set_value backend.update backend.update_add backend.update_sub": (
        _HELD,
        'variables["params"]["dense"]["kernel"] = kernel, or self.w = self.w + 1 for a state of a layer',
    ),
    "backend.moving_average_update": (_HELD, "average * momentum + value * (1 - momentum)"),
    "backend.variable backend.random_normal_variable backend.random_uniform_variable": (
        _HELD,
        'self.w = self.add_weight(shape=(3,), name="w") in the build of a layer; elsewhere an array, jnp.zeros((3,))',
    ),
    "backend.constant": (_OPS, "fk.ops.full(shape, value), or jnp.array(value)"),
    "backend.cast_to_floatx": (_OPS, 'fk.ops.cast(x, "float32")'),
    "backend.bias_add": (_OPS, "x + bias"),
    "backend.binary_focal_crossentropy backend.categorical_focal_crossentropy": (
        "it is a loss.",
        "fk.losses.NAME(y_true, y_pred)",
    ),
    "backend.conv1d backend.conv2d backend.conv3d": (_OPS, "fk.ops.conv(inputs, kernel)"),
    "backend.conv2d_transpose": (_OPS, "fk.ops.conv_transpose(inputs, kernel, strides)"),
    "backend.depthwise_conv2d": (_OPS, "fk.ops.depthwise_conv(inputs, kernel)"),
    "backend.separable_conv2d": (_OPS, "fk.ops.separable_conv(inputs, depthwise_kernel, pointwise_kernel)"),
    "backend.pool2d backend.pool3d": (_OPS, "fk.ops.max_pool(inputs, 2) or fk.ops.average_pool(inputs, 2)"),
    "backend.count_params": (_OPS, "x.size, or model.count_params()"),
    "backend.ctc_batch_cost": (_OPS, "fk.ops.ctc_loss(target, output, target_length, output_length)"),
    "backend.ctc_label_dense_to_sparse backend.is_sparse backend.to_dense": (
        "arrays here are dense.",
        "nothing: leave the line out",
    ),
    "backend.dropout": (_DRAWN, "fk.random.dropout(key, x, 0.5)"),
    "backend.random_normal backend.random_uniform": (
        _DRAWN,
        "fk.random.normal(key, shape), fk.random.uniform(key, shape)",
    ),
    "backend.truncated_normal": (_DRAWN, "fk.random.truncated_normal(key, shape)"),
    "backend.random_bernoulli": (_DRAWN, "jax.random.bernoulli(key, p, shape)"),
    "backend.flatten": (_OPS, "fk.ops.ravel(x)"),
    "backend.foldl backend.foldr": (_OPS, "fk.ops.scan(step, initial, x)"),
    "backend.map_fn": (_OPS, "fk.ops.vectorized_map(function, x)"),
    "backend.gather": (_OPS, "fk.ops.take(x, indices, axis=0)"),
    "backend.gradients": ("JAX differentiates functions.", "jax.grad(loss)(params)"),
    "backend.int_shape": (_OPS, "x.shape"),
    "backend.l2_normalize": (_OPS, "fk.ops.normalize(x, axis=-1)"),
    "backend.name_scope": ("a scope of names; JAX has its own.", 'with jax.named_scope("block"): ...'),
    "backend.permute_dimensions": (_OPS, "fk.ops.transpose(x, axes)"),
    "backend.pow": (_OPS, "fk.ops.power(x, a)"),
    "backend.repeat_elements": (_OPS, "fk.ops.repeat(x, repeats, axis)"),
    "backend.resize_images backend.resize_volumes": (_OPS, "fk.ops.image.resize(x, (height, width))"),
    "backend.reverse": (_OPS, "fk.ops.flip(x, axis)"),
    "backend.rnn": (_OPS, "fk.nn.RNN(cell)(x), or fk.ops.scan(step, initial, x)"),
    "backend.spatial_2d_padding backend.spatial_3d_padding backend.temporal_padding": (
        _OPS,
        "fk.ops.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))",
    ),
}
