"""Preprocessing layers, after https://keras.io/guides/preprocessing_layers/

python examples/from_keras/preprocessing_layers.py

What differs from the Keras script:

- `RandomFlip`, `RandomRotation` and `RandomZoom` have a `seed=`, where they are called by themselves.
- Lists of batches and arrays in place of `tf.data`.
"""

import numpy as np
from sklearn.datasets import load_digits

import fkeras as keras
from fkeras import layers


def adapting():
    data = np.array(
        [
            [0.1, 0.2, 0.3],
            [0.8, 0.9, 1.0],
            [1.5, 1.6, 1.7],
        ]
    )
    layer = layers.Normalization()
    layer = layer.adapt(data)
    normalized_data = layer(data)
    print(f"Features mean: {normalized_data.mean():.2f}")
    print(f"Features std: {normalized_data.std():.2f}")
    np.testing.assert_allclose([normalized_data.mean(), normalized_data.std()], [0, 1], atol=1e-5)

    data = [
        "ξεῖν᾽, ἦ τοι μὲν ὄνειροι ἀμήχανοι ἀκριτόμυθοι",
        "γίγνοντ᾽, οὐδέ τι πάντα τελείεται ἀνθρώποισι.",
        "δοιαὶ γάρ τε πύλαι ἀμενηνῶν εἰσὶν ὀνείρων:",
    ]
    layer = layers.TextVectorization()
    layer = layer.adapt(data)
    vectorized_text = layer(data)
    print(vectorized_text)
    assert vectorized_text.shape == (3, 7)

    vocab = ["a", "b", "c", "d"]
    data = np.array([["a", "c", "d"], ["d", "z", "b"]])
    layer = layers.StringLookup(vocabulary=vocab)
    vectorized_data = layer(data)
    assert vectorized_data.tolist() == [[1, 3, 4], [4, 0, 2]]


def image_augmentation(rows):
    data_augmentation = keras.Sequential(
        [
            layers.RandomFlip("horizontal", seed=1),
            layers.RandomRotation(0.1, seed=2),
            layers.RandomZoom(0.1, seed=3),
        ]
    )
    digits = load_digits()
    x_train = (digits.images * 255 / 16)[:rows, ..., None].astype("float32")
    y_train = digits.target[:rows]
    input_shape = x_train.shape[1:]
    train_dataset = [(data_augmentation(x_train[i : i + 16]), y_train[i : i + 16]) for i in range(0, rows, 16)]
    assert (np.asarray(train_dataset[0][0]) != x_train[:16]).any()

    inputs = keras.Input(shape=input_shape)
    x = layers.Rescaling(1.0 / 255)(inputs)
    x = layers.Flatten()(x)
    outputs = layers.Dense(10, activation="softmax")(x)
    model = keras.Model(inputs, outputs)
    trainer = model.compile(optimizer="rmsprop", loss="sparse_categorical_crossentropy")
    _, history = trainer.fit(trainer.init(0), train_dataset, steps_per_epoch=5)
    assert np.isfinite(history.history["loss"][0])


def normalizing(rows):
    digits = load_digits()
    x_train, y_train = digits.data[:rows], digits.target[:rows]
    normalizer = layers.Normalization()
    normalizer = normalizer.adapt(x_train)
    inputs = keras.Input(shape=x_train.shape[1:])
    x = normalizer(inputs)
    outputs = layers.Dense(10, activation="softmax")(x)
    model = keras.Model(inputs, outputs)
    trainer = model.compile(optimizer="adam", loss="sparse_categorical_crossentropy")
    _, history = trainer.fit(trainer.init(0), x_train, y_train, epochs=3)
    assert history.history["loss"][-1] < history.history["loss"][0]


def categories():
    data = np.array([["a"], ["b"], ["c"], ["b"], ["c"], ["a"]])
    lookup = layers.StringLookup(output_mode="one_hot")
    lookup = lookup.adapt(data)
    test_data = np.array([["a"], ["b"], ["c"], ["d"], ["e"], [""]])
    encoded_data = lookup(test_data)
    print(encoded_data)
    assert encoded_data.shape == (6, 4)
    assert np.asarray(encoded_data)[3:].argmax(-1).tolist() == [0, 0, 0]

    data = np.array([[10], [20], [20], [10], [30], [0]])
    lookup = layers.IntegerLookup(output_mode="one_hot")
    lookup = lookup.adapt(data)
    test_data = np.array([[10], [10], [20], [50], [60], [0]])
    encoded_data = lookup(test_data)
    print(encoded_data)
    assert np.asarray(encoded_data).argmax(-1)[3:5].tolist() == [0, 0]

    data = np.random.randint(0, 100000, size=(10000, 1))
    hasher = layers.Hashing(num_bins=64, salt=1337)
    encoder = layers.CategoryEncoding(num_tokens=64, output_mode="multi_hot")
    encoded_data = encoder(hasher(data))
    print(encoded_data.shape)
    assert encoded_data.shape == (10000, 64)


def texts_as_token_indices():
    adapt_data = [
        "The Brain is wider than the Sky",
        "For put them side by side",
        "The one the other will contain",
        "With ease and You beside",
    ]
    text_vectorizer = layers.TextVectorization(output_mode="int")
    text_vectorizer = text_vectorizer.adapt(adapt_data)
    print("Encoded text:\n", text_vectorizer(["The Brain is deeper than the sea"]))

    inputs = keras.Input(shape=(None,), dtype="int64")
    x = layers.Embedding(input_dim=text_vectorizer.vocabulary_size(), output_dim=16)(inputs)
    x = layers.GRU(8)(x)
    outputs = layers.Dense(1)(x)
    model = keras.Model(inputs, outputs)
    texts, labels = ["The Brain is deeper than the sea", "for if they are held Blue to Blue"], np.array([1, 0])
    print("\nTraining model...")
    trainer = model.compile(optimizer="rmsprop", loss="mse")
    state, _ = trainer.fit(trainer.init(0), text_vectorizer(texts), labels)

    inputs = keras.Input(shape=(1,), dtype="string")
    x = text_vectorizer(inputs)
    outputs = model(x)
    end_to_end_model = keras.Model(inputs, outputs)
    print("\nCalling end-to-end model on test string...")
    test_data = np.array([["The one the other will absorb"]])
    variables = end_to_end_model.put(end_to_end_model.init(0), model, state.variables)
    test_output = end_to_end_model.predict(variables, test_data)
    np.testing.assert_allclose(test_output, model.predict(state.variables, text_vectorizer(test_data)), rtol=1e-5)


def texts_as_bags_of_bigrams(output_mode):
    adapt_data = [
        "The Brain is wider than the Sky",
        "For put them side by side",
        "The one the other will contain",
        "With ease and You beside",
    ]
    text_vectorizer = layers.TextVectorization(output_mode=output_mode, ngrams=2)
    text_vectorizer = text_vectorizer.adapt(adapt_data)
    encoded = text_vectorizer(["The Brain is deeper than the sea"])
    assert encoded.shape == (1, text_vectorizer.vocabulary_size())

    inputs = keras.Input(shape=(text_vectorizer.vocabulary_size(),))
    outputs = layers.Dense(1)(inputs)
    model = keras.Model(inputs, outputs)
    texts, labels = ["The Brain is deeper than the sea", "for if they are held Blue to Blue"], np.array([1, 0])
    trainer = model.compile(optimizer="rmsprop", loss="mse")
    state, _ = trainer.fit(trainer.init(0), text_vectorizer(texts), labels)
    assert trainer.predict(state, text_vectorizer(texts)).shape == (2, 1)


def main(small=False):
    adapting()
    image_augmentation(rows=80)
    normalizing(rows=200 if small else 1797)
    categories()
    texts_as_token_indices()
    texts_as_bags_of_bigrams("multi_hot")
    texts_as_bags_of_bigrams("tf-idf")


if __name__ == "__main__":
    main()
