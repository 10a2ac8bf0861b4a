"""Whether two images are of one digit, after https://keras.io/examples/vision/siamese_contrastive/

python examples/from_keras/siamese_contrastive.py

What differs from the Keras script: nothing.
"""

import random

import numpy as np
from sklearn.datasets import load_digits

import fkeras as keras
from fkeras import layers, ops


def make_pairs(x, y):
    """Each image with one of its digit (label 0) and one of another (label 1)."""
    num_classes = max(y) + 1
    digit_indices = [np.where(y == i)[0] for i in range(num_classes)]
    pairs, labels = [], []
    for idx1 in range(len(x)):
        label1 = y[idx1]
        pairs += [[x[idx1], x[random.choice(digit_indices[label1])]]]
        labels += [0]
        label2 = random.choice([label for label in range(num_classes) if label != label1])
        pairs += [[x[idx1], x[random.choice(digit_indices[label2])]]]
        labels += [1]
    return np.array(pairs), np.array(labels).astype("float32")


def euclidean_distance(vects):
    """The distance between two vectors of each row."""
    x, y = vects
    sum_square = ops.sum(ops.square(x - y), axis=1, keepdims=True)
    return ops.sqrt(ops.maximum(sum_square, keras.backend.epsilon()))


def loss(margin=1):
    """A contrastive loss with a margin."""

    def contrastive_loss(y_true, y_pred):
        square_pred = ops.square(y_pred)
        margin_square = ops.square(ops.maximum(margin - (y_pred), 0))
        return ops.mean((1 - y_true) * square_pred + (y_true) * margin_square)

    return contrastive_loss


def main(small=False):
    epochs = 15 if small else 20
    batch_size = 256 if small else 64
    margin = 1
    digits = load_digits()
    images = np.expand_dims(digits.images.astype("float32"), -1)
    rows = 256 if small else 1400
    pairs_train, labels_train = make_pairs(images[:rows], digits.target[:rows])
    pairs_val, labels_val = make_pairs(images[-200:], digits.target[-200:])
    x_train_1, x_train_2 = pairs_train[:, 0], pairs_train[:, 1]
    x_val_1, x_val_2 = pairs_val[:, 0], pairs_val[:, 1]

    input = keras.layers.Input((8, 8, 1))
    x = keras.layers.BatchNormalization()(input)
    x = keras.layers.Conv2D(4, (3, 3), activation="tanh")(x)
    x = keras.layers.AveragePooling2D(pool_size=(2, 2))(x)
    x = keras.layers.Conv2D(16, (2, 2), activation="tanh")(x)
    x = keras.layers.Flatten()(x)
    x = keras.layers.BatchNormalization()(x)
    x = keras.layers.Dense(10, activation="tanh")(x)
    embedding_network = keras.Model(input, x)

    input_1 = keras.layers.Input((8, 8, 1))
    input_2 = keras.layers.Input((8, 8, 1))
    tower_1 = embedding_network(input_1)
    tower_2 = embedding_network(input_2)
    merge_layer = keras.layers.Lambda(euclidean_distance, output_shape=(1,))([tower_1, tower_2])
    normal_layer = layers.BatchNormalization()(merge_layer)
    output_layer = keras.layers.Dense(1, activation="sigmoid")(normal_layer)
    siamese = keras.Model(inputs=[input_1, input_2], outputs=output_layer)
    trainer = siamese.compile(loss=loss(margin=margin), optimizer="RMSprop", metrics=["accuracy"])
    siamese.summary()

    state = trainer.init(0)
    state, history = trainer.fit(
        state,
        [x_train_1, x_train_2],
        labels_train,
        validation_data=([x_val_1, x_val_2], labels_val),
        batch_size=batch_size,
        epochs=epochs,
    )
    assert history.history["loss"][-1] < history.history["loss"][0]
    results = trainer.evaluate(state, [x_val_1, x_val_2], labels_val)
    print("test loss, test acc:", results)
    predictions = trainer.predict(state, [x_val_1, x_val_2])
    apart = predictions[labels_val == 1].mean() - predictions[labels_val == 0].mean()
    assert apart > (0.0 if small else 0.5)


if __name__ == "__main__":
    main()
