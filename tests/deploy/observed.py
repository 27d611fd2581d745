"""A real Prometheus that scrapes real proxies."""

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests
import yaml

from tests.deploy.alerts import groups
from tests.proxy import free_port, running
from tests.waiting import eventually

EACH = "1s"


class Prometheus:
    """Asks a Prometheus what it knows.

    Args:
        url: where it is.
        load: is done whenever something is waited for: a little of what bots do.
    """

    def __init__(self, url: str, load: Callable[[], None] = lambda: None) -> None:
        self._url = url
        self.load = load

    def values(self, query: str) -> list[float]:
        """Return the values that a query has now, but for those that are no numbers."""
        rows = self._ask("query", query=query)["result"]
        values = [float(row["value"][1]) for row in rows]
        return [value for value in values if not math.isnan(value)]

    def firing(self) -> set[str]:
        """Return the alerts that fire now."""
        rows = self._ask("alerts")["alerts"]
        return {row["labels"]["alertname"] for row in rows if row["state"] == "firing"}

    def until(self, holds: Callable[[], bool], within_s: float = 40.0) -> None:
        """Wait until something holds; meanwhile bots go on asking."""

        def is_so() -> bool:
            self.load()
            return holds()

        eventually(is_so, within_s)

    def until_firing(self, *alerts: str) -> None:
        """Wait until these alerts have fired, one after another or at once."""
        missing = set(alerts)

        def have_fired() -> bool:
            missing.difference_update(self.firing())
            return not missing

        try:
            self.until(have_fired)
        except AssertionError as error:
            raise AssertionError(f"{missing} did not fire") from error

    def is_ready(self) -> bool:
        """Whether it answers."""
        try:
            return requests.get(f"{self._url}/-/ready", timeout=5).ok
        except requests.RequestException:
            return False

    def _ask(self, what: str, **parameters: str) -> Any:
        reply = requests.get(f"{self._url}/api/v1/{what}", parameters, timeout=20).json()
        assert reply["status"] == "success", reply
        return reply["data"]


@contextmanager
def prometheus(command: str, targets: Sequence[str], folder: Path) -> Iterator[Prometheus]:
    """Run a Prometheus with our rules, which do not wait before they fire.

    Args:
        command: to run it.
        targets: host and port of each operators' port.
        folder: for its files.
    """
    rules, config, port = folder / "rules.yml", folder / "prometheus.yml", free_port()
    rules.write_text(yaml.safe_dump({"groups": at_once()}))
    config.write_text(yaml.safe_dump({
        "global": {"scrape_interval": EACH, "evaluation_interval": EACH},
        "rule_files": [str(rules)],
        "scrape_configs": [{"job_name": "bpx", "static_configs": [{"targets": list(targets)}]}],
    }))  # fmt: skip
    words = [
        command,
        f"--config.file={config}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    with running(words, {}, folder / "log"):
        made = Prometheus(f"http://127.0.0.1:{port}")
        eventually(made.is_ready, within_s=20)
        yield made


def at_once() -> Any:
    """Return the groups of rules, without how long something has to last."""
    return [
        {**group, "rules": [_without(rule, "for") for rule in group["rules"]]}
        for group in groups()
    ]  # fmt: skip


def _without(rule: dict[str, Any], key: str) -> dict[str, Any]:
    return {name: value for name, value in rule.items() if name != key}
