"""exchangeInfo behind the proxy against the recorded reply."""

import gzip
import json

import pytest

from tests.recorded.files import SESSIONS
from tests.recorded.walk import FORWARDED, walked
from tests.simulator.recorded import needs_recordings

pytestmark = needs_recordings

OWN = [name for name, session in SESSIONS.items() if session.has_listing]
SPOT = [name for name in OWN if SESSIONS[name].market == "spot"]


@pytest.mark.parametrize("name", OWN)
def test_the_recorded_document_passes_byte_for_byte(name: str) -> None:
    seen = walked(name)
    recorded = SESSIONS[name].document()
    assert (seen.document.status, seen.document.body) == (200, recorded)
    assert seen.zipped.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(seen.zipped.body) == recorded


@pytest.mark.parametrize("name", SPOT)
def test_a_symbols_part_is_cut_from_the_recorded_text(name: str) -> None:
    text = SESSIONS[name].document().decode()
    head, mark, rest = text.partition('"symbols":[')
    seen = walked(name)
    assert len(seen.parts) == 4
    for symbol, answer in seen.parts.items():
        begin = rest.index(f'{{"symbol":"{symbol}",')
        content, end = json.JSONDecoder().raw_decode(rest, begin)
        assert content["symbol"] == symbol
        expected = f"{head}{mark}{rest[begin:end]}]}}"
        assert (answer.status, answer.body.decode()) == (200, expected)
        assert answer.source == "cache"


def test_futures_send_the_whole_document_whatever_the_symbol() -> None:
    name = "cryptofeed/BINANCE_FUTURES"
    recorded = SESSIONS[name].document()
    assert {answer.body for answer in walked(name).parts.values()} == {recorded}


@pytest.mark.parametrize("name", FORWARDED)
def test_a_document_that_names_no_status_is_forwarded_and_not_kept(name: str) -> None:
    # `contractStatus` is COIN-M's word for it.
    assert "status" not in json.loads(SESSIONS[name].document())["symbols"][0]
    seen = walked(name)
    asked = [seen.document, seen.zipped, *seen.parts.values()]
    assert [answer.source for answer in asked] == ["upstream"] * 12
