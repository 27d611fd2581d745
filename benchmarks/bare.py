"""The spot market without anything that counts requests: what counting is measured against."""

from gevent import monkey

monkey.patch_all()

from bpx.web.watch import Watch

Watch.__call__ = lambda self, environ, start: self._application(environ, start)  # type: ignore[method-assign]

import wsgi

spot = wsgi.spot
