"""What a convolutional autoencoder cannot rebuild, after https://keras.io/examples/timeseries/timeseries_anomaly_detection/

python examples/from_keras/timeseries_anomaly_detection.py

What differs from the Keras script: nothing.
"""

import numpy as np
import pandas as pd

import fkeras as keras
from fkeras import layers

TIME_STEPS = 48


def load_data(days):
    """A day's rhythm with noise, at 48 times a day, and the same with a jump."""
    rng = np.random.default_rng(0)
    times = pd.date_range("2014-04-01", periods=days * TIME_STEPS, freq="30min")
    values = np.sin(np.arange(len(times)) * 2 * np.pi / TIME_STEPS) + 0.1 * rng.normal(size=len(times))
    normal = pd.DataFrame({"value": values}, index=times)
    jump = normal.copy()
    jump.iloc[len(jump) // 2 : len(jump) // 2 + 12] += 4
    return normal, jump


def create_sequences(values, time_steps=TIME_STEPS):
    output = []
    for i in range(len(values) - time_steps + 1):
        output.append(values[i : (i + time_steps)])
    return np.stack(output)


def main(small=False):
    df_small_noise, df_daily_jumpsup = load_data(5 if small else 60)
    training_mean = df_small_noise.mean()
    training_std = df_small_noise.std()
    df_training_value = (df_small_noise - training_mean) / training_std
    print("Number of training samples:", len(df_training_value))
    x_train = create_sequences(df_training_value.values)
    print("Training input shape: ", x_train.shape)

    model = keras.Sequential(
        [
            layers.Input(shape=(x_train.shape[1], x_train.shape[2])),
            layers.Conv1D(
                filters=8 if small else 32,
                kernel_size=7,
                padding="same",
                strides=2,
                activation="relu",
            ),
            layers.Dropout(rate=0.2),
            layers.Conv1D(
                filters=4 if small else 16,
                kernel_size=7,
                padding="same",
                strides=2,
                activation="relu",
            ),
            layers.Conv1DTranspose(
                filters=4 if small else 16,
                kernel_size=7,
                padding="same",
                strides=2,
                activation="relu",
            ),
            layers.Dropout(rate=0.2),
            layers.Conv1DTranspose(
                filters=8 if small else 32,
                kernel_size=7,
                padding="same",
                strides=2,
                activation="relu",
            ),
            layers.Conv1DTranspose(filters=1, kernel_size=7, padding="same"),
        ]
    )
    trainer = model.compile(optimizer=keras.optimizers.Adam(learning_rate=0.001), loss="mse")
    model.summary()

    state = trainer.init(0)
    state, history = trainer.fit(
        state,
        x_train,
        x_train,
        epochs=30 if small else 50,
        batch_size=256 if small else 128,
        validation_split=0.1,
        callbacks=[keras.callbacks.EarlyStopping(monitor="val_loss", patience=5, mode="min")],
    )
    assert history.history["loss"][-1] < history.history["loss"][0]

    x_train_pred = trainer.predict(state, x_train)
    train_mae_loss = np.mean(np.abs(x_train_pred - x_train), axis=1)
    threshold = np.max(train_mae_loss)
    print("Reconstruction error threshold: ", threshold)

    df_test_value = (df_daily_jumpsup - training_mean) / training_std
    x_test = create_sequences(df_test_value.values)
    x_test_pred = trainer.predict(state, x_test)
    test_mae_loss = np.mean(np.abs(x_test_pred - x_test), axis=1)
    test_mae_loss = test_mae_loss.reshape(-1)
    anomalies = test_mae_loss > threshold
    print("Number of anomaly samples: ", np.sum(anomalies))
    found = np.flatnonzero(anomalies)
    middle = len(df_test_value) // 2
    assert len(found) > 0
    assert ((found > middle - TIME_STEPS) & (found < middle + 12)).all()


if __name__ == "__main__":
    main()
