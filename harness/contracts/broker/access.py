"""Where a broker is, and what is shown at its door; secrets come from the environment and are never told."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from harness.errors import HarnessError

TOKEN = "PACT_BROKER_TOKEN"  # noqa: S105 -- a variable's name
USERNAME = "PACT_BROKER_USERNAME"
PASSWORD = "PACT_BROKER_PASSWORD"  # noqa: S105 -- a variable's name
HIDDEN = "[secret]"


class BrokerError(HarnessError):
    """A broker can't be reached, refuses, or answers what no broker answers."""

    def __init__(self, message: str, *, status: int = 0) -> None:
        self.status = status
        """Of its answer; 0 when there was none."""
        super().__init__(message)


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """Made by `access`."""

    url: str
    """Without a slash at the end."""
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    secrets: tuple[str, ...] = field(default=(), repr=False)

    @property
    def origin(self) -> tuple[str, str]:
        """To whom alone the headers may go."""
        return urlsplit(self.url)[:2]

    def redact(self, text: str) -> str:
        """Take out what nobody may read, should the broker repeat it."""
        for secret in self.secrets:
            text = text.replace(secret, HIDDEN)
        return text


def access(url: str, environ: Mapping[str, str]) -> Access:
    """How to come to the broker at `url`.

    Raises:
        HarnessError: when it is no URL of a broker, or the variables contradict each other.
    """
    parts = urlsplit(url)
    if parts.username is not None or parts.password is not None:
        message = f"the URL of the broker holds a name or a password; set {USERNAME} and {PASSWORD} instead"
        raise HarnessError(message)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment:
        raise HarnessError(f"expected the URL of a Pact Broker, as https://broker.example.org, found {url!r}")
    token, name, password = (environ.get(each, "") for each in (TOKEN, USERNAME, PASSWORD))
    if token and name:
        raise HarnessError(f"expected {TOKEN}, or {USERNAME} and {PASSWORD}, found all of them set; unset one")
    plain = url.rstrip("/")
    if token:
        return Access(url=plain, headers={"Authorization": f"Bearer {token}"}, secrets=(token,))
    if name:
        basic = base64.b64encode(f"{name}:{password}".encode()).decode()
        secrets = tuple(each for each in (basic, password) if each)
        return Access(url=plain, headers={"Authorization": f"Basic {basic}"}, secrets=secrets)
    return Access(url=plain)
