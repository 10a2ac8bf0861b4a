"""Cats and dogs from a folder, after https://keras.io/examples/vision/image_classification_from_scratch/

python examples/from_keras/image_classification_from_scratch.py

What differs from the Keras script:

- The folder is drawn, not fetched: blobs with pointed ears in one class, with hanging ears in the other.
- The network has fewer blocks, as the images are small.
- `rescale`, flips and rotations are layers of the model, in place of `tf.data`'s `map`.
"""

import pathlib
import tempfile

import numpy as np
from PIL import Image, ImageDraw

import fkeras as keras
from fkeras import layers

SIZE = 32


def draw_pets(directory, rows):
    """`directory/Cat/0.jpg` and so on: a head of a random place and colour, with ears."""
    rng = np.random.default_rng(0)
    for name in ("Cat", "Dog"):
        folder = pathlib.Path(directory) / name
        folder.mkdir()
        for i in range(rows):
            image = Image.new("RGB", (48, 40), tuple(int(c) for c in rng.integers(150, 255, 3)))
            draw, colour = ImageDraw.Draw(image), tuple(int(c) for c in rng.integers(0, 100, 3))
            x, y = (int(n) for n in rng.integers(16, 22, 2))
            draw.ellipse((x - 9, y - 7, x + 9, y + 9), fill=colour)
            for side in (-1, 1):
                if name == "Cat":  # up
                    draw.polygon([(x + side * 2, y - 5), (x + side * 9, y - 14), (x + side * 9, y - 2)], fill=colour)
                else:  # down
                    draw.ellipse((x + side * 11 - 3, y - 4, x + side * 11 + 3, y + 14), fill=colour)
            image.save(folder / f"{i}.jpg", quality=95)


def make_model(input_shape, num_classes):
    """A small Xception, with residual blocks of separable convolutions."""
    inputs = keras.Input(shape=input_shape)
    x = layers.Rescaling(1.0 / 255)(inputs)
    x = layers.RandomFlip("horizontal")(x)
    x = layers.Conv2D(16, 3, strides=2, padding="same")(x)
    x = layers.BatchNormalization(momentum=0.8)(x)
    x = layers.Activation("relu")(x)
    previous_block_activation = x  # set aside residual
    for size in [32]:
        x = layers.SeparableConv2D(size, 3, padding="same")(x)
        x = layers.BatchNormalization(momentum=0.8)(x)
        x = layers.Activation("relu")(x)
        x = layers.MaxPooling2D(3, strides=2, padding="same")(x)
        residual = layers.Conv2D(size, 1, strides=2, padding="same")(previous_block_activation)
        x = layers.add([x, residual])
        previous_block_activation = x
    x = layers.GlobalAveragePooling2D()(x)
    units = 1 if num_classes == 2 else num_classes
    x = layers.Dropout(0.25)(x)
    outputs = layers.Dense(units, activation=None)(x)
    return keras.Model(inputs, outputs)


def main(small=False):
    with tempfile.TemporaryDirectory() as directory:
        draw_pets(directory, 100 if small else 600)
        train_ds, val_ds = keras.utils.image_dataset_from_directory(
            directory,
            validation_split=0.2,
            subset="both",
            seed=1337,
            image_size=(SIZE, SIZE),
            batch_size=16,
        )
        assert train_ds.class_names == ["Cat", "Dog"]
        model = make_model((SIZE, SIZE, 3), num_classes=2)
        trainer = model.compile(
            optimizer=keras.optimizers.Adam(1e-2),
            loss=keras.losses.BinaryCrossentropy(from_logits=True),
            metrics=[keras.metrics.BinaryAccuracy(name="acc")],
        )
        state, history = trainer.fit(trainer.init(0), train_ds, epochs=14, validation_data=val_ds, verbose=0)
        print(f"validation accuracy {history.history['val_acc'][-1]:.2f}")
        assert max(history.history["val_acc"]) > 0.9

        img = keras.utils.load_img(pathlib.Path(directory) / "Cat" / "7.jpg", target_size=(SIZE, SIZE))
        img_array = np.expand_dims(keras.utils.img_to_array(img), 0)
        score = float(keras.ops.sigmoid(trainer.predict(state, img_array, verbose=0)[0][0]))
        print(f"This image is {100 * (1 - score):.2f}% cat and {100 * score:.2f}% dog.")


if __name__ == "__main__":
    main()
