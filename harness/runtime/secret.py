"""The secrets of one run: drawn when first asked for, known to nobody else, and taken out of what is written down."""

from __future__ import annotations

import secrets

SECRET_BYTES = 24
REDACTED = "***"


class Secrets:
    """One random secret for each name."""

    def __init__(self) -> None:
        self._drawn: dict[str, str] = {}

    def of(self, name: str) -> str:
        """The secret of that name: the same each time in this run, another one in the next."""
        if name not in self._drawn:
            self._drawn[name] = secrets.token_urlsafe(SECRET_BYTES)
        return self._drawn[name]

    @property
    def drawn(self) -> dict[str, str]:
        """All that were asked for so far, by name."""
        return dict(self._drawn)

    def redact(self, text: str) -> str:
        """The text without any of the secrets."""
        for secret in self._drawn.values():
            text = text.replace(secret, REDACTED)
        return text
