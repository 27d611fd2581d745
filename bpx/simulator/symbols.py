"""The symbols of both markets: a table of real names, and generated ones up to full size."""

from bpx.simulator.listing import PACES, Listing

FULL_SIZE = {"spot": 3_700, "futures": 920}
NON_ASCII_SYMBOL = "币安人生USDT"

# symbol base quote price quantity-decimals pace age-in-days [status]
_SPOT = """
BTCUSDT BTC USDT 67012.34 5 busy 3300
ETHUSDT ETH USDT 3212.56 4 busy 3300
SOLUSDT SOL USDT 168.42 3 busy 2200
BNBUSDT BNB USDT 612.30 3 busy 3000
XRPUSDT XRP USDT 0.6213 1 busy 2900
DOGEUSDT DOGE USDT 0.15234 0 busy 2300
PEPEUSDT PEPE USDT 0.00001234 0 busy 900
TRXUSDT TRX USDT 0.1233 1 moderate 2900
ADAUSDT ADA USDT 0.4512 1 moderate 3100
AVAXUSDT AVAX USDT 35.21 2 moderate 2100
LINKUSDT LINK USDT 14.52 2 moderate 2800
DOTUSDT DOT USDT 6.123 2 moderate 2200
LTCUSDT LTC USDT 81.34 3 moderate 3200
BCHUSDT BCH USDT 452.1 3 moderate 2600
NEARUSDT NEAR USDT 5.123 1 moderate 2100
UNIUSDT UNI USDT 7.812 2 moderate 2200
APTUSDT APT USDT 8.91 2 moderate 1100
ARBUSDT ARB USDT 0.8123 1 moderate 950
OPUSDT OP USDT 1.812 2 moderate 1200
SUIUSDT SUI USDT 1.2345 1 moderate 920
FILUSDT FIL USDT 4.512 2 moderate 2100
ATOMUSDT ATOM USDT 7.213 2 moderate 2500
SHIBUSDT SHIB USDT 0.00002314 0 moderate 1900
ETHBTC ETH BTC 0.04794 3 moderate 3300
BNBBTC BNB BTC 0.009137 2 moderate 3300
BTCFDUSD BTC FDUSD 67010.12 5 moderate 800
BTCUSDC BTC USDC 67011.50 5 moderate 2600
ETHUSDC ETH USDC 3212.41 4 moderate 2500
BTCEUR BTC EUR 61822.15 5 moderate 2300
EURUSDT EUR USDT 1.0842 1 moderate 2300
BTCTRY BTC TRY 2165432 5 quiet 2100
SOLBTC SOL BTC 0.002513 2 quiet 2200
LTCBTC LTC BTC 0.001213 2 quiet 3300
XRPBTC XRP BTC 0.00000927 0 quiet 3200
ADABNB ADA BNB 0.000737 1 quiet 2600
NKNUSDT NKN USDT 0.1123 0 quiet 2200
OGNBTC OGN BTC 0.00000154 0 quiet 2300
BELUSDT BEL USDT 0.6213 1 quiet 1900
NEWUSDT NEW USDT 1.2345 1 moderate 2.3
FRESHUSDT FRESH USDT 0.05123 0 moderate 0.17
这是测试币456 这是测试币 456 0.1234 1 moderate 300
\uff11\uff12\uff13\uff14\uff15\uff16 FW USDT 1.234 1 moderate 300
BCCUSDT BCC USDT 448.70 3 quiet 3000 BREAK
"""

# symbol base quote price tick-in-last-digits quantity-decimals pace age-in-days [status]
_FUTURES = """
BTCUSDT BTC USDT 67010.20 10 3 busy 2600
ETHUSDT ETH USDT 3211.94 1 3 busy 2550
SOLUSDT SOL USDT 168.400 10 0 busy 2200
XRPUSDT XRP USDT 0.6211 1 1 busy 2500
DOGEUSDT DOGE USDT 0.152310 10 0 busy 2300
BNBUSDT BNB USDT 612.220 10 2 moderate 2400
ADAUSDT ADA USDT 0.45110 10 0 moderate 2450
AVAXUSDT AVAX USDT 35.1910 10 0 moderate 2200
LINKUSDT LINK USDT 14.513 1 2 moderate 2450
LTCUSDT LTC USDT 81.31 1 3 moderate 2500
BCHUSDT BCH USDT 451.95 1 3 moderate 2550
DOTUSDT DOT USDT 6.121 1 1 moderate 2200
TRXUSDT TRX USDT 0.12327 1 0 moderate 2500
ATOMUSDT ATOM USDT 7.211 1 2 moderate 2450
1000PEPEUSDT 1000PEPE USDT 0.0123310 1 0 moderate 930
1000SHIBUSDT 1000SHIB USDT 0.023131 1 0 moderate 1900
BTCUSDC BTC USDC 67009.8 1 3 moderate 900
SUIUSDT SUI USDT 1.234300 100 1 moderate 920
ARBUSDT ARB USDT 0.812100 100 1 moderate 950
NEARUSDT NEAR USDT 5.1220 10 0 quiet 2100
SUSHIUSDT SUSHI USDT 0.8912 1 0 quiet 2200
AKROUSDT AKRO USDT 0.005123 1 0 quiet 2100
币安人生USDT 币安人生 USDT 0.21340 1 0 moderate 400
FRESHUSDT FRESH USDT 0.05124 1 0 moderate 0.21
SRMUSDT SRM USDT 0.31200 10 0 quiet 2100 SETTLING
"""


def _digits(price: str) -> tuple[int, int]:
    whole, _, fraction = price.partition(".")
    return int(whole + fraction), len(fraction)


def _spot_row(line: str) -> Listing:
    name, base, quote, price, decimals, pace, age, *status = line.split()
    units, price_decimals = _digits(price)
    return Listing(
        market="spot",
        name=name,
        base=base,
        quote=quote,
        status=status[0] if status else "TRADING",
        start_ticks=units,
        tick_units=1,
        price_decimals=price_decimals,
        quantity_decimals=int(decimals),
        pace=PACES[pace],
        age_days=float(age),
    )


def _futures_row(line: str) -> Listing:
    name, base, quote, price, tick, decimals, pace, age, *status = line.split()
    units, price_decimals = _digits(price)
    return Listing(
        market="futures",
        name=name,
        base=base,
        quote=quote,
        status=status[0] if status else "TRADING",
        start_ticks=units // int(tick),
        tick_units=int(tick),
        price_decimals=price_decimals,
        quantity_decimals=int(decimals),
        pace=PACES[pace],
        age_days=float(age),
        contract_type="PERPETUAL",
    )


def _extra(market: str, number: int) -> str:
    tick = " 1" if market == "futures" else ""
    return f"X{number:04d}USDT X{number:04d} USDT {1 + number % 90}.123{tick} 1 extra 300"


def listings(market: str, full_size: bool = False) -> dict[str, Listing]:
    """Return every symbol of a market, by name, in the order that Binance would list them.

    Args:
        market: "spot" or "futures".
        full_size: as many symbols as Binance has today, with generated names for the rest.
    """
    row, table = (_spot_row, _SPOT) if market == "spot" else (_futures_row, _FUTURES)
    lines = table.strip().splitlines()
    if full_size:
        lines += [_extra(market, number) for number in range(FULL_SIZE[market] - len(lines))]
    return {listing.name: listing for listing in map(row, lines)}
