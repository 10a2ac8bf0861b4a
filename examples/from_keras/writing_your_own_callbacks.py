"""Callbacks of one's own, after https://keras.io/guides/writing_your_own_callbacks/

python examples/from_keras/writing_your_own_callbacks.py

What differs from the Keras script:

- A callback that changes weights or learning rate takes the event and returns the change, `event.replace(state=...,
  stop=True)`, where Keras's sets them on `self.model`; those that only read are as they are.
- What it counts is in `event.memory`, by `event.remember(...)`, so that a run that goes on has it.
"""

import numpy as np
from sklearn.datasets import load_digits

import fkeras as keras


def get_model():
    model = keras.Sequential()
    model = model.add(keras.layers.Dense(1))
    return model.compile(
        optimizer=keras.optimizers.RMSprop(learning_rate=0.1),
        loss="mean_squared_error",
        metrics=["mean_absolute_error"],
    )


class CustomCallback(keras.callbacks.Callback):
    def on_train_begin(self, logs=None):
        keys = list(logs.keys())
        print(f"Starting training; got log keys: {keys}")

    def on_train_end(self, logs=None):
        keys = list(logs.keys())
        print(f"Stop training; got log keys: {keys}")
        assert keys

    def on_epoch_begin(self, epoch, logs=None):
        keys = list(logs.keys())
        print(f"Start epoch {epoch} of training; got log keys: {keys}")

    def on_epoch_end(self, epoch, logs=None):
        keys = list(logs.keys())
        print(f"End epoch {epoch} of training; got log keys: {keys}")
        assert {"loss", "mean_absolute_error", "val_loss"} <= set(keys)

    def on_test_begin(self, logs=None):
        keys = list(logs.keys())
        print(f"Start testing; got log keys: {keys}")

    def on_test_end(self, logs=None):
        keys = list(logs.keys())
        print(f"Stop testing; got log keys: {keys}")
        assert "loss" in keys

    def on_predict_begin(self, logs=None):
        keys = list(logs.keys())
        print(f"Start predicting; got log keys: {keys}")

    def on_predict_end(self, logs=None):
        keys = list(logs.keys())
        print(f"Stop predicting; got log keys: {keys}")

    def on_train_batch_begin(self, batch, logs=None):
        keys = list(logs.keys())
        print(f"...Training: start of batch {batch}; got log keys: {keys}")

    def on_train_batch_end(self, batch, logs=None):
        keys = list(logs.keys())
        print(f"...Training: end of batch {batch}; got log keys: {keys}")
        assert "loss" in keys

    def on_test_batch_begin(self, batch, logs=None):
        keys = list(logs.keys())
        print(f"...Evaluating: start of batch {batch}; got log keys: {keys}")

    def on_test_batch_end(self, batch, logs=None):
        keys = list(logs.keys())
        print(f"...Evaluating: end of batch {batch}; got log keys: {keys}")
        assert "loss" in keys

    def on_predict_batch_begin(self, batch, logs=None):
        keys = list(logs.keys())
        print(f"...Predicting: start of batch {batch}; got log keys: {keys}")

    def on_predict_batch_end(self, batch, logs=None):
        keys = list(logs.keys())
        print(f"...Predicting: end of batch {batch}; got log keys: {keys}")
        assert "outputs" in keys


class LossAndErrorPrintingCallback(keras.callbacks.Callback):
    def on_train_batch_end(self, batch, logs=None):
        print("Up to batch {}, the average loss is {:7.2f}.".format(batch, logs["loss"]))

    def on_test_batch_end(self, batch, logs=None):
        print("Up to batch {}, the average loss is {:7.2f}.".format(batch, logs["loss"]))

    def on_epoch_end(self, epoch, logs=None):
        print(
            "The average loss for epoch {} is {:7.2f} and mean absolute error is {:7.2f}.".format(
                epoch, logs["loss"], logs["mean_absolute_error"]
            )
        )


class EarlyStoppingAtMinLoss(keras.callbacks.Callback):
    """Stop training when the loss is at its min, and go back to the weights that had it."""

    def __init__(self, patience=0):
        super().__init__()
        self.patience = patience

    def on_train_begin(self, event):
        return event.remember(wait=0, stopped_epoch=0, best=np.inf, best_params=event.state.params)

    def on_epoch_end(self, event):
        current = event.logs.get("loss")
        if np.less(current, event.memory["best"]):
            return event.remember(best=current, wait=0, best_params=event.state.params)
        event = event.remember(wait=event.memory["wait"] + 1)
        if event.memory["wait"] >= self.patience:
            print("Restoring model weights from the end of the best epoch.")
            best = event.state.replace(params=event.memory["best_params"])
            event = event.remember(stopped_epoch=event.epoch).replace(stop=True, state=best)
        return event

    def on_train_end(self, event):
        if event.memory["stopped_epoch"] > 0:
            print(f"Epoch {event.memory['stopped_epoch'] + 1}: early stopping")


class CustomLearningRateScheduler(keras.callbacks.Callback):
    """Set the learning rate by a function `(epoch, rate) -> rate`."""

    def __init__(self, schedule):
        super().__init__()
        self.schedule = schedule

    def on_epoch_begin(self, event):
        lr = event.trainer.get_learning_rate(event.state)
        scheduled_lr = self.schedule(event.epoch, lr)
        print(f"\nEpoch {event.epoch}: Learning rate is {float(np.array(scheduled_lr))}.")
        return event.trainer.set_learning_rate(event.state, scheduled_lr)


LR_SCHEDULE = [
    # (epoch to start, learning rate) tuples
    (3, 0.05),
    (6, 0.01),
    (9, 0.005),
    (12, 0.001),
]


def lr_schedule(epoch, lr):
    """Helper function to retrieve the scheduled learning rate based on epoch."""
    if epoch < LR_SCHEDULE[0][0] or epoch > LR_SCHEDULE[-1][0]:
        return lr
    for i in range(len(LR_SCHEDULE)):
        if epoch == LR_SCHEDULE[i][0]:
            return LR_SCHEDULE[i][1]
    return lr


def main(small=False):
    digits = load_digits()
    x, y = (digits.data / 16).astype("float32"), digits.target.astype("float32")
    rows = 256 if small else 1000
    x_train, y_train, x_test, y_test = x[:rows], y[:rows], x[-256:], y[-256:]

    trainer = get_model()
    state, _ = trainer.fit(
        trainer.init(0, x_train[:1]),
        x_train,
        y_train,
        batch_size=128,
        epochs=1,
        verbose=0,
        validation_split=0.5,
        callbacks=[CustomCallback()],
    )
    trainer.evaluate(state, x_test, y_test, batch_size=128, verbose=0, callbacks=[CustomCallback()])
    trainer.predict(state, x_test, batch_size=128, callbacks=[CustomCallback()])

    state, _ = trainer.fit(
        trainer.init(0, x_train[:1]),
        x_train,
        y_train,
        batch_size=128,
        epochs=2,
        verbose=0,
        callbacks=[LossAndErrorPrintingCallback()],
    )
    trainer.evaluate(state, x_test, y_test, batch_size=128, verbose=0, callbacks=[LossAndErrorPrintingCallback()])

    state, history = trainer.fit(
        trainer.init(0, x_train[:1]),
        x_train,
        y_train,
        batch_size=64,
        epochs=30,
        verbose=0,
        callbacks=[LossAndErrorPrintingCallback(), EarlyStoppingAtMinLoss()],
    )
    assert len(history.epoch) < 30
    assert history.history["loss"][-1] > min(history.history["loss"])

    state, history = trainer.fit(
        trainer.init(0, x_train[:1]),
        x_train,
        y_train,
        batch_size=64,
        epochs=7 if small else 15,
        verbose=0,
        callbacks=[
            LossAndErrorPrintingCallback(),
            CustomLearningRateScheduler(lr_schedule),
        ],
    )
    np.testing.assert_allclose(trainer.get_learning_rate(state), 0.01 if small else 0.001, rtol=1e-5)


if __name__ == "__main__":
    main()
