"""Raw texts to labels, after https://keras.io/examples/nlp/text_classification_from_scratch/

python examples/from_keras/text_classification_from_scratch.py

What differs from the Keras script:

- `custom_standardization` gets numpy arrays of text, so it is written with `np.strings` in place of `tf.strings`.
- `end_to_end_model.put(...)` puts the trained weights into the model around.
- The reviews are made, not fetched; `map` takes a batch, and there is no `prefetch`: `fit` does it.
"""

import pathlib
import string
import tempfile

import numpy as np

import fkeras as keras
from fkeras import layers


def write_reviews(directory, rows):
    """`directory/pos/0.txt` and so on: a few words, with the marks of HTML that the reviews of IMDB have."""
    rng = np.random.default_rng(0)
    good, bad, other = ["great", "fine", "moving"], ["dull", "awful", "flat"], ["the", "film", "was", "a", "plot"]
    for name, own in (("neg", bad), ("pos", good)):
        folder = pathlib.Path(directory) / name
        folder.mkdir()
        for i in range(rows // 2):
            words = rng.permutation([*rng.choice(other, 8), *rng.choice(own, 3)])
            (folder / f"{i}.txt").write_text(" ".join(words).capitalize() + "!<br />")


def custom_standardization(input_data):
    lowercase = np.strings.lower(input_data)
    stripped_html = np.strings.replace(lowercase, "<br />", " ")
    return np.strings.translate(stripped_html, str.maketrans("", "", string.punctuation))


def main(small=False):
    with tempfile.TemporaryDirectory() as directory:
        write_reviews(directory, 600 if small else 4000)
        raw_train_ds, raw_val_ds = keras.utils.text_dataset_from_directory(
            directory, batch_size=32, validation_split=0.2, subset="both", seed=1337
        )
        assert raw_train_ds.class_names == ["neg", "pos"]
        train(raw_train_ds, raw_val_ds, small)


def train(raw_train_ds, raw_val_ds, small):
    max_features = 100
    embedding_dim = 16 if small else 128
    sequence_length = 20

    vectorize_layer = keras.layers.TextVectorization(
        standardize=custom_standardization,
        max_tokens=max_features,
        output_mode="int",
        output_sequence_length=sequence_length,
    )
    vectorize_layer = vectorize_layer.adapt(np.concatenate([x for x, _ in raw_train_ds]))

    def vectorize_text(batch):
        text, label = batch
        return vectorize_layer(text), label

    train_ds = raw_train_ds.map(vectorize_text)
    val_ds = raw_val_ds.map(vectorize_text)

    filters = 8 if small else 128
    inputs = keras.Input(shape=(None,), dtype="int64")
    x = layers.Embedding(max_features, embedding_dim)(inputs)
    x = layers.Dropout(0.5)(x)
    x = layers.Conv1D(filters, 7, padding="valid", activation="relu", strides=3)(x)
    x = layers.Conv1D(filters, 3, padding="valid", activation="relu", strides=3)(x)
    x = layers.GlobalMaxPooling1D()(x)
    x = layers.Dense(filters, activation="relu")(x)
    x = layers.Dropout(0.5)(x)
    predictions = layers.Dense(1, activation="sigmoid", name="predictions")(x)
    model = keras.Model(inputs, predictions)

    trainer = model.compile(loss="binary_crossentropy", optimizer="adam", metrics=["accuracy"])
    state = trainer.init(0)
    epochs = 12 if small else 3
    state, _ = trainer.fit(state, train_ds, validation_data=val_ds, epochs=epochs)
    _, accuracy = trainer.evaluate(state, val_ds)
    assert accuracy > 0.8

    inputs = keras.Input(shape=(1,), dtype="string")
    indices = vectorize_layer(inputs)
    outputs = model(indices)
    end_to_end_model = keras.Model(inputs, outputs)
    end_to_end_trainer = end_to_end_model.compile(loss="binary_crossentropy", optimizer="adam", metrics=["accuracy"])
    variables = end_to_end_model.put(end_to_end_model.init(0), model, state.variables)
    end_to_end_state = end_to_end_trainer.init(0, variables=variables)
    found = end_to_end_trainer.evaluate(end_to_end_state, raw_val_ds.map(lambda batch: (batch[0][:, None], batch[1])))
    np.testing.assert_allclose(found[1], accuracy, atol=1e-5)


if __name__ == "__main__":
    main()
