"""Keras's helpers around data, images and text, and what does their work."""

from __future__ import annotations

_FILES = "reading files is left to libraries that do it in parallel; `fit` takes any iterable of (x, y) batches."
_GRAIN = "grain.MapDataset.source(paths).map(read).batch(32), given to trainer.fit(state, dataset)"
_LAYERS = "an older way to augment images, one at a time in numpy; here layers do it, in the compiled step."
_BOXES = "layers that change images change their boxes too."

DATA: dict[str, tuple[str, str]] = {
    "utils.image_dataset_from_directory preprocessing.image_dataset_from_directory": (
        _FILES,
        "paths = sorted(pathlib.Path(directory).rglob('*.jpg')); " + _GRAIN,
    ),
    "utils.audio_dataset_from_directory": (
        _FILES,
        "paths = sorted(pathlib.Path(directory).rglob('*.wav')); " + _GRAIN,
    ),
    "utils.text_dataset_from_directory preprocessing.text_dataset_from_directory": (
        _FILES,
        "texts = [path.read_text() for path in sorted(pathlib.Path(directory).rglob('*.txt'))]; "
        "layer = fk.nn.TextVectorization().adapt(texts)",
    ),
    "utils.FeatureSpace": (
        "one layer a column does the same, and each is adapted to its column.",
        'age = fk.nn.Normalization(axis=None).adapt(frame["age"]); city = fk.nn.StringLookup(output_mode="one_hot")'
        '.adapt(frame["city"]); fk.nn.Concatenate()([age(a), city(c)])',
    ),
    "utils.Progbar": ("`fit` shows a bar; rich has one for loops of one's own.", "rich.progress.track(batches)"),
    "utils.Config": (
        "a record that may be frozen; the standard library has it.",
        "@dataclasses.dataclass(frozen=True)",
    ),
    "utils.model_to_dot utils.plot_model": (
        "a picture of the graph; the table says the same in text.",
        "model.summary(expand_nested=True)",
    ),
    # boxes
    "utils.bounding_boxes.convert_format": (_BOXES, 'fk.nn.RandomFlip(bounding_box_format="xyxy")'),
    "utils.bounding_boxes.affine_transform": (_BOXES, 'fk.nn.RandomRotation(0.1, bounding_box_format="xyxy")'),
    "utils.bounding_boxes.clip_to_image_size": (_BOXES, "boxes.clip(0, jnp.array([width, height, width, height]))"),
    "utils.bounding_boxes.crop": (_BOXES, 'fk.nn.CenterCrop(height, width, bounding_box_format="xyxy")'),
    "utils.bounding_boxes.pad": (_BOXES, "fk.nn.MaxNumBoundingBoxes(max_number)"),
    "utils.bounding_boxes.encode_box_to_deltas utils.bounding_boxes.decode_deltas_to_boxes": (
        "four lines of arithmetic on arrays, which differ from detector to detector.",
        "deltas = jnp.concatenate([(centers - anchor_centers) / anchor_sizes, jnp.log(sizes / anchor_sizes)], -1)",
    ),
    "utils.bounding_boxes.compute_iou utils.bounding_boxes.compute_ciou": (
        "an overlap of boxes is arithmetic on arrays.",
        "low, high = jnp.maximum(a[..., :2], b[..., :2]), jnp.minimum(a[..., 2:], b[..., 2:]); "
        "overlap = jnp.prod(jnp.clip(high - low, 0), -1)",
    ),
    # what Keras 3 keeps only under tf_keras' name
    "preprocessing.image.ImageDataGenerator": (
        _LAYERS,
        'fk.Sequential([fk.nn.Rescaling(1 / 255), fk.nn.RandomFlip("horizontal"), fk.nn.RandomRotation(0.1)])',
    ),
    "preprocessing.image.DirectoryIterator preprocessing.image.Iterator preprocessing.image.NumpyArrayIterator": (
        _FILES,
        "trainer.fit(state, x, y, batch_size=32)",
    ),
    "preprocessing.image.apply_affine_transform": (_LAYERS, "fk.ops.image.affine_transform(images, transform)"),
    "preprocessing.image.apply_brightness_shift preprocessing.image.random_brightness": (
        _LAYERS,
        "fk.nn.RandomBrightness(0.2, seed=0)(images)",
    ),
    "preprocessing.image.apply_channel_shift preprocessing.image.random_channel_shift": (
        _LAYERS,
        "fk.nn.RandomColorJitter(brightness_factor=0.2, seed=0)(images)",
    ),
    "preprocessing.image.random_rotation": (_LAYERS, "fk.nn.RandomRotation(0.1, seed=0)(images)"),
    "preprocessing.image.random_shear": (_LAYERS, "fk.nn.RandomShear(0.1, 0.1, seed=0)(images)"),
    "preprocessing.image.random_shift": (_LAYERS, "fk.nn.RandomTranslation(0.1, 0.1, seed=0)(images)"),
    "preprocessing.image.random_zoom": (_LAYERS, "fk.nn.RandomZoom(0.1, seed=0)(images)"),
    "preprocessing.text.*": (
        "an older way to turn text into numbers; here a layer does it, and is saved with the model.",
        "layer = fk.nn.TextVectorization(max_tokens=10_000, output_sequence_length=100).adapt(texts)",
    ),
    "preprocessing.sequence.TimeseriesGenerator": (
        "a class of Keras 2; windows of a series are a data set.",
        "fk.utils.timeseries_dataset_from_array(data[:-length], targets[length:], sequence_length=length)",
    ),
    "preprocessing.sequence.make_sampling_table": (
        "one line of numpy: how often words of each rank are kept, by Zipf's law.",
        "table = numpy.minimum(1, numpy.sqrt(1e-5 * rank * numpy.log(rank)))",
    ),
    "preprocessing.sequence.skipgrams": (
        "pairs of neighbours are windows of an array.",
        "windows = numpy.lib.stride_tricks.sliding_window_view(tokens, 2 * window_size + 1)",
    ),
}
