"""Training and evaluation, after https://keras.io/guides/training_with_built_in_methods/

python examples/from_keras/training_with_built_in_methods.py

What differs from the Keras script:

- `batch_size=64` beside a `PyDataset` is left out: it changes nothing here, and warns.
- `metrics_names` is not needed: `dict(results)` has the names.
- `keras.load_trainer(path)` in place of `keras.models.load_model(path)`, where training goes on.
- The parts on `tf.data`, PyTorch's `DataLoader` and TensorBoard are left out: they need those libraries.
"""

import os
import pathlib
import tempfile

import numpy as np
from sklearn.datasets import load_digits

import fkeras as keras
from fkeras import layers, ops


def load_data(rows):
    """8 x 8 digits as rows of 64 pixels, in the shape of `keras.datasets.mnist.load_data()`."""
    digits = load_digits()
    x, y = (digits.data / 16).astype("float32"), digits.target.astype("float32")
    return (x[:rows], y[:rows]), (x[-200:], y[-200:])


def get_uncompiled_model():
    inputs = keras.Input(shape=(64,), name="digits")
    x = layers.Dense(64, activation="relu", name="dense_1")(inputs)
    x = layers.Dense(64, activation="relu", name="dense_2")(x)
    outputs = layers.Dense(10, activation="softmax", name="predictions")(x)
    return keras.Model(inputs=inputs, outputs=outputs)


def get_compiled_model():
    model = get_uncompiled_model()
    return model.compile(
        optimizer="rmsprop",
        loss="sparse_categorical_crossentropy",
        metrics=["sparse_categorical_accuracy"],
    )


def end_to_end(x_train, y_train, x_test, y_test):
    x_val, y_val = x_train[-100:], y_train[-100:]
    x_train, y_train = x_train[:-100], y_train[:-100]
    model = get_uncompiled_model()
    trainer = model.compile(
        optimizer=keras.optimizers.RMSprop(),
        loss=keras.losses.SparseCategoricalCrossentropy(),
        metrics=[keras.metrics.SparseCategoricalAccuracy()],
    )
    state = trainer.init(0)
    print("Fit model on training data")
    state, history = trainer.fit(
        state,
        x_train,
        y_train,
        batch_size=64,
        epochs=2,
        validation_data=(x_val, y_val),
    )
    print(history.history)
    assert history.history["loss"][1] < history.history["loss"][0]
    assert "val_sparse_categorical_accuracy" in history.history
    print("Evaluate on test data")
    results = trainer.evaluate(state, x_test, y_test, batch_size=128)
    print("test loss, test acc:", results)
    loss, accuracy = results
    assert accuracy > 0.3
    assert loss < 2.3
    print("Generate predictions for 3 samples")
    predictions = trainer.predict(state, x_test[:3])
    print("predictions shape:", predictions.shape)
    assert predictions.shape == (3, 10)


def custom_mean_squared_error(y_true, y_pred):
    return ops.mean(ops.square(y_true - y_pred), axis=-1)


class CustomMSE(keras.losses.Loss):
    def __init__(self, regularization_factor=0.1, name="custom_mse"):
        super().__init__(name=name)
        self.regularization_factor = regularization_factor

    def call(self, y_true, y_pred):
        mse = ops.mean(ops.square(y_true - y_pred), axis=-1)
        reg = ops.mean(ops.square(0.5 - y_pred), axis=-1)
        return mse + reg * self.regularization_factor


def custom_losses(x_train, y_train):
    y_train_one_hot = ops.one_hot(y_train, num_classes=10)
    for loss in (custom_mean_squared_error, CustomMSE()):
        model = get_uncompiled_model()
        trainer = model.compile(optimizer=keras.optimizers.Adam(), loss=loss)
        _, history = trainer.fit(trainer.init(0), x_train, y_train_one_hot, batch_size=64, epochs=1)
        assert 0.05 < history.history["loss"][0] < 0.15


class CategoricalTruePositives(keras.metrics.Metric):
    def __init__(self, name="categorical_true_positives", **kwargs):
        super().__init__(name=name, **kwargs)
        self.true_positives = self.add_variable(shape=(), name="ctp", initializer="zeros")

    def update_state(self, y_true, y_pred, sample_weight=None):
        y_pred = ops.reshape(ops.argmax(y_pred, axis=1), (-1, 1))
        values = ops.cast(y_true, "int32") == ops.cast(y_pred, "int32")
        values = ops.cast(values, "float32")
        if sample_weight is not None:
            sample_weight = ops.cast(sample_weight, "float32")
            values = ops.multiply(values, sample_weight)
        self.true_positives.assign_add(ops.sum(values))

    def result(self):
        return self.true_positives.value

    def reset_state(self):
        self.true_positives.assign(0.0)


def a_custom_metric(x_train, y_train):
    model = get_uncompiled_model()
    trainer = model.compile(
        optimizer=keras.optimizers.RMSprop(learning_rate=1e-3),
        loss=keras.losses.SparseCategoricalCrossentropy(),
        metrics=[CategoricalTruePositives()],
    )
    _, history = trainer.fit(trainer.init(0), x_train, y_train, batch_size=64, epochs=3)
    counts = history.history["categorical_true_positives"]
    assert counts[2] > counts[0]


class ActivityRegularizationLayer(layers.Layer):
    def call(self, inputs):
        self.add_loss(ops.sum(inputs) * 0.1)
        return inputs


class LogisticEndpoint(keras.layers.Layer):
    def __init__(self, name=None):
        super().__init__(name=name)
        self.loss_fn = keras.losses.BinaryCrossentropy(from_logits=True)

    def call(self, targets, logits, sample_weights=None):
        loss = self.loss_fn(targets, logits, sample_weights)
        self.add_loss(loss)
        return ops.softmax(logits)


def losses_in_layers(x_train, y_train):
    inputs = keras.Input(shape=(64,), name="digits")
    x = layers.Dense(64, activation="relu", name="dense_1")(inputs)
    x = ActivityRegularizationLayer()(x)
    x = layers.Dense(64, activation="relu", name="dense_2")(x)
    outputs = layers.Dense(10, name="predictions")(x)
    model = keras.Model(inputs=inputs, outputs=outputs)
    trainer = model.compile(
        optimizer=keras.optimizers.RMSprop(learning_rate=1e-3),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    _, history = trainer.fit(trainer.init(0), x_train, y_train, batch_size=64, epochs=1)
    assert history.history["loss"][0] > 3

    inputs = keras.Input(shape=(3,), name="inputs")
    targets = keras.Input(shape=(10,), name="targets")
    logits = keras.layers.Dense(10)(inputs)
    predictions = LogisticEndpoint(name="predictions")(targets, logits)
    model = keras.Model(inputs=[inputs, targets], outputs=predictions)
    trainer = model.compile(optimizer="adam")
    data = {
        "inputs": np.random.random((3, 3)),
        "targets": np.random.random((3, 10)),
    }
    _, history = trainer.fit(trainer.init(0), data)
    assert 0.3 < history.history["loss"][0] < 2


class ExamplePyDataset(keras.utils.PyDataset):
    def __init__(self, x, y, batch_size, **kwargs):
        super().__init__(**kwargs)
        self.x = x
        self.y = y
        self.batch_size = batch_size

    def __len__(self):
        return int(np.ceil(len(self.x) / float(self.batch_size)))

    def __getitem__(self, idx):
        batch_x = self.x[idx * self.batch_size : (idx + 1) * self.batch_size]
        batch_y = self.y[idx * self.batch_size : (idx + 1) * self.batch_size]
        return batch_x, batch_y


def kinds_of_data(x_train, y_train):
    trainer = get_compiled_model()
    state = trainer.init(0)
    trainer.fit(state, x_train, y_train, batch_size=64, validation_split=0.2, epochs=1)

    train_py_dataset = ExamplePyDataset(x_train, y_train, batch_size=32, workers=4)
    val_py_dataset = ExamplePyDataset(x_train[-50:], y_train[-50:], batch_size=32)
    state, history = trainer.fit(state, train_py_dataset, validation_data=val_py_dataset, epochs=1)
    assert "val_loss" in history.history
    results = trainer.evaluate(state, val_py_dataset)
    print(dict(results))
    assert np.isclose(results[0], history.history["val_loss"][0], rtol=1e-4)

    trainer.fit(state, train_py_dataset, epochs=3, steps_per_epoch=2)


def weights_of_classes_and_samples(x_train, y_train):
    class_weight = dict.fromkeys(range(10), 1.0)
    class_weight[5] = 2.0
    print("Fit with class weight")
    trainer = get_compiled_model()
    by_class, _ = trainer.fit(trainer.init(0), x_train, y_train, class_weight=class_weight, batch_size=64, epochs=1)

    sample_weight = np.ones(shape=(len(y_train),))
    sample_weight[y_train == 5] = 2.0
    print("Fit with sample weight")
    trainer = get_compiled_model()
    by_row, _ = trainer.fit(trainer.init(0), x_train, y_train, sample_weight=sample_weight, batch_size=64, epochs=1)
    np.testing.assert_allclose(
        by_class.params["predictions"]["kernel"], by_row.params["predictions"]["kernel"], atol=1e-5
    )


def several_inputs_and_outputs():
    image_input = keras.Input(shape=(32, 32, 3), name="img_input")
    timeseries_input = keras.Input(shape=(None, 10), name="ts_input")
    x1 = layers.Conv2D(3, 3)(image_input)
    x1 = layers.GlobalMaxPooling2D()(x1)
    x2 = layers.Conv1D(3, 3)(timeseries_input)
    x2 = layers.GlobalMaxPooling1D()(x2)
    x = layers.concatenate([x1, x2])
    score_output = layers.Dense(1, name="score_output")(x)
    class_output = layers.Dense(5, name="class_output")(x)
    model = keras.Model(inputs=[image_input, timeseries_input], outputs=[score_output, class_output])

    by_name = model.compile(
        optimizer=keras.optimizers.RMSprop(1e-3),
        loss={
            "score_output": keras.losses.MeanSquaredError(),
            "class_output": keras.losses.CategoricalCrossentropy(),
        },
        metrics={
            "score_output": [
                keras.metrics.MeanAbsolutePercentageError(),
                keras.metrics.MeanAbsoluteError(),
            ],
            "class_output": [keras.metrics.CategoricalAccuracy()],
        },
        loss_weights={"score_output": 2.0, "class_output": 1.0},
    )
    img_data = np.random.random_sample(size=(64, 32, 32, 3))
    ts_data = np.random.random_sample(size=(64, 20, 10))
    score_targets = np.random.random_sample(size=(64, 1))
    class_targets = np.random.random_sample(size=(64, 5))
    _, history = by_name.fit(
        by_name.init(0),
        {"img_input": img_data, "ts_input": ts_data},
        {"score_output": score_targets, "class_output": class_targets},
        batch_size=32,
        epochs=1,
    )
    assert {"score_output_mean_absolute_error", "class_output_categorical_accuracy"} <= set(history.history)

    in_a_list = model.compile(
        optimizer=keras.optimizers.RMSprop(1e-3),
        loss=[keras.losses.MeanSquaredError(), keras.losses.CategoricalCrossentropy()],
        metrics=[
            [keras.metrics.MeanAbsolutePercentageError(), keras.metrics.MeanAbsoluteError()],
            [keras.metrics.CategoricalAccuracy()],
        ],
    )
    in_a_list.fit(in_a_list.init(0), [img_data, ts_data], [score_targets, class_targets], batch_size=32, epochs=1)

    model.compile(
        optimizer=keras.optimizers.RMSprop(1e-3),
        loss=[None, keras.losses.CategoricalCrossentropy()],
    )
    model.compile(
        optimizer=keras.optimizers.RMSprop(1e-3),
        loss={"class_output": keras.losses.CategoricalCrossentropy()},
    )


class LossHistory(keras.callbacks.Callback):
    def on_train_begin(self, logs):
        self.per_batch_losses = []

    def on_batch_end(self, batch, logs):
        self.per_batch_losses.append(logs.get("loss"))


def callbacks(x_train, y_train):
    trainer = get_compiled_model()
    losses = LossHistory()
    stopping = keras.callbacks.EarlyStopping(
        monitor="val_loss",
        min_delta=1e-2,
        patience=2,
        verbose=1,
    )
    trainer.fit(
        trainer.init(0),
        x_train,
        y_train,
        epochs=2,
        batch_size=64,
        callbacks=[stopping, losses],
        validation_split=0.2,
    )
    assert len(losses.per_batch_losses) == 2 * np.ceil(len(x_train) * 0.8 / 64)


def checkpoints(x_train, y_train):
    with tempfile.TemporaryDirectory() as directory:
        checkpoint_dir = pathlib.Path(directory) / "ckpt"
        os.makedirs(checkpoint_dir)

        def make_or_restore_model():
            checkpoints = [checkpoint_dir / name for name in os.listdir(checkpoint_dir)]
            if checkpoints:
                latest_checkpoint = max(checkpoints, key=os.path.getctime)
                print("Restoring from", latest_checkpoint)
                return keras.load_trainer(latest_checkpoint)
            print("Creating a new model")
            trainer = get_compiled_model()
            return trainer, trainer.init(0)

        trainer, state = make_or_restore_model()
        saving = [
            keras.callbacks.ModelCheckpoint(
                filepath=checkpoint_dir / "model-loss={loss:.2f}.keras",
                save_freq=2,
            )
        ]
        trainer.fit(state, x_train, y_train, epochs=1, callbacks=saving)
        trainer, state = make_or_restore_model()
        assert int(state.step) > 0

        best = keras.callbacks.ModelCheckpoint(
            filepath=pathlib.Path(directory) / "mymodel_{epoch}.keras",
            save_best_only=True,
            monitor="val_loss",
            verbose=1,
        )
        trainer.fit(state, x_train, y_train, epochs=1, batch_size=64, callbacks=[best], validation_split=0.2)
        assert (pathlib.Path(directory) / "mymodel_1.keras").exists()


def schedules_and_tensorboard(x_train, y_train):
    initial_learning_rate = 0.1
    lr_schedule = keras.optimizers.schedules.ExponentialDecay(
        initial_learning_rate, decay_steps=100000, decay_rate=0.96, staircase=True
    )
    optimizer = keras.optimizers.RMSprop(learning_rate=lr_schedule)
    trainer = get_uncompiled_model().compile(optimizer, "sparse_categorical_crossentropy")
    state, _ = trainer.fit(trainer.init(0), x_train[:64], y_train[:64])
    print(float(lr_schedule(state.step)))


def main(small=False):
    (x_train, y_train), (x_test, y_test) = load_data(rows=400 if small else 1500)
    end_to_end(x_train, y_train, x_test, y_test)
    custom_losses(x_train, y_train)
    a_custom_metric(x_train, y_train)
    losses_in_layers(x_train, y_train)
    kinds_of_data(x_train, y_train)
    weights_of_classes_and_samples(x_train, y_train)
    several_inputs_and_outputs()
    callbacks(x_train, y_train)
    checkpoints(x_train, y_train)
    schedules_and_tensorboard(x_train, y_train)


if __name__ == "__main__":
    main()
