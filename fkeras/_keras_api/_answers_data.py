"""Keras's helpers around data, images and text, and what does their work."""

from __future__ import annotations

_LAYERS = "an older way to augment images, one at a time in numpy; here layers do it, in the compiled step."
_BOXES = "layers that change images change their boxes too."

DATA: dict[str, tuple[str, str]] = {
    "utils.Config": (
        "a record that may be frozen; the standard library has it.",
        "@dataclasses.dataclass(frozen=True)",
    ),
    # boxes
    "utils.bounding_boxes.convert_format": (
        "a line of arithmetic on arrays; layers that change images take every format, as bounding_box_format=.",
        "boxes = jnp.concatenate([boxes[..., :2], boxes[..., :2] + boxes[..., 2:]], -1) for xywh to xyxy, "
        "jnp.concatenate([boxes[..., :2], boxes[..., 2:] - boxes[..., :2]], -1) back; "
        "boxes / jnp.array([width, height, width, height]) for rel_xyxy or rel_xywh",
    ),
    "utils.bounding_boxes.affine_transform": (_BOXES, 'fk.nn.RandomRotation(0.1, bounding_box_format="xyxy")'),
    "utils.bounding_boxes.clip_to_image_size": (_BOXES, "boxes.clip(0, jnp.array([width, height, width, height]))"),
    "utils.bounding_boxes.crop": (
        _BOXES,
        'fk.nn.CenterCrop(height, width, bounding_box_format="xyxy"), or '
        "(boxes - jnp.array([left, top, left, top])).clip(0, jnp.array([width, height, width, height]))",
    ),
    "utils.bounding_boxes.pad": (
        "an offset from the left and the top; fk.nn.MaxNumBoundingBoxes fills up with empty boxes.",
        "boxes + jnp.array([left, top, left, top])",
    ),
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
        "images of a folder are a data set, and layers of the model augment them, in the compiled step.",
        'train = fk.utils.image_dataset_from_directory(directory, image_size=(150, 150), label_mode="categorical") for '
        'flow_from_directory; augment = fk.Sequential([fk.nn.Rescaling(1 / 255), fk.nn.RandomFlip("horizontal"), '
        "fk.nn.RandomRotation(0.1), fk.nn.RandomZoom(0.2)]) in front of the model for the rest",
    ),
    "preprocessing.image.DirectoryIterator": (
        "a data set of the files, by index, goes into `fit` as it is.",
        'fk.utils.image_dataset_from_directory(directory, image_size=(256, 256), label_mode="categorical")',
    ),
    "preprocessing.image.Iterator preprocessing.image.NumpyArrayIterator": (
        "`fit` cuts arrays into batches and shuffles them.",
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
    "preprocessing.text.Tokenizer": (
        "a layer has the vocabulary, saved with the model; max_tokens is num_words, which counts the padding too.",
        "layer = fk.nn.TextVectorization(max_tokens=10_000).adapt(texts); layer(texts) for texts_to_sequences and "
        'pad_sequences, layer.get_vocabulary() for word_index, output_mode="multi_hot" for texts_to_matrix',
    ),
    "preprocessing.text.tokenizer_from_json": (
        "a layer is made of the words of a file.",
        'words = json.loads(json.loads(text)["config"]["word_index"]); layer = fk.nn.TextVectorization('
        "vocabulary=sorted(words, key=words.get))",
    ),
    "preprocessing.text.hashing_trick": (
        "a layer hashes words.",
        "fk.nn.Hashing(num_bins=n)(numpy.array(text.lower().split()))",
    ),
    "preprocessing.text.one_hot": (
        "a layer hashes words.",
        "fk.nn.Hashing(num_bins=n)(numpy.array(text.lower().split()))",
    ),
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
