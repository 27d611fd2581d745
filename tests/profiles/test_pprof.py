from bpx.profiles.pprof import encode
from bpx.profiles.profile import Frame, Profile
from tests.profiles.decoding import Sample, decode

INNER = Frame("app.Book.apply", "/srv/app.py", 17, 12)
OUTER = Frame("app.follow", "/srv/app.py", 300, 290)
OTHER_LINE = Frame("app.follow", "/srv/app.py", 301, 290)
LABELS = (("greenlet", "app.follow"),)


def profile_of(samples, **more) -> Profile:
    return Profile((("samples", "count"), ("busy", "nanoseconds")), samples, **more)


def test_what_is_written_is_what_another_reads() -> None:
    samples = {
        ((INNER, OUTER), LABELS): (3, 30_000_000),
        ((INNER, OTHER_LINE), ()): (0, 2**62),
        ((OTHER_LINE,), ()): (1, 0),
    }
    decoded = decode(
        encode(
            profile_of(
                samples,
                began_ns=1_700_000_000_000_000_000,
                duration_ns=30,
                period=10,
                remarks=("one", "two"),
            )
        )
    )
    assert decoded.samples == [
        Sample(stack, values, dict(labels)) for (stack, labels), values in samples.items()
    ]
    assert decoded.kinds == [("samples", "count"), ("busy", "nanoseconds")]
    assert (decoded.began_ns, decoded.duration_ns) == (1_700_000_000_000_000_000, 30)
    assert (decoded.period, decoded.remarks) == (10, ["one", "two"])


def test_a_profile_of_nothing_can_be_read() -> None:
    decoded = decode(encode(profile_of({}, began_ns=1)))
    assert (decoded.samples, decoded.remarks) == ([], [])


def test_a_stack_of_nothing_and_names_beyond_ascii_can_be_read() -> None:
    strange = Frame("größe.\udcff", "/srv/größe.py", 1, 1)
    decoded = decode(encode(profile_of({((), ()): (1, 1), ((strange,), ()): (2, 2)}, began_ns=1)))
    assert [sample.values for sample in decoded.samples] == [(1, 1), (2, 2)]
    assert decoded.samples[1].stack[0].function == "größe.?"


def test_a_value_below_zero_stays_one() -> None:
    decoded = decode(encode(profile_of({((INNER,), ()): (-1, -(2**40))}, began_ns=1)))
    assert decoded.samples[0].values == (-1, -(2**40))
