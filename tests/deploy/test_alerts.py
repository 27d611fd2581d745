"""Alerts fire when they have to, by promtool; each is explained."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.deploy.alerts import CASES, PAGE, RULES, Case, rules
from tests.deploy.queries import known_names, names_in
from tests.proxy import ROOT

PROMTOOL = shutil.which("promtool")
needs_promtool = pytest.mark.skipif(
    PROMTOOL is None, reason="there is no promtool (Debian's prometheus has it)"
)
OF_THE_SPECIFICATION = {
    "HighMemoryUsage": ("process_resident_memory_bytes / 1024 / 1024 > 400", "5m"),
    "HighErrorRate": ("rate(http_request_errors_total[5m]) > 0.1", "2m"),
}


def promtool(*words: str) -> str:
    """Run promtool; return what it says."""
    found = subprocess.run([PROMTOOL or "", *words], capture_output=True, text=True)
    assert found.returncode == 0, found.stdout + found.stderr
    return found.stdout


@needs_promtool
def test_promtool_finds_no_fault_with_the_rules() -> None:
    assert f"SUCCESS: {len(rules())} rules found" in promtool("check", "rules", str(RULES))


@needs_promtool
@pytest.mark.parametrize("case", CASES, ids=[case.alert for case in CASES])
def test_it_fires_when_it_has_to_and_only_then(case: Case, tmp_path: Path) -> None:
    made = tmp_path / "tests.yml"
    asked = {"rule_files": [str(RULES)], "evaluation_interval": "15s", "tests": case.tests()}
    made.write_text(yaml.safe_dump(asked))
    assert "SUCCESS" in promtool("test", "rules", str(made))


def test_every_alert_has_its_case() -> None:
    assert [case.alert for case in CASES] == list(rules())


def test_the_specifications_alerts_are_there_as_it_has_them() -> None:
    for name, (expression, lasts) in OF_THE_SPECIFICATION.items():
        assert rules()[name]["expr"] == f"{expression} and on (job, instance) bpx_info"
        assert rules()[name]["for"] == lasts


def test_they_ask_only_for_metrics_that_exist() -> None:
    asked = {name for rule in rules().values() for name in names_in(rule["expr"])}
    assert asked - known_names() == set()


def test_every_alert_has_its_section_and_no_other_has_one() -> None:
    sections = re.findall(r"^### (\w+)$", (ROOT / PAGE).read_text(), re.MULTILINE)
    assert sections == list(rules())
    for name, rule in rules().items():
        assert rule["annotations"]["runbook_url"] == f"{PAGE}#{name.lower()}"


def test_the_page_gives_each_alert_a_meaning_and_something_to_do() -> None:
    for section in re.split(r"^### ", (ROOT / PAGE).read_text(), flags=re.MULTILINE)[1:]:
        name, _, text = section.partition("\n")
        assert "**Means**" in text, name
        assert "**Do**" in text, name


def test_the_page_tells_how_bad_each_is() -> None:
    page = (ROOT / PAGE).read_text()
    for name, rule in rules().items():
        lasts = rule.get("for", "at once")
        assert f"| [{name}](#{name.lower()}) | {rule['labels']['severity']} | {lasts} |" in page
