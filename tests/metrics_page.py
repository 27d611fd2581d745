"""docs/metrics.md, from the declarations: `python -m tests.metrics_page`."""

import re
from pathlib import Path

from prometheus_client.metrics import MetricWrapperBase

from bpx import metrics
from bpx.metrics import Counted, Reading, Spread, Tallied
from tests.proxy import ROOT

PAGE = ROOT / "docs" / "metrics.md"
INTRODUCTION = """\
# Metrics

What `/metrics` on the operators' port tells, besides what the Prometheus client tells of the
process, of Python and of its garbage collector (`process_`, `python_`), and what the exporter for
Flask tells of routes (`flask_`).

No label is of a symbol, a client or a path that a client chose: `endpoint` is one of the paths that
bpx knows, or `other`. Histograms are `_bucket`, `_sum` and `_count`, as always.
"""


def text() -> str:
    """Return the page."""
    return f"{INTRODUCTION}{''.join(_sections())}"


def _sections() -> list[str]:
    """Return a table for each part of the declarations, in their order."""
    parts, name = [], ""
    for line in Path(metrics.__file__).read_text().splitlines():
        if line.startswith("# ") and not line.endswith("."):
            name = f"\n## {line[2:]}\n\n| metric | labels | tells |\n|---|---|---|\n"
        found = re.match(
            r"([A-Z_]+) = (?:Counter|Gauge|Histogram|Reading|Spread|Counted|Tallied)\(", line
        )
        if found:
            parts.append(name + _row(getattr(metrics, found[1])))
            name = ""
    return parts


def _row(one: MetricWrapperBase | Reading | Spread | Counted | Tallied) -> str:
    if isinstance(one, (Counted, Tallied)):
        one = one.declared
    if isinstance(one, (Reading, Spread)):
        name, labels, help_text = one.name, one.labels, one.help
    else:
        suffix = "_total" if one._type == "counter" else ""
        name, labels, help_text = one._name + suffix, one._labelnames, one._documentation
    return f"| `{name}` | {', '.join(labels) or '-'} | {help_text} |\n"


if __name__ == "__main__":
    PAGE.write_text(text())
