"""Other people's proxies in front of ours: nginx and haproxy, as Debian has them."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.proxy import free_port
from tests.security.test_tls import answers
from tests.waiting import eventually

NGINX = """
daemon off; master_process off; pid {directory}/pid; error_log stderr;
events {{ worker_connections 256; }}
http {{
  access_log off;
  client_body_temp_path {directory}; proxy_temp_path {directory}; fastcgi_temp_path {directory};
  uwsgi_temp_path {directory}; scgi_temp_path {directory};
  client_header_timeout 1s; client_body_timeout 1s; keepalive_timeout 1s; merge_slashes off;
  upstream bpx {{ server 127.0.0.1:{behind}; keepalive 8; }}
  server {{
    listen 127.0.0.1:{port};
    location / {{
      proxy_pass http://bpx; proxy_http_version 1.1; proxy_set_header Connection "";
      proxy_request_buffering off; proxy_ignore_client_abort on; proxy_set_header Host $host;
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
    }}
  }}
}}
"""
HAPROXY = """
global
  maxconn 256
defaults
  mode http
  timeout connect 2s
  timeout client 2s
  timeout server 5s
  timeout http-request 1s
  timeout http-keep-alive 1s
  option http-keep-alive
  http-reuse always
  option forwardfor
frontend in
  bind 127.0.0.1:{port}
  default_backend bpx
backend bpx
  server one 127.0.0.1:{behind}
"""
KINDS = {
    "nginx": (NGINX, ["nginx", "-c"]),
    "haproxy": (HAPROXY, ["haproxy", "-db", "-f"]),
}


@contextmanager
def front(kind: str, behind: int, directory: Path) -> Iterator[int]:
    """Run a proxy of that kind in front of a port of ours; yield its own."""
    text, command = KINDS[kind]
    if shutil.which(kind) is None:
        pytest.skip(f"there is no {kind}")
    port, file = free_port(), directory / f"{kind}.conf"
    file.write_text(text.format(directory=directory, port=port, behind=behind))
    with (directory / f"{kind}.log").open("wb") as log:
        process = subprocess.Popen([*command, str(file)], stdout=log, stderr=log)
    try:
        eventually(lambda: answers(port), within_s=20)
        yield port
    finally:
        process.kill()
        process.wait()
