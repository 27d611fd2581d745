import gzip

import pytest

from bpx.logs import TALLY, Retention
from bpx.operators.logs import LogReport


class Clock:
    time = 100.0

    def __call__(self):
        return self.time


@pytest.fixture(autouse=True)
def tally():
    """What is counted here is not counted elsewhere."""
    counts = TALLY.written, TALLY.left_out, TALLY.lost
    before = [count.copy() for count in counts], TALLY.written_bytes, TALLY.fault
    yield
    for count, earlier in zip(counts, before[0], strict=True):
        count.clear()
        count.update(earlier)
    TALLY.written_bytes, TALLY.fault = before[1:]


def test_files_and_their_sizes_are_told(tmp_path):
    log = tmp_path / "bpx.log"
    log.write_bytes(b"x" * 10)
    (tmp_path / "bpx.log.1").write_bytes(b"x" * 20)
    (tmp_path / "bpx.log.2.gz").write_bytes(packed := gzip.compress(b"x" * 30))
    (tmp_path / "other.log").write_bytes(b"x")
    told = LogReport(str(log), Retention(max_total_bytes=1000, backups=4), Clock()).shown()
    assert [(file["path"], file["bytes"]) for file in told["files"]] == [
        (str(log), 10),
        (f"{log}.1", 20),
        (f"{log}.2.gz", len(packed)),
    ]
    used = 30 + len(packed)
    assert told["disk"] == {"used_bytes": used, "limit_bytes": 1000, "backups": 4}


def test_a_standard_stream_has_no_files():
    told = LogReport("stdout", Retention(), Clock()).shown()
    assert (told["output"], told["files"], told["disk"]) == ("stdout", [], None)


def test_a_directory_that_is_gone_is_told_and_the_rest_all_the_same(tmp_path):
    told = LogReport(str(tmp_path / "gone" / "bpx.log"), Retention(), Clock()).shown()
    assert (told["files"], told["disk"]) == ([], None)
    assert "gone" in told["fault"]


def test_what_became_of_lines_is_told():
    TALLY.written["info"] += 3
    TALLY.left_out["repeat", "warn"] += 5
    TALLY.left_out["rate", "debug"] += 7
    TALLY.lost["queue"] += 2
    lines = LogReport("stdout", Retention(), Clock()).shown()["lines"]
    assert lines["written"]["info"] >= 3
    assert lines["left_out"]["repeat"]["warn"] >= 5
    assert lines["left_out"]["rate"]["debug"] >= 7
    assert lines["lost"]["queue"] >= 2


def test_rates_are_of_the_last_minute():
    clock = Clock()
    report = LogReport("stdout", Retention(), clock)
    for _ in range(24):
        clock.time += 5
        TALLY.written["info"] += 10
        TALLY.written_bytes += 1000
        report.take()
    assert report.shown()["rate"] == {"lines_per_s": 2.0, "bytes_per_s": 200.0, "over_s": 60.0}
