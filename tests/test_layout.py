"""The tests mirror the package."""

from tests.proxy import ROOT

# A module without a test file of its own, or a folder of them (it ends in a slash) -> why.
TESTED_BY_OTHERS = {
    "cli/status.py": "by tests/cli/test_operators.py",
    "cli/feeds.py": "by tests/cli/test_operators.py",
    "cli/weight.py": "by tests/cli/test_operators.py",
    "cli/health.py": "by tests/cli/test_operators.py",
    "cli/cache.py": "by tests/cli/test_operators.py",
    "cli/log_level.py": "by tests/cli/test_operators.py",
    "operators/status.py": "by tests/operators/test_desk.py",
    "operators/pages.py": "by tests/operators/test_{desk,page}.py",
    "operators/controls.py": "by tests/operators/test_desk.py",
    "operators/readings.py": "by tests/test_metrics.py",
    "web/watch.py": "by tests/test_metrics.py",
    "web/exporter.py": "by tests/test_app.py",
    "web/entrance.py": "by tests/security/",
    "logs/audit.py": "by tests/security/test_plane.py",
    "server/cautions.py": "by tests/security/test_plane.py",
    "server/tls.py": "by tests/security/test_tls.py",
    "server/secure.py": "by tests/security/test_tls.py",
    "errors.py": "data: by whoever raises them",
    "belongings.py": "by tests/operators/test_memory.py",
    "house.py": "by tests/test_app.py",
    "feed/follower.py": "a protocol: by tests/feed/test_{klines,depth,ticker}.py",
    "web/answer.py": "what answers have in common: by tests/web/test_{klines,latest,listing}.py",
    "web/forwarding.py": "by tests/web/test_blueprint.py",
    "web/parts.py": "data: by tests/web/test_blueprint.py",
    "logs/scribe.py": "by tests/logs/test_writer.py",
    "logs/tally.py": "counts: by tests/logs/test_writer.py",
    "memory/caches.py": "a protocol: by tests/memory/test_monitor.py",
    "upstream/pools.py": "by tests/upstream/test_raw.py",
    "runtime.py": "a protocol: by tests/server/test_runtime.py",
    "memory/room.py": "a flag: by tests/memory/test_guard.py",
    "server/upkeep.py": "by tests/server/test_memory_options.py",
    "server/listening.py": "ports of a whole server: by tests/server/test_lifetime.py",
    "server/shared.py": "two names: by tests/faults/test_f_process.py",
    "server/serving.py": "gunicorn started by ourselves: by tests/cli/test_main.py",
    "settings/option.py": "how options are declared: by tests/settings/test_reading.py",
    "settings/options.py": "declarations: by tests/settings/test_reading.py",
    "simulator/": "an instrument: by the tests of its parts that matter, and all that run on it",
}
# Folders of tests that state rules of the whole, and files that state rules of the checkout.
OF_THE_WHOLE = (
    "deploy/",
    "faults/",
    "peers/",
    "recorded/",
    "fidelity/",
    "clients/",
    "security/",
    "floors.py",
    "server/lane_connection.py",
    "server/lane_differential.py",
    "layout.py",
    "options.py",
    "operators/page.py",
    "server/memory_options.py",
    "server/operator_networks.py",
    "wsgi.py",
)


def modules() -> set[str]:
    package = ROOT / "bpx"
    return {
        str(path.relative_to(package))
        for path in package.rglob("*.py")
        if not path.name.startswith("__")
    }


def covered() -> set[str]:
    tests = ROOT / "tests"
    return {
        str(path.relative_to(tests).with_name(path.name.removeprefix("test_")))
        for path in tests.rglob("test_*.py")
    }


def is_excused(module: str) -> bool:
    return module in TESTED_BY_OTHERS or f"{module.partition('/')[0]}/" in TESTED_BY_OTHERS


def test_every_module_has_a_test_file_or_a_reason_to_have_none() -> None:
    assert {module for module in modules() - covered() if not is_excused(module)} == set()


def test_every_test_file_is_of_a_module_or_of_the_whole() -> None:
    assert {name for name in covered() - modules() if not name.startswith(OF_THE_WHOLE)} == set()


def test_no_module_is_excused_without_need() -> None:
    files = {name for name in TESTED_BY_OTHERS if not name.endswith("/")}
    assert files <= modules() - covered()
