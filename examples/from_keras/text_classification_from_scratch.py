"""Raw texts to labels, after https://keras.io/examples/nlp/text_classification_from_scratch/

python examples/from_keras/text_classification_from_scratch.py

What differs from the Keras script:

- `custom_standardization` gets numpy arrays of text, so it is written with `np.strings` in place of `tf.strings`.
- `end_to_end_model.put(...)` puts the trained weights into the model around.
- Arrays in place of `tf.data`.
"""

import string

import numpy as np

import fkeras as keras
from fkeras import layers


def load_data(rows):
    """Reviews of a few words, with the marks of HTML that the ones of IMDB have, and whether they are good ones."""
    rng = np.random.default_rng(0)
    good, bad, other = ["great", "fine", "moving"], ["dull", "awful", "flat"], ["the", "film", "was", "a", "plot"]
    labels = rng.integers(2, size=rows)
    texts = []
    for label in labels:
        words = [*rng.choice(other, 8), *rng.choice(good if label else bad, 3)]
        texts.append(" ".join(rng.permutation(words)).capitalize() + "!<br />")
    return np.array(texts), labels


def custom_standardization(input_data):
    lowercase = np.strings.lower(input_data)
    stripped_html = np.strings.replace(lowercase, "<br />", " ")
    return np.strings.translate(stripped_html, str.maketrans("", "", string.punctuation))


def main(small=False):
    texts, labels = load_data(600 if small else 4000)
    split = len(texts) * 4 // 5
    max_features = 100
    embedding_dim = 16 if small else 128
    sequence_length = 20

    vectorize_layer = keras.layers.TextVectorization(
        standardize=custom_standardization,
        max_tokens=max_features,
        output_mode="int",
        output_sequence_length=sequence_length,
    )
    vectorize_layer = vectorize_layer.adapt(texts[:split])

    def vectorize_text(text, label):
        return vectorize_layer(text), label

    x_train, y_train = vectorize_text(texts[:split], labels[:split])
    x_val, y_val = vectorize_text(texts[split:], labels[split:])

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
    state, _ = trainer.fit(state, x_train, y_train, validation_data=(x_val, y_val), epochs=epochs)
    _, accuracy = trainer.evaluate(state, x_val, y_val)
    assert accuracy > 0.8

    inputs = keras.Input(shape=(1,), dtype="string")
    indices = vectorize_layer(inputs)
    outputs = model(indices)
    end_to_end_model = keras.Model(inputs, outputs)
    end_to_end_trainer = end_to_end_model.compile(loss="binary_crossentropy", optimizer="adam", metrics=["accuracy"])
    variables = end_to_end_model.put(end_to_end_model.init(0), model, state.variables)
    end_to_end_state = end_to_end_trainer.init(0, variables=variables)
    found = end_to_end_trainer.evaluate(end_to_end_state, texts[split:, None], y_val)
    np.testing.assert_allclose(found[1], accuracy, atol=1e-5)


if __name__ == "__main__":
    main()
