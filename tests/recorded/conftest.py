import re

import pytest

# Sessions whose walk takes long: `make test` leaves them to `make long`.
LONG = re.compile(r"\[(.*-)?(hftbacktest/\w+|cryptofeed/BINANCE_(US|TR|DELIVERY))(-.*)?\]$")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what is long."""
    for item in items:
        if LONG.search(item.nodeid):
            item.add_marker(pytest.mark.long)
