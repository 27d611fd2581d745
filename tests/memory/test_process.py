from pathlib import Path

from bpx.memory.process import Resident, read_resident

MB = 2**20


def test_it_is_what_linux_says(tmp_path: Path) -> None:
    status = tmp_path / "status"
    status.write_text("Name:\tbpx\nVmHWM:\t 200 kB\nVmRSS:\t 100 kB\nVmStk:\t 132 kB\n")
    assert read_resident(status) == Resident(100 * 1024, 200 * 1024, 132 * 1024, 0)


def test_what_this_process_takes_shows() -> None:
    before = read_resident()
    body = bytearray(b"x") * (30 * MB)
    now = read_resident()
    assert now.resident_bytes - before.resident_bytes > 25 * MB
    assert now.peak_bytes >= now.resident_bytes > len(body)
    assert 0 < now.stack_bytes < now.resident_bytes


def test_where_there_is_no_proc_the_peak_is_known(tmp_path: Path) -> None:
    found = read_resident(tmp_path / "none")
    assert found.resident_bytes == found.peak_bytes > MB
