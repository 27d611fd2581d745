"""What is promised: a row for each number, in a few words, or why it is left out."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from tests.proxy import ROOT

SECTIONS = {
    "A": "Replies of the exchange, and their absence",
    "B": "Streams",
    "C": "Limits and bans",
    "D": "Clients",
    "E": "What is answered",
    "F": "The process",
    "G": "Secrets and framing",
    "gate ": "Gates: all faults together",
}

PROMISES = {
    "A1": "An order whose connection breaks after it went is told to be of unknown outcome, and is "
    "never sent again",
    "A2": "An order that cannot be sent is told so, soon, after at most one more connect",
    "A3": "What the exchange says of an order is passed on as it is, once, and opens no breaker",
    "A4": "An order is waited for 13 s; an answer after that is given to nobody",
    "A5": "A public read takes 12 s in all, however slow the reply is, and leaves nothing open",
    "A6": "Retries add at most a tenth to the calls, and one to a request",
    "A7": "A breaker opens within 2 s, answers at once, probes three times and closes",
    "A8": "Market data that hangs does not slow orders",
    "A9": "Reads leave a host that fails; orders stay where they were sent",
    "A10": "A redirect is not followed, and no key goes where it points",
    "A11": "A reply that is cut or malformed is neither passed on nor kept",
    "A12": "Connections that the exchange closes while idle double no order",
    "A13": "Every account gets its own answer",
    "A14": "Connections to the exchange are bounded; what is beyond is refused within 1 s",
    "A15": "A name server that fails or hangs blocks nobody",
    "A16": "Nothing is sent to a host whose certificate does not hold",
    "A17": "Replies that are huge, packed or deep cost little memory and are refused",
    "A18": "A firewall's 403 is passed on once, kept by nobody, and heeded for 10 s",
    "A19": "A refusal is asked for once in 5 s, however many ask",
    "A20": "Equal misses at once are one call, and its failure is everybody's",
    "B1": "However a connection ends, another is there within 1 s, and clients see no error",
    "B2": "A connection is replaced before it is too old, without a gap or a REST call",
    "B3": "A notice of shutdown leads to a new connection within 1 s",
    "B4": "A connection that carries nothing is found out; meanwhile REST serves",
    "B5": "Every ping is answered with its payload, under full load too",
    "B6": "Subscribing 300 symbols at once stays within the limit of messages",
    "B7": "Connects are at most 60 in 5 minutes, and never given up",
    "B8": "A handshake that is refused, redirected or hangs ends at once or by its limit; bans are "
    "heeded",
    "B9": "Forbidden frames end the connection; messages are bounded",
    "B10": "A message that cannot be read costs its own stream a new start, and no other",
    "B11": "A stream that is not acknowledged is asked for seldom, and REST serves",
    "B12": "A flood of messages is taken in with little lag and little memory",
    "B13": "Without any stream all is served by REST, soon after the start",
    "B14": "A stream nobody asks for is released; asked for again it is right at once",
    "B15": "Futures streams go by the path that carries them; a silent one is found out",
    "B16": "Messages that come twice, or late, change nothing",
    "B17": "Several workers, one exchange",
    "C1": "After a 429 nothing goes for as long as it says; streams go on serving",
    "C2": "During a ban not even orders go, and one probe ends it",
    "C3": "A 429 or 418 that says no time holds to the next minute, or for 2 minutes",
    "C4": "What others of our address spend counts",
    "C5": "A call is charged what it weighs before it goes",
    "C6": "A new limit is adopted while running",
    "C7": "Orders go at once while market data wants three times the limit; what can wait best is "
    "refused first",
    "C8": "A signed read is answered or refused within a quarter of its window",
    "C9": "One greedy bot does not starve the others",
    "C10": "One account's order limit is nobody else's",
    "C11": "A budget that several processes share",
    "C12": "A minute's edge is crossed without a 429",
    "C13": "Streams that break all at once spend less than a third of a minute's weight",
    "C14": "A cold start of many bots breaks no limit, and nobody waits in silence",
    "C15": "An overloaded exchange's word is passed on, and orders are not slowed by us",
    "D1": "Headers that come too slowly are cut, and slow nobody down",
    "D2": "Bodies that come too slowly are cut, and slow nobody down",
    "D3": "Whoever reads too slowly is cut, and costs little memory",
    "D4": "A body that is too large is refused before it is read",
    "D5": "Long targets arrive; those that are too long are refused in Binance's shape",
    "D6": "What is no request is refused, with all that follows on its connection",
    "D7": "Pipelined requests are answered in order; idle connections keep nobody out",
    "D8": "Clients that go away lose no order and mix up no answer",
    "D9": "Nonsense gets what the exchange says to it",
    "D10": "Questions that never repeat fill nothing up and open no stream",
    "D11": "Methods get what they should",
    "E1": "A spot book is the exchange's, or is not served",
    "E2": "A futures book is the exchange's, or is not served",
    "E3": "Levels beyond those that are known are asked for",
    "E4": "Update ids never go back",
    "E5": "Candles are contiguous and closed ones are REST's, whatever is lost",
    "E6": "Half a candle is never served as a closed one",
    "E7": "Candles without trades are the exchange's",
    "E8": "Every cell is written as the exchange writes it",
    "E9": "Every parameter means what it means to the exchange",
    "E10": "Parameters that are unknown or given twice get the exchange's error",
    "E11": "No part of a ticker goes back in time, but that best prices without a number (REST's, "
    "a ticker's own) may be followed once by some that were under way",
    "E12": "exchangeInfo is whole, exact and at most 60 s behind",
    "E13": "Time and pings are never kept",
    "E14": "Every answer says truly where it is from and how old it is",
    "E15": "Answers are compressed for whoever accepts it, once",
    "E16": "Symbols of any script work",
    "E17": "Answers of streams and of REST have one shape",
    "E18": "The first question for a pair does not wait for a message",
    "E19": "An error is never kept as data",
    "F1": "A stop loses no order: not ready first, then finished, then gone with code 0",
    "F2": "To be told twice changes nothing; a quit does not wait; a reload serves on",
    "F3": "A killed worker is replaced within 2 s and takes no budget for full",
    "F4": "Without its master a worker ends and leaves the port",
    "F6": "A stuck worker is replaced",
    "F9": "What fails many times is logged in few lines",
    "F12": "Files, greenlets, threads and memory do not grow",
    "F14": "Whatever is wrong at the start is one line and a code, or up and not ready",
    "F15": "Liveness, readiness and health tell the truth, at once, and ask nobody",
    "G1": "No request is smuggled in another",
    "G2": "What is meant for one connection stays on it",
    "G12": "Twelve secrets in keys, signatures and listen keys appear in no log, error or metric",
    "gate 1": "An order reaches the exchange at most once",
    "gate 2": "An unknown outcome is called unknown, and nothing else is",
    "gate 3": "Signed bytes arrive unchanged",
    "gate 4": "No secret is told",
    "gate 5": "At three times the limit never more than the limit is sent, and nothing in a hold",
    "gate 6": "Market data never takes the orders' share",
    "gate 7": "Nothing old is answered as fresh",
    "gate 8": "Closed candles are REST's after every fault",
    "gate 9": "A book is the exchange's after every gap",
    "gate 10": "A killed worker costs what it had under way, and no more",
    "gate 11": "A stop loses no accepted order",
    "gate 12": "A client cannot starve others",
}

LEFT_OUT = {
    "B17": "There is one worker: caches, streams and budget live in its memory, and more than one "
    "is refused at the start.",
    "C11": "There is one process and no store that several could share.",
}

# Rows whose proof has another name, or another place than the tests of faults.
ELSEWHERE = {
    "C14": ["tests/faults/test_b_crowds.py::test_a_cold_start"],
    "gate 3": ["tests/upstream/test_raw.py"],
    "gate 4": ["tests/faults/test_g_secrets.py::test_g12_"],
    "gate 6": ["tests/faults/test_c_budget.py::test_c07_"],
    "gate 10": ["tests/faults/test_f_process.py::test_f03_"],
    "gate 11": ["tests/faults/test_f_process.py::test_f01_"],
    "gate 12": ["tests/faults/test_d_slow.py::test_d"],
}

_TEST = re.compile(r"^def (test_(?:([a-g])(\d+)|gates?_((?:\d+_(?:and_)?)+))\w*)", re.MULTILINE)


class Proof(NamedTuple):
    """A test, and the row that its name bears."""

    row: str
    file: str
    test: str


def proofs() -> Iterator[Proof]:
    """Find the tests that bear a row's number."""
    for path in sorted((ROOT / "tests/faults").glob("test_*.py")):
        for test, letter, number, gates in _TEST.findall(path.read_text()):
            rows = (
                [f"{letter.upper()}{int(number)}"]
                if letter
                else [f"gate {int(one)}" for one in re.findall(r"\d+", gates)]
            )
            for row in rows:
                yield Proof(row, str(path.relative_to(ROOT)), test)


def proofs_of(row: str) -> list[Proof]:
    """Return the tests of a row."""
    named = [proof for proof in proofs() if proof.row == row]
    for place in ELSEWHERE.get(row, []):
        file, _, head = place.partition("::")
        found = re.findall(r"^def (test_\w+)", (ROOT / file).read_text(), re.MULTILINE)
        if head:
            named += [Proof(row, file, test) for test in found if test.startswith(head)]
        else:
            named.append(Proof(row, file, Path(file).name))
    return named
