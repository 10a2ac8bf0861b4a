"""Adding numbers, written as characters, after https://keras.io/examples/nlp/addition_rnn/

python examples/from_keras/addition_rnn.py

What differs from the Keras script: nothing.
"""

import numpy as np

import fkeras as keras
from fkeras import layers


class CharacterTable:
    """Encode characters as one-hot rows, and rows as characters."""

    def __init__(self, chars):
        self.chars = sorted(set(chars))
        self.char_indices = {c: i for i, c in enumerate(self.chars)}
        self.indices_char = dict(enumerate(self.chars))

    def encode(self, C, num_rows):
        x = np.zeros((num_rows, len(self.chars)))
        for i, c in enumerate(C):
            x[i, self.char_indices[c]] = 1
        return x

    def decode(self, x, calc_argmax=True):
        if calc_argmax:
            x = x.argmax(axis=-1)
        return "".join(self.indices_char[x] for x in x)


def load_data(training_size, digits, reverse):
    maxlen = digits + 1 + digits
    ctable = CharacterTable("0123456789+ ")
    rng = np.random.default_rng(0)
    pairs = rng.integers(10**digits, size=(training_size, 2))
    x = np.zeros((training_size, maxlen, len(ctable.chars)), dtype=bool)
    y = np.zeros((training_size, digits + 1, len(ctable.chars)), dtype=bool)
    for i, (a, b) in enumerate(pairs):
        query = f"{a}+{b}".ljust(maxlen)
        x[i] = ctable.encode(query[::-1] if reverse else query, maxlen)
        y[i] = ctable.encode(str(a + b).ljust(digits + 1), digits + 1)
    return ctable, x, y


def main(small=False):
    digits = 1 if small else 3
    ctable, x, y = load_data(1000 if small else 20000, digits, reverse=True)
    split_at = len(x) - len(x) // 10
    x_train, x_val = x[:split_at], x[split_at:]
    y_train, y_val = y[:split_at], y[split_at:]
    chars = "0123456789+ "
    maxlen = digits + 1 + digits

    num_layers = 1
    model = keras.Sequential()
    model = model.add(layers.Input((maxlen, len(chars))))
    model = model.add(layers.LSTM(32 if small else 128))
    model = model.add(layers.RepeatVector(digits + 1))
    for _ in range(num_layers):
        model = model.add(layers.LSTM(32 if small else 128, return_sequences=True))
    model = model.add(layers.Dense(len(chars), activation="softmax"))
    trainer = model.compile(loss="categorical_crossentropy", optimizer="adam", metrics=["accuracy"])
    model.summary()

    state = trainer.init(0)
    epochs = 4 if small else 30
    batch_size = 32
    accuracy = []
    for epoch in range(1, epochs):
        print()
        print("Iteration", epoch)
        state, history = trainer.fit(
            state,
            x_train,
            y_train,
            batch_size=batch_size,
            epochs=1,
            validation_data=(x_val, y_val),
        )
        accuracy += history.history["val_accuracy"]
        for _ in range(3):
            ind = np.random.randint(0, len(x_val))
            rowx, rowy = x_val[np.array([ind])], y_val[np.array([ind])]
            preds = np.argmax(trainer.predict(state, rowx, verbose=0), axis=-1)
            q = ctable.decode(rowx[0])
            correct = ctable.decode(rowy[0])
            guess = ctable.decode(preds[0], calc_argmax=False)
            print("Q", q[::-1], "T", correct, "☑ " if correct == guess else "☒ ", guess)
    assert accuracy[-1] > accuracy[0]


if __name__ == "__main__":
    main()
