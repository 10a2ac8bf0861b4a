"""Several inputs by name, after https://keras.io/examples/structured_data/wide_deep_cross_networks/

python examples/from_keras/wide_deep_and_cross_networks.py

What differs from the Keras script:

- The table is made, not fetched: places with an elevation, a slope, a kind of soil and an area, and what grows there.
- Words are looked up before `fit`: no compiled step sees text.
- Columns in dicts of arrays, in place of `tf.data` from CSV files.
"""

import numpy as np

import fkeras as keras
from fkeras import layers

NUMERIC_FEATURE_NAMES = ["Elevation", "Slope", "Horizontal_Distance"]
CATEGORICAL_FEATURES_WITH_VOCABULARY = {
    "Soil_Type": [f"soil_{i}" for i in range(12)],
    "Wilderness_Area": ["north", "east", "south", "west"],
}
NUM_CLASSES = 4


def make_table(rows):
    """`(columns, kinds of trees)`: what grows follows from the soil and the area together, and the elevation."""
    rng = np.random.default_rng(0)
    columns = {name: rng.normal(size=(rows, 1)).astype("float32") for name in NUMERIC_FEATURE_NAMES}
    chosen = {name: rng.integers(len(words), size=rows) for name, words in CATEGORICAL_FEATURES_WITH_VOCABULARY.items()}
    kinds = (
        chosen["Soil_Type"] % 2 + chosen["Wilderness_Area"] % 2 * 2 + (columns["Elevation"][:, 0] > 0)
    ) % NUM_CLASSES
    words = {
        name: np.array(CATEGORICAL_FEATURES_WITH_VOCABULARY[name])[index][:, None] for name, index in chosen.items()
    }
    return {**columns, **words}, kinds


def create_model_inputs():
    """An input for each column."""
    inputs = {name: layers.Input(name=name, shape=(1,), dtype="float32") for name in NUMERIC_FEATURE_NAMES}
    for name in CATEGORICAL_FEATURES_WITH_VOCABULARY:
        inputs[name] = layers.Input(name=name, shape=(1,), dtype="int32")
    return inputs


def encode_inputs(inputs, use_embedding=False):
    """All columns as one vector: words as vectors that are learnt, or as one of so many."""
    encoded_features = []
    for name, words in CATEGORICAL_FEATURES_WITH_VOCABULARY.items():
        if use_embedding:
            embedding = layers.Embedding(len(words), int(np.ceil(np.sqrt(len(words)))))
            encoded = layers.Reshape((-1,))(embedding(inputs[name]))
        else:
            encoded = layers.CategoryEncoding(num_tokens=len(words), output_mode="one_hot")(inputs[name])
        encoded_features.append(encoded)
    encoded_features += [inputs[name] for name in NUMERIC_FEATURE_NAMES]
    return layers.concatenate(encoded_features)


def create_wide_and_deep_model(hidden_units, dropout_rate):
    """A wide part that learns by heart, and a deep one that generalizes."""
    inputs = create_model_inputs()
    wide = layers.BatchNormalization()(encode_inputs(inputs))
    deep = encode_inputs(inputs, use_embedding=True)
    for units in hidden_units:
        deep = layers.Dense(units)(deep)
        deep = layers.BatchNormalization()(deep)
        deep = layers.ReLU()(deep)
        deep = layers.Dropout(dropout_rate)(deep)
    merged = layers.concatenate([wide, deep])
    return keras.Model(inputs=inputs, outputs=layers.Dense(units=NUM_CLASSES, activation="softmax")(merged))


def create_deep_and_cross_model(hidden_units, dropout_rate):
    """Crosses of the columns, and the deep part beside them."""
    inputs = create_model_inputs()
    x0 = encode_inputs(inputs, use_embedding=True)
    cross = x0
    for _ in hidden_units:
        units = cross.shape[-1]
        x = layers.Dense(units)(cross)
        cross = x0 * x + cross
    cross = layers.BatchNormalization()(cross)
    deep = x0
    for units in hidden_units:
        deep = layers.Dense(units)(deep)
        deep = layers.BatchNormalization()(deep)
        deep = layers.ReLU()(deep)
        deep = layers.Dropout(dropout_rate)(deep)
    merged = layers.concatenate([cross, deep])
    return keras.Model(inputs=inputs, outputs=layers.Dense(units=NUM_CLASSES, activation="softmax")(merged))


def run_experiment(model, columns, kinds, epochs):
    """The accuracy on a fifth of the rows."""
    trainer = model.compile(
        optimizer=keras.optimizers.Adam(learning_rate=0.01),
        loss=keras.losses.SparseCategoricalCrossentropy(),
        metrics=[keras.metrics.SparseCategoricalAccuracy()],
    )
    held_out = np.arange(len(kinds)) % 5 == 0
    train = {name: column[~held_out] for name, column in columns.items()}
    test = {name: column[held_out] for name, column in columns.items()}
    print("Start training the model...")
    state, _ = trainer.fit(trainer.init(0), train, kinds[~held_out], batch_size=64, epochs=epochs, verbose=0)
    accuracy = trainer.evaluate(state, test, kinds[held_out], verbose=0)["sparse_categorical_accuracy"]
    print(f"Test accuracy: {round(accuracy * 100, 2)}%")
    return accuracy


def main(small=False):
    columns, kinds = make_table(1000 if small else 5000)
    for name, words in CATEGORICAL_FEATURES_WITH_VOCABULARY.items():
        lookup = layers.StringLookup(vocabulary=words, num_oov_indices=0, mask_token=None)
        columns[name] = np.asarray(lookup(columns[name]))

    hidden_units = [32] if small else [32, 32]
    for create in (create_wide_and_deep_model, create_deep_and_cross_model):
        assert run_experiment(create(hidden_units, dropout_rate=0.1), columns, kinds, epochs=6) > 0.8


if __name__ == "__main__":
    main()
