"""HAL documents: fetched, sent, and their links followed, within one origin."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Self, cast
from urllib.parse import quote, urljoin, urlsplit

import aiohttp
from pydantic import JsonValue

from harness.contracts.broker.access import PASSWORD, TOKEN, USERNAME, Access, BrokerError

ANSWER_WITHIN_S = 30.0
MAX_ANSWER_BYTES = 32 * 1024 * 1024
MAX_TOLD = 500
_SUCCESS = range(200, 300)
_HAL = "application/hal+json, application/json"

Document = Mapping[str, JsonValue]


class Hal:
    """A client of one broker; secrets go to its origin only."""

    def __init__(self, access: Access) -> None:
        self.access = access
        self._http: aiohttp.ClientSession

    async def __aenter__(self) -> Self:
        """Open it."""
        timeout = aiohttp.ClientTimeout(total=ANSWER_WITHIN_S)
        headers = {"Accept": _HAL, **self.access.headers}
        self._http = aiohttp.ClientSession(timeout=timeout, headers=headers)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it."""
        await self._http.close()

    async def get(self, url: str) -> Document:
        """What is there."""
        return await self._ask("GET", url)

    async def send(self, method: str, url: str, body: object, *, kind: str = "application/json") -> Document:
        """Send JSON, and give what is answered; empty when there is no body."""
        return await self._ask(method, url, body=json.dumps(body).encode(), kind=kind)

    async def _ask(self, method: str, url: str, *, body: bytes | None = None, kind: str = "") -> Document:
        url = urljoin(self.access.url + "/", url)
        if urlsplit(url)[:2] != self.access.origin:
            message = f"the broker at {self.access.url} links to {url}, which is another place: nothing was sent there"
            raise BrokerError(f"{message}; set the broker's PACT_BROKER_BASE_URL")
        headers = {"Content-Type": kind} if kind else {}
        try:
            async with self._http.request(method, url, data=body, headers=headers, allow_redirects=False) as answer:
                found = await answer.content.read(MAX_ANSWER_BYTES + 1)
                while not answer.content.at_eof() and len(found) <= MAX_ANSWER_BYTES:
                    found += await answer.content.read(MAX_ANSWER_BYTES + 1 - len(found))
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            message = f"the broker at {self.access.url} can't be reached: {error or type(error).__name__}"
            raise BrokerError(self.access.redact(message)) from None
        if len(found) > MAX_ANSWER_BYTES:
            raise BrokerError(f"{url}: expected at most {MAX_ANSWER_BYTES} bytes, found more")
        return self._read(method, url, answer.status, found)

    def _read(self, method: str, url: str, status: int, found: bytes) -> Document:
        if status in {401, 403}:
            message = f"the broker at {self.access.url} refuses ({status}): set {TOKEN}, or {USERNAME} and {PASSWORD}"
            raise BrokerError(message, status=status)
        try:
            document = json.loads(found) if found.strip() else {}
        except ValueError:
            document = None
        if status not in _SUCCESS:
            told = self.access.redact(_told(document))
            raise BrokerError(f"{method} {url}: the broker answers {status}{told}", status=status)
        if not isinstance(document, dict):
            message = f"{url}: expected a HAL document, found something else: is a Pact Broker there?"
            raise BrokerError(message, status=status)
        return document


def links(document: Document, relation: str) -> tuple[Mapping[str, str], ...]:
    """The links of a relation, be there one or a list of them."""
    all_links = document.get("_links")
    found = all_links.get(relation) if isinstance(all_links, dict) else None
    listed = found if isinstance(found, list) else [found]
    return tuple(
        {key: value for key, value in each.items() if isinstance(value, str)}
        for each in listed
        if isinstance(each, dict) and isinstance(each.get("href"), str)
    )


def link(document: Document, relation: str, **values: str) -> str:
    """The address of a relation, its placeholders filled in; empty when there is none."""
    found = links(document, relation)
    if not found:
        return ""
    href = found[0]["href"]
    for name, value in values.items():
        href = href.replace(f"{{{name}}}", quote(value, safe=""))
    return href


def embedded(document: Document, name: str) -> Sequence[Document]:
    """The documents that are embedded under a name."""
    inside = document.get("_embedded")
    found = inside.get(name) if isinstance(inside, dict) else None
    return [cast("Document", each) for each in found if isinstance(each, dict)] if isinstance(found, list) else []


def _told(document: object) -> str:
    """What a broker says of an error: notices, else errors, else a problem's or an error's message."""
    if not isinstance(document, dict):
        return ""
    notices, errors = document.get("notices"), document.get("errors")
    if isinstance(notices, list) and notices:
        words = [str(each.get("text")) for each in notices if isinstance(each, dict)]
    elif isinstance(errors, dict):
        words = [f"{field}: {each}" for field, each in errors.items()]
    elif isinstance(errors, list):
        words = [str(each) for each in errors]
    else:
        error = document.get("error")
        words = [str(error.get("message") if isinstance(error, dict) else error or document.get("detail") or "")]
    told = "; ".join(word for word in words if word)[:MAX_TOLD]
    return f": {told}" if told else ""
