"""Packs the goldens: `python -m tests.checkpoint.old_files.pick ZOO [ARCHIVE ...]`; ZOO has folders by version."""

import pathlib
import sys
import zipfile

# Of each version what it does in its own way, and small.
PICKED = {
    "keras_1_2": ["bidirectional", "conv_th", "dense", "merged_branches", "recurrent", "trained_adam"],
    "keras_2_0": ["masking", "frozen_model", "trained_momentum"],
    "keras_2_2": [
        "branches",
        "encoder_decoder",
        "embedding_lstm",
        "trained_outputs",
        "trained_legacy_adam",
        "lambda_layer",
    ],
    "keras_2_13": [
        "bidirectional",
        "cells",
        "custom",
        "frozen",
        "functions",
        "more_convolutions",
        "named_inputs_and_outputs",
        "nested_twice",
        "normalized",
        "thresholded",
        "time_distributed_model",
        "trained_adam",
        "trained_legacy_nadam",
        "trained_objects",
        "trained_schedule",
    ],
    "keras_3": ["bidirectional", "functions", "frozen", "trained_adam"],
    # Of `make_tutorials.py`.
    "tutorials_2_2": ["bilinear", "masked_bidirectional", "seq2seq_gru"],
    "tutorials_tf_1": ["added_loss_and_metric", "slices", "squeeze_excite_operators", "images"],
    "tutorials_2_13": ["backend_functions", "shapes", "slashed_names", "vae"],
}
FOLDERS = {"tutorials_2_2": "t224", "tutorials_tf_1": "ttf1", "tutorials_2_13": "t213"}
FOLDERS |= {"keras_1_2": "k122", "keras_2_0": "k208", "keras_2_2": "k224", "keras_2_13": "k213", "keras_3": "k3"}
# Written in two further forms.
WEIGHTS = ("frozen", "encoder_decoder", "bidirectional")
ZIPPED = ("bidirectional", "cells", "frozen", "nested_twice", "time_distributed_model", "trained_adam", "functions")
DATE = (2026, 11, 28, 0, 0, 0)


def main(zoo, archives=()):
    goldens = pathlib.Path(__file__).parent / "goldens"
    goldens.mkdir(exist_ok=True)
    for version, names in PICKED.items():
        if archives and version not in archives:
            continue
        source = pathlib.Path(zoo) / FOLDERS[version]
        with zipfile.ZipFile(goldens / f"{version}.zip", "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
            for name in names:
                suffixes = [".h5", ".npz", *([".w.h5"] if name in WEIGHTS else [])]
                suffixes += [".keras"] if name in ZIPPED and version == "keras_2_13" else []
                for path in (source / (name + suffix) for suffix in suffixes):
                    if path.exists():
                        archive.writestr(zipfile.ZipInfo(path.name, DATE), path.read_bytes(), zipfile.ZIP_DEFLATED, 9)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
