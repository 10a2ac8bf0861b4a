"""A bidirectional LSTM on reviews, after https://keras.io/examples/nlp/bidirectional_lstm_imdb/

python examples/from_keras/bidirectional_lstm.py

What differs from the Keras script: nothing.
"""

import numpy as np

import fkeras as keras
from fkeras import layers


def load_data(num_words, rows):
    """Reviews as lists of word indices: one that has more even words than odd ones is a good one."""
    rng = np.random.default_rng(0)
    labels = rng.integers(2, size=rows)
    reviews = []
    for label in labels:
        words = rng.integers(1, num_words // 2, size=rng.integers(5, 20)) * 2
        reviews.append(list(words - (rng.random(len(words)) < (0.1 if label else 0.9))))
    half = rows // 2
    return (reviews[:half], labels[:half]), (reviews[half:], labels[half:])


def main(small=False):
    max_features = 200
    maxlen = 20

    inputs = keras.Input(shape=(None,), dtype="int32")
    x = layers.Embedding(max_features, 16 if small else 128)(inputs)
    x = layers.Bidirectional(layers.LSTM(8 if small else 64, return_sequences=True))(x)
    x = layers.Bidirectional(layers.LSTM(8 if small else 64))(x)
    outputs = layers.Dense(1, activation="sigmoid")(x)
    model = keras.Model(inputs, outputs)
    model.summary()

    (x_train, y_train), (x_val, y_val) = load_data(num_words=max_features, rows=1000 if small else 4000)
    print(len(x_train), "Training sequences")
    print(len(x_val), "Validation sequences")
    x_train = keras.utils.pad_sequences(x_train, maxlen=maxlen)
    x_val = keras.utils.pad_sequences(x_val, maxlen=maxlen)

    trainer = model.compile(optimizer="adam", loss="binary_crossentropy", metrics=["accuracy"])
    state = trainer.init(0)
    state, history = trainer.fit(state, x_train, y_train, batch_size=32, epochs=3, validation_data=(x_val, y_val))
    assert history.history["val_accuracy"][-1] > 0.8


if __name__ == "__main__":
    main()
