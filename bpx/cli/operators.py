"""Asks the operators' port of a running proxy."""

import os
from typing import Any
from urllib.parse import urlsplit

import requests
import urllib3

from bpx.cli.command import CommandFailed
from bpx.settings.kinds import is_local
from bpx.settings.reading import KEY_VARIABLE

TIMEOUT_S = 10.0


class Operators:
    """The operators' port of a running proxy.

    Args:
        url: where it is.
    """

    def __init__(self, url: str) -> None:
        if urlsplit(url).scheme not in ("http", "https"):
            raise CommandFailed(f"{url} is no address: http://127.0.0.1:8092 would be one")
        self._url = url
        # Nobody can stand between us and ourselves, and certificates are seldom for loopback.
        self._verifies = not is_local(urlsplit(url).hostname or "")
        urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
        self._session = requests.Session()
        if key := os.environ.get(KEY_VARIABLE):
            self._session.headers["X-BPX-API-Key"] = key

    def get(self, path: str) -> Any:
        """Return what a page says, whatever its status.

        Raises:
            CommandFailed: it says nothing, or is not for us.
        """
        return self._ask("GET", path)

    def change(self, method: str, path: str, content: dict[str, Any]) -> Any:
        """Have something changed; return what the page says then.

        Raises:
            CommandFailed: it was refused.
        """
        return self._ask(method, path, content)

    def _ask(self, method: str, path: str, content: dict[str, Any] | None = None) -> Any:
        try:
            reply = self._session.request(
                method, self._url + path, json=content, timeout=TIMEOUT_S,
                verify=None if self._verifies else False,
            )  # fmt: skip
            body = reply.json()
        except requests.exceptions.JSONDecodeError:
            raise CommandFailed(f"{self._url} is not the operators' port of bpx") from None
        except requests.RequestException as error:
            raise CommandFailed(_why(self._url, error)) from error
        if isinstance(body, dict) and "code" in body and reply.status_code >= 400:
            raise CommandFailed(_refusal(self._url + path, reply.status_code, body))
        return body


def _why(url: str, error: requests.RequestException) -> str:
    what = "takes too long" if isinstance(error, requests.Timeout) else "cannot be reached"
    return (
        f"{url} {what}. Is the proxy running, with BPX_FEAT_ENABLE_METRICS=true? "
        "--url says where its operators' port is"
    )


def _refusal(url: str, status: int, body: dict[str, Any]) -> str:
    if status in (401, 403):
        return (
            f"{url} is not for us: a key with the scope operators in {KEY_VARIABLE} opens it, and "
            "where nothing is changed a machine that BPX_OPERATOR_NETWORKS names"
        )
    if status == 404:
        return f"{url}: there is no such page; is it a market's port, or an older bpx?"
    return f"{url}: {body.get('msg')}"
