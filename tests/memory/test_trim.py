from bpx.memory.process import read_resident
from bpx.memory.trim import trim

MB = 2**20


def test_what_is_free_goes_back_to_the_system() -> None:
    pieces = [bytearray(b"x") * 50_000 for _ in range(1000)]
    end = bytearray(b"x") * 50_000  # what lies at the end keeps the rest from going by itself
    full = read_resident().resident_bytes
    del pieces
    trim()
    assert full - read_resident().resident_bytes > 35 * MB
    assert len(end) == 50_000
