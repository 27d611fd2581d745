"""TLS towards clients: who we are, and, if that is wanted, who they are.

`ssl` is not to be loaded in gunicorn's unpatched master: see `bpx.server`. What cannot be used is
found at the start all the same, by a process of its own.
"""

import subprocess
import sys
from collections.abc import Callable
from typing import Any

from bpx.errors import BadOption
from bpx.settings import Settings

Wrap = Callable[[Any], Any]

_CHECK_S = 20.0
# TLS 1.2 as RFC 9325 wants it: forward secrecy and authenticated encryption. 1.3 has no other.
_CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20"
_CHECK = "import sys\nfrom bpx.server.tls import context\ncontext(*sys.argv[1:])"


def context(certificate: str, key: str, client_ca: str = "") -> Any:
    """Return what wraps connections: TLS 1.2 or newer.

    Args:
        certificate: path of it (PEM), with those between it and the root.
        key: path of its private key.
        client_ca: path of who signs the certificates of clients; "" if they need none.

    Raises:
        OSError, ssl.SSLError: they cannot be used.
    """
    import ssl

    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    made.set_ciphers(_CIPHERS)
    made.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION
    made.options |= ssl.OP_CIPHER_SERVER_PREFERENCE
    made.set_alpn_protocols(["http/1.1"])
    made.load_cert_chain(certificate, key, password=_no_password)
    if client_ca:
        made.load_verify_locations(client_ca)
        made.verify_mode = ssl.CERT_REQUIRED
    return made


def wrapping(settings: Settings) -> tuple[Wrap, Wrap] | None:
    """Return what wraps sockets of the markets' ports and of the operators'; None if nothing does.

    Operators need no certificate: what asks for our health seldom has one.
    """
    if not settings.certificate_file:
        return None
    from bpx.server.secure import SecureSocket

    files = settings.certificate_file, settings.certificate_key_file
    markets, operators = context(*files, settings.client_ca_file), context(*files)
    return lambda sock: SecureSocket(sock, markets), lambda sock: SecureSocket(sock, operators)


def check_certificate(settings: Settings) -> None:
    """Try certificate and key.

    Raises:
        BadOption: they cannot be used.
    """
    if not settings.certificate_file:
        return
    files = [settings.certificate_file, settings.certificate_key_file, settings.client_ca_file]
    command = [sys.executable, "-c", _CHECK, *files]
    try:
        tried = subprocess.run(command, capture_output=True, text=True, timeout=_CHECK_S)
    except subprocess.TimeoutExpired:
        raise BadOption("--tls.cert-file, --tls.key-file: they take too long to read") from None
    if tried.returncode:
        last = (tried.stderr.strip() or "unknown").splitlines()[-1]
        raise BadOption(f"--tls.cert-file, --tls.key-file cannot be used: {last}")


def _no_password() -> bytes:
    raise OSError("the key has a password")  # else OpenSSL would ask the terminal for it
