import logging

import pytest

from bpx.operators.level import BadLevel, LogLevel


class Clock:
    time = 100.0

    def __call__(self):
        return self.time


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def level(clock):
    names = ("", "urllib3", "werkzeug", "websocket")
    before = {name: logging.getLogger(name).level for name in names}
    logging.getLogger().setLevel(logging.INFO)
    yield LogLevel(clock)
    for name, number in before.items():
        logging.getLogger(name).setLevel(number)


def test_a_level_is_set(level):
    level.set("debug", None)
    assert level.shown() == {"level": "debug", "for_s": None, "then": None}
    assert logging.getLogger("bpx.anything").isEnabledFor(logging.DEBUG)
    assert not logging.getLogger("urllib3").isEnabledFor(logging.DEBUG), "it logs targets"


def test_after_its_time_it_is_what_it_was(level, clock):
    level.set("debug", 60)
    clock.time += 59
    level.take()
    assert level.shown() == {"level": "debug", "for_s": 1.0, "then": "info"}
    clock.time += 1
    level.take()
    assert level.shown() == {"level": "info", "for_s": None, "then": None}


def test_set_again_meanwhile_it_goes_back_to_what_was_before_all(level, clock):
    level.set("debug", 60)
    level.set("trace", 60)
    clock.time += 60
    level.take()
    assert level.shown()["level"] == "info"


def test_set_for_good_meanwhile_it_stays(level, clock):
    level.set("debug", 60)
    level.set("warn", None)
    clock.time += 100
    level.take()
    assert level.shown()["level"] == "warn"


@pytest.mark.parametrize(
    ("name", "for_s"),
    [("loud", None), (None, None), (["debug"], None), ("debug", 0), ("debug", -1), ("debug", "60"),
     ("debug", True), ("debug", 90_000), ("debug", float("nan"))],
)  # fmt: skip
def test_nonsense_changes_nothing(level, name, for_s):
    with pytest.raises(BadLevel):
        level.set(name, for_s)
    assert level.shown() == {"level": "info", "for_s": None, "then": None}
