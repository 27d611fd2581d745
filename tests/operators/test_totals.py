from prometheus_client import CollectorRegistry, Counter, Gauge

from bpx.operators.totals import totals

LABELS = ["market", "kind", "outcome"]


def test_values_of_one_market_are_summed_up_by_a_label():
    counter = Counter("seen", "Seen.", LABELS, registry=CollectorRegistry())
    counter.labels("spot", "public", "2xx").inc(3)
    counter.labels("spot", "public", "4xx").inc(2)
    counter.labels("spot", "order", "2xx").inc(1)
    counter.labels("futures", "order", "2xx").inc(50)
    assert totals(counter, "spot", "kind") == {"public": 5, "order": 1}


def test_nothing_counted_is_nothing():
    gauge = Gauge("seen", "Seen.", LABELS, registry=CollectorRegistry())
    assert totals(gauge, "spot", "kind") == {}
