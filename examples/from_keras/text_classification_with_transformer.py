"""A transformer that classifies texts, after https://keras.io/examples/nlp/text_classification_with_transformer/

python examples/from_keras/text_classification_with_transformer.py

What differs from the Keras script: nothing.
"""

import numpy as np

import fkeras as keras
from fkeras import layers, ops


class TransformerBlock(layers.Layer):
    def __init__(self, embed_dim, num_heads, ff_dim, rate=0.1):
        super().__init__()
        self.att = layers.MultiHeadAttention(num_heads=num_heads, key_dim=embed_dim)
        self.ffn = keras.Sequential(
            [
                layers.Dense(ff_dim, activation="relu"),
                layers.Dense(embed_dim),
            ]
        )
        self.layernorm1 = layers.LayerNormalization(epsilon=1e-6)
        self.layernorm2 = layers.LayerNormalization(epsilon=1e-6)
        self.dropout1 = layers.Dropout(rate)
        self.dropout2 = layers.Dropout(rate)

    def call(self, inputs):
        attn_output = self.att(inputs, inputs)
        attn_output = self.dropout1(attn_output)
        out1 = self.layernorm1(inputs + attn_output)
        ffn_output = self.ffn(out1)
        ffn_output = self.dropout2(ffn_output)
        return self.layernorm2(out1 + ffn_output)


class TokenAndPositionEmbedding(layers.Layer):
    def __init__(self, maxlen, vocab_size, embed_dim):
        super().__init__()
        self.token_emb = layers.Embedding(input_dim=vocab_size, output_dim=embed_dim)
        self.pos_emb = layers.Embedding(input_dim=maxlen, output_dim=embed_dim)

    def call(self, x):
        maxlen = ops.shape(x)[-1]
        positions = ops.arange(start=0, stop=maxlen, step=1)
        positions = self.pos_emb(positions)
        x = self.token_emb(x)
        return x + positions


def load_data(num_words, rows):
    """Reviews as lists of word indices: one that has more even words than odd ones is a good one."""
    rng = np.random.default_rng(0)
    labels = rng.integers(2, size=rows)
    reviews = []
    for label in labels:
        words = rng.integers(1, num_words // 2, size=rng.integers(5, 20)) * 2
        reviews.append(list(words - (rng.random(len(words)) < (0.1 if label else 0.9))))
    half = rows // 2
    return (reviews[:half], labels[:half]), (reviews[half:], labels[half:])


def main(small=False):
    vocab_size = 200
    maxlen = 20
    (x_train, y_train), (x_val, y_val) = load_data(num_words=vocab_size, rows=1000 if small else 4000)
    print(len(x_train), "Training sequences")
    print(len(x_val), "Validation sequences")
    x_train = keras.utils.pad_sequences(x_train, maxlen=maxlen)
    x_val = keras.utils.pad_sequences(x_val, maxlen=maxlen)

    embed_dim = 16 if small else 32
    num_heads = 2
    ff_dim = 16 if small else 32
    inputs = layers.Input(shape=(maxlen,))
    embedding_layer = TokenAndPositionEmbedding(maxlen, vocab_size, embed_dim)
    x = embedding_layer(inputs)
    transformer_block = TransformerBlock(embed_dim, num_heads, ff_dim)
    x = transformer_block(x)
    x = layers.GlobalAveragePooling1D()(x)
    x = layers.Dropout(0.1)(x)
    x = layers.Dense(20, activation="relu")(x)
    x = layers.Dropout(0.1)(x)
    outputs = layers.Dense(2, activation="softmax")(x)
    model = keras.Model(inputs=inputs, outputs=outputs)

    trainer = model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    state = trainer.init(0)
    state, history = trainer.fit(state, x_train, y_train, batch_size=32, epochs=4, validation_data=(x_val, y_val))
    assert history.history["val_accuracy"][-1] > 0.8


if __name__ == "__main__":
    main()
