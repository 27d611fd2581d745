from bpx.profiles.profile import Frame, Profile
from bpx.profiles.text import as_text

INNER = Frame("app.apply", "/srv/app.py", 17, 12)
OUTER = Frame("app.follow", "/srv/app.py", 300, 290)


def test_what_has_most_comes_first() -> None:
    samples = {
        ((OUTER,), ()): (1, 10_000_000),
        ((INNER, OUTER), (("greenlet", "app.follow"),)): (3, 30_000_000),
    }
    kinds = (("samples", "count"), ("busy", "nanoseconds"))
    profile = Profile(kinds, samples, 1, duration_ns=2 * 10**9, remarks=("so it is",))
    assert as_text(profile).splitlines() == [
        "total 4 samples, 0.040 s busy",
        "counted for 2.0 s",
        "so it is",
        "",
        "3 samples, 0.030 s busy greenlet=app.follow",
        "    app.apply /srv/app.py:17",
        "    app.follow /srv/app.py:300",
        "",
        "1 samples, 0.010 s busy",
        "    app.follow /srv/app.py:300",
    ]


def test_nothing_is_nothing() -> None:
    profile = Profile((("inuse_objects", "count"), ("inuse_space", "bytes")), {}, 1)
    assert as_text(profile) == "total 0 inuse_objects, 0.0 KB inuse_space\n"
