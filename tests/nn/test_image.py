"""Image layers beside real Keras: one draw makes the same images in both, and both draw alike."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

import fkeras as fk

from ..real_keras import keras_world

keras = pytest.importorskip("keras")

KEY = jax.random.key(3)
# Every layer that draws: its arguments, and whether boxes go through it.
LAYERS = {
    "RandomBrightness": ({"factor": 0.3}, True),
    "RandomColorDegeneration": ({"factor": 0.4}, True),
    "RandomContrast": ({"factor": (0.4, 0.8)}, True),
    "RandomCrop": ({"height": 5, "width": 4}, True),
    "RandomFlip": ({}, True),
    "RandomFlip-horizontal": ({"mode": "horizontal"}, True),
    "RandomFlip-vertical": ({"mode": "vertical"}, True),
    "RandomGaussianBlur": ({"factor": (0.5, 1.0), "kernel_size": (3, 5)}, True),
    "RandomGrayscale": ({"factor": 0.5}, False),
    "RandomHue": ({"factor": 0.5}, True),
    "RandomHue-unit": ({"factor": 0.5, "value_range": (0, 1)}, True),
    "RandomInvert": ({}, True),
    "RandomPosterization": ({"factor": 5}, True),
    "RandomPosterization-fixed": ({"factor": (3, 3), "value_range": (0, 200)}, True),
    "RandomRotation": ({"factor": 0.2, "fill_mode": "constant", "fill_value": 7.0}, True),
    "RandomRotation-nearest": ({"factor": 0.2, "interpolation": "nearest"}, True),
    "RandomTranslation": ({"height_factor": 0.3, "width_factor": (-0.1, 0.5), "fill_mode": "wrap"}, True),
    "RandomZoom": ({"height_factor": 0.4, "fill_mode": "nearest"}, True),
    "RandomZoom-both": ({"height_factor": (-0.4, -0.1), "width_factor": 0.5}, True),
    "RandomShear": ({"x_factor": 0.3, "y_factor": (0.1, 0.4)}, True),
    "RandomPerspective": ({"factor": (0.4, 1.0), "scale": 0.5}, True),
    "RandomPerspective-nearest": ({"factor": (1.0, 1.0), "scale": 0.4, "interpolation": "nearest"}, True),
    "RandomSaturation": ({"factor": (0.3, 0.8)}, True),
    "RandomSharpness": ({"factor": (0.2, 0.9)}, True),
    "RandomErasing": ({"factor": (0.5, 1.0)}, True),
    "RandomErasing-value": ({"fill_value": 9.0}, True),
    "Solarization": ({"addition_factor": 0.3, "threshold_factor": (0.2, 0.8)}, True),
    "Solarization-range": ({"threshold_factor": 0.5, "value_range": (0, 300)}, True),
    "MixUp": ({"alpha": 0.4}, False),
    "CutMix": ({"factor": (0.9, 0.9)}, False),
    "RandAugment": ({"factor": 0.4}, True),
}
every = pytest.mark.parametrize("name", LAYERS)
every_class = pytest.mark.parametrize("name", [name for name in LAYERS if "-" not in name])


def pair(name, **extra):
    kwargs = {**LAYERS[name][0], **extra}
    cls = name.split("-")[0]
    return getattr(fk.nn, cls)(**kwargs), getattr(keras.layers, cls)(**kwargs, seed=5)


def pixels(shape=(4, 7, 9, 3), seed=0):
    return np.random.default_rng(seed).uniform(0, 255, shape).astype("float32")


def plain(tree):
    return jax.tree.map(np.asarray, tree)


def allowed(function, *args, **kwargs):
    """A call of Keras."""
    with keras_world():
        return function(*args, **kwargs)


def close(got, want, atol=2e-3):
    # colours go through several float32 roundings of values up to 255
    got, want = plain(got), plain(want)
    assert jax.tree.structure(got) == jax.tree.structure(want)
    for a, b in zip(jax.tree.leaves(got), jax.tree.leaves(want), strict=True):
        assert a.shape == b.shape
        np.testing.assert_allclose(a.astype("float64"), b.astype("float64"), atol=atol, rtol=1e-5)


def draw_of(reference, images):
    return allowed(reference.get_random_transformation, images, training=True)


# ------------------------------------------------------------------ one draw, two libraries
# This law and that of dicts see all of the table together.
@pytest.mark.sweep(4)
@every
@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_given_keras_draw_the_images_are_keras(name, data_format):
    ours, reference = pair(name, data_format=data_format)
    images = pixels() if data_format == "channels_last" else np.moveaxis(pixels(), -1, 1)
    drawn = draw_of(reference, images)
    close(ours.transform_images(images, drawn), allowed(reference.transform_images, jnp.asarray(images), drawn))


@every_class
def test_given_our_draw_the_images_are_ours(name):
    ours, reference = pair(name)
    images = pixels()
    drawn = ours.get_random_transformation(images, seed=KEY)
    if name.startswith("RandomRotation"):
        drawn = {**drawn, "batch_size": len(images)}
    if name == "RandAugment":  # Keras asks each layer for its own key of the draw
        drawn["transforms"]["random_rotation"]["batch_size"] = len(images)
    close(ours.transform_images(images, drawn), allowed(reference.transform_images, jnp.asarray(images), drawn))


@pytest.mark.sweep(4, 2)
@every
@pytest.mark.parametrize(
    ("batched", "box_format"), [(True, "xyxy"), (True, "rel_yxyx"), (False, "center_xywh")], ids=str
)
def test_dicts_are_transformed_as_keras_does(name, batched, box_format, monkeypatch):
    with_boxes = LAYERS[name][1]
    extra = {"bounding_box_format": box_format} if with_boxes else {}
    ours, reference = pair(name, **extra)
    rng = np.random.default_rng(1)
    corners = np.sort(rng.uniform(0, 7, (4, 5, 2, 2)), axis=2).reshape(4, 5, 4)
    size = np.array([9, 7, 9, 7])
    written = {
        "xyxy": corners,
        "rel_yxyx": (corners / size)[..., [1, 0, 3, 2]],
        "center_xywh": np.concatenate(
            [(corners[..., :2] + corners[..., 2:]) / 2, corners[..., 2:] - corners[..., :2]], -1
        ),
    }[box_format]
    data = {
        "images": pixels(),
        "labels": np.eye(4, 6, dtype="float32"),
        "segmentation_masks": rng.integers(0, 3, (4, 7, 9, 1)).astype("int32"),
        "weights": np.arange(4.0, dtype="float32"),
    }
    if with_boxes:
        data["bounding_boxes"] = {"boxes": written.astype("float32"), "labels": rng.integers(0, 9, (4, 5))}
    if name == "MixUp":
        del data["segmentation_masks"]  # Keras takes their pixels by the images' numbers
    if name == "CutMix":  # Keras gives masks of one channel the images' three
        data["segmentation_masks"] = np.repeat(data["segmentation_masks"], 3, axis=-1)
    if not batched:
        if name in ("MixUp", "RandomGrayscale"):
            pytest.skip("as for a batch; Keras has no dicts of one image here")
        data = jax.tree.map(lambda a: a[0], data)
        if name.startswith("RandomCrop"):
            data.pop("segmentation_masks")
    if name == "RandomGrayscale":
        drawn = draw_of(reference, data["images"])  # it takes no dict
    else:
        drawn = draw_of(reference, data)
    for cls in (type(ours), type(reference)):
        monkeypatch.setattr(cls, "get_random_transformation", lambda self, data, training=True, seed=None: drawn)
    copy = lambda tree: jax.tree.map(jnp.asarray, tree)  # noqa: E731 - Keras changes the dicts that it is given
    want = allowed(reference, copy(data), training=True)
    got = ours(copy(data), training=True)
    close(got, want)


# ------------------------------------------------------------------ what is drawn
@pytest.mark.sweep(2)
@every_class
def test_draws_have_keras_distribution(name):
    if name.startswith("RandomErasing"):
        pytest.skip("masks: test_erased_parts_are_as_large_as_keras")
    ours, reference = pair(name)
    images = jax.ShapeDtypeStruct((600, 8, 8, 3), jnp.float32)
    got = plain(ours.get_random_transformation(images, seed=KEY))
    want = plain(draw_of(reference, jnp.zeros(images.shape)))
    if name == "RandAugment":
        got, want = got["layer_idxes"].size, want["layer_idxes"].size
        assert got == want
        return
    if not isinstance(want, dict):
        got, want = {"it": got}, {"it": want}
    compared = 0
    for key in want:
        if key in ("batch_size", "input_shape", "image_height", "image_width", "start_points", "batch_masks"):
            continue
        a, b = (np.asarray(t[key], "float64") for t in (got, want))
        if a.size < 600 or key == "permutation_order":  # one draw for a batch: seen in other tests
            assert a.shape == b.shape
            continue
        compared += 1
        assert a.shape == b.shape, key
        assert stats.ks_2samp(a.ravel(), b.ravel(), method="asymp").pvalue > 1e-3, key
    assert compared or name == "RandomCrop"


def test_erased_parts_are_as_large_as_keras():
    ours, reference = pair("RandomErasing")
    images = jnp.zeros((800, 16, 16, 1))
    got, want = ours.get_random_transformation(images, seed=KEY), draw_of(reference, images)
    shares = [np.asarray(t["batch_masks"]).mean((1, 2, 3)) for t in (got, want)]
    assert stats.ks_2samp(*shares, method="asymp").pvalue > 1e-3
    assert abs(np.mean(got["apply_erasing"]) - np.mean(want["apply_erasing"])) < 0.1
    assert stats.ks_2samp(np.ravel(got["fill_value"]), np.ravel(want["fill_value"]), method="asymp").pvalue > 1e-3


def test_windows_lie_everywhere():
    layer = fk.nn.RandomCrop(5, 4)
    corners = jax.vmap(lambda k: jnp.stack(layer.get_random_transformation(jnp.zeros((1, 7, 9, 3)), seed=k)))(
        jax.random.split(KEY, 300)
    )
    assert set(np.unique(corners[:, 0])) == {0, 1, 2}
    assert set(np.unique(corners[:, 1])) == {0, 1, 2, 3, 4, 5}


def test_rand_augment_chooses_every_layer_equally():
    layer = fk.nn.RandAugment(num_ops=1)
    keys = jax.random.split(KEY, 1100)
    draw = lambda k: layer.get_random_transformation(jnp.zeros((1, 4, 4, 3)), seed=k)["layer_idxes"][0]  # noqa: E731
    counts = np.bincount(jax.jit(jax.vmap(draw))(keys), minlength=11)
    assert stats.chisquare(counts).pvalue > 1e-3


# ------------------------------------------------------------------ what is drawn within a call
@pytest.mark.sweep
@pytest.mark.parametrize("scale", [1.0, 0.45, (0.9, 0.9)])
@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
@pytest.mark.parametrize("interpolation", ["bilinear", "nearest"])
def test_elastic_transform_given_the_draw(scale, data_format, interpolation):
    kwargs = {"scale": scale, "data_format": data_format, "interpolation": interpolation, "fill_mode": "mirror"}
    ours, reference = fk.nn.RandomElasticTransform(**kwargs), keras.layers.RandomElasticTransform(**kwargs)
    shape = (3, 31, 24, 2) if data_format == "channels_last" else (3, 2, 31, 24)
    images = pixels(shape)
    drawn = {**draw_of(reference, images), "apply_transform": np.array([True, False, True])}
    want = allowed(reference.transform_images, jnp.asarray(images), {**drawn, "seed": 7})
    key = jax.random.wrap_key_data(jnp.array([7, 0], "uint32"), impl="threefry2x32")
    got = ours.transform_images(images, {**drawn, "seed": key})
    if interpolation == "nearest":  # a coordinate half way between two pixels goes to either
        assert np.mean(np.abs(np.asarray(got) - np.asarray(want)) > 1e-3) < 0.01
    else:
        close(got, want, 0.02)  # moves of many pixels, times float32's rounding of the places
        assert not np.allclose(got, images)


def test_elastic_transform_moves_masks_with_their_images():
    layer = fk.nn.RandomElasticTransform((1, 1), (1, 1), interpolation="nearest")
    masks = np.random.default_rng(0).integers(0, 5, (2, 20, 20, 1))
    data = {"images": masks.astype("float32"), "segmentation_masks": masks}
    made = layer.apply({}, data, training=True, rngs={"dropout": KEY})
    np.testing.assert_array_equal(made["images"], made["segmentation_masks"])
    with pytest.raises(NotImplementedError, match="says nothing about bounding boxes"):
        layer.transform_bounding_boxes({})


def test_color_jitter_is_its_steps():
    factors = {"brightness_factor": 0.3, "contrast_factor": 0.4, "saturation_factor": (0.3, 0.7), "hue_factor": 0.2}
    layer, images = fk.nn.RandomColorJitter(**factors), pixels()
    drawn = layer.get_random_transformation(images, seed=KEY)
    want = jnp.asarray(images)
    for cls, factor in zip(["Brightness", "Contrast", "Saturation", "Hue"], factors.values(), strict=True):
        step = getattr(keras.layers, f"Random{cls}")(factor)
        want = allowed(step.transform_images, want, drawn[f"random_{cls.lower()}"])
    close(layer.transform_images(images, drawn), want)
    assert fk.nn.RandomColorJitter().get_random_transformation(images, seed=KEY) == {}


def test_aug_mix_given_the_draw():
    kwargs = {"factor": 0.4, "num_chains": 2, "chain_depth": 3}
    ours, reference = fk.nn.AugMix(**kwargs), keras.layers.AugMix(**kwargs)
    images, names = pixels(), ours._chosen()
    drawn = jax.jit(lambda k: ours.get_random_transformation(images, seed=k))(KEY)
    chains = []
    for c in range(2):
        steps = []
        for d in range(3):
            index = int(drawn["layer_idxes"][c, d])
            if index < len(names):
                own = jax.tree.map(lambda a: a[c, d], drawn["chain_transforms"][names[index]])
                steps.append({"layer_name": names[index], "transformation": own})
        chains.append(steps)
    theirs = {**drawn, "chain_transforms": chains}
    want = allowed(reference.transform_images, jnp.asarray(images), theirs)
    # a value next to a level of posterization or of a histogram may go to either, after float32's rounding
    got = jax.jit(ours.transform_images)(images, drawn)
    assert np.mean(np.abs(np.asarray(got) - np.asarray(want)) > 2e-3) < 0.01
    masks = jnp.asarray(images[..., :1])
    want = allowed(reference.transform_segmentation_masks, masks, theirs)
    close(ours.transform_segmentation_masks(masks, drawn), want)


def test_mix_up_mixes_masks_and_keeps_labels_with_their_boxes():
    layer = fk.nn.MixUp(bounding_box_format="xyxy")
    drawn = {"mix_weight": jnp.array([0.75, 1.0]), "permutation_order": jnp.array([1, 0])}
    masks = jnp.arange(2.0).reshape(2, 1, 1, 1)
    np.testing.assert_allclose(layer.transform_segmentation_masks(masks, drawn).ravel(), [0.25, 1.0])
    boxes = {"boxes": jnp.arange(8.0).reshape(2, 1, 4), "labels": jnp.array([[5], [6]])}
    made = layer.transform_bounding_boxes(boxes, drawn)
    np.testing.assert_array_equal(made["labels"], [[5, 6], [6, 5]])
    np.testing.assert_array_equal(made["boxes"][0], [[0, 1, 2, 3], [4, 5, 6, 7]])


# ------------------------------------------------------------------ transformations of JAX
@pytest.mark.sweep(5, 2)
@every_class
def test_training_is_a_function_of_its_key(name):
    layer, _ = pair(name)
    images = pixels()
    run = lambda key, x: layer.apply({}, x, training=True, rngs={"dropout": key})  # noqa: E731

    @jax.jit
    def made(key, x):
        of = lambda x: (lambda image: (jnp.sum(jnp.sin(image)), image))(run(key, x))  # noqa: E731
        grads, image = jax.grad(of, has_aux=True)(x)
        return image, grads

    (one, grads), (again, _), (other, _) = made(KEY, images), made(KEY, images), made(jax.random.key(8), images)
    np.testing.assert_array_equal(one, again)
    assert not np.array_equal(one, other)
    keys, two = jnp.stack([KEY, jax.random.key(8)]), jnp.stack([images, images])
    many = jax.jit(jax.vmap(run))(keys, two)
    for got, want in zip(many, (one, other), strict=True):
        # a pixel at an edge or between two levels may go to either side, after XLA's other order of arithmetic
        assert np.mean(np.abs(np.asarray(got) - np.asarray(want)) > 0.05) < 0.01
    assert np.isfinite(grads).all()


@pytest.mark.sweep(3)
@every_class
def test_training_in_a_graph_of_unknown_sizes(name):
    layer, _ = pair(name)
    x = fk.Input((None, None, 3))
    model = fk.Model(x, layer(x))
    variables = model.init(KEY)

    def run(images):
        made = model.apply(variables, images, training=True, rngs={"dropout": KEY})
        return made, layer.apply({}, images[0], training=True, rngs={"dropout": KEY})

    made, one = jax.eval_shape(run, pixels())  # which traces with the sizes that are known now
    assert made.shape == ((4, 5, 4, 3) if name == "RandomCrop" else (4, 7, 9, 3))
    assert one.shape == made.shape[1:]


@pytest.mark.sweep(2)
@pytest.mark.parametrize(
    "layer",
    [
        fk.nn.Resizing(5, 6, crop_to_aspect_ratio=True),
        fk.nn.Resizing(5, 6, pad_to_aspect_ratio=True),
        fk.nn.CenterCrop(5, 6),
        fk.nn.AutoContrast(),
        fk.nn.ContrastLimitedAdaptiveHistogramEqualization(),
        fk.nn.Pipeline([fk.nn.Resizing(5, 6), fk.nn.RandomFlip()]),
    ],
    ids=lambda layer: type(layer).__name__,
)
def test_deterministic_layers_in_a_graph_of_unknown_sizes(layer):
    x = fk.Input((None, None, 3))
    y = layer(x)
    model = fk.Model(x, y)
    variables = model.init(KEY)
    made, alone = jax.jit(lambda x: (model.apply(variables, x), layer(x, training=False)))(pixels())
    assert all(d in (None, size) for d, size in zip(y.shape, made.shape, strict=True))
    np.testing.assert_allclose(alone, made, atol=1e-3)


# ------------------------------------------------------------------ deterministic layers, and boxes in them
@pytest.mark.sweep
@pytest.mark.parametrize("mode", [{}, {"crop_to_aspect_ratio": True}, {"pad_to_aspect_ratio": True}], ids=str)
@pytest.mark.parametrize("size", [(5, 8), (14, 9), (3, 3)])
@pytest.mark.parametrize("cls", ["Resizing", "CenterCrop"])
def test_boxes_follow_their_image(cls, size, mode):
    if cls == "CenterCrop" and mode:
        pytest.skip("no such mode")
    kwargs = {"height": size[0], "width": size[1], "bounding_box_format": "xywh", **mode}
    ours, reference = getattr(fk.nn, cls)(**kwargs), getattr(keras.layers, cls)(**kwargs)
    boxes = np.array([[[1, 2, 5, 3], [0, 0, 0, 0], [-1, -1, -1, -1], [0, 0, 9, 7]]] * 2, "float32")
    data = {
        "images": pixels((2, 7, 9, 3)).astype("uint8"),
        "bounding_boxes": {"boxes": boxes, "labels": np.array([[1, 2, 3, 4]] * 2)},
        "segmentation_masks": np.arange(2 * 7 * 9).reshape(2, 7, 9, 1).astype("uint8"),
    }
    want = allowed(reference, jax.tree.map(jnp.asarray, data), training=True)
    got = ours(jax.tree.map(jnp.asarray, data))
    close(got, want)
    assert got["images"].dtype == want["images"].dtype


def test_integers_stay_integers_when_resized():
    images = (pixels((2, 4, 5, 3))).astype("uint8")
    for interpolation in ("bilinear", "bicubic", "nearest"):
        got = fk.nn.Resizing(6, 7, interpolation)(images)
        assert got.dtype == jnp.uint8
        want = allowed(keras.layers.Resizing(6, 7, interpolation), images)
        assert np.abs(np.asarray(got, int) - np.asarray(want, int)).max() <= 1  # at a half, rounding goes either way


@pytest.mark.sweep
@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
@pytest.mark.parametrize("bins", [8, 5])  # Keras runs a loop over them
def test_equalization_of_bytes(data_format, bins):
    images = pixels((2, 6, 5, 3)).astype("uint8")
    kwargs = {"bins": bins, "data_format": data_format}
    want = allowed(keras.layers.Equalization(**kwargs), images, training=True)
    close(fk.nn.Equalization(**kwargs)(images, training=True), want)
    flat = np.full((1, 3, 3, 1), 7.0, "float32")
    np.testing.assert_allclose(fk.nn.Equalization()(flat, training=True), flat, rtol=1e-6)


def test_auto_contrast_leaves_flat_images_alone():
    flat = np.full((1, 3, 3, 1), 7.0, "float32")
    np.testing.assert_array_equal(fk.nn.AutoContrast()(flat), flat)
    grads = jax.grad(lambda x: fk.nn.AutoContrast()(x).sum())(jnp.asarray(flat))
    assert np.isfinite(grads).all()


@pytest.mark.parametrize("shape", [(2, 20, 17, 1), (1, 3, 5, 3)])
def test_clahe(shape):
    images = pixels(shape)
    layers = [lib.ContrastLimitedAdaptiveHistogramEqualization() for lib in (keras.layers, fk.nn)]
    want, got = jax.jit(lambda x: (allowed(layers[0], x), layers[1](x)))(images)
    close(got, want)


def test_number_of_boxes():
    for count in (2, 5):
        ours = fk.nn.MaxNumBoundingBoxes(count, fill_value=-2, bounding_box_format="xyxy")
        reference = keras.layers.MaxNumBoundingBoxes(count, fill_value=-2, bounding_box_format="xyxy")
        data = {
            "images": pixels(),
            "bounding_boxes": {"boxes": np.ones((4, 3, 4), "float32"), "labels": np.arange(12).reshape(4, 3)},
        }
        close(ours(data), allowed(reference, jax.tree.map(jnp.asarray, data)))
        assert type(ours).from_config(ours.get_config()) == ours


# ------------------------------------------------------------------ use
@every_class
def test_inference_leaves_images_alone(name):
    layer, _ = pair(name)
    data = {"images": pixels(), "labels": np.eye(4), "segmentation_masks": np.zeros((4, 7, 9, 1)), "other": 3}
    made = layer(data, training=False)
    np.testing.assert_array_equal(made["images"], data["images"])
    np.testing.assert_array_equal(made["segmentation_masks"], data["segmentation_masks"])
    assert made["other"] == 3
    assert set(made) == set(data)


# ------------------------------------------------------------------ called by itself
def test_a_layer_called_by_itself_acts_and_draws_from_its_seed_and_the_images():
    flip = fk.nn.RandomFlip("horizontal", seed=1)
    images = pixels((8, 3, 4, 3))
    made = flip(images)
    kept = np.array([np.array_equal(a, b) for a, b in zip(made, images, strict=True)])
    np.testing.assert_array_equal(made, np.where(kept[:, None, None, None], images, images[:, :, ::-1]))
    assert kept.any() != kept.all()
    np.testing.assert_array_equal(fk.nn.RandomFlip("horizontal", seed=1)(images), made)  # in any history
    np.testing.assert_array_equal(jax.jit(flip)(images), made)
    np.testing.assert_array_equal(flip(images, training=True), made)
    np.testing.assert_array_equal(flip(images, training=False), images)
    others = [flip(images + i) - (images + i) for i in range(1, 6)]  # of other images, other draws
    assert len({tuple(np.abs(o).max((1, 2, 3)) < 1e-3) for o in map(np.asarray, others)}) > 1
    assert flip(images, rngs=KEY).shape == images.shape
    given = flip(images, rngs={"dropout": KEY})
    want = fk.nn.RandomFlip("horizontal").apply({}, images, training=True, rngs={"dropout": KEY})
    np.testing.assert_array_equal(given, want)
    one_by_one = [np.array_equal(flip(image), image) for image in images]  # as a data set maps it
    assert any(one_by_one) != all(one_by_one)


def test_layers_around_one_that_is_called_by_itself():
    flip, images = fk.nn.RandomFlip("horizontal", seed=1), pixels((8, 3, 4, 3))
    made = flip(images)
    for around in (fk.Sequential([flip, fk.nn.Dropout(0.5)]), fk.Sequential([fk.Input((3, 4, 3)), flip]),
                   fk.nn.Pipeline([flip]), fk.Sequential([fk.Sequential([flip])])):  # fmt: skip
        np.testing.assert_array_equal(around(images), made)
        np.testing.assert_array_equal(around(images, training=False), images)
        np.testing.assert_array_equal(around.apply({}, images), images)  # in a model the mode decides
    crop = fk.nn.RandomCrop(2, 2, seed=0)({"images": images, "labels": np.eye(8)})
    assert crop["images"].shape == (8, 2, 2, 3)
    mixed = fk.nn.MixUp(seed=0)({"images": images, "labels": np.eye(8, dtype="float32")})
    assert not np.array_equal(mixed["labels"], np.eye(8))
    assert fk.nn.AutoContrast(value_range=(0, 1))(images / 512).max() == pytest.approx(1, abs=1e-5)  # Keras's acts too


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda x: fk.nn.RandomFlip()(x), r"neither a key nor a seed[\s\S]*rngs=\{[\s\S]*seed=0[\s\S]*training=False"),
        (lambda x: fk.Sequential([fk.nn.RandomRotation(0.1)])(x), r"random_rotation[\s\S]*neither a key nor a seed"),
        (lambda x: fk.nn.RandomFlip().get_random_transformation(x), "neither a key nor a seed"),
        (lambda x: fk.nn.Dropout(0.5)(x, training=True), r"was given no key[\s\S]*training=True, rngs="),
        (lambda x: fk.Sequential([fk.nn.GaussianNoise(0.5)])(x, training=True), r"was given no key[\s\S]*rngs="),
    ],
)
def test_draws_without_a_key_are_refused(call, said):
    with pytest.raises(ValueError, match=said):
        call(pixels())
    np.testing.assert_array_equal(fk.nn.Dropout(0.5)(pixels()), pixels())  # as in Keras


def test_dicts_in_a_graph():
    data = {"images": fk.Input((7, 9, 3)), "labels": fk.Input((4,))}
    flow = fk.nn.Pipeline([fk.nn.Resizing(5, 6), fk.nn.CutMix(), fk.nn.MixUp()])
    model = fk.Model(data, flow(data))
    values = {"images": pixels(), "labels": np.eye(4, dtype="float32")}
    made = model.apply(model.init(KEY), values, training=True, rngs={"dropout": KEY})
    assert made["images"].shape == (4, 5, 6, 3)
    np.testing.assert_allclose(made["labels"].sum(-1), 1, rtol=1e-5)
    assert not np.array_equal(made["labels"], values["labels"])
    np.testing.assert_array_equal(model.apply(model.init(KEY), values)["labels"], values["labels"])


def test_boxes_in_lists_are_filled_up():
    layer = fk.nn.CenterCrop(7, 9, bounding_box_format="xyxy")
    boxes = {"boxes": [[[0, 0, 2, 2]], [[1, 1, 3, 3], [2, 2, 4, 4]]], "labels": [[5], [6, 7]]}
    made = layer({"images": pixels((2, 7, 9, 3)), "bounding_boxes": boxes})["bounding_boxes"]
    np.testing.assert_array_equal(made["labels"], [[5, -1], [6, 7]])
    np.testing.assert_array_equal(made["boxes"][0], [[0, 0, 2, 2], [0, 0, 0, 0]])


def test_what_a_pipeline_computes_is_its_layers():
    flow = fk.nn.Pipeline([fk.nn.Rescaling(2.0), fk.nn.Normalization(axis=-1)])
    variables = flow.init(KEY, pixels())
    np.testing.assert_allclose(flow.apply(variables, pixels()), 2 * pixels(), rtol=1e-5)


# ------------------------------------------------------------------ errors
@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda n: n.RandomBrightness(2.0), r"factor.*range \[-1, 1\]"),
        (lambda n: n.RandomContrast(-0.5), r"factor.*range \[0, 1\]"),
        (lambda n: n.RandomPosterization(9), r"factor.*range \[1, 8\]"),
        (lambda n: n.RandomZoom(-1.0), "height_factor"),
        (lambda n: n.RandomTranslation(0.1, (0.2, 0.3, 0.4)), "width_factor"),
        (lambda n: n.RandomShear(y_factor=1.5), "y_factor"),
        (lambda n: n.Solarization(threshold_factor="much"), "threshold_factor"),
        (lambda n: n.RandomRotation(0.1, fill_mode="mirror"), "fill_mode"),
        (lambda n: n.RandomRotation(0.1, interpolation="bicubic"), "interpolation"),
        (lambda n: n.RandomFlip("diagonal"), "mode"),
        (lambda n: n.RandomGaussianBlur(kernel_size=4), "kernel_size"),
        (lambda n: n.RandomErasing(fill_value=(1, 2)), "fill_value"),
        (lambda n: n.AutoContrast(255), "value_range"),
        (lambda n: n.Resizing(0, 3), "height"),
        (lambda n: n.Resizing(3, 3, fill_mode="wrap"), "fill_mode"),
        (lambda n: n.Resizing(3, 3, "area"), "interpolation"),
        (lambda n: n.Resizing(3, 3, crop_to_aspect_ratio=True, pad_to_aspect_ratio=True), "not both"),
        (lambda n: n.CenterCrop(3, 3, bounding_box_format="xxyy"), "bounding_box_format"),
        (lambda n: n.Pipeline(n.RandomFlip()), "list of layers"),
        (lambda n: n.MaxNumBoundingBoxes(0), "max_number"),
    ],
)
def test_wrong_arguments(make, text):
    with pytest.raises(ValueError, match=text):
        make(fk.nn)


def test_wrong_inputs():
    with pytest.raises(ValueError, match=r"RandomFlip.*rank 3 or 4"):
        fk.nn.RandomFlip()(fk.Input((5,)))
    with pytest.raises(ValueError, match=r"RandomHue.*3 channels"):
        fk.nn.RandomHue(0.5)(fk.Input((5, 5, 4)), training=True)
    with pytest.raises(ValueError, match="without being told how they are written"):
        fk.nn.RandomFlip(seed=0)(
            {"images": pixels(), "bounding_boxes": {"boxes": np.zeros((4, 1, 4)), "labels": np.zeros((4, 1))}}
        )
    layer = fk.nn.RandomFlip(bounding_box_format="xyxy", seed=0)
    with pytest.raises(ValueError, match='a dict with "boxes" and "labels"'):
        layer({"images": pixels(), "bounding_boxes": np.zeros((4, 1, 4))})
    with pytest.raises(ValueError, match="do not fit each other"):
        layer({"images": pixels(), "bounding_boxes": {"boxes": np.zeros((4, 1, 5)), "labels": np.zeros((4, 1))}})
    with pytest.raises(NotImplementedError, match="CutMix"):
        fk.nn.CutMix().transform_bounding_boxes({})
