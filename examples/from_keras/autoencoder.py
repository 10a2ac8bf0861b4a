"""A convolutional autoencoder that takes noise away, after https://keras.io/examples/vision/autoencoder/

python examples/from_keras/autoencoder.py

What differs from the Keras script: nothing.
"""

import numpy as np
from sklearn.datasets import load_digits

import fkeras as keras
from fkeras import layers


def noise(array):
    """Add random noise to each image."""
    noise_factor = 0.4
    noisy_array = array + noise_factor * np.random.normal(loc=0.0, scale=1.0, size=array.shape)
    return np.clip(noisy_array, 0.0, 1.0)


def main(small=False):
    images = np.expand_dims(load_digits().images.astype("float32") / 16, -1)
    train_data, test_data = images[: 256 if small else 1500], images[1500:]
    noisy_train_data = noise(train_data)
    noisy_test_data = noise(test_data)

    filters = 8 if small else 32
    input = layers.Input(shape=(8, 8, 1))
    x = layers.Conv2D(filters, (3, 3), activation="relu", padding="same")(input)
    x = layers.MaxPooling2D((2, 2), padding="same")(x)
    x = layers.Conv2D(filters, (3, 3), activation="relu", padding="same")(x)
    x = layers.MaxPooling2D((2, 2), padding="same")(x)
    x = layers.Conv2DTranspose(filters, (3, 3), strides=2, activation="relu", padding="same")(x)
    x = layers.Conv2DTranspose(filters, (3, 3), strides=2, activation="relu", padding="same")(x)
    x = layers.Conv2D(1, (3, 3), activation="sigmoid", padding="same")(x)

    autoencoder = keras.models.Model(input, x)
    trainer = autoencoder.compile(optimizer="adam", loss="binary_crossentropy")
    autoencoder.summary()

    state = trainer.init(0)
    state, history = trainer.fit(
        state,
        x=train_data,
        y=train_data,
        epochs=5 if small else 20,
        batch_size=128,
        shuffle=True,
        validation_data=(test_data, test_data),
    )
    assert history.history["val_loss"][-1] < history.history["val_loss"][0]
    predictions = trainer.predict(state, test_data)
    assert predictions.shape == test_data.shape

    state, history = trainer.fit(
        state,
        x=noisy_train_data,
        y=train_data,
        epochs=1 if small else 20,
        batch_size=128,
        shuffle=True,
        validation_data=(noisy_test_data, test_data),
    )
    predictions = trainer.predict(state, noisy_test_data)
    if not small:
        assert np.square(predictions - test_data).mean() < np.square(noisy_test_data - test_data).mean()


if __name__ == "__main__":
    main()
