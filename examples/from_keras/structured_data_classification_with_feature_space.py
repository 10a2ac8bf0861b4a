"""Columns of a table, after https://keras.io/examples/structured_data/structured_data_classification_with_feature_space/

python examples/from_keras/structured_data_classification_with_feature_space.py

What differs from the Keras script:

- The table is made, not fetched: patients, some of whom have a heart disease.
- `feature_space = feature_space.adapt(...)`: it returns a new one.
- Columns in dicts of arrays, in place of `tf.data`.
"""

import numpy as np

import fkeras as keras
from fkeras.utils import FeatureSpace


def make_patients(rows):
    """Columns of numbers, of integers that are categories, and of text; whether there is a disease."""
    rng = np.random.default_rng(0)
    columns = {
        "sex": rng.integers(2, size=rows),
        "cp": rng.integers(5, size=rows),
        "thal": rng.choice(["fixed", "normal", "reversible"], rows),
        "age": rng.integers(30, 78, rows),
        "chol": rng.normal(250, 50, rows).astype("float32"),
        "oldpeak": rng.exponential(1.0, rows).astype("float32"),
    }
    risk = (columns["age"] - 54) / 8 + (columns["thal"] == "reversible") * 2 + columns["oldpeak"] - 1.5
    return columns, (risk + rng.normal(size=rows) * 0.3 > 0).astype("int32")


def main(small=False):
    columns, target = make_patients(600 if small else 4000)
    split = len(target) * 4 // 5
    train = {name: values[:split] for name, values in columns.items()}
    val = {name: values[split:] for name, values in columns.items()}

    feature_space = FeatureSpace(
        features={
            "sex": FeatureSpace.integer_categorical(num_oov_indices=0),
            "cp": FeatureSpace.integer_categorical(num_oov_indices=0),
            "thal": FeatureSpace.string_categorical(num_oov_indices=0),
            "age": FeatureSpace.float_discretized(num_bins=10),
            "chol": FeatureSpace.float_normalized(),
            "oldpeak": FeatureSpace.float_normalized(),
        },
        crosses=[
            FeatureSpace.cross(feature_names=("sex", "age"), crossing_dim=16),
            FeatureSpace.cross(feature_names=("thal", "cp"), crossing_dim=16),
        ],
        output_mode="concat",
    )
    feature_space = feature_space.adapt(train)
    preprocessed_train, preprocessed_val = np.asarray(feature_space(train)), np.asarray(feature_space(val))
    print("preprocessed_x.shape:", preprocessed_train.shape)

    inputs = keras.Input(shape=preprocessed_train.shape[1:])
    x = keras.layers.Dense(32, activation="relu")(inputs)
    x = keras.layers.Dropout(0.5)(x)
    outputs = keras.layers.Dense(1, activation="sigmoid")(x)
    training_model = keras.Model(inputs, outputs)
    trainer = training_model.compile(
        optimizer=keras.optimizers.Adam(1e-2), loss="binary_crossentropy", metrics=["accuracy"]
    )
    state, history = trainer.fit(
        trainer.init(0),
        preprocessed_train,
        target[:split],
        epochs=15 if small else 20,
        validation_data=(preprocessed_val, target[split:]),
        verbose=0,
    )
    print(f"validation accuracy {history.history['val_accuracy'][-1]:.2f}")
    assert history.history["val_accuracy"][-1] > 0.85

    sample = {"sex": 1, "cp": 1, "thal": "reversible", "age": 70, "chol": 233.0, "oldpeak": 2.3}
    encoded = np.asarray(feature_space({name: np.array([value]) for name, value in sample.items()}))
    probability = float(trainer.predict(state, encoded, verbose=0)[0, 0])
    print(f"This particular patient had a {100 * probability:.2f}% probability of having a heart disease.")
    assert probability > 0.5


if __name__ == "__main__":
    main()
