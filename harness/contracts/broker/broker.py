"""What we want of a broker: pacts published and fetched, results published, places recorded, the matrix asked."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlencode

from pydantic import JsonValue

from harness import __version__
from harness.contracts.broker.access import Access, BrokerError
from harness.contracts.broker.hal import Document, Hal, embedded, link, links
from harness.contracts.ledger.content import ids_in
from harness.contracts.ledger.entries import Outcome
from harness.contracts.pacts import JsonObject
from harness.model.verdict import Verdict

MOST_ROWS = 1000
MOST_RESULTS = 200
_MERGE_PATCH = "application/merge-patch+json"
NOT_FOUND = 404
_THERE = (
    ("pb:currently-deployed-deployed-versions", "deployedVersions"),
    ("pb:currently-supported-released-versions", "releasedVersions"),
)

Selector = Mapping[str, str | bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which pacts of a provider are wanted."""

    selectors: Sequence[Selector]
    branch: str = ""
    """The provider's, by which the broker tells what is pending."""
    pending: bool = False
    wip_since: str = ""
    """A date; empty for no work in progress."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """A pact that the broker wants verified."""

    document: JsonObject
    name: str
    pending: bool
    wip: bool
    notices: tuple[str, ...]
    reply: str
    """Where results go."""


@asynccontextmanager
async def open_broker(access: Access) -> AsyncIterator[Broker]:
    """Come to a broker; raises BrokerError when there is none."""
    async with Hal(access) as hal:
        yield Broker(hal, await hal.get(access.url + "/"))


class Broker:
    """A broker whose index was read."""

    def __init__(self, hal: Hal, index: Document) -> None:
        self._hal = hal
        self._index = index

    async def publish(
        self, consumer: str, version: str, branch: str, pacts: Sequence[JsonObject], *, build_url: str = ""
    ) -> tuple[str, ...]:
        """Publish all pacts of a version of a consumer, and give what the broker says to it."""
        contracts = [
            {
                "consumerName": consumer,
                "providerName": _name(each, "provider"),
                "specification": "pact",
                "contentType": "application/json",
                "content": base64.b64encode(json.dumps(each, ensure_ascii=False).encode()).decode(),
            }
            for each in pacts
        ]
        body = {"pacticipantName": consumer, "pacticipantVersionNumber": version, "contracts": contracts}
        body |= {key: value for key, value in (("branch", branch), ("buildUrl", build_url)) if value}
        answer = await self._hal.send("POST", self._link("pb:publish-contracts"), body)
        return _notices(answer)

    async def pacts_for(self, provider: str, wanted: Wanted) -> tuple[Fetched, ...]:
        """The pacts that a provider is to be verified against; none when the broker doesn't know the provider."""
        body: dict[str, object] = {"consumerVersionSelectors": [dict(each) for each in wanted.selectors]}
        body["includePendingStatus"] = wanted.pending
        body |= {"providerVersionBranch": wanted.branch} if wanted.branch else {}
        body |= {"includeWipPactsSince": wanted.wip_since} if wanted.wip_since else {}
        try:
            found = await self._hal.send(
                "POST", self._link("pb:provider-pacts-for-verification", provider=provider), body
            )
        except BrokerError as error:
            if error.status == NOT_FOUND:
                return ()
            raise
        return tuple([await self._fetched(each, provider) for each in embedded(found, "pacts")])

    async def pact_at(self, url: str, provider: str) -> Fetched:
        """The pact that a row of the matrix is of."""
        return await self._fetched({"_links": {"self": {"href": url}}}, provider)

    async def _fetched(self, listed: Document, provider: str) -> Fetched:
        document = await self._hal.get(link(listed, "self"))
        reply = link(document, "pb:publish-verification-results")
        name = links(listed, "self")[0].get("name", "a pact")
        if not reply or _name(document, "provider") != provider:
            raise BrokerError(f"{name}: expected a pact of {provider}, found another document: is this a Pact Broker?")
        properties = listed.get("verificationProperties")
        told = properties if isinstance(properties, dict) else {}
        return Fetched(
            document=document,
            name=name,
            pending=told.get("pending") is True,
            wip=told.get("wip") is True,
            notices=_before(told.get("notices")),
            reply=reply,
        )

    async def publish_result(
        self, fetched: Fetched, version: str, outcomes: Sequence[Outcome], *, build_url: str = ""
    ) -> bool | None:
        """Publish what came of a pact: held, broken, or None (and nothing is published) when not all was compared."""
        verdicts = {each.verdict for each in outcomes}
        if Verdict.FAIL not in verdicts and verdicts != {Verdict.PASS}:
            return None
        held = Verdict.FAIL not in verdicts
        ids = ids_in(fetched.document)
        body: dict[str, object] = {
            "success": held,
            "providerApplicationVersion": version,
            "verifiedBy": {"implementation": "harness", "version": __version__},
            "testResults": [_test_result(each, ids.get(each.interaction, "")) for each in outcomes],
        }
        body |= {"buildUrl": build_url} if build_url else {}
        await self._hal.send("POST", fetched.reply, body)
        return held

    async def put_on_branch(self, service: str, version: str, branch: str) -> None:
        """Say that a version is of a branch, without which the broker can't tell what is pending there."""
        relation = "pb:pacticipant-branch-version"
        url = self._link(relation, pacticipant=service, branch=branch, version=version)
        await self._hal.send("PUT", url, {})

    async def record(
        self,
        what: Literal["deployed", "undeployed", "released", "unreleased"],
        service: str,
        version: str,
        environment: str,
    ) -> None:
        """Say that a version came to an environment, or went.

        Raises:
            BrokerError: when the broker knows no such version or environment, or the version is not there to go.
        """
        if what in {"deployed", "released"}:
            await self._came("deployment" if what == "deployed" else "release", service, version, environment)
        elif what == "undeployed":
            await self._went("pb:currently-deployed-deployed-versions", "deployedVersions", "currentlyDeployed",
                             service, version, environment)  # fmt: skip
        else:
            await self._went("pb:currently-supported-released-versions", "releasedVersions", "currentlySupported",
                             service, version, environment)  # fmt: skip

    async def _came(self, what: str, service: str, version: str, environment: str) -> None:
        try:
            found = await self._hal.get(self._link("pb:pacticipant-version", pacticipant=service, version=version))
        except BrokerError as error:
            if error.status != NOT_FOUND:
                raise
            message = f"the broker knows no {service} {version}: publish its pacts or its results first"
            raise BrokerError(message, status=NOT_FOUND) from None
        places = {each.get("name", ""): each["href"] for each in links(found, f"pb:record-{what}")}
        if environment not in places:
            raise _no_environment(environment, places)
        await self._hal.send("POST", places[environment], {})

    async def _went(  # noqa: PLR0913, PLR0917 -- the names of one thing in three places
        self, relation: str, name: str, flag: str, service: str, version: str, environment: str
    ) -> None:
        place = await self._environment(environment)
        url = f"{link(place, relation)}?{urlencode({'pacticipant': service})}"
        there = embedded(await self._hal.get(url), name)
        matching = [each for each in there if _number(each) == version]
        if not matching:
            raise BrokerError(f"{service} {version} is not in {environment}, so nothing was undone")
        for each in matching:
            await self._hal.send("PATCH", link(each, "self"), {flag: False}, kind=_MERGE_PATCH)

    async def there(self, environment: str) -> Mapping[str, Sequence[str]]:
        """The versions of each service that are in an environment; raises BrokerError when there is none such."""
        place = await self._environment(environment)
        found: dict[str, list[str]] = {}
        for relation, name in _THERE:
            for each in embedded(await self._hal.get(link(place, relation)), name):
                known = found.setdefault(_embedded_text(each, "pacticipant", "name"), [])
                known += [number for number in [_number(each)] if number not in known]
        return found

    async def _environment(self, name: str) -> Document:
        all_places = embedded(await self._hal.get(self._link("pb:environments")), "environments")
        places = {str(each.get("name")): link(each, "self") for each in all_places}
        if name not in places:
            raise _no_environment(name, places)
        return await self._hal.get(places[name])

    async def matrix(
        self, service: str, version: str, *, environment: str = "", what_if: Mapping[str, str] | None = None
    ) -> Document:
        """The rows that concern a version; with an environment, those with what is there."""
        query = [("q[][pacticipant]", service), ("q[][version]", version)]
        for other, at in (what_if or {}).items():
            query += [("q[][pacticipant]", other), ("q[][version]", at)]
        query += [("latestby", "cvpv"), ("limit", str(MOST_ROWS))]
        query += [("environment", environment)] if environment else []
        return await self._hal.get(f"{self._hal.access.url}/matrix?{urlencode(query)}")

    async def results(self, urls: Sequence[str]) -> Mapping[str, Document]:
        """Results of verifications, by where they are."""
        return {url: await self._hal.get(url) for url in urls[:MOST_RESULTS]}

    def _link(self, relation: str, **values: str) -> str:
        found = link(self._index, relation, **values)
        if not found:
            message = (
                f"the broker at {self._hal.access.url} offers no {relation}: is it a Pact Broker of 2.86 or later?"
            )
            raise BrokerError(message)
        return found


def _no_environment(name: str, known: Mapping[str, str]) -> BrokerError:
    listed = ", ".join(sorted(known)) or "none"
    return BrokerError(f"the broker knows no environment {name!r} (known: {listed}); create it there", status=NOT_FOUND)


def _number(document: Document) -> str:
    return _embedded_text(document, "version", "number")


def _embedded_text(document: Document, name: str, key: str) -> str:
    inside = document.get("_embedded")
    found = inside.get(name) if isinstance(inside, dict) else None
    text = found.get(key) if isinstance(found, dict) else None
    return text if isinstance(text, str) else ""


def _name(document: JsonObject, party: str) -> str:
    found = document.get(party)
    name = found.get("name") if isinstance(found, dict) else None
    return name if isinstance(name, str) else ""


def _notices(document: Document) -> tuple[str, ...]:
    notices = document.get("notices")
    listed = notices if isinstance(notices, list) else []
    return tuple(
        str(each.get("text"))
        for each in listed
        if isinstance(each, dict) and each.get("type") not in {"debug", "prompt"}
    )


def _test_result(outcome: Outcome, id_: str) -> Mapping[str, object]:
    result: dict[str, object] = {"interactionDescription": outcome.label, "success": outcome.verdict is Verdict.PASS}
    result |= {"interactionId": id_} if id_ else {}
    if outcome.verdict is not Verdict.PASS:
        result["mismatches"] = [{"description": outcome.reason}]
    return result


def _before(notices: JsonValue) -> tuple[str, ...]:
    listed = [each for each in notices if isinstance(each, dict)] if isinstance(notices, list) else []
    when = "before_verification"
    return tuple(str(each.get("text")) for each in listed if each.get("when", when) == when)
