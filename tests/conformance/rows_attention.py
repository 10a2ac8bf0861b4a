"""Rows: attention."""

import numpy as np

from .descriptors import Row

PAIR, SAME, THREE = [(3, 5, 4), (3, 6, 4)], [(3, 5, 4), (3, 5, 4)], [(3, 5, 4), (3, 6, 2), (3, 6, 4)]
SIZES = {"num_heads": 2, "key_dim": 3}
GROUPS = {"head_dim": 3, "num_query_heads": 4, "num_key_value_heads": 2}
# masks of a batch of one, since a graph's batch is unknown; the third target sees nothing
SEEN = np.random.default_rng(0).random((1, 5, 6)) < 0.6
SEEN[0, 2] = False
TARGETS = np.array([[1, 1, 1, 0, 0]], bool)
SOURCES = np.array([[1, 1, 1, 0, 0, 1]], bool)
NONE = np.zeros((1, 6), bool)
SCORES = {"return_attention_scores": True}
CAUSAL = {"use_causal_mask": True}
KEYS = {"reference": "value_dim != key_dim crashes Keras 3.15 on JAX unless scores are returned"}


def heads(name, sizes):
    """What both layers with projections must do."""
    return [
        Row(name, sizes, PAIR, spread=True),
        Row(name, sizes, PAIR, spread=True, call_kwargs=CAUSAL, variant="causal"),
        Row(name, sizes, PAIR, spread=True, call_kwargs={**CAUSAL, **SCORES}, variant="causal_scores"),
        Row(name, sizes, PAIR, spread=True, call_kwargs={"attention_mask": SEEN}, variant="mask"),
        Row(name, sizes, PAIR, spread=True, call_kwargs={"attention_mask": SEEN, **SCORES}, variant="mask_scores"),
        Row(name, sizes, PAIR, spread=True, call_kwargs={"attention_mask": SEEN[0].astype("int32")}, variant="mask_2d"),
        Row(name, sizes, PAIR, spread=True, call_kwargs={"attention_mask": SEEN[:, None]}, variant="mask_4d"),
        Row(name, sizes, PAIR, spread=True, call_kwargs={"value_mask": SOURCES, **CAUSAL}, variant="value_mask"),
        Row(name, sizes, PAIR, spread=True, variant="key_mask",
            call_kwargs={"key_mask": SOURCES, "value_mask": ~SOURCES, **SCORES}),
        Row(name, sizes, PAIR, spread=True, call_kwargs={"value_mask": NONE}, variant="nothing"),
        Row(name, {**sizes, "sliding_window": 2}, PAIR, spread=True, variant="window"),
        Row(name, {**sizes, "sliding_window": 1}, PAIR, spread=True, call_kwargs=SCORES, variant="window_scores"),
        Row(name, {**sizes, "use_gate": True, "use_bias": False}, PAIR, spread=True, variant="gate"),
        Row(name, {**sizes, "dropout": 0.3, "seed": 1}, PAIR, spread=True, random=True,
            call_kwargs={"attention_mask": SEEN}, variant="dropout"),
        Row(name, {**sizes, "kernel_initializer": "he_normal", "kernel_regularizer": "l2"}, THREE, spread=True,
            variant="key"),
    ]  # fmt: skip


IMAGES = [(3, 2, 3, 4), (3, 2, 3, 4)]
PROJECTED = [
    *heads("MultiHeadAttention", SIZES),
    Row("MultiHeadAttention", {**SIZES, "use_bias": False, "output_shape": 7}, PAIR, spread=True, variant="output"),
    Row("MultiHeadAttention", {**SIZES, "output_shape": (2, 3)}, PAIR, spread=True, variant="output_axes"),
    Row("MultiHeadAttention", {**SIZES, "value_dim": 5, "use_gate": True}, PAIR, spread=True, call_kwargs=SCORES,
        variant="value_dim"),
    Row("MultiHeadAttention", {**SIZES, "value_dim": 5}, PAIR, spread=True, skip=KEYS, variant="value_dim_alone"),
    Row("MultiHeadAttention", {"num_heads": 1, "key_dim": 3, "attention_axes": (1, 2)}, IMAGES, spread=True,
        variant="axes"),
    Row("MultiHeadAttention", {**SIZES, "attention_axes": 2, "sliding_window": 2}, [(3, 2, 2, 4), (3, 2, 2, 4)],
        spread=True, call_kwargs={**CAUSAL, **SCORES}, variant="one_axis"),
    Row("MultiHeadAttention", {**SIZES, "attention_axes": (1, 2)}, IMAGES, spread=True, variant="axes_mask",
        call_kwargs={"attention_mask": np.random.default_rng(1).random((1, 2, 3, 2, 3)) < 0.6}),
    *heads("GroupQueryAttention", GROUPS),
    Row("GroupQueryAttention", {**GROUPS, "num_key_value_heads": 1}, PAIR, spread=True, variant="one_key"),
    Row("GroupQueryAttention", GROUPS, PAIR, spread=True, call_kwargs={"query_mask": TARGETS}, variant="query_mask"),
]  # fmt: skip

ALONE = [
    row
    for name in ("Attention", "AdditiveAttention")
    for row in (
        Row(name, {}, PAIR),
        Row(name, {"use_scale": name == "Attention"}, [(3, 5, 4), (3, 6, 2), (3, 6, 4)], variant="scale"),
        Row(name, {}, PAIR, call_kwargs=SCORES, variant="scores"),
        Row(name, {}, PAIR, call_kwargs=CAUSAL, variant="causal"),
        Row(name, {}, PAIR, call_kwargs={"mask": [TARGETS, SOURCES], **CAUSAL, **SCORES}, variant="masks"),
        Row(name, {}, PAIR, call_kwargs={"mask": [None, SOURCES]}, variant="value_mask"),
        Row(name, {}, PAIR, call_kwargs={"mask": [None, NONE]}, variant="nothing"),
        Row(name, {"dropout": 0.3, "seed": 1}, PAIR, random=True, variant="dropout"),
    )
] + [
    Row("Attention", {"score_mode": "concat"}, PAIR, variant="concat"),
    Row("Attention", {"score_mode": "concat", "use_scale": True}, PAIR, variant="concat_scale"),
]

# KerasHub's, which is not among the tests' packages: tests/nn/test_generation.py has an oracle
POSITIONS = [
    Row("RotaryEmbedding", {"max_wavelength": 100}, (3, 5, 4), keras=False),
    Row("RotaryEmbedding", {"sequence_axis": 2, "feature_axis": 1}, (3, 4, 5, 2), keras=False, variant="axes"),
    Row("RotaryEmbedding", {"frequency_adjustment_factor": 8, "low_freq_factor": 1, "high_freq_factor": 4,
        "pretraining_sequence_length": 40}, (3, 5, 4), keras=False, variant="llama3"),
    Row("PositionEmbedding", {"sequence_length": 7}, (3, 5, 4), keras=False),
    # tests/applications has its oracle
    Row("RotaryAttention", {**GROUPS, "head_dim": 4}, SAME, spread=True, keras=False, call_kwargs=CAUSAL),
    Row("RotaryAttention", {**GROUPS, "head_dim": 4, "use_output_bias": False}, SAME, spread=True, keras=False,
        call_kwargs=CAUSAL, variant="output_bias"),
]  # fmt: skip

ROWS = PROJECTED + ALONE + POSITIONS
