"""Every promise has a test or a reason, and the page says which."""

import pytest

from tests.faults.page import PAGE, page, rows_in
from tests.faults.promises import LEFT_OUT, PROMISES, proofs, proofs_of
from tests.faults.scale import LONG, PATIENT

WANTED = (
    *(f"A{number}" for number in range(1, 21)),
    *(f"B{number}" for number in range(1, 18)),
    *(f"C{number}" for number in range(1, 16)),
    *(f"D{number}" for number in range(1, 12)),
    *(f"E{number}" for number in range(1, 20)),
    *("F1", "F2", "F3", "F4", "F6", "F12", "F14", "F15", "G12"),
    *(f"gate {number}" for number in range(1, 13)),
)
MOST_LEFT_OUT = 8
# They take long: `make test` has no time for them, `make faults` has.
ONLY_IN_FULL = {
    "A2", "A8", "A9", "A14", "A15", "A17", "A19",
    "B1", "B3", "B4", "B6", "B7", "B10", "B12", "B13",
    "C3", "C4", "C6", "C12", "C13", "C14",
    "D1", "D2", "D3", "D7", "D9", "D10",
    "E3", "E4", "E5", "E9", "E14", "E17", "E18", "E19",
    "F6", "F9", "F12",
    "gate 5", "gate 9",
}  # fmt: skip


def test_every_wanted_row_is_promised_and_has_a_test_or_a_reason() -> None:
    assert [row for row in WANTED if row not in PROMISES] == []
    assert [row for row in WANTED if not proofs_of(row) and row not in LEFT_OUT] == []
    assert len(LEFT_OUT) <= MOST_LEFT_OUT
    assert [row for row in LEFT_OUT if proofs_of(row)] == [], "with a test there is no reason"


def test_every_test_that_bears_a_number_is_of_a_promise() -> None:
    assert {proof.row for proof in proofs()} - PROMISES.keys() == set()


def test_the_other_rows_are_run_in_short() -> None:
    names = {proof.test: proof.row for proof in proofs()}
    short = {row for test, row in names.items() if test not in LONG}
    assert {row for test, row in names.items() if test in LONG} - short == ONLY_IN_FULL
    of_no_row = ("cold_start", "steady_load", "leak_is_found")
    assert [
        test for test in LONG if test not in names and not any(one in test for one in of_no_row)
    ] == []


def test_what_is_patient_is_there() -> None:
    assert set(PATIENT) - {proof.test for proof in proofs()} == set()


LINE = {"row": "A1", "is_full": True, "commit": "abc", "measured": {"took_s": 1.5}}


def test_what_was_measured_takes_the_place_of_all_that_was_there() -> None:
    text = page(PAGE.read_text(), [LINE])
    assert [row for row, figures in rows_in(text).items() if figures] == ["A1"]
    assert rows_in(text)["A1"] == "took 1.5"
    assert "Measured at commit `abc`." in text


def test_figures_of_several_commits_are_not_mixed() -> None:
    with pytest.raises(ValueError, match="abc, def"):
        page(PAGE.read_text(), [LINE, LINE | {"commit": "def"}])


def test_the_page_is_what_the_tests_say() -> None:
    text = PAGE.read_text()
    assert text == page(text, []), "`python -m tests.faults.page` prints it anew"


def test_every_row_that_is_not_left_out_was_measured_or_has_nothing_to_measure() -> None:
    assert rows_in(PAGE.read_text()).keys() == PROMISES.keys()
