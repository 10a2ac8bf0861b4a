"""Sharper images by sub-pixel convolution, after https://keras.io/examples/vision/super_resolution_sub_pixel/

python examples/from_keras/super_resolution.py

What differs from the Keras script: nothing.
"""

import math
import pathlib
import tempfile

import numpy as np

import fkeras as keras
from fkeras import layers, ops


class DepthToSpace(layers.Layer):
    def __init__(self, block_size):
        super().__init__()
        self.block_size = block_size

    def call(self, input):
        batch, height, width, depth = ops.shape(input)
        depth = depth // (self.block_size**2)
        x = ops.reshape(input, [batch, height, width, self.block_size, self.block_size, depth])
        x = ops.transpose(x, [0, 1, 3, 2, 4, 5])
        return ops.reshape(x, [batch, height * self.block_size, width * self.block_size, depth])


def get_model(upscale_factor=3, channels=1, filters=64):
    conv_args = {
        "activation": "relu",
        "kernel_initializer": "orthogonal",
        "padding": "same",
    }
    inputs = keras.Input(shape=(None, None, channels))
    x = layers.Conv2D(filters, 5, **conv_args)(inputs)
    x = layers.Conv2D(filters, 3, **conv_args)(x)
    x = layers.Conv2D(filters // 2, 3, **conv_args)(x)
    x = layers.Conv2D(channels * (upscale_factor**2), 3, **conv_args)(x)
    outputs = DepthToSpace(upscale_factor)(x)
    return keras.Model(inputs, outputs)


class ESPCNCallback(keras.callbacks.Callback):
    def __init__(self, test_img):
        super().__init__()
        self.test_img = test_img
        self.mean_psnr = []

    def on_epoch_begin(self, epoch, logs=None):
        self.psnr = []

    def on_epoch_end(self, epoch, logs=None):
        print(f"Mean PSNR for epoch: {np.mean(self.psnr):.2f}")
        self.mean_psnr.append(np.mean(self.psnr))
        self.prediction = self.model.predict(self.test_img, verbose=0)

    def on_test_batch_end(self, batch, logs=None):
        self.psnr.append(10 * math.log10(1 / logs["loss"]))


def load_data(crop_size, upscale_factor):
    """Images of three waves each, and the same in fewer pixels."""
    rng = np.random.default_rng(0)
    places = np.stack(np.meshgrid(np.arange(crop_size), np.arange(crop_size)), -1)
    waves = np.sin(
        np.einsum("hwp,nkp->nkhw", places, rng.uniform(-1, 1, (240, 3, 2))) + rng.uniform(0, 6, (240, 3, 1, 1))
    )
    target = (waves.mean(1) / 2 + 0.5)[..., None].astype("float32")
    size = crop_size // upscale_factor
    low = target.reshape(-1, size, upscale_factor, size, upscale_factor, 1)
    return low.mean((2, 4)), target


def main(small=False):
    upscale_factor = 3
    inputs, targets = load_data(12 if small else 60, upscale_factor)
    split = len(inputs) * 4 // 5
    train_ds = [(inputs[i : i + 8], targets[i : i + 8]) for i in range(0, split, 8)]
    valid_ds = [(inputs[i : i + 8], targets[i : i + 8]) for i in range(split, len(inputs), 8)]

    early_stopping_callback = keras.callbacks.EarlyStopping(monitor="loss", patience=10)
    with tempfile.TemporaryDirectory() as directory:
        checkpoint_filepath = str(pathlib.Path(directory) / "checkpoint.weights.h5")
        model_checkpoint_callback = keras.callbacks.ModelCheckpoint(
            filepath=checkpoint_filepath,
            save_weights_only=True,
            monitor="loss",
            mode="min",
            save_best_only=True,
        )
        model = get_model(upscale_factor=upscale_factor, channels=1, filters=8 if small else 64)
        model.summary()
        espcn = ESPCNCallback(inputs[:1])
        callbacks = [espcn, early_stopping_callback, model_checkpoint_callback]
        loss_fn = keras.losses.MeanSquaredError()
        optimizer = keras.optimizers.Adam(learning_rate=0.001)
        epochs = 3 if small else 50
        trainer = model.compile(optimizer=optimizer, loss=loss_fn)
        state = trainer.init(0)
        state, _ = trainer.fit(state, train_ds, epochs=epochs, callbacks=callbacks, validation_data=valid_ds, verbose=2)
        assert len(espcn.mean_psnr) == epochs
        assert espcn.mean_psnr[-1] > espcn.mean_psnr[0]
        variables = model.load_weights(checkpoint_filepath, state.variables)
    prediction = model.predict(variables, inputs[:1])
    assert prediction.shape == espcn.prediction.shape == targets[:1].shape


if __name__ == "__main__":
    main()
