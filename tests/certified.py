"""Certificates for tests of TLS: that hold, that have expired, and what a server needs to show them."""

from __future__ import annotations

import datetime as dt
import ssl
from pathlib import Path

from harness.clock import SystemClock
from harness.runtime.certificates import Authority, Issued, Validity

NOW = Validity.around(SystemClock().wall())
LONG_AGO = Validity.around(dt.datetime(2024, 5, 1, tzinfo=dt.UTC))


def shown(issued: Issued, directory: Path) -> ssl.SSLContext:
    """What a server that shows this certificate is started with."""
    certificate, key = directory / "shown.pem", directory / "shown.key"
    certificate.write_bytes(issued.certificate)
    key.write_bytes(issued.key)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    return context


def trusted(authority: Authority, directory: Path) -> Path:
    """The file of those that trust in this authority."""
    file = directory / "trusted.pem"
    file.write_bytes(authority.certificate)
    return file
