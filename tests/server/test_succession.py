import os

from bpx.server.succession import Succession


def test_the_first_worker_waits_for_nobody() -> None:
    succession = Succession()
    succession.expect(1)
    succession.arrive(1)
    assert not succession.awaits_successor(1)
    assert not succession.has_successor(1)


def test_an_old_worker_waits_until_the_next_one_serves() -> None:
    succession = Succession()
    succession.expect(1)
    succession.arrive(1)
    succession.expect(2)
    assert succession.awaits_successor(1)
    assert not succession.has_successor(1)
    succession.arrive(2)
    assert not succession.awaits_successor(1)
    assert succession.has_successor(1)


def test_nobody_waits_for_a_worker_that_has_ended() -> None:
    succession = Succession()
    succession.expect(1)
    succession.arrive(1)
    succession.expect(2)
    succession.leave(2)
    assert not succession.awaits_successor(1)


def test_that_an_old_worker_ends_is_nothing_to_the_next() -> None:
    succession = Succession()
    succession.expect(1)
    succession.arrive(1)
    succession.expect(2)
    succession.leave(1)
    assert succession.awaits_successor(1)


def test_what_a_child_process_notes_its_parent_sees() -> None:
    succession = Succession()
    succession.expect(1)
    child = os.fork()
    if not child:
        succession.arrive(1)
        os._exit(0)
    os.waitpid(child, 0)
    assert succession.has_successor(0)
