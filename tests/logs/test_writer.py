import logging
import os
import threading
from _thread import start_new_thread
from collections.abc import Iterator
from pathlib import Path

import pytest

from bpx.logs.flood import FREE, Flood, Rate
from bpx.logs.lines import TextLines
from bpx.logs.outputs import Overfull
from bpx.logs.scribe import Scribe
from bpx.logs.tally import TALLY
from bpx.logs.writer import MORE_FOR_ERRORS, MOST_AT_ONCE, MOST_WAITING, Writer
from tests.waiting import eventually

log = logging.getLogger("of.a.test")


class Taken:
    """An output that keeps what it is given, and may be stuck or broken."""

    def __init__(self) -> None:
        self.written: list[bytes] = []
        self.tidied: list[float] = []
        self.goes_on = threading.Event()
        self.goes_on.set()
        self.begun = self.failed = self.closed = 0
        self.fault: Exception | None = None

    @property
    def lines(self) -> list[str]:
        return [line.rpartition(": ")[2] for line in b"".join(self.written).decode().splitlines()]

    def write(self, lines: bytes) -> None:
        self.begun += 1
        self.goes_on.wait(50)
        if self.fault is not None and not isinstance(self.fault, Overfull):
            self.failed += 1
            raise self.fault
        self.written.append(lines)
        if self.fault is not None:
            raise self.fault

    def tidy(self, now: float) -> None:
        self.tidied.append(now)

    def close(self) -> None:
        self.closed += 1


@pytest.fixture
def output() -> Iterator[Taken]:
    """An output, to which all of `log` goes."""
    Scribe.complained_at = 0.0
    taken = Taken()
    with writing(taken):
        yield taken


class writing:  # noqa: N801
    """Has all of `log` go to an output meanwhile."""

    def __init__(self, output: Taken, flood: Flood | None = None, tidy_every_s: float = 60) -> None:
        self.output = output
        flood = flood or Flood(None, is_sampled=False)
        self.writer = Writer(output, flood, tidy_every_s, start_new_thread)
        self.writer.setFormatter(TextLines())

    def __enter__(self) -> Writer:
        log.propagate = False
        log.setLevel(1)
        log.addHandler(self.writer)
        return self.writer

    def __exit__(self, *_: object) -> None:
        log.removeHandler(self.writer)
        self.output.goes_on.set()
        self.writer.close()
        eventually(lambda: self.output.closed == 1)
        log.propagate = True
        log.setLevel(logging.NOTSET)


def test_lines_are_written_in_their_order(output: Taken) -> None:
    for number in range(1000):
        log.info("%s", number)
    eventually(lambda: len(output.lines) == 1000)
    assert output.lines == [str(number) for number in range(1000)]
    assert all(chunk.count(b"\n") <= MOST_AT_ONCE for chunk in output.written)


def test_whoever_logs_waits_for_no_output_and_what_waits_has_a_bound(output: Taken) -> None:
    lost = TALLY.lost["queue"]
    output.goes_on.clear()
    log.info("first")
    eventually(lambda: output.begun == 1)
    for number in range(MOST_WAITING + 10):
        log.info("%s", number)
    assert TALLY.lost["queue"] - lost == 10
    for number in range(MORE_FOR_ERRORS + 5):
        log.error("%s", number)
    assert TALLY.lost["queue"] - lost == 15, "errors have room of their own"
    output.goes_on.set()
    eventually(lambda: len(output.lines) == 1 + MOST_WAITING + MORE_FOR_ERRORS, within_s=20)


def test_what_was_logged_is_written_when_the_writer_is_closed() -> None:
    taken = Taken()
    with writing(taken):
        for number in range(500):
            log.info("%s", number)
    assert len(taken.lines) == 500


def test_an_output_that_is_stuck_is_waited_for_no_longer_than_a_second() -> None:
    taken = Taken()
    with writing(taken) as writer:
        taken.goes_on.clear()
        log.info("stuck")
        writer.close()
        assert taken.closed == 0


def test_what_cannot_be_written_is_counted_and_told_once_on_stderr(
    output: Taken, capfd: pytest.CaptureFixture[str]
) -> None:
    lost = TALLY.lost["output"]
    output.fault = OSError(28, "No space left on device")
    for number in range(5):
        log.info("lost")
        eventually(lambda number=number: TALLY.lost["output"] - lost == number + 1)
    assert "No space left" in str(TALLY.fault)
    output.fault = None
    log.info("kept")
    eventually(lambda: output.lines == ["kept"])
    eventually(lambda: TALLY.fault is None)
    told = capfd.readouterr().err
    assert told.count("\n") == 1
    assert "the log: 1 lines could not be written: [Errno 28] No space left on device" in told


def test_a_file_that_is_too_large_is_told_and_its_lines_count_as_written(
    output: Taken, capfd: pytest.CaptureFixture[str]
) -> None:
    lost, written = TALLY.lost["output"], TALLY.written["info"]
    output.fault = Overfull(13, "Permission denied")
    log.info("kept")
    eventually(lambda: TALLY.written["info"] == written + 1)
    assert TALLY.lost["output"] == lost
    assert "it cannot be put aside: [Errno 13] Permission denied" in capfd.readouterr().err


def test_a_bug_of_an_output_does_not_end_the_log(output: Taken) -> None:
    output.fault = RuntimeError("a bug")
    log.info("lost")
    eventually(lambda: output.failed == 1)
    output.fault = None
    log.info("kept")
    eventually(lambda: output.lines == ["kept"])


def test_a_malformed_line_is_an_error_of_its_own_and_hurts_nobody(output: Taken) -> None:
    made = log.makeRecord(log.name, logging.INFO, __file__, 1, "%d", ("no number",), None)
    next(one for one in log.handlers if isinstance(one, Writer)).handle(made)
    eventually(lambda: len(output.written) == 1)
    line = output.written[0].decode()
    assert f"ERROR bpx.logs.writer: a malformed line of {__file__}:" in line
    assert line.endswith(": TypeError\n")


def test_what_no_encoding_has_is_written_all_the_same() -> None:
    output = Taken()
    with writing(output) as writer:  # past the logger: no report of tests could hold it
        writer.handle(logging.makeLogRecord({"msg": "a lone \ud800", "levelno": logging.INFO}))
    eventually(lambda: output.lines == ["a lone \\ud800"])


def test_lines_that_are_too_many_are_left_out_counted_and_told() -> None:
    taken = Taken()
    before = TALLY.left_out.copy()
    with writing(taken, Flood(Rate(per_s=0.001, burst=3), is_sampled=True)):
        for _ in range(10):
            log.debug("detail")
        for number in range(FREE + 5):
            log.info("info %s", number)
    left_out = TALLY.left_out - before
    assert left_out == {("rate", "debug"): 7, ("repeat", "info"): 5}
    assert taken.lines.count("detail") == 3
    told = [line for line in b"".join(taken.written).decode().splitlines() if "left out" in line]
    assert [line.rpartition("many: ")[2] for line in told] == ["1 debug", "6 debug, 5 info"]


def test_written_lines_and_bytes_are_counted(output: Taken) -> None:
    written, size = TALLY.written["warn"], TALLY.written_bytes
    log.warning("one")
    log.warning("two")
    eventually(lambda: TALLY.written["warn"] == written + 2)
    assert TALLY.written_bytes - size == len(b"".join(output.written))


def test_an_output_is_told_to_tidy_up_at_first_and_then_from_time_to_time() -> None:
    taken = Taken()
    with writing(taken, tidy_every_s=0.05):
        eventually(lambda: len(taken.tidied) >= 3)
    assert taken.tidied[1] - taken.tidied[0] >= 0.05


def test_a_fork_writes_its_lines_itself_and_none_of_its_parents(tmp_path: Path) -> None:
    class Appended(Taken):
        def write(self, lines: bytes) -> None:
            super().write(lines)
            with (tmp_path / "log").open("ab") as file:
                file.write(lines)

    taken = Appended()
    with writing(taken) as writer:
        taken.goes_on.clear()
        log.info("of the parent")
        child = os.fork()
        if child == 0:
            taken.goes_on = threading.Event()  # the parent's thread may have held that one's lock
            taken.goes_on.set()
            log.info("of the child")
            writer.flush()
            os._exit(0)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert (tmp_path / "log").read_text().endswith("of the child\n")
    text = (tmp_path / "log").read_text()
    assert (text.count("of the parent"), text.count("of the child")) == (1, 1)
