"""Several registries of metrics, shown as one."""

from collections.abc import Hashable, Iterable, Iterator

from prometheus_client import CollectorRegistry, Metric
from prometheus_client.registry import Collector


class Together:
    """What `generate_latest` takes for a registry: families of one name become one family.

    What several registries say of one thing is told once, as the first says it.
    """

    def __init__(
        self, registries: Iterable[CollectorRegistry], others: Iterable[Collector] = ()
    ) -> None:
        self._registries: list[CollectorRegistry | Collector] = [*registries, *others]

    def collect(self) -> Iterator[Metric]:
        """Yield every family once, with the samples of all registries."""
        families: dict[str, Metric] = {}
        told: set[Hashable] = set()
        for registry in self._registries:
            for family in registry.collect():
                # A copy: some collectors give the same object each time.
                together = families.setdefault(
                    family.name, Metric(family.name, family.documentation, family.type)
                )
                for sample in family.samples:
                    name = sample.name, frozenset(sample.labels.items())
                    if name not in told:
                        told.add(name)
                        together.samples.append(sample)
        yield from families.values()
