from prometheus_client import CollectorRegistry, Counter, Gauge, Metric, generate_latest

from bpx import metrics  # noqa: F401 - what is counted says nothing of when it began
from bpx.operators.together import Together


def counted(market: str, number: int) -> CollectorRegistry:
    registry = CollectorRegistry()
    Counter("seen", "Seen.", ["market"], registry=registry).labels(market).inc(number)
    return registry


def lines(together: Together) -> list[str]:
    return generate_latest(together).decode().splitlines()


def test_a_family_of_two_registries_is_told_once_with_the_samples_of_both():
    assert lines(Together([counted("spot", 2), counted("futures", 3)])) == [
        "# HELP seen_total Seen.",
        "# TYPE seen_total counter",
        'seen_total{market="spot"} 2.0',
        'seen_total{market="futures"} 3.0',
    ]


def test_what_all_registries_say_alike_is_told_once():
    registries = [CollectorRegistry(), CollectorRegistry()]
    for registry in registries:
        Gauge("version", "Which.", ["of"], registry=registry).labels("flask").set(1)
    assert lines(Together(registries))[2:] == ['version{of="flask"} 1.0']


def test_families_of_one_registry_alone_are_told_too():
    registry = CollectorRegistry()
    Gauge("open", "Open.", registry=registry).set(4)
    assert "open 4.0" in lines(Together([counted("spot", 2), registry]))
    assert 'seen_total{market="spot"} 2.0' in lines(Together([counted("spot", 2), registry]))


def test_what_changes_meanwhile_shows():
    registry = CollectorRegistry()
    gauge = Gauge("open", "Open.", registry=registry)
    together = Together([registry])
    gauge.set(1)
    assert "open 1.0" in lines(together)
    gauge.set(2)
    assert "open 2.0" in lines(together)


class Constant:
    """Gives the same object each time, as prometheus_client's own platform collector does."""

    def __init__(self, number):
        self.family = Metric("platform", "Platform.", "gauge")
        self.family.add_sample("platform", {"n": number}, 1)

    def collect(self):
        return [self.family]


def test_looking_twice_does_not_double_what_is_seen():
    registries = [CollectorRegistry(), CollectorRegistry()]
    for number, registry in enumerate(registries):
        registry.register(Constant(str(number)))
    together = Together(registries)
    first = lines(together)
    assert first == lines(together)
    assert first[2:] == ['platform{n="0"} 1.0', 'platform{n="1"} 1.0']
