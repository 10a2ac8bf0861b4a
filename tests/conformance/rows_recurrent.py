"""Rows: recurrent layers and the layers around them."""

from .descriptors import Row

SHAPE = (3, 5, 2)


def with_states(inputs):
    """A cell's arguments: the inputs, and a list of states."""
    return inputs[0], list(inputs[1:])


def within(inner, outer, **kwargs):
    """A layer around another, made by a namespace; named, since Keras counts names over the whole program."""

    def make(namespace):
        name, arguments = inner
        return getattr(namespace, outer)(getattr(namespace, name)(**arguments, name="inside"), **kwargs)

    return make


def cells(*pairs):
    return lambda ns: [getattr(ns, name)(units, name=f"cell{i}") for i, (name, units) in enumerate(pairs)]


OWN = {"dtype": "the layer inside has a dtype of its own"}
ROWS = [
    row
    for name in ("LSTM", "GRU", "SimpleRNN")
    for row in (
        Row(name, {"units": 4}, SHAPE),
        Row(name, {"units": 4, "return_sequences": True, "go_backwards": True}, SHAPE, variant="backwards"),
        Row(name, {"units": 4, "return_state": True, "use_bias": False}, SHAPE, variant="state"),
        Row(name, {"units": 4, "activation": "relu", "unroll": True}, SHAPE, variant="unrolled"),
    )
] + [
    Row("LSTM", {"units": 4, "unit_forget_bias": False}, SHAPE, variant="plain_bias"),
    Row("GRU", {"units": 4, "reset_after": False}, SHAPE, variant="reset_before"),
    *(
        Row(f"{name}Cell", {"units": 4}, [(3, 2)] + [(3, 4)] * states, pack=with_states)
        for name, states in (("SimpleRNN", 1), ("GRU", 1), ("LSTM", 2))
    ),
    Row("StackedRNNCells", {}, [(3, 2), (3, 4), (3, 4), (3, 5)], skip=OWN,
        pack=lambda inputs: (inputs[0], [list(inputs[1:3]), list(inputs[3:])]),
        make=lambda ns: ns.StackedRNNCells(cells(("LSTMCell", 4), ("GRUCell", 5))(ns))),
    Row("RNN", {}, SHAPE, skip=OWN, make=lambda ns: ns.RNN(ns.GRUCell(4, name="cell"))),
    Row("RNN", {}, SHAPE, skip=OWN, variant="stacked",
        make=lambda ns: ns.RNN(ns.StackedRNNCells(cells(("LSTMCell", 4), ("GRUCell", 3))(ns), name="stack"),
                                 return_sequences=True, return_state=True)),
    *(
        Row(f"ConvLSTM{rank}D", {"filters": 3, "kernel_size": 2, "padding": padding, "return_sequences": True},
            (3, 2, *(4,) * rank, 2), variant=padding)
        for rank in (1, 2, 3)
        for padding in ("valid", "same")
    ),
    Row("ConvLSTM2D", {"filters": 3, "kernel_size": (2, 1), "strides": 2, "data_format": "channels_first",
                       "return_state": True}, (3, 2, 2, 4, 5), variant="first"),
    Row("Bidirectional", {}, SHAPE, skip=OWN, make=within(("LSTM", {"units": 4}), "Bidirectional")),
    *(
        Row("Bidirectional", {}, SHAPE, skip=OWN, variant=str(mode),
            make=within(("GRU", {"units": 4, "return_sequences": True}), "Bidirectional", merge_mode=mode))
        for mode in ("sum", "mul", "ave", None)
    ),
    Row("Bidirectional", {}, SHAPE, skip=OWN, variant="state",
        make=within(("LSTM", {"units": 4, "return_state": True}), "Bidirectional")),
    Row("Bidirectional", {}, SHAPE, skip=OWN, variant="pair",
        make=lambda ns: ns.Bidirectional(ns.LSTM(4, name="a"), backward_layer=ns.GRU(3, go_backwards=True, name="b"))),
    Row("TimeDistributed", {}, SHAPE, skip=OWN, make=within(("Dense", {"units": 4}), "TimeDistributed")),
    Row("TimeDistributed", {}, (3, 2, 5, 4, 2), skip=OWN, variant="conv",
        make=within(("Conv2D", {"filters": 3, "kernel_size": 2}), "TimeDistributed")),
    Row("TimeDistributed", {}, SHAPE, skip=OWN, variant="batchnorm",
        make=within(("BatchNormalization", {}), "TimeDistributed"),
        why="float32 moments of numbers around 1 differ by an ulp in the order of their sums"),
    Row("SpectralNormalization", {}, (3, 4), make=within(("Dense", {"units": 3}), "SpectralNormalization"),
        skip={"dtype": "the power method in bfloat16 is a method of its own"}),
    Row("SpectralNormalization", {}, (3, 5, 2), variant="conv",
        make=within(("Conv1D", {"filters": 3, "kernel_size": 2}), "SpectralNormalization", power_iterations=2),
        skip={"dtype": "the power method in bfloat16 is a method of its own"}),
    Row("Wrapper", {}, (3, 4), make=within(("Dense", {"units": 3}), "Wrapper"),
        skip={**OWN, "reference": "Keras's has no call", "config": ""}),
]  # fmt: skip
