"""nginx: what answers are measured against, from files, and what forwarded calls are."""

import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.proxy import free_port
from tests.waiting import eventually

NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")

_CONFIGURATION = """
worker_processes 1;
daemon off;
pid {directory}/pid;
error_log {directory}/error.log;
events {{ worker_connections 8192; }}
http {{
  access_log off;
  sendfile on;
  keepalive_requests 1000000000;
  open_file_cache max=100;
  default_type "application/json;charset=UTF-8";
  client_body_temp_path {directory}; proxy_temp_path {directory}; fastcgi_temp_path {directory};
  uwsgi_temp_path {directory}; scgi_temp_path {directory};
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    {serving}
  }}
  {more}
}}
"""
_FILES = "root {directory}/files;"
_FORWARDING = """location / {{
      proxy_pass http://behind; proxy_http_version 1.1; proxy_set_header Connection "";
    }}"""
_BEHIND = "upstream behind {{ server {host}; keepalive 256; keepalive_requests 1000000000; }}"


@contextmanager
def running_nginx(bodies: Mapping[str, bytes]) -> Iterator[str]:
    """Serve bodies at `/<name>`, with one worker; yield the URL."""
    with tempfile.TemporaryDirectory() as directory:
        Path(directory).chmod(0o755)
        files = Path(directory, "files")
        files.mkdir()
        for name, body in bodies.items():
            (files / name).parent.mkdir(parents=True, exist_ok=True)
            (files / name).write_bytes(body)
        with _running(directory, _FILES.format(directory=directory)) as url:
            yield url


@contextmanager
def forwarding_nginx(url: str) -> Iterator[str]:
    """Forward whatever comes to another server, with one worker; yield the URL."""
    host = url.removeprefix("http://")
    with (
        tempfile.TemporaryDirectory() as directory,
        _running(directory, _FORWARDING.format(), _BEHIND.format(host=host)) as own,
    ):
        yield own


@contextmanager
def _running(directory: str, serving: str, more: str = "") -> Iterator[str]:
    assert NGINX is not None, "nginx is not installed"
    port = free_port()
    configuration = Path(directory, "nginx.conf")
    configuration.write_text(
        _CONFIGURATION.format(directory=directory, port=port, serving=serving, more=more)
    )
    process = subprocess.Popen([NGINX, "-c", str(configuration)], stderr=subprocess.DEVNULL)
    try:
        eventually(Path(directory, "pid").exists, within_s=5)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(10)
