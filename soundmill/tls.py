"""Whom this machine believes when it connects by TLS: the public authorities, and those that the operator adds."""

import os
import ssl
from functools import cache

import certifi


def tls_context(ca_file: str = "") -> ssl.SSLContext:
    """A context for httpx. To the public authorities come those in `ca_file` (PEM), and in SSL_CERT_FILE and SSL_CERT_DIR.

    Raises `OSError` where `ca_file` cannot be read, or holds no certificate.
    """
    return _context(ca_file, os.environ.get("SSL_CERT_FILE", ""), os.environ.get("SSL_CERT_DIR", ""))


@cache
def _context(ca_file: str, of_system: str, folder: str) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=certifi.where())
    if ca_file:
        context.load_verify_locations(ca_file)
    if os.path.isfile(of_system) or os.path.isdir(folder):
        context.load_verify_locations(of_system if os.path.isfile(of_system) else None, folder if os.path.isdir(folder) else None)
    return context
