"""What is served, and what cannot be."""

import socket

import pytest

from bpx.cli.serving import serve, venues_of
from bpx.cli.simulate import parser


def test_both_markets_are_served() -> None:
    venues = venues_of(parser().parse_args(["--seed", "3"]))
    assert [venue.market for venue in venues] == ["spot", "futures"]


def test_a_recording_that_is_not_there_is_refused() -> None:
    with pytest.raises(FileNotFoundError):
        venues_of(parser().parse_args(["--replay", "nowhere"]))


def test_a_port_that_is_taken_cannot_be_had() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        options = parser().parse_args(["--spot-port", str(taken.getsockname()[1])])
        with pytest.raises(OSError, match="in use"):
            serve(options, venues_of(options))
