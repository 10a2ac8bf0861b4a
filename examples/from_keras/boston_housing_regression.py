"""Prices of houses by k-fold validation, after Chollet's book; the data: https://keras.io/api/datasets/boston_housing/

python examples/from_keras/boston_housing_regression.py

What differs from the Keras script:

- The file of the data set is made, in its format, and not fetched: `boston_housing.load_data(path=...)` reads it.
- The folds are trained together by `fit_many(folds=k)`; the loop of the book stands beside it, and says the same.
- `history.history["mae"]` in place of the book's older `"mean_absolute_error"`.
"""

import pathlib
import tempfile

import numpy as np

import fkeras as keras
from fkeras import layers, models
from fkeras.datasets import boston_housing


def write_houses(path, rows):
    """`boston_housing.npz`: thirteen columns of different ranges, and prices in thousands of dollars."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(rows, 13)) * np.logspace(-1, 2, 13) + np.linspace(0, 300, 13)
    z = (x - x.mean(0)) / x.std(0)
    y = 22 + 4 * z[:, 5] - 3 * z[:, 12] + 2 * np.tanh(z[:, 0] * z[:, 3]) + rng.normal(size=rows)
    np.savez(path, x=x, y=y.clip(5, 50))


def build_model(columns, units):
    """Two hidden layers, and one number without an activation."""
    model = models.Sequential(
        [
            keras.Input((columns,)),
            layers.Dense(units, activation="relu"),
            layers.Dense(units, activation="relu"),
            layers.Dense(1),
        ]
    )
    return model.compile(optimizer=keras.optimizers.RMSprop(3e-3), loss="mse", metrics=["mae"])


def main(small=False):
    with tempfile.TemporaryDirectory() as place:
        file = pathlib.Path(place) / "boston_housing.npz"
        write_houses(file, rows=240 if small else 506)
        (train_data, train_targets), (test_data, test_targets) = boston_housing.load_data(path=file)
    assert train_data.shape[1] == 13

    mean = train_data.mean(axis=0)
    std = train_data.std(axis=0)
    train_data, test_data = (train_data - mean) / std, (test_data - mean) / std

    k, epochs, batch_size = 4, 30 if small else 100, 16
    units = 16 if small else 64
    trainer = build_model(train_data.shape[1], units)
    rows_of_fold = np.arange(len(train_data)) * k // len(train_data)  # the book's folds: rows one after another

    # the book's loop
    all_scores = []
    for i in range(1 if small else k):
        print(f"processing fold #{i}")
        held_out = rows_of_fold == i
        state, _ = trainer.fit(
            trainer.init(0), train_data[~held_out], train_targets[~held_out],
            epochs=epochs, batch_size=batch_size, verbose=0,
        )  # fmt: skip
        all_scores.append(trainer.evaluate(state, train_data[held_out], train_targets[held_out], verbose=0)["mae"])

    # the same folds in one call
    _, histories = trainer.fit_many(
        train_data, train_targets, folds=rows_of_fold, epochs=epochs, batch_size=batch_size, verbose=0
    )
    together = np.array([member.history["val_mae"] for member in histories])  # (folds, epochs)
    print("mean absolute error of each fold:", together[:, -1].round(2))
    np.testing.assert_allclose(together[: len(all_scores), -1], all_scores, rtol=0.05)  # to rounding, epoch after epoch

    average_mae_history = together.mean(axis=0)
    best = int(np.argmin(average_mae_history)) + 1
    print(f"the average of the folds is lowest after {best} epochs: {average_mae_history[best - 1]:.2f}")

    state, _ = trainer.fit(trainer.init(0), train_data, train_targets, epochs=best, batch_size=batch_size, verbose=0)
    test_mae_score = trainer.evaluate(state, test_data, test_targets, verbose=0)["mae"]
    print(f"test: {test_mae_score:.2f} thousand dollars")
    assert test_mae_score < 0.75 * float(np.abs(test_targets - train_targets.mean()).mean())


if __name__ == "__main__":
    main()
