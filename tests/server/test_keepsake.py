import os

from bpx.server.keepsake import Keepsake


def test_what_was_kept_last_is_recalled() -> None:
    keepsake = Keepsake()
    assert keepsake.recall("hold") is None
    keepsake.keep("hold", [418, 12.5])
    keepsake.keep("connects", [1.0])
    keepsake.keep("hold", None)
    assert (keepsake.recall("hold"), keepsake.recall("connects")) == (None, [1.0])


def test_what_a_worker_keeps_the_next_one_recalls() -> None:
    keepsake = Keepsake()
    worker = os.fork()
    if not worker:
        keepsake.keep("hold", [418, 12.5])
        os._exit(0)
    os.waitpid(worker, 0)
    assert keepsake.recall("hold") == [418, 12.5]


def test_what_is_half_written_is_forgotten() -> None:
    keepsake = Keepsake()
    keepsake.keep("hold", [418, 12.5])
    keepsake._memory[12:14] = b"??"
    assert keepsake.recall("hold") is None
    keepsake.keep("hold", [429, 1.0])
    assert keepsake.recall("hold") == [429, 1.0]


def test_what_is_too_much_is_not_kept() -> None:
    keepsake = Keepsake()
    keepsake.keep("hold", [418, 12.5])
    keepsake.keep("novel", "x" * 100_000)
    assert (keepsake.recall("hold"), keepsake.recall("novel")) == ([418, 12.5], None)
