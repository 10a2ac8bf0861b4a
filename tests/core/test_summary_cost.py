"""What layers cost, in the summary."""

import pytest

import fkeras as fk


def told(model, **arguments):
    lines = []
    model.summary(print_fn=lines.append, line_length=120, **arguments)
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in lines[0].splitlines() if "│" in line]
    return {
        row[0].lstrip("└ ").split(" (")[0]: [int(cell.replace(",", "")) for cell in row[-2:]] for row in rows
    }, lines[0]


def test_layers_add_up_to_the_model():
    inputs = fk.Input((6, 4))
    hidden = fk.nn.LSTM(3, return_sequences=True)(inputs)
    model = fk.Model(inputs, fk.nn.Dense(2)(hidden))
    costs, text = told(model, cost=5)
    assert costs["dense"][0] == pytest.approx(2 * 5 * 6 * 3 * 2, rel=0.3)
    # eight products of each of the six steps
    assert costs["lstm"][0] > 6 * 2 * 5 * 4 * (4 + 3) * 3
    whole = int(text.split("FLOPs of 5 rows: ")[1].split(" ")[0].replace(",", ""))
    # XLA counts operations before it joins any, so what lies between the layers is all that can differ
    assert sum(flops for flops, _ in costs.values()) == pytest.approx(whole, rel=0.01)


def test_blocks_of_a_loop_count_each():
    block = fk.Sequential([fk.nn.Dense(8), fk.nn.Dense(4)], name="block")
    inputs = fk.Input((4,))
    costs, _ = told(fk.Model(inputs, fk.nn.Repeat(block, 12)(inputs)), cost=True, expand_nested=True)
    assert costs["repeat"][0] == pytest.approx(12 * 2 * 2 * 4 * 8, rel=0.3)
    assert costs["block"][0] == pytest.approx(costs["repeat"][0], rel=0.2)
    assert costs["dense"][0] + costs["dense_1"][0] == pytest.approx(costs["block"][0], rel=0.05)


def test_a_size_that_is_open_is_asked_for():
    with pytest.raises(ValueError, match=r"shape of every input[\s\S]*stays open[\s\S]*fk\.Input"):
        fk.Sequential([fk.Input((None, 4)), fk.nn.Dense(2)]).summary(cost=True)


@pytest.mark.parametrize("cost", [-1, 2.5, "x"])
def test_a_cost_is_of_a_number_of_rows(cost):
    with pytest.raises(ValueError, match=r"cost= is a number of rows"):
        fk.Sequential([fk.Input((4,)), fk.nn.Dense(2)]).summary(cost=cost)


def test_text_has_no_cost():
    model = fk.Sequential([fk.Input((1,), dtype="string"), fk.nn.Hashing(8)])
    with pytest.raises(ValueError, match=r"takes no text[\s\S]*begins behind them"):
        model.summary(cost=True)
