"""The column of a summary that says what trains."""

import pytest

import fkeras as fk


def nested():
    inner = fk.Input((4,))
    base = fk.Model(
        inner, fk.nn.Dense(3, name="high")(fk.nn.BatchNormalization(name="norm")(fk.nn.Dense(3, name="low")(inner))),
        name="base",
    )  # fmt: skip
    outer = fk.Input((4,))
    return fk.Model(outer, fk.nn.Dense(1, name="head")(fk.nn.Normalization(name="scaled")(base(outer))))


def marks(model):
    lines = []
    model.summary(show_trainable=True, expand_nested=True, line_length=100, print_fn=lines.append)
    rows = [line.replace("│", " ").split() for line in "\n".join(lines).splitlines() if "(" in line and "│" in line]
    return {row[0 if row[0] != "└" else 1]: row[-1] for row in rows if "Layer" not in row[0]}


BASE = ("base", "low", "norm", "high")


@pytest.mark.parametrize(
    ("change", "rest"),
    [
        (lambda m: m, ()),
        (lambda m: m.freeze("base/.*"), BASE),  # each layer in it, so all of it
        (lambda m: m.freeze("base"), BASE),
        (lambda m: m.freeze("base/low"), ("low",)),  # of base some trains
        (lambda m: m.freeze("base").unfreeze("base/high"), ("low", "norm")),
        (lambda m: m.freeze(), (*BASE, "scaled", "head")),
        (lambda m: m.freeze().unfreeze(), ()),
    ],
)
def test_a_row_says_n_where_nothing_of_it_trains(change, rest):
    found = marks(change(nested()))
    assert {name for name, mark in found.items() if mark == "N"} == set(rest)
    assert {name for name, mark in found.items() if mark == "Y"} == {*BASE, "scaled", "head"} - set(rest)
