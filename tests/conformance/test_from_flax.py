"""Each line of the table of Flax's idioms runs, and both columns come to the same where the table says so."""

import tempfile

import numpy as np

from .table_from_flax import GIVEN, TABLE
from .write_from_flax import PAGE, page


def test_both_columns_run_from_top_to_bottom(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    flax, here = {"__name__": "flax_by_hand"}, {"__name__": "here"}
    exec(GIVEN, flax)
    exec(GIVEN, here)
    for rows in TABLE.values():
        for row in rows:
            for names, code in ((flax, row.flax), (here, row.here)):
                try:
                    exec(code, names)
                except Exception as error:
                    error.add_note(f"of the line: {code}")
                    raise
            if row.equal:
                left, right = eval(row.equal[0], flax), eval(row.equal[1], here)
                np.testing.assert_allclose(left, right, atol=1e-5, err_msg=str(row.equal))


def test_the_page_is_what_the_table_says():
    assert PAGE.read_text() == page(), "python -m tests.conformance.write_from_flax"
