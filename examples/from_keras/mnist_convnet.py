"""A small convnet for digits, after https://keras.io/examples/vision/mnist_convnet/

python examples/from_keras/mnist_convnet.py

What differs from the Keras script: nothing.
"""

import numpy as np
from sklearn.datasets import load_digits

import fkeras as keras
from fkeras import layers


def main(small=False):
    num_classes = 10
    input_shape = (8, 8, 1)
    digits = load_digits()
    rows = 320 if small else 1500
    x_train, y_train = digits.images[:rows], digits.target[:rows]
    x_test, y_test = digits.images[1500:], digits.target[1500:]
    x_train = x_train.astype("float32") / 16
    x_test = x_test.astype("float32") / 16
    x_train = np.expand_dims(x_train, -1)
    x_test = np.expand_dims(x_test, -1)
    print("x_train shape:", x_train.shape)
    y_train = keras.utils.to_categorical(y_train, num_classes)
    y_test = keras.utils.to_categorical(y_test, num_classes)

    model = keras.Sequential(
        [
            keras.Input(shape=input_shape),
            layers.Conv2D(8 if small else 32, kernel_size=(3, 3), activation="relu"),
            layers.MaxPooling2D(pool_size=(2, 2)),
            layers.Conv2D(16 if small else 64, kernel_size=(2, 2), activation="relu"),
            layers.MaxPooling2D(pool_size=(2, 2)),
            layers.Flatten(),
            layers.Dropout(0.5),
            layers.Dense(num_classes, activation="softmax"),
        ]
    )
    model.summary()

    batch_size = 144 if small else 32
    epochs = 30 if small else 15
    trainer = model.compile(loss="categorical_crossentropy", optimizer="adam", metrics=["accuracy"])
    state = trainer.init(0)
    state, history = trainer.fit(state, x_train, y_train, batch_size=batch_size, epochs=epochs, validation_split=0.1)

    score = trainer.evaluate(state, x_test, y_test, verbose=0)
    print("Test loss:", score[0])
    print("Test accuracy:", score[1])
    assert score[1] > (0.3 if small else 0.85)
    assert history.history["loss"][-1] < history.history["loss"][0]


if __name__ == "__main__":
    main()
