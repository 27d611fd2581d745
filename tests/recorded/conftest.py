import re
from pathlib import Path

import pytest

HERE = Path(__file__).parent
# Sessions whose walk takes long: `make test` leaves them to `make long`.
LONG = re.compile(r"\[(.*-)?(hftbacktest/\w+|cryptofeed/BINANCE_(US|TR|DELIVERY))(-.*)?\]$")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what is long. Each walk is of the first test that asks for it, and may take its time."""
    for item in items:
        if item.path.parent == HERE:
            item.add_marker(pytest.mark.timeout(240))
        if LONG.search(item.nodeid):
            item.add_marker(pytest.mark.long)
