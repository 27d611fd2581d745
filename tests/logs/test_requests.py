import logging

import pytest

from bpx.logs.requests import FORWARDS, log_forward


@pytest.mark.usefixtures("restored_logging")
def test_a_forwarded_request_is_one_line_without_its_query(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.DEBUG, FORWARDS.name):
        log_forward("spot", "GET", "/api/v3/account?signature=ab1", 200, 0.0321)
    (record,) = (one for one in caplog.records if one.name == FORWARDS.name)
    assert record.getMessage() == "spot GET /api/v3/account -> 200 in 32 ms"
    assert record.__dict__.items() >= {
        "market": "spot", "endpoint": "/api/v3/account", "source": "upstream", "status": 200,
        "duration_ms": 32.1,
    }.items()  # fmt: skip
