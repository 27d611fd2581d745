"""What metrics have counted so far, for pages that are not for Prometheus."""

from collections import Counter

from prometheus_client.registry import Collector


def totals(family: Collector, market: str, by: str) -> Counter[str]:
    """Return the values of a family for one market, summed up by a label."""
    found: Counter[str] = Counter()
    for metric in family.collect():
        for sample in metric.samples:
            if sample.labels.get("market") == market and not sample.name.endswith("_created"):
                found[sample.labels[by]] += sample.value  # type: ignore[assignment]
    return found
