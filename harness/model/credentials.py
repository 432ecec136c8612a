"""What the harness sends along when it asks a service directly, and whom it believes then."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path


def _as_it_is(text: str) -> str:
    return text


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """Headers that hold secrets of the run, and how those are taken out of what is written down or shown."""

    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    """The secrets that were drawn for the run, by their names in its description."""
    redact: Callable[[str], str] = field(default=_as_it_is, repr=False)
    marks: Mapping[str, str] = field(default_factory=dict)
    """Headers that say whose requests these are; nothing in them is secret."""
    ca: Path | None = None
    """In a run with TLS, the file with the one certificate authority that vouches for its services."""

    @property
    def sent(self) -> dict[str, str]:
        """All that is sent along with a request."""
        return {**self.headers, **self.marks}

    def trust(self) -> ssl.SSLContext | bool:
        """What a client of ours is to hold certificates against; True stands for its own default."""
        return True if self.ca is None else ssl.create_default_context(cafile=self.ca)


NONE = Credentials()
