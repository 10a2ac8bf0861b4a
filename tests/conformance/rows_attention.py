"""Rows: attention."""

from .descriptors import Row

PAIR = [(3, 5, 4), (3, 6, 4)]
ROWS = [
    Row("MultiHeadAttention", {"num_heads": 2, "key_dim": 3}, PAIR, spread=True),
    Row("MultiHeadAttention", {"num_heads": 2, "key_dim": 3, "use_bias": False, "output_shape": 7}, PAIR,
        spread=True, variant="output"),
    Row("MultiHeadAttention", {"num_heads": 2, "key_dim": 3}, [(3, 5, 4), (3, 5, 4)], spread=True,
        call_kwargs={"use_causal_mask": True}, variant="causal"),
    Row("MultiHeadAttention", {"num_heads": 1, "key_dim": 3, "attention_axes": (1, 2)}, [(3, 2, 3, 4), (3, 2, 3, 4)],
        spread=True, variant="axes"),
]  # fmt: skip
