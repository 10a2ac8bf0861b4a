"""What Keras 1 and 2 had and Keras 3 has not: files of a part, classes of TensorFlow 1, names that were replaced."""

from __future__ import annotations

_FILE = "a file of Keras 1 and 2; a part has all its names in one place."
_MODE = "the mode of a call is an argument, and no global phase."
_NO_SESSION = "TensorFlow 1's; JAX has no session."
_ALIAS = "a short name of Keras 2."
_DROPPED = "Keras 3 has dropped it."

_ATROUS = "an argument of the convolution."
_TRANSPOSED = "Keras 1's name."
_REGNETS = ("002", "004", "006", "008", "016", "032", "040", "064", "080", "120", "160", "320")

OLDER: dict[str, tuple[str, str]] = {
    # files
    "layers.convolutional": (_FILE, "from fkeras.layers import Conv2D, MaxPooling2D"),
    "layers.convolutional_recurrent": (_FILE, "from fkeras.layers import ConvLSTM2D"),
    "layers.core": (_FILE, "from fkeras.layers import Dense, Dropout, Activation, Flatten"),
    "layers.embeddings": (_FILE, "from fkeras.layers import Embedding"),
    "layers.merge": (_FILE, "from fkeras.layers import Concatenate, add, concatenate"),
    "layers.noise": (_FILE, "from fkeras.layers import GaussianNoise"),
    "layers.normalization": (_FILE, "from fkeras.layers import BatchNormalization"),
    "layers.pooling": (_FILE, "from fkeras.layers import MaxPooling2D, GlobalAveragePooling2D"),
    "layers.recurrent": (_FILE, "from fkeras.layers import LSTM, GRU"),
    "layers.wrappers": (_FILE, "from fkeras.layers import TimeDistributed, Bidirectional"),
    "layers.advanced_activations": (_FILE, "from fkeras.layers import LeakyReLU, PReLU"),
    "layers.experimental": (_FILE, "from fkeras.layers import RandomFlip, Rescaling, TextVectorization"),
    "engine": (_FILE, "from fkeras.layers import Layer, InputSpec; from fkeras import Model, Input"),
    "objectives": ("Keras 1's name for the losses.", "fk.losses.mean_squared_error"),
    "initializations": ("Keras 1's name for the initializers.", "fk.initializers.GlorotUniform()"),
    "utils.np_utils": (_FILE, "from fkeras.utils import to_categorical"),
    "utils.generic_utils": (_FILE, "from fkeras.utils import Progbar, serialize_keras_object"),
    "utils.data_utils": (_FILE, "from fkeras.utils import get_file, Sequence"),
    "utils.io_utils": (_FILE, 'h5py.File("data.h5")["x"], whose rows fk.utils.PyDataset may return'),
    "utils.layer_utils": (_FILE, "model.count_params(), model.summary()"),
    "utils.vis_utils utils.visualize_util": (_FILE, "model.summary(expand_nested=True)"),
    "utils.conv_utils": ("arithmetic of sizes that a layer does itself.", "layer.compute_output_shape(input_shape)"),
    "utils.multi_gpu_utils utils.training_utils utils.multi_gpu_model": (
        "several devices are a field of the trainer.",
        'trainer = trainer.distribute({"data": -1})',
    ),
    "wrappers.scikit_learn": (_FILE, "fk.wrappers.SKLearnClassifier(build_model), fk.wrappers.SKLearnRegressor"),
    "datasets.cifar": (_FILE, "(x, y), (x_test, y_test) = fk.datasets.cifar10.load_data()"),
    "applications.mobilenetv2": (_FILE, "from fkeras.applications.mobilenet_v2 import MobileNetV2"),
    "applications.regnet applications.resnet_rs "
    + " ".join(f"applications.RegNet{kind}{size}" for kind in "XY" for size in _REGNETS)
    + " "
    + " ".join(f"applications.ResNetRS{size}" for size in (50, 101, 152, 200, 270, 350, 420)): (
        _DROPPED,
        "fk.applications.EfficientNetV2B0()",
    ),
    "backend.tensorflow_backend": ("TensorFlow's backend of Keras 1 and 2.", "from fkeras import ops"),
    "optimizers.experimental": (_FILE, "fk.optimizers.Adam"),
    "experimental": (_DROPPED, "fk.optimizers.schedules.CosineDecay, fk.Model(inputs, outputs)"),
    # layers
    "layers.CuDNNGRU": ("one layer has every kernel, and takes the fastest.", "fk.nn.GRU(32)"),
    "layers.CuDNNLSTM layers.cudnn_recurrent": (
        "one layer has every kernel, and takes the fastest.",
        "fk.nn.LSTM(32)",
    ),
    "layers.Recurrent layers.ConvRecurrent2D": ("the class of recurrent layers of Keras 1.", "fk.nn.RNN(cell)"),
    "layers.LocallyConnected1D layers.LocallyConnected2D layers.local": (
        _DROPPED,
        'jax.lax.conv_general_dilated_local(inputs, self.kernel, (1, 1), "VALID", (3, 3)) in the call of a layer',
    ),
    "layers.ThresholdedReLU": (_DROPPED, "fk.nn.Lambda(lambda x: fk.ops.threshold(x, 1.0, 0.0))"),
    "layers.DenseFeatures": ("TensorFlow's feature columns.", "fk.utils.FeatureSpace(features)"),
    "layers.Highway": (
        _DROPPED,
        'gate = fk.nn.Dense(units, activation="sigmoid")(x); x = gate * fk.nn.Dense(units, activation="relu")(x) + '
        "(1 - gate) * x",
    ),
    "layers.MaxoutDense": (
        _DROPPED,
        "fk.ops.max(fk.nn.Reshape((pieces, units))(fk.nn.Dense(pieces * units)(x)), axis=1)",
    ),
    "layers.Merge": ("a class for each way to merge.", "fk.nn.Concatenate()([a, b]), fk.nn.Add()([a, b])"),
    "layers.TimeDistributedDense": ("one wrapper for all layers.", "fk.nn.TimeDistributed(fk.nn.Dense(10))"),
    "layers.AtrousConvolution1D layers.AtrousConv1D": (_ATROUS, "fk.nn.Conv1D(32, 3, dilation_rate=2)"),
    "layers.AtrousConvolution2D layers.AtrousConv2D": (_ATROUS, "fk.nn.Conv2D(32, 3, dilation_rate=2)"),
    "layers.Deconv2D layers.Deconvolution2D": (_TRANSPOSED, "fk.nn.Conv2DTranspose(32, 3)"),
    "layers.Deconv3D layers.Deconvolution3D": (_TRANSPOSED, "fk.nn.Conv3DTranspose(32, 3)"),
    "layers.ConvRNN2D layers.ConvLSTM2DCell": ("the class around it.", "fk.nn.ConvLSTM2D(32, 3)"),
    "layers.AbstractRNNCell": (
        "a cell is a layer that says its state_size.",
        "class Cell(fk.nn.Layer): def call(self, inputs, states): ..., in fk.nn.RNN(Cell())",
    ),
    "layers.RandomHeight layers.RandomWidth": (
        "images of one batch have one size in compiled code.",
        "fk.nn.RandomZoom(height_factor=0.2, width_factor=0.0)",
    ),
    "models.model_from_config": ("a method of the class.", "fk.Model.from_config(config)"),
    "models.model_from_yaml": (
        "YAML can name any code to run, so Keras took it out.",
        "fk.model_from_json(json.dumps(yaml.safe_load(text)))",
    ),
    "models.Graph": ("Keras 0's; a graph is a model.", "fk.Model(inputs, outputs)"),
    # losses, metrics, optimizers, and their kin
    "constraints.maxnorm": (_ALIAS, "fk.constraints.MaxNorm(3)"),
    "constraints.nonneg": (_ALIAS, "fk.constraints.NonNeg()"),
    "constraints.unitnorm": (_ALIAS, "fk.constraints.UnitNorm()"),
    "constraints.RadialConstraint constraints.radial_constraint": (
        _DROPPED,
        "class Radial(fk.constraints.Constraint): def __call__(self, value): ...",
    ),
    "initializers.one": (_ALIAS, "fk.initializers.Ones()"),
    "initializers.zero": (_ALIAS, "fk.initializers.Zeros()"),
    "regularizers.WeightRegularizer regularizers.ActivityRegularizer regularizers.l1l2 regularizers.activity_l1 "
    "regularizers.activity_l2 regularizers.activity_l1l2": (
        "Keras 1's name.",
        "fk.regularizers.L1L2(l1=0.01, l2=0.01)",
    ),
    "callbacks.BaseLogger": ("`fit` takes the means itself.", "nothing: leave the line out"),
    "metrics.MeanRelativeError": (_DROPPED, "fk.metrics.MeanAbsolutePercentageError()"),
    "losses.MAE losses.mae metrics.MAE metrics.mae": (_ALIAS, "fk.losses.mean_absolute_error"),
    "losses.MSE losses.mse metrics.MSE metrics.mse": (_ALIAS, "fk.losses.mean_squared_error"),
    "losses.MAPE losses.mape metrics.MAPE metrics.mape": (_ALIAS, "fk.losses.mean_absolute_percentage_error"),
    "losses.MSLE losses.msle metrics.MSLE metrics.msle": (_ALIAS, "fk.losses.mean_squared_logarithmic_error"),
    "losses.KLD losses.kld losses.kullback_leibler_divergence metrics.KLD metrics.kld "
    "metrics.kullback_leibler_divergence": (_ALIAS, "fk.losses.kl_divergence"),
    "losses.cosine losses.cosine_proximity metrics.cosine metrics.cosine_proximity": (
        _ALIAS,
        "fk.losses.cosine_similarity",
    ),
    "losses.logcosh metrics.logcosh": (_ALIAS, "fk.losses.log_cosh"),
    "losses.Reduction": ("a name is enough.", 'fk.losses.MeanSquaredError(reduction="sum_over_batch_size")'),
    "metrics.MeanTensor": (_DROPPED, "fk.metrics.Mean()"),
    "metrics.precision metrics.recall metrics.fmeasure metrics.fbeta_score": (
        "means over batches, which Keras 2 dropped; the metrics count over all rows.",
        "fk.metrics.Precision(), fk.metrics.Recall(), fk.metrics.F1Score()",
    ),
    "optimizers.sgd": (_ALIAS, "fk.optimizers.SGD"),
    "optimizers.rmsprop": (_ALIAS, "fk.optimizers.RMSprop"),
    "optimizers.adagrad": (_ALIAS, "fk.optimizers.Adagrad"),
    "optimizers.adadelta": (_ALIAS, "fk.optimizers.Adadelta"),
    "optimizers.adam": (_ALIAS, "fk.optimizers.Adam"),
    "optimizers.adamax": (_ALIAS, "fk.optimizers.Adamax"),
    "optimizers.nadam": (_ALIAS, "fk.optimizers.Nadam"),
    "optimizers.clip_norm": ("an argument of the optimizer.", "fk.optimizers.Adam(clipnorm=1.0)"),
    "optimizers.TFOptimizer": ("optimizers of optax go in as they are.", 'model.compile(optax.adam(1e-3), "mse")'),
    # utils
    "utils.GeneratorEnqueuer utils.OrderedEnqueuer utils.SequenceEnqueuer": (
        "`fit` reads ahead by itself.",
        "trainer.fit(state, dataset, prefetch=2)",
    ),
    "utils.test_utils": ("Keras's own tests.", "nothing: leave the line out"),
    "utils.to_ordinal": (
        "a comparison with each class.",
        "(labels[:, None] > numpy.arange(classes - 1)).astype(float)",
    ),
    "utils.HDF5Matrix": ("h5py reads a part of a file.", 'h5py.File("data.h5")["x"]'),
    "utils.SidecarEvaluator callbacks.SidecarEvaluatorModelExport": (
        "another program reads the run's last save.",
        'trainer, state = fk.load_trainer("run/"); trainer.evaluate(state, x, y)',
    ),
    "utils.convert_all_kernels_in_model": ("Theano's order of kernels.", "nothing: leave the line out"),
    "utils.print_summary": ("a method of the model.", "model.summary()"),
    "utils.warmstart_embedding_matrix": (
        "a matrix is an array.",
        'variables["params"]["embedding"]["embeddings"] = matrix',
    ),
    # the backend
    "backend.function backend.Function": (
        "functions are compiled by JAX.",
        'part = fk.Model(model.input, model.get_layer("block").output); jax.jit(part.apply)(variables, x)',
    ),
    "backend.placeholder": ("a tensor of a graph.", "fk.Input((784,))"),
    "backend.is_placeholder": ("a tensor of a graph.", "fk.backend.is_keras_tensor(x)"),
    "backend.learning_phase backend.set_learning_phase backend.learning_phase_scope backend.in_train_phase "
    "backend.in_test_phase": (
        _MODE,
        "model.apply(variables, x, training=True); def call(self, inputs, training=False)",
    ),
    "backend.get_session backend.set_session backend.manual_variable_initialization backend.reset_uids": (
        _NO_SESSION,
        "nothing: leave the line out",
    ),
    "backend.image_dim_ordering": ("Keras 1's name for the order of axes.", "fk.backend.image_data_format()"),
    "backend.set_image_dim_ordering": (
        "an order of axes for all of a program; here it is an argument.",
        'fk.nn.Conv2D(32, 3, data_format="channels_first")',
    ),
    "backend.normalize_data_format": ("an argument of the layer.", 'fk.nn.Conv2D(32, 3, data_format="channels_last")'),
    "backend.conv3d_transpose": ("Keras 3 has it in keras.ops.", "fk.ops.conv_transpose(inputs, kernel, strides)"),
    "backend.separable_conv1d": (
        "Keras 3 has it in keras.ops.",
        "fk.ops.separable_conv(inputs, depthwise_kernel, pointwise_kernel)",
    ),
    "backend.local_conv1d backend.local_conv2d": (
        _DROPPED,
        'jax.lax.conv_general_dilated_local(inputs, kernel, (1, 1), "VALID", (3, 3))',
    ),
    "backend.normalize_batch_in_training": ("a layer does it.", "fk.nn.BatchNormalization()(x)"),
    "backend.random_binomial": ("randomness is an argument.", "jax.random.bernoulli(key, p, shape)"),
    "backend.get_variable_shape": ("an attribute of arrays.", "x.shape"),
    "backend.print_tensor": ("JAX prints from compiled code.", 'jax.debug.print("x = {}", x)'),
    "backend.experimental callbacks.experimental metrics.experimental models.experimental utils.experimental": (
        _DROPPED,
        "nothing: leave the line out",
    ),
}
