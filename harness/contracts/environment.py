"""What the processes of this part are given of our environment, and what is told of their logs."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

LOG_TAIL_LINES = 15
_TRUST = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE")
"""What OpenSSL, Pact's core and Requests read."""
_KEPT = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "VIRTUAL_ENV")


def child_environment(ca: Path | None = None) -> dict[str, str]:
    """What a process of ours needs; HTTP proxies and the settings of the libraries stay out.

    With a certificate authority, the process trusts that one and no other.
    """
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    trusted = {} if ca is None else dict.fromkeys(_TRUST, str(ca))
    return kept | trusted | {"PYTHONDONTWRITEBYTECODE": "1"}


def redact_file(file: Path, redact: Callable[[str], str]) -> None:
    """Take secrets out of a file, if there is one."""
    if file.exists():
        text = file.read_text(encoding="utf-8", errors="surrogateescape")
        clean = redact(text)
        if clean != text:
            file.write_text(clean, encoding="utf-8", errors="surrogateescape")


def tail(log: Path) -> list[str]:
    """The last lines of a log; none when there is no such file."""
    if not log.exists():
        return []
    return log.read_text(encoding="utf-8", errors="replace").splitlines()[-LOG_TAIL_LINES:]
