"""nginx serving bytes from files: what cached answers are measured against."""

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
    root {directory}/files;
  }}
}}
"""


@contextmanager
def running_nginx(bodies: Mapping[str, bytes]) -> Iterator[str]:
    """Serve bodies at `/<name>`, with one worker; yield the URL."""
    assert NGINX is not None, "nginx is not installed"
    with tempfile.TemporaryDirectory() as directory:
        Path(directory).chmod(0o755)
        files = Path(directory, "files")
        files.mkdir()
        for name, body in bodies.items():
            (files / name).parent.mkdir(parents=True, exist_ok=True)
            (files / name).write_bytes(body)
        port = free_port()
        configuration = Path(directory, "nginx.conf")
        configuration.write_text(_CONFIGURATION.format(directory=directory, port=port))
        process = subprocess.Popen([NGINX, "-c", str(configuration)], stderr=subprocess.DEVNULL)
        try:
            eventually(Path(directory, "pid").exists, within_s=5)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(10)
