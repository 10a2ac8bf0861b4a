"""An LSTM on the reviews of IMDB, after Keras's imdb_lstm.py; the data set: https://keras.io/api/datasets/imdb/

python examples/from_keras/imdb_lstm.py

What differs from the Keras script:

- The file of the data set is made, in its format, and not fetched: `imdb.load_data(path=...)` reads it.
"""

import pathlib
import tempfile

import numpy as np

import fkeras as keras
from fkeras.datasets import imdb
from fkeras.layers import LSTM, Dense, Embedding
from fkeras.models import Sequential
from fkeras.preprocessing import sequence


def write_reviews(path, rows):
    """`imdb.npz`: reviews as lists of the ranks of their words, of which some are said of good films alone."""
    rng = np.random.default_rng(0)
    parts = {}
    for name in ("train", "test"):
        labels, reviews = rng.integers(2, size=rows), np.empty(rows, object)
        for i, label in enumerate(labels):
            words = rng.integers(20, 300, size=rng.integers(10, 60))
            said = rng.random(len(words)) < 0.3
            words[said] = rng.integers(1, 10, size=said.sum()) + (10 if label else 0)
            reviews[i] = words.tolist()
        parts |= {f"x_{name}": reviews, f"y_{name}": labels}
    np.savez(path, **parts)


def main(small=False):
    max_features = 250
    # cut texts after this number of words (among top max_features most common words)
    maxlen = 30 if small else 60
    batch_size = 32

    with tempfile.TemporaryDirectory() as place:
        file = pathlib.Path(place) / "imdb.npz"
        write_reviews(file, rows=400 if small else 4000)
        print("Loading data...")
        (x_train, y_train), (x_test, y_test) = imdb.load_data(path=file, num_words=max_features)
    print(len(x_train), "train sequences")
    print(len(x_test), "test sequences")
    assert max(max(review) for review in x_train) == max_features - 1

    print("Pad sequences (samples x time)")
    x_train = sequence.pad_sequences(x_train, maxlen=maxlen)
    x_test = sequence.pad_sequences(x_test, maxlen=maxlen)
    print("x_train shape:", x_train.shape)
    print("x_test shape:", x_test.shape)

    print("Build model...")
    model = Sequential([keras.Input((maxlen,))])
    model = model.add(Embedding(max_features, 16 if small else 128))
    model = model.add(LSTM(16 if small else 128, dropout=0.2, recurrent_dropout=0.2))
    model = model.add(Dense(1, activation="sigmoid"))
    trainer = model.compile(loss="binary_crossentropy", optimizer=keras.optimizers.Adam(1e-2), metrics=["accuracy"])

    print("Train...")
    state = trainer.init(0)
    state, _ = trainer.fit(state, x_train, y_train, batch_size=batch_size, epochs=3, validation_data=(x_test, y_test))
    results = trainer.evaluate(state, x_test, y_test, batch_size=batch_size)
    print("Test score:", results["loss"])
    print("Test accuracy:", results["accuracy"])
    assert results["accuracy"] > 0.8


if __name__ == "__main__":
    main()
