"""A student that learns from a teacher, after https://keras.io/examples/vision/knowledge_distillation/

python examples/from_keras/knowledge_distillation.py

What differs from the Keras script:

- `class Distiller(keras.Trainer)` in place of `class Distiller(keras.Model)`: its fields are arguments of `compile`,
  and its `compute_loss(self, params, state, batch, rng)` has what Keras's finds on the model.
"""

from typing import Any

import numpy as np
from sklearn.datasets import load_digits

import fkeras as keras
from fkeras import layers, ops


class Distiller(keras.Trainer):
    teacher: Any = None
    teacher_variables: Any = None
    student_loss_fn: Any = None
    distillation_loss_fn: Any = None
    alpha: float = 0.1
    temperature: float = 3

    def compute_loss(self, params, state, batch, rng):
        x, y = batch
        y_pred, _ = self.forward(params, state, x, rng)
        teacher_pred = self.teacher.apply(self.teacher_variables, x)
        student_loss = self.student_loss_fn(y, y_pred)
        distillation_loss = self.distillation_loss_fn(
            ops.softmax(teacher_pred / self.temperature, axis=1),
            ops.softmax(y_pred / self.temperature, axis=1),
        ) * (self.temperature**2)
        loss = self.alpha * student_loss + (1 - self.alpha) * distillation_loss
        return loss, {"y_pred": y_pred, "logs": {"distillation_loss": distillation_loss}}


def network(filters, name):
    return keras.Sequential(
        [
            keras.Input(shape=(8, 8, 1)),
            layers.Conv2D(filters, (3, 3), strides=(2, 2), padding="same"),
            layers.LeakyReLU(negative_slope=0.2),
            layers.MaxPooling2D(pool_size=(2, 2), strides=(1, 1), padding="same"),
            layers.Conv2D(2 * filters, (3, 3), strides=(2, 2), padding="same"),
            layers.Flatten(),
            layers.Dense(10),
        ],
        name=name,
    )


def main(small=False):
    learning_rate = 0.01 if small else 0.001
    teacher = network(16 if small else 128, "teacher")
    student = network(8, "student")
    student_scratch = keras.models.clone_model(student)

    digits = load_digits()
    rows = 256 if small else 1500
    x_train, y_train = digits.images[:rows].astype("float32") / 16, digits.target[:rows]
    x_test, y_test = digits.images[1500:].astype("float32") / 16, digits.target[1500:]
    batch_size = 128 if small else 64
    x_train = np.reshape(x_train, (-1, 8, 8, 1))
    x_test = np.reshape(x_test, (-1, 8, 8, 1))

    teaching = teacher.compile(
        optimizer=keras.optimizers.Adam(learning_rate),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=[keras.metrics.SparseCategoricalAccuracy()],
    )
    taught, _ = teaching.fit(teaching.init(0), x_train, y_train, epochs=12 if small else 10, batch_size=batch_size)
    teaching.evaluate(taught, x_test, y_test)

    distiller = student.compile(
        optimizer=keras.optimizers.Adam(learning_rate),
        metrics=[keras.metrics.SparseCategoricalAccuracy()],
        trainer_class=Distiller,
        teacher=teacher,
        teacher_variables=taught.variables,
        student_loss_fn=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        distillation_loss_fn=keras.losses.KLDivergence(),
        alpha=0.1,
        temperature=10,
    )
    state, history = distiller.fit(
        distiller.init(1), x_train, y_train, epochs=12 if small else 40, batch_size=batch_size
    )
    assert history.history["distillation_loss"][-1] < history.history["distillation_loss"][0]
    distilled = distiller.evaluate(state, x_test, y_test)
    print("distilled:", distilled)

    alone = student_scratch.compile(
        optimizer=keras.optimizers.Adam(learning_rate),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=[keras.metrics.SparseCategoricalAccuracy()],
    )
    state, _ = alone.fit(alone.init(1), x_train, y_train, epochs=12 if small else 40, batch_size=batch_size)
    print("alone:", alone.evaluate(state, x_test, y_test))
    assert distilled["sparse_categorical_accuracy"] > (0.3 if small else 0.8)


if __name__ == "__main__":
    main()
