"""The spot market without anything that counts requests: what counting is measured against."""

from gevent import monkey

monkey.patch_all()

import bpx.app
from bpx.web.watch import Watch


class _Nothing:
    """Stands for the exporter."""

    def __init__(self, *args: object, **more: object) -> None:
        pass


bpx.app.PrometheusMetrics = _Nothing  # type: ignore[misc, assignment]
Watch.over = lambda self, app: None  # type: ignore[method-assign]

import wsgi

spot = wsgi.spot
