import gzip
from itertools import pairwise

import pytest

from bpx.simulator.recordings import open_recording
from tests.simulator.recorded import CRYPTOFEED, RECORDED, SESSIONS, needs_recordings


def write_gz(path, text):
    with gzip.open(path, "wt") as file:
        file.write(text)


@pytest.fixture
def session(tmp_path):
    """A session of five lines in three files."""
    write_gz(
        tmp_path / "MINI.0.gz",
        'https://dapi.binance.com/dapi/v1/exchangeInfo -> 1.5: {"symbols":[]}\n'
        'configuration: {"trades": []}\n',
    )
    write_gz(
        tmp_path / "MINI.http.0.0.gz",
        'https://dapi.binance.com/dapi/v1/depth?symbol=A&limit=1000 -> 4.0: {"lastUpdateId":1}\n\n',
    )
    write_gz(
        tmp_path / "MINI.ws.1.0.gz",
        "wss://dstream.binance.com/stream?streams=a@depth@100ms/a@bookTicker <-> 2.0\n"
        '2.0: {"stream":"a@depth@100ms","data":{"e":"depthUpdate","E":1600000000000,"s":"A"}}\n'
        '2.25: {"stream":"a@bookTicker","data":{"u":1}}\n'
        '3.0: {"stream":"a@depth@100ms","data":{"e":"depthUpdate","E":1600000000100,"s":"A"}}\n',
    )
    return open_recording(tmp_path / "MINI")


def test_a_session_is_one_sequence_in_the_order_of_the_recorder(session):
    assert [event.stream or event.target for event in session.events()] == [
        "/fapi/v1/exchangeInfo",
        "a@depth@100ms",
        "a@bookTicker",
        "a@depth@100ms",
        "/fapi/v1/depth?symbol=A&limit=1000",
    ]
    assert list(session.events())[2].body == b'{"u":1}'


def test_time_is_the_exchanges_and_what_has_none_follows_the_newest_that_has(session):
    assert [event.at_ms for event in session.events()] == [
        1_500,  # nothing better is known yet
        1_600_000_000_000,
        1_600_000_000_250,
        1_600_000_000_250,  # its own time is earlier, but time does not go back
        1_600_000_001_100,
    ]
    assert list(session.instants) == [1_500, *(1_600_000_000_000 + ms for ms in (0, 250, 1_100))]
    assert session.start_ms == 1_500


def test_coin_margined_sessions_count_as_futures(session):
    assert (session.market, session.is_coin_margined) == ("futures", True)
    assert session.streams == {"a@depth@100ms", "a@bookTicker"}


def test_a_place_with_no_recording_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError, match="no recording at"):
        open_recording(tmp_path / "NONE")


@needs_recordings
@pytest.mark.parametrize(
    ("name", "market", "messages", "replies"),
    [
        ("cryptofeed/BINANCE", "spot", 177 + 84 + 2 + 2, 5),
        ("cryptofeed/BINANCE_FUTURES", "futures", 764 + 613 + 67 + 91, 5),
        ("cryptofeed/BINANCE_DELIVERY", "futures", 2047 + 2240 + 33 + 51, 11),
        ("cryptofeed/BINANCE_US", "spot", 336 + 128 + 5 + 11, 5),
        ("cryptofeed/BINANCE_TR", "spot", 84 + 47 + 8 + 0, 4),
        ("hftbacktest/spot", "spot", 6495 + 73174 + 19904, 1),
        ("hftbacktest/usdm", "futures", 6551 + 66089 + 21313, 1),
        ("ccxt/spot", "spot", 6, 0),
        ("ccxt/futures", "futures", 4, 0),
    ],
)
def test_every_recorded_message_is_read(name, market, messages, replies):
    recording = open_recording(RECORDED / name)
    events = list(recording.events())
    assert recording.market == market
    assert sum(1 for event in events if event.stream) == messages
    assert sum(1 for event in events if event.target) == replies


@needs_recordings
@pytest.mark.parametrize("name", SESSIONS)
def test_time_lines_are_ascending_and_last_as_long_as_the_session(name):
    instants = open_recording(RECORDED / name).instants
    assert all(before < after for before, after in pairwise(instants))
    longest_s = 700 if name.startswith("hft") else 60
    assert 0 < instants[-1] - instants[0] < longest_s * 1000


@needs_recordings
@pytest.mark.parametrize("name", CRYPTOFEED)
def test_what_is_recorded_comes_only_on_streams_that_were_asked_for(name):
    recording = open_recording(RECORDED / name)
    assert {event.stream for event in recording.events() if event.stream} <= recording.streams
