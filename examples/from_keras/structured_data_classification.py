"""A table of numbers and categories, after https://keras.io/examples/structured_data/structured_data_classification_from_scratch/

python examples/from_keras/structured_data_classification.py

What differs from the Keras script:

- The column of words is looked up before `fit`: no compiled step sees text. The model that takes words is made after
  training, around the trained one.
- Arrays in place of `tf.data`.
"""

import numpy as np
import pandas as pd

import fkeras as keras
from fkeras import layers


def load_data(rows):
    """A table like the one of heart diseases: numbers, whole numbers that are categories, words."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "age": rng.integers(29, 77, rows),
            "sex": rng.integers(0, 2, rows),
            "cp": rng.integers(0, 5, rows),
            "chol": rng.normal(246, 50, rows).round(),
            "oldpeak": rng.exponential(1.0, rows).round(1),
            "thal": rng.choice(["normal", "fixed", "reversible"], rows),
        }
    )
    risk = (frame["age"] - 53) / 10 + 2 * (frame["thal"] == "reversible") - 2 * (frame["cp"] < 2)
    frame["target"] = (risk + rng.normal(0, 0.5, rows) > 0).astype(int)
    return frame


def dataframe_to_dataset(dataframe):
    dataframe = dataframe.copy()
    labels = dataframe.pop("target").to_numpy()
    return {name: column.to_numpy() for name, column in dataframe.items()}, labels


def encode_numerical_feature(feature, name, dataset):
    normalizer = layers.Normalization()
    features, _ = dataset
    feature_ds = np.expand_dims(features[name], -1)
    normalizer = normalizer.adapt(feature_ds)
    return normalizer(feature)


def encode_categorical_feature(feature, name, dataset):
    lookup = layers.IntegerLookup(output_mode="binary")
    features, _ = dataset
    feature_ds = np.expand_dims(features[name], -1)
    lookup = lookup.adapt(feature_ds)
    return lookup(feature)


def main(small=False):
    dataframe = load_data(400 if small else 3000)
    val_dataframe = dataframe.sample(frac=0.2, random_state=1337)
    train_dataframe = dataframe.drop(val_dataframe.index)
    print(f"Using {len(train_dataframe)} samples for training and {len(val_dataframe)} for validation")
    train_ds = dataframe_to_dataset(train_dataframe)
    val_ds = dataframe_to_dataset(val_dataframe)

    lookup = layers.StringLookup(output_mode="binary").adapt(np.expand_dims(train_ds[0]["thal"], -1))
    for features, _ in (train_ds, val_ds):
        features["thal"] = lookup(np.expand_dims(features["thal"], -1))

    sex = keras.Input(shape=(1,), name="sex", dtype="int64")
    cp = keras.Input(shape=(1,), name="cp", dtype="int64")
    thal = keras.Input(shape=(lookup.vocabulary_size(),), name="thal")
    age = keras.Input(shape=(1,), name="age")
    chol = keras.Input(shape=(1,), name="chol")
    oldpeak = keras.Input(shape=(1,), name="oldpeak")
    all_inputs = [sex, cp, thal, age, chol, oldpeak]

    sex_encoded = encode_categorical_feature(sex, "sex", train_ds)
    cp_encoded = encode_categorical_feature(cp, "cp", train_ds)
    age_encoded = encode_numerical_feature(age, "age", train_ds)
    chol_encoded = encode_numerical_feature(chol, "chol", train_ds)
    oldpeak_encoded = encode_numerical_feature(oldpeak, "oldpeak", train_ds)

    all_features = layers.concatenate([sex_encoded, cp_encoded, thal, age_encoded, chol_encoded, oldpeak_encoded])
    x = layers.Dense(32, activation="relu")(all_features)
    x = layers.Dropout(0.5)(x)
    output = layers.Dense(1, activation="sigmoid")(x)
    model = keras.Model(all_inputs, output)
    trainer = model.compile("adam", "binary_crossentropy", metrics=["accuracy"])

    state = trainer.init(0)
    state, history = trainer.fit(state, *train_ds, epochs=20 if small else 50, verbose=2, validation_data=val_ds)
    assert history.history["val_accuracy"][-1] > 0.7

    sample = {
        "age": 70,
        "sex": 1,
        "cp": 3,
        "chol": 233,
        "oldpeak": 2.3,
        "thal": "reversible",
    }
    words = keras.Input(shape=(1,), name="thal", dtype="string")
    raw_inputs = [sex, cp, words, age, chol, oldpeak]
    end_to_end_model = keras.Model(raw_inputs, model([sex, cp, lookup(words), age, chol, oldpeak]))
    variables = end_to_end_model.put(end_to_end_model.init(0), model, state.variables)
    input_dict = {name: np.array([[value]]) for name, value in sample.items()}
    predictions = end_to_end_model.predict(variables, input_dict)
    print(f"This particular patient had a {100 * predictions[0][0]:.1f} percent probability of a heart disease.")
    assert predictions[0][0] > 0.5


if __name__ == "__main__":
    main()
