"""A train step of one's own, after https://keras.io/guides/custom_train_step_in_jax/

python examples/from_keras/custom_train_step.py

What differs from the Keras script:

- `class CustomTrainer(keras.Trainer)`, and `trainer_class=CustomTrainer` in `compile`, in place of `class
  CustomModel(keras.Model)`: what trains is no part of the model.
- `self.optimizer.update` and `optax.apply_updates` in place of `self.optimizer.stateless_apply`, and `update` and
  `compute` of a metric in place of `stateless_update_state` and `stateless_result`.
- `eval_step` in place of `test_step`.
- The logs of a step of one's own are those of its last call; means over an epoch are those of `compute_loss`.
"""

import functools

import jax
import numpy as np
import optax

import fkeras as keras


class CustomTrainer(keras.Trainer):
    def train_step(self, state, data):
        x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(data)
        rng = jax.random.fold_in(state.rng, state.step)

        grad_fn = jax.value_and_grad(self.compute_loss, has_aux=True)
        (loss, extras), grads = grad_fn(state.params, state, (x, y, sample_weight), rng)
        updates, opt_state = self.optimizer.update(grads, state.opt_state, state.params)
        params = optax.apply_updates(state.params, updates)

        logs = {"loss": loss, "mae": abs(y - extras["y_pred"]).mean()}
        return state.replace(step=state.step + 1, params=params, opt_state=opt_state), logs


class LowerLevelTrainer(keras.Trainer):
    loss_fn = keras.losses.MeanSquaredError()
    mae_metric = keras.metrics.MeanAbsoluteError(name="mae")

    def compute_loss_and_updates(self, params, state, x, y, sample_weight):
        y_pred, _ = self.forward(params, state, x, jax.random.fold_in(state.rng, state.step))
        return self.loss_fn(y, y_pred, sample_weight=sample_weight), y_pred

    def train_step(self, state, data):
        x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(data)
        grad_fn = jax.value_and_grad(self.compute_loss_and_updates, has_aux=True)
        (loss, y_pred), grads = grad_fn(state.params, state, x, y, sample_weight)
        updates, opt_state = self.optimizer.update(grads, state.opt_state, state.params)
        params = optax.apply_updates(state.params, updates)
        mae = self.mae_metric.update(self.mae_metric.empty(), y, y_pred, sample_weight)
        logs = {"loss": loss, "mae": self.mae_metric.compute(mae)}
        return state.replace(step=state.step + 1, params=params, opt_state=opt_state), logs


class OwnEvaluation(keras.Trainer):
    def eval_step(self, state, data):
        x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(data)
        y_pred, _ = self.forward(state.params, state, x, None)
        state, logs = super().eval_step(state, (x, y, sample_weight))
        return state, {**logs, "largest_error": abs(y - y_pred).max()}


def get_model():
    inputs = keras.Input(shape=(32,))
    outputs = keras.layers.Dense(1)(inputs)
    return keras.Model(inputs, outputs)


def main(small=False):
    rows = 96 if small else 1000
    x = np.random.random((rows, 32))
    y = np.random.random((rows, 1))

    plain = get_model().compile(optimizer="adam", loss="mse", metrics=["mae"])
    wanted, _ = plain.fit(plain.init(0), x, y, epochs=3)
    trainer = get_model().compile(optimizer="adam", loss="mse", metrics=["mae"], trainer_class=CustomTrainer)
    state, history = trainer.fit(trainer.init(0), x, y, epochs=3)
    assert set(history.history) == {"loss", "mae"}
    jax.tree.map(functools.partial(np.testing.assert_allclose, rtol=1e-3, atol=1e-5), state.params, wanted.params)

    trainer = get_model().compile(optimizer="adam", trainer_class=LowerLevelTrainer)
    before = trainer.init(0)
    state, _ = trainer.fit(before, x, y, epochs=5)
    assert abs(trainer.predict(state, x) - y).mean() < abs(trainer.predict(before, x) - y).mean()

    trainer = get_model().compile(loss="mse", metrics=["mae"], trainer_class=OwnEvaluation)
    state = trainer.init(0)
    found = trainer.evaluate(state, x, y, return_dict=True)
    wanted = plain.evaluate(plain.init(0), x, y, return_dict=True)
    np.testing.assert_allclose([found["loss"], found["mae"]], [wanted["loss"], wanted["mae"]], rtol=1e-4)
    assert found["largest_error"] > found["mae"]


if __name__ == "__main__":
    main()
