"""A training loop from scratch, after https://keras.io/guides/writing_a_custom_training_loop_in_jax/

python examples/from_keras/custom_training_loop.py

What differs from the Keras script:

- `model.apply(variables, x, training=True)` in place of `model.stateless_call`.
- `optimizer.update` and `optax.apply_updates` in place of `optimizer.stateless_apply`.
- `update`, `compute` and `empty` of a metric in place of `stateless_update_state`, `stateless_result` and
  `variables`.
"""

import jax
import numpy as np
import optax
from sklearn.datasets import load_digits

import fkeras as keras


def get_model():
    inputs = keras.Input(shape=(64,), name="digits")
    x1 = keras.layers.Dense(64, activation="relu")(inputs)
    x2 = keras.layers.Dense(64, activation="relu")(x1)
    outputs = keras.layers.Dense(10, name="predictions")(x2)
    return keras.Model(inputs=inputs, outputs=outputs)


def batches(x, y, batch_size):
    order = np.random.permutation(len(x))
    for rows in np.split(order, range(batch_size, len(x), batch_size)):
        yield x[rows], y[rows]


class ActivityRegularizationLayer(keras.layers.Layer):
    def call(self, inputs):
        self.add_loss(1e-2 * jax.numpy.sum(inputs))
        return inputs


def a_first_loop(x_train, y_train, batch_size):
    model = get_model()
    loss_fn = keras.losses.CategoricalCrossentropy(from_logits=True)
    optimizer = keras.optimizers.Adam(learning_rate=1e-3)

    def compute_loss(variables, x, y):
        y_pred = model.apply(variables, x, training=True)
        return loss_fn(y, y_pred)

    grad_fn = jax.value_and_grad(compute_loss)

    @jax.jit
    def train_step(state, data):
        variables, optimizer_variables = state
        x, y = data
        loss, grads = grad_fn(variables, x, y)
        updates, optimizer_variables = optimizer.update(grads, optimizer_variables, variables)
        variables = optax.apply_updates(variables, updates)
        return loss, (variables, optimizer_variables)

    variables = model.init(0)
    optimizer_variables = optimizer.init(variables)
    state = variables, optimizer_variables
    losses = []
    for step, data in enumerate(batches(x_train, y_train, batch_size)):
        loss, state = train_step(state, data)
        losses.append(float(loss))
        if step % 10 == 0:
            print(f"Training loss (for 1 batch) at step {step}: {float(loss):.4f}")
            print(f"Seen so far: {(step + 1) * batch_size} samples")
    assert losses[-1] < losses[0]


def with_metrics(x_train, y_train, x_val, y_val, batch_size, epochs):
    model = get_model()
    optimizer = keras.optimizers.Adam(learning_rate=1e-3)
    loss_fn = keras.losses.CategoricalCrossentropy(from_logits=True)
    train_acc_metric = keras.metrics.CategoricalAccuracy()
    val_acc_metric = keras.metrics.CategoricalAccuracy()

    def compute_loss_and_updates(variables, metric_variables, x, y):
        y_pred = model.apply(variables, x, training=True)
        loss = loss_fn(y, y_pred)
        metric_variables = train_acc_metric.update(metric_variables, y, y_pred)
        return loss, metric_variables

    grad_fn = jax.value_and_grad(compute_loss_and_updates, has_aux=True)

    @jax.jit
    def train_step(state, data):
        variables, optimizer_variables, metric_variables = state
        x, y = data
        (loss, metric_variables), grads = grad_fn(variables, metric_variables, x, y)
        updates, optimizer_variables = optimizer.update(grads, optimizer_variables, variables)
        variables = optax.apply_updates(variables, updates)
        return loss, (variables, optimizer_variables, metric_variables)

    @jax.jit
    def eval_step(state, data):
        variables, metric_variables = state
        x, y = data
        y_pred = model.apply(variables, x)
        loss = loss_fn(y, y_pred)
        metric_variables = val_acc_metric.update(metric_variables, y, y_pred)
        return loss, (variables, metric_variables)

    variables = model.init(0)
    state = variables, optimizer.init(variables), train_acc_metric.empty()
    for _ in range(epochs):
        for data in batches(x_train, y_train, batch_size):
            _, state = train_step(state, data)
    variables, _, metric_variables = state
    print(f"Training accuracy: {train_acc_metric.compute(metric_variables)}")

    state = variables, val_acc_metric.empty()
    for data in batches(x_val, y_val, batch_size):
        _, state = eval_step(state, data)
    _, metric_variables = state
    accuracy = val_acc_metric.compute(metric_variables)
    print(f"Validation accuracy: {accuracy}")
    assert accuracy > 0.4


def losses_of_layers(x_train, y_train):
    inputs = keras.Input(shape=(64,), name="digits")
    x = keras.layers.Dense(64, activation="relu")(inputs)
    x = ActivityRegularizationLayer()(x)
    outputs = keras.layers.Dense(10, name="predictions")(x)
    model = keras.Model(inputs=inputs, outputs=outputs)
    loss_fn = keras.losses.CategoricalCrossentropy(from_logits=True)

    def compute_loss(variables, x, y):
        y_pred, updates = model.apply(variables, x, training=True, mutable=["losses"])
        loss = loss_fn(y, y_pred)
        if updates["losses"]:
            loss += sum(jax.tree.leaves(updates["losses"]))
        return loss

    variables = model.init(0)
    loss, grads = jax.value_and_grad(compute_loss)(variables, x_train[:32], y_train[:32])
    alone = loss_fn(y_train[:32], model.apply(variables, x_train[:32]))
    assert loss > alone
    assert jax.tree.structure(grads) == jax.tree.structure(variables)


def main(small=False):
    digits = load_digits()
    x = digits.data.astype("float32") / 16
    y = keras.utils.to_categorical(digits.target)
    rows = 800 if small else 1597
    a_first_loop(x[:rows], y[:rows], 32)
    with_metrics(x[:rows], y[:rows], x[-200:], y[-200:], 32, epochs=2 if small else 5)
    losses_of_layers(x, y)


if __name__ == "__main__":
    main()
