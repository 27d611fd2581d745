"""Questions about ranges of trades."""

from random import Random

from bpx.simulator.tape import Tape


def filled(count, seed=7, aggregate_ms=100):
    random = Random(seed)
    tape, time_ms, rows = Tape(1, 1, aggregate_ms), 0, []
    for _ in range(count):
        time_ms += random.choice([0, 10, 900, 30_000, 200_000])
        row = (time_ms, random.randint(90, 110), random.randint(1, 9), random.random() < 0.5)
        rows.append(row)
        tape.append(*row)
    return tape, rows


def test_every_range_has_the_sums_and_extremes_of_its_trades():
    tape, rows = filled(400)
    random = Random(1)
    for _ in range(2_000):
        i, j = sorted(random.sample(range(401), 2))
        part = rows[i:j]
        assert tape.volume(i, j) == (sum(r[2] for r in part), sum(r[1] * r[2] for r in part))
        bought = [r for r in part if not r[3]]
        assert tape.taker_volume(i, j) == (
            sum(r[2] for r in bought),
            sum(r[1] * r[2] for r in bought),
        )
        assert tape.extremes(i, j) == (max(r[1] for r in part), min(r[1] for r in part))


def test_an_instant_belongs_to_what_had_happened_by_then():
    tape = Tape(1, 1, 1)
    for time_ms in (10, 20, 20, 30):
        tape.append(time_ms, 1, 1, False)
    assert [tape.count_at(t) for t in (9, 10, 20, 99)] == [0, 1, 3, 4]
    assert [tape.first_from(t) for t in (10, 11, 31)] == [0, 1, 4]
    assert tape.first_from(31, 2) == 2


def test_aggregates_are_runs_of_one_price_and_side_within_their_span():
    tape = Tape(1, 1, 100)
    for row in ((1, 5, 1, True), (99, 5, 2, True), (100, 5, 1, True), (101, 5, 1, False)):
        tape.append(*row)
    assert list(tape.aggregate_starts) == [0, 2, 3]
    assert tape.aggregate_range(0, 4) == (0, 2)
    assert tape.aggregate_range(0, 1) == (0, 1)


def test_a_loaded_tape_is_the_same_as_an_appended_one():
    rows = [(1_000 * i * i, 100 + i % 7, 1 + i % 3, i % 2 == 0) for i in range(1, 60)]
    one, two = Tape(1, 1, 100), Tape(1, 1, 100)
    one.load(*map(list, zip(*rows, strict=True)))
    for row in rows:
        two.append(*row)
    assert vars(one) == vars(two)
