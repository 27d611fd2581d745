"""Who has to go when a port is full."""

from dataclasses import dataclass

from bpx.server.crowd import Crowd


@dataclass(eq=False)
class Client:
    waits_since: float | None
    is_ended: bool = False

    def end(self) -> None:
        self.is_ended = True


def ended(clients: list[Client]) -> list[bool]:
    return [client.is_ended for client in clients]


def test_one_too_many_ends_whoever_has_kept_us_waiting_longest() -> None:
    crowd, clients = Crowd(2), [Client(2.0), Client(1.0), Client(3.0)]
    for client in clients:
        crowd.enter(client)
    assert ended(clients) == [False, True, False]
    assert set(crowd) == {clients[0], clients[2]}


def test_who_waits_for_us_stays_even_if_that_is_one_too_many() -> None:
    crowd, clients = Crowd(1), [Client(None), Client(None)]
    for client in clients:
        crowd.enter(client)
    assert ended(clients) == [False, False]
    assert len(crowd) == 2


def test_of_many_some_go_at_once() -> None:
    crowd, clients = Crowd(1_000), [Client(float(number)) for number in range(1_001)]
    for client in clients:
        crowd.enter(client)
    assert ended(clients) == [True] * 10 + [False] * 991


def test_requests_that_are_never_complete_may_not_fill_the_memory() -> None:
    crowd, clients = Crowd(9, unread_bytes=100), [Client(2.0), Client(1.0), Client(3.0)]
    for client in clients[:2]:
        crowd.enter(client)
        crowd.reading(client, 50)
    crowd.reading(clients[2], 1)
    assert ended(clients) == [False, True, False]
    crowd.reading(clients[2], 49)
    assert ended(clients) == [False, True, False]


def test_a_request_that_is_complete_counts_no_more() -> None:
    crowd, client, other = Crowd(9, unread_bytes=100), Client(1.0), Client(2.0)
    crowd.reading(client, 90)
    crowd.read(client)
    crowd.read(client)
    crowd.reading(other, 90)
    assert not client.is_ended


def test_answers_that_nobody_takes_may_not_fill_the_memory() -> None:
    crowd, clients = Crowd(9, unsent_bytes=100), [Client(2.0), Client(1.0), Client(3.0)]
    crowd.sending(clients[0], b"a" * 60)
    crowd.sending(clients[1], b"b" * 40)
    crowd.sending(clients[2], b"c" * 60)
    assert ended(clients) == [True, False, False]
    crowd.sent(clients[0])  # it notices now
    crowd.sent(clients[2])
    crowd.sending(clients[2], b"d" * 60)
    assert ended(clients) == [True, False, False]


def test_what_many_wait_for_is_in_memory_once() -> None:
    crowd, answer = Crowd(9, unsent_bytes=100), b"a" * 90
    clients = [Client(float(number)) for number in range(5)]
    for client in clients:
        crowd.sending(client, answer)
    assert not any(ended(clients))
    for client in clients:
        crowd.leave(client)
    crowd.sending(clients[0], b"b" * 90)
    assert not any(ended(clients))


def test_a_single_answer_may_be_larger_than_that() -> None:
    crowd, client = Crowd(9, unsent_bytes=100), Client(1.0)
    crowd.sending(client, b"a" * 200)
    assert not client.is_ended
