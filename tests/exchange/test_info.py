import gzip
import json
from pathlib import Path

import orjson
import pytest

from bpx.errors import BadMessage
from bpx.exchange.info import ExchangeInfo

RECORDED = Path(__file__).parents[2].parent / "shared" / "recorded"

HEAD = (
    '{"timezone":"UTC","serverTime":1795000000000,"rateLimits":['
    '{"rateLimitType":"REQUEST_WEIGHT","interval":"MINUTE","intervalNum":1,"limit":6000},'
    '{"rateLimitType":"ORDERS","interval":"SECOND","intervalNum":10,"limit":100},'
    '{"rateLimitType":"RAW_REQUESTS","interval":"MINUTE","intervalNum":5,"limit":300000}],'
    '"exchangeFilters":[],"symbols":['
)
TAIL = "]}"
SETS = '[["SPOT","MARGIN","TRD_GRP_004"]]'


def symbol_text(name, status="TRADING", sets=SETS):
    """Return a symbol as Binance writes it in 2026."""
    return (
        f'{{"symbol":"{name}","status":"{status}","baseAsset":"BTC","baseAssetPrecision":8,'
        '"quoteAsset":"USDT","quotePrecision":8,"quoteAssetPrecision":8,'
        '"baseCommissionPrecision":8,"quoteCommissionPrecision":8,'
        '"orderTypes":["LIMIT","LIMIT_MAKER","MARKET"],"icebergAllowed":true,"ocoAllowed":true,'
        '"otoAllowed":true,"opoAllowed":true,"quoteOrderQtyMarketAllowed":true,'
        '"allowTrailingStop":true,"cancelReplaceAllowed":true,"amendAllowed":true,'
        '"pegInstructionsAllowed":true,"isSpotTradingAllowed":true,"isMarginTradingAllowed":true,'
        '"filters":[{"filterType":"PRICE_FILTER","minPrice":"0.01000000",'
        '"maxPrice":"1000000.00000000","tickSize":"0.01000000"},'
        '{"filterType":"MAX_NUM_ORDERS","maxNumOrders":200}],'
        f'"permissions":[],"permissionSets":{sets},"defaultSelfTradePreventionMode":"EXPIRE_MAKER",'
        '"allowedSelfTradePreventionModes":["EXPIRE_TAKER","EXPIRE_MAKER","EXPIRE_BOTH"]}'
    )


BTC = symbol_text("BTCUSDT")
ETH = symbol_text("ETHUSDT", sets='[["SPOT","TRD_GRP_004"]]')
LUNA = symbol_text("LUNAUSDT", "BREAK", sets='[["LEVERAGED"]]')
CHINESE = symbol_text("币安人生USDT", "HALT", sets='[["SPOT"]]')
ALL = [BTC, ETH, LUNA, CHINESE]


def document(symbols, head=HEAD, tail=TAIL):
    return (head + ",".join(symbols) + tail).encode()


def answer(params, symbols=ALL):
    return ExchangeInfo(document(symbols)).answer(params)


def bare(symbol):
    start = symbol.index('"permissionSets":') + len('"permissionSets":')
    end = symbol.index(',"defaultSelfTrade')
    return symbol[:start] + "[]" + symbol[end:]


def test_the_document_is_kept_as_it_came():
    exchange_info = ExchangeInfo(document(ALL))
    assert exchange_info.answer({}) == exchange_info.body == document(ALL)


def test_the_symbols_are_listed_with_their_status():
    assert ExchangeInfo(document(ALL)).symbols == {
        "BTCUSDT": "TRADING",
        "ETHUSDT": "TRADING",
        "LUNAUSDT": "BREAK",
        "币安人生USDT": "HALT",
    }


def test_the_weight_limit_is_the_one_per_minute():
    assert ExchangeInfo(document(ALL)).weight_per_minute == 6000


@pytest.mark.parametrize(
    "limits",
    [
        "null",
        "[]",
        "[7]",
        '[{"rateLimitType":"ORDERS","interval":"MINUTE","intervalNum":1,"limit":6000}]',
        '[{"rateLimitType":"REQUEST_WEIGHT","interval":"DAY","intervalNum":1,"limit":6000}]',
        '[{"rateLimitType":"REQUEST_WEIGHT","interval":"MINUTE","intervalNum":1,"limit":"6000"}]',
        '[{"rateLimitType":"REQUEST_WEIGHT","interval":"MINUTE","intervalNum":1,"limit":true}]',
        '[{"rateLimitType":"REQUEST_WEIGHT","interval":"MINUTE","intervalNum":1,"limit":0}]',
    ],
)
def test_a_weight_limit_that_is_not_named_is_none(limits):
    body = f'{{"rateLimits":{limits},"symbols":[{BTC}]}}'.encode()
    assert ExchangeInfo(body).weight_per_minute is None


@pytest.mark.parametrize(
    ("params", "symbols"),
    [
        ({"symbol": "BTCUSDT"}, [BTC]),
        ({"symbol": "币安人生USDT"}, [CHINESE]),
        ({"symbol": "LUNAUSDT"}, [LUNA]),
        ({"symbols": '["BTCUSDT"]'}, [BTC]),
        ({"symbols": '["BTCUSDT","LUNAUSDT"]'}, [BTC, LUNA]),
        ({"permissions": "SPOT"}, [BTC, ETH, CHINESE]),
        ({"permissions": '["MARGIN"]'}, [BTC]),
        ({"permissions": '["LEVERAGED","MARGIN"]'}, [BTC, LUNA]),
        ({"permissions": '["LEVERAGED","SPOT"]'}, ALL),
        ({"symbolStatus": "TRADING"}, [BTC, ETH]),
        ({"symbolStatus": "HALT"}, [CHINESE]),
        ({"symbolStatus": "HALT", "permissions": "MARGIN"}, []),
        ({"symbolStatus": "TRADING", "permissions": "MARGIN"}, [BTC]),
        ({"showPermissionSets": "true"}, ALL),
        ({"showPermissionSets": "true", "symbol": "ETHUSDT"}, [ETH]),
        ({"showPermissionSets": "false"}, [bare(text) for text in ALL]),
        ({"showPermissionSets": "false", "symbol": "ETHUSDT"}, [bare(ETH)]),
        (
            {"showPermissionSets": "false", "symbolStatus": "TRADING", "permissions": "SPOT"},
            [bare(BTC), bare(ETH)],
        ),
    ],
)
def test_a_part_is_the_document_with_fewer_symbols(params, symbols):
    assert answer(params) == document(symbols)


@pytest.mark.parametrize(
    "params",
    [
        pytest.param({"symbol": "XXXUSDT"}, id="unknown"),
        pytest.param({"symbols": '["BTCUSDT","XXXUSDT"]'}, id="one is unknown"),
        pytest.param({"symbols": '["BTCUSDT","BTCUSDT"]'}, id="twice"),
        pytest.param({"symbols": "BTCUSDT"}, id="no list"),
        pytest.param({"symbols": '["ETHUSDT","BTCUSDT"]'}, id="an order of its own"),
        pytest.param({"symbol": "BTCUSDT", "symbols": '["BTCUSDT"]'}, id="both"),
        pytest.param({"symbol": "BTCUSDT", "permissions": "SPOT"}, id="not together"),
        pytest.param({"symbols": '["BTCUSDT"]', "symbolStatus": "TRADING"}, id="not together"),
        pytest.param({"permissions": "TRD_GRP_004"}, id="may have symbols we do not know"),
        pytest.param({"permissions": '["SPOT","TRD_GRP_004"]'}, id="may have them, too"),
        pytest.param({"permissions": '["SPOT","SPOT"]'}, id="twice"),
    ],
)
def test_what_else_is_asked_is_for_binance(params):
    assert answer(params) is None


@pytest.mark.parametrize("sets", ['[["SPOT"],["MARGIN"]]', "[]", "null", '["SPOT"]', "[7]"])
def test_a_symbol_whose_permissions_are_not_plain_leaves_the_choice_to_binance(sets):
    symbols = [BTC, symbol_text("ODDUSDT", sets=sets)]
    assert answer({"permissions": "SPOT"}, symbols) is None
    assert answer({"symbol": "ODDUSDT"}, symbols) == document(symbols[1:])


def test_a_symbol_that_two_sets_agree_on_is_chosen():
    both = symbol_text("TWOUSDT", sets='[["SPOT","A"],["SPOT","B"]]')
    assert answer({"permissions": "SPOT"}, [LUNA, both]) == document([both])
    assert answer({"permissions": "LEVERAGED"}, [LUNA, both]) == document([LUNA])


def test_a_document_without_permission_sets_is_cut_by_what_it_has():
    old = '{"symbol":"OLDUSDT","status":"TRADING","permissions":["SPOT"]}'
    assert answer({"symbol": "OLDUSDT"}, [old, BTC]) == document([old])
    assert answer({"permissions": "SPOT"}, [old, BTC]) is None
    assert answer({"showPermissionSets": "false"}, [old, BTC]) is None
    assert answer({"showPermissionSets": "true"}, [old, BTC]) == document([old, BTC])


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(json.dumps(json.loads(document(ALL))).encode(), id="spaced"),
        pytest.param(document([BTC, ETH.replace('"baseAsset":', '"baseAsset": ')]), id="in it"),
        pytest.param(document([ETH.replace("0.01000000", "0.\\u00301000000")]), id="escapes"),
        pytest.param(document(ALL) + b"\n", id="something after it"),
        pytest.param(document(ALL, tail='],"sors":[]}'), id="a list that may shrink, too"),
        pytest.param(document(ALL, head=HEAD.replace('"UTC"', '"\\u0055TC"')), id="the head"),
        pytest.param(document([BTC, ETH, BTC]), id="a symbol twice"),
        pytest.param(
            document([BTC, ETH]).replace(b'},{"symbol":"E', b'} ,{"symbol":"E'), id="between"
        ),
    ],
)
def test_a_body_that_is_not_written_as_we_would_is_good_as_a_whole(body):
    exchange_info = ExchangeInfo(body)
    assert exchange_info.answer({}) == body
    assert exchange_info.answer({"symbolStatus": "TRADING"}) is None
    assert exchange_info.answer({"symbol": next(iter(exchange_info.symbols))}) is None


def test_a_newer_document_has_its_own_head_and_the_symbols_of_the_earlier_one():
    earlier = ExchangeInfo(document(ALL))
    head = HEAD.replace("1795000000000", "1795000060000").replace("6000}", "12000}")
    newer = ExchangeInfo(document(ALL, head=head), earlier)
    assert newer.symbols is earlier.symbols
    assert newer.weight_per_minute == 12000
    assert newer.answer({}) == document(ALL, head=head)
    assert newer.answer({"symbol": "ETHUSDT"}) == document([ETH], head=head)
    assert newer.answer({"symbolStatus": "BREAK"}) == document([LUNA], head=head)


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(document([BTC, ETH, LUNA]), id="fewer"),
        pytest.param(document([LUNA, *ALL]), id="twice"),
        pytest.param(document([symbol_text("NEWUSDT"), *ALL]), id="more"),
        pytest.param(document([BTC.replace("TRADING", "HALT"), *ALL[1:]]), id="another status"),
        pytest.param(document(ALL, tail='],"sors":[]}'), id="another tail"),
        pytest.param(document(ALL, head=HEAD.replace('"UTC"', "{}")), id="another head"),
        pytest.param(document(ALL, head=HEAD.replace('"exchangeFilters":[],', "")), id="less"),
    ],
)
def test_an_earlier_document_makes_no_difference(body):
    newer, alone = ExchangeInfo(body, ExchangeInfo(document(ALL))), ExchangeInfo(body)
    assert newer.symbols == alone.symbols
    for params in ({}, {"symbol": "ETHUSDT"}, {"symbolStatus": "TRADING"}):
        assert newer.answer(params) == alone.answer(params)


@pytest.mark.parametrize("head", ["<html>", "", '{"a":[{', '{"symbols":[],"more":[', '{"a":['])
def test_the_old_symbols_behind_a_broken_head_are_no_document(head):
    with pytest.raises(BadMessage):
        ExchangeInfo(document(ALL, head=head), ExchangeInfo(document(ALL)))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"{}",
        b"[]",
        b"null",
        b'{"code":-1003,"msg":"Way too much request weight used"}',
        b'{"symbols":[]}',
        b'{"symbols":{}}',
        b'{"symbols":["BTCUSDT"]}',
        b'{"symbols":[{"symbol":"BTCUSDT"}]}',
        b'{"symbols":[{"symbol":7,"status":"TRADING"}]}',
        b'{"symbols":[{"symbol":[],"status":"TRADING"}]}',
        b'{"symbols":[{"symbol":"BTCUSDT","status":null}]}',
        pytest.param(document(ALL)[:-1], id="cut off"),
    ],
)
def test_an_error_is_never_kept_as_the_document(body):
    with pytest.raises(BadMessage):
        ExchangeInfo(body)


def recorded(name):
    path = RECORDED / name
    if not path.exists():
        pytest.skip(f"no recorded exchangeInfo: {path.name} is not there")
    content = gzip.decompress(path.read_bytes())
    if content.startswith(b"{"):
        return content
    reply = next(line for line in content.split(b"\n") if b"exchangeInfo -> " in line)
    return reply.split(b": ", 1)[1]


@pytest.mark.parametrize(
    ("name", "symbols", "weight_per_minute"),
    [
        ("swapland-statics/exchangeInfo_spot_2023-08-13.json.gz", 2276, 1200),
        ("cryptofeed/BINANCE_FUTURES.0.gz", 122, 2400),
    ],
)
def test_recorded_documents_are_read(name, symbols, weight_per_minute):
    exchange_info = ExchangeInfo(recorded(name))
    assert len(exchange_info.symbols) == symbols
    assert exchange_info.symbols["BTCUSDT"] == "TRADING"
    assert exchange_info.weight_per_minute == weight_per_minute


def test_a_recorded_document_is_cut_where_binance_joined_it():
    body = recorded("cryptofeed/BINANCE.0.gz")
    exchange_info = ExchangeInfo(body)
    whole = orjson.loads(body)
    trading = [row for row in whole["symbols"] if row["status"] == "TRADING"]
    part = exchange_info.answer({"symbolStatus": "TRADING"})
    assert orjson.loads(part) == {**whole, "symbols": trading}
    first = exchange_info.answer({"symbol": "ETHBTC"})
    assert orjson.loads(first) == {**whole, "symbols": whole["symbols"][:1]}
    assert body.startswith(first.removesuffix(b"]}"))


def test_a_document_of_futures_is_never_cut_as_binance_ignores_what_is_asked():
    body = recorded("cryptofeed/BINANCE_FUTURES.0.gz")
    assert ExchangeInfo(body).answer({}) == body
    assert ExchangeInfo(body).answer({"symbol": "BTCUSDT"}) is None
