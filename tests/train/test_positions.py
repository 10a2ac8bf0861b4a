"""Where a source is, as it is kept with a run, and how it is put there again."""

import numpy as np
import pytest

from fkeras.train._batches._positions import as_text, from_text, resume
from fkeras.train._batches._sources import Position, Stream
from fkeras.train._batches._streams import stream


class Counted:
    """Batches by number, from an iterator that says where it is."""

    def __init__(self):
        self.at = 0

    def __iter__(self):
        return self

    def __next__(self):
        self.at += 1
        return (np.full((2, 1), self.at - 1, "float32"),)

    def get_state(self):
        return self.at

    def set_state(self, state):
        self.at = state


def plain():
    for i in range(99):
        yield (np.full((2, 1), i, "float32"),)


@pytest.mark.parametrize("looked_at", [False, True])
@pytest.mark.parametrize(("make", "position"), [(Counted, 7), (plain, None)])
def test_a_source_that_was_looked_at_goes_on_where_it_was(make, position, looked_at):
    data = make()
    source = Stream(stream(data), None, 5, restarts=False, origin=data)
    if looked_at:
        assert source.first()[0][0, 0] == 0
    skip = resume(source, 7, 2, position)
    found = [int(batch[0][0, 0]) for batch in source.epoch(None, Position(1, 5), skip + 2)]
    assert (skip, found) == (0, [9, 10, 11])


def test_positions_come_back_as_they_were():
    given = {"next": [1, 2.5, None, True, "x"], 3: (b"\x00\xff", {"seeds": np.arange(3, dtype="uint8")})}
    found = from_text(as_text(given))
    np.testing.assert_array_equal(found[3][1].pop("seeds"), given[3][1].pop("seeds"))
    assert found == given
    assert isinstance(found[3], tuple)
    with pytest.raises(TypeError, match="in a way that cannot be saved"):
        as_text({"reader": object()})
    with pytest.raises(TypeError, match="in a way that cannot be saved"):
        as_text(np.array([object()]))
