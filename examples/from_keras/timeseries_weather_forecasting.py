"""Windows of a series to a number to come, after https://keras.io/examples/timeseries/timeseries_weather_forecasting/

python examples/from_keras/timeseries_weather_forecasting.py

What differs from the Keras script:

- The weather is made, not fetched: a year's and a day's course, and what the last hours add.
- `load_trainer` reads the best run, where Keras's `ModelCheckpoint` keeps weights alone.
"""

import pathlib
import tempfile

import numpy as np

import fkeras as keras


def make_weather(hours):
    """Temperature, pressure and wind, hour by hour."""
    rng = np.random.default_rng(0)
    time = np.arange(hours)
    front = np.convolve(rng.normal(size=hours + 47), np.ones(48) / 7, mode="valid")  # what comes and goes in two days
    temperature = 10 + 8 * np.sin(2 * np.pi * time / (24 * 365)) + 4 * np.sin(2 * np.pi * time / 24) + 3 * front
    pressure = 1000 - 5 * front + rng.normal(size=hours)
    wind = np.abs(2 + np.roll(front, -6) + rng.normal(size=hours))  # six hours before the front
    return np.stack([pressure, temperature, wind], axis=1)


def normalize(data, train_split):
    data_mean = data[:train_split].mean(axis=0)
    data_std = data[:train_split].std(axis=0)
    return (data - data_mean) / data_std


def main(small=False):
    hours = 2000 if small else 20_000
    step, past, future = 2, 48, 6
    learning_rate, batch_size, epochs = 0.01, 64, 12
    train_split = int(0.7 * hours)

    features = normalize(make_weather(hours), train_split).astype("float32")
    train_data, val_data = features[:train_split], features[train_split:]
    sequence_length = past // step

    def windows(data):
        x, y = data[: -past - future], data[past + future :, 1:2]
        return keras.preprocessing.timeseries_dataset_from_array(
            x, y, sequence_length=sequence_length, sampling_rate=step, batch_size=batch_size
        )

    dataset_train, dataset_val = windows(train_data), windows(val_data)
    inputs, targets = dataset_train[0]
    assert inputs.shape == (batch_size, sequence_length, 3)
    assert targets.shape == (batch_size, 1)

    inputs = keras.layers.Input(shape=(sequence_length, 3))
    lstm_out = keras.layers.LSTM(16 if small else 32)(inputs)
    outputs = keras.layers.Dense(1)(lstm_out)
    model = keras.Model(inputs=inputs, outputs=outputs)
    trainer = model.compile(optimizer=keras.optimizers.Adam(learning_rate=learning_rate), loss="mse")

    with tempfile.TemporaryDirectory() as directory:
        path_checkpoint = pathlib.Path(directory) / "model_checkpoint.keras"
        callbacks = [
            keras.callbacks.EarlyStopping(monitor="val_loss", min_delta=0, patience=5),
            keras.callbacks.ModelCheckpoint(monitor="val_loss", filepath=path_checkpoint, save_best_only=True),
        ]
        _, history = trainer.fit(
            trainer.init(0), dataset_train, epochs=epochs, validation_data=dataset_val, callbacks=callbacks, verbose=0
        )
        best, best_state = keras.load_trainer(path_checkpoint)
        best_loss = best.evaluate(best_state, dataset_val, verbose=0)["loss"]
    print(f"validation loss {history.history['val_loss'][-1]:.3f}, of the best epoch {best_loss:.3f}")
    np.testing.assert_allclose(best_loss, min(history.history["val_loss"]), rtol=1e-4)
    variance = float(np.var(np.concatenate([y for _, y in dataset_val])))
    assert best_loss < 0.5 * variance  # a constant would leave all of it


if __name__ == "__main__":
    main()
