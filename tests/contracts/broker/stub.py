"""A Pact Broker as its documentation tells it: the part of the HAL API that we use, with state in memory.

Shapes are those of the broker's own documentation; the native client `pact broker` takes it for a broker.
"""

from __future__ import annotations

import base64
import hashlib
import itertools
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from tests.contracts.fakes import Answer, Provider

HAL = {"content-type": "application/hal+json;charset=utf-8"}
UUIDS = {"production": "16926ef3-590f-4e3f-838e-719717aa88c9", "test": "cf7dcfdb-3645-4b16-b2f7-7ecb4b6045e0"}
SEGMENT = "([^/]+)"

Json = dict[str, Any]


@dataclass
class Publication:
    consumer: str
    version: str
    branch: str
    provider: str
    sha: str
    content: Json


@dataclass
class Result:
    number: int
    sha: str
    version: str
    body: Json


@dataclass
class Place:
    uuid: str
    service: str
    version: str
    environment: str
    kind: str
    current: bool = True


@dataclass
class Stub:
    """State and answers; give it to `Provider` as `respond`."""

    authorization: str = ""
    url: str = ""
    provider: Provider | None = None
    main_branch: str = "main"
    publications: list[Publication] = field(default_factory=list)
    results: list[Result] = field(default_factory=list)
    places: list[Place] = field(default_factory=list)
    branches: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    versions: dict[str, list[str]] = field(default_factory=dict)
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def respond(self, method: str, target: str, body: str) -> Answer:
        assert self.provider is not None
        if self.authorization and self.provider.sent[-1].get("authorization") != self.authorization:
            return 401, {**HAL, "www-authenticate": 'Basic realm="Restricted Area"'}, ""
        parts = urlsplit(target)
        for verb, pattern, answer in self._routes():
            found = re.fullmatch(pattern, parts.path)
            if found and verb == method:
                status, document = answer(parts.query, body, *map(unquote, found.groups()))
                return status, HAL, json.dumps(document)
        return 404, HAL, json.dumps({"error": "The requested document was not found on this server."})

    def _routes(self) -> list[tuple[str, str, Any]]:
        version = f"/pacticipants/{SEGMENT}/versions/{SEGMENT}"
        pact = f"/pacts/provider/{SEGMENT}/consumer/{SEGMENT}/pact-version/{SEGMENT}"
        return [
            ("GET", "/?", self._index),
            ("POST", "/contracts/publish", self._publish),
            ("POST", f"/pacts/provider/{SEGMENT}/for-verification", self._for_verification),
            ("GET", f"/pacts/provider/{SEGMENT}/for-verification", self._for_verification),
            ("GET", f"{pact}(?:/metadata/[^/]+)?", self._pact),
            ("POST", f"{pact}(?:/metadata/[^/]+)?/verification-results", self._verify),
            ("GET", f"{pact}/verification-results/{SEGMENT}", self._result),
            ("PUT", f"/pacticipants/{SEGMENT}/branches/{SEGMENT}/versions/{SEGMENT}", self._branch),
            ("GET", f"/pacticipants/{SEGMENT}", self._pacticipant),
            ("GET", version, self._version),
            ("POST", f"{version}/(deployed|released)-versions/environment/{SEGMENT}", self._record),
            ("GET", "/environments", self._environments),
            ("GET", f"/environments/{SEGMENT}", self._environment),
            ("GET", f"/environments/{SEGMENT}/(deployed)-versions/currently-deployed", self._there),
            ("GET", f"/environments/{SEGMENT}/(released)-versions/currently-supported", self._there),
            ("PATCH", f"/(deployed|released)-versions/{SEGMENT}", self._left),
            ("GET", "/matrix", self._matrix),
        ]

    def _index(self, _query: str, _body: str) -> tuple[int, Json]:
        templated = {
            "pb:provider-pacts-for-verification": "/pacts/provider/{provider}/for-verification",
            "pb:pacticipant-branch-version": "/pacticipants/{pacticipant}/branches/{branch}/versions/{version}",
            "pb:pacticipant-version": "/pacticipants/{pacticipant}/versions/{version}",
            "pb:environment": "/environments/{uuid}",
        }
        plain = {"pb:publish-contracts": "/contracts/publish", "pb:environments": "/environments", "self": ""}
        links = {name: {"href": self.url + path, "templated": True} for name, path in templated.items()}
        links |= {name: {"href": self.url + path, "templated": False} for name, path in plain.items()}
        return 200, {"_links": links}

    def _publish(self, _query: str, body: str) -> tuple[int, Json]:
        told = json.loads(body)
        missing = [name for name in ("pacticipantName", "pacticipantVersionNumber", "contracts") if name not in told]
        if missing:
            return 400, {"errors": {name: ["is missing"] for name in missing}}
        consumer, version = told["pacticipantName"], told["pacticipantVersionNumber"]
        notices = [{"type": "debug", "text": f"Created {consumer} version {version}"}]
        for contract in told["contracts"]:
            content = json.loads(base64.b64decode(contract["content"], validate=True))
            sha = _sha(content)
            before = self._published(consumer, version, contract["providerName"])
            if before and before.sha != sha:
                text = f"Cannot change the content of the pact for {consumer} version {version} and provider "
                text += (
                    f"{contract['providerName']}, as race conditions will cause unreliable results for can-i-deploy."
                )
                return 409, {"notices": [{"type": "error", "text": text}], "errors": {"content": [text]}}
            self.publications.append(
                Publication(
                    consumer, version, told.get("branch") or "", contract["providerName"], sha, _with_ids(content)
                )
            )
            self._make(contract["providerName"])
            text = f"Pact successfully published for {consumer} version {version} and provider "
            notices.append({"type": "success", "text": text + contract["providerName"] + "."})
        self._make(consumer, version, told.get("branch") or "")
        me = {
            "pb:pacticipant": {"title": "Pacticipant", "name": consumer, "href": f"{self.url}/pacticipants/{consumer}"}
        }
        made = {"pacticipant": {"name": consumer, "_links": me}, "version": {"number": version, "_links": me}}
        return 200, {"notices": notices, "_embedded": made, "_links": me}

    def _for_verification(self, _query: str, body: str, provider: str) -> tuple[int, Json]:
        if provider not in self.versions:
            return 404, {"error": "No provider with that name"}
        told = json.loads(body or "{}")
        chosen: dict[str, tuple[Publication, bool]] = {}
        for selector in told.get("consumerVersionSelectors") or [{"mainBranch": True}]:
            for each in self._selected(provider, selector, told.get("providerVersionBranch", "")):
                chosen.setdefault(each.sha, (each, False))
        if told.get("includeWipPactsSince"):
            for each in reversed(self.publications):
                if each.provider == provider and not self._held(each.sha, told.get("providerVersionBranch", "")):
                    chosen.setdefault(each.sha, (each, True))
        listed = [
            self._listed(each, told, wip=wip)
            for each, wip in sorted(chosen.values(), key=lambda pair: pair[0].consumer)
        ]
        return 200, {
            "_embedded": {"pacts": listed},
            "_links": {"self": {"href": f"{self.url}/pacts/provider/{quote(provider)}/for-verification"}},
        }

    def _listed(self, each: Publication, told: Json, *, wip: bool) -> Json:
        pending = wip or not self._held(each.sha, told.get("providerVersionBranch", ""))
        text = f"The pact at {self._pact_url(each)} is being verified because it matches a criterion."
        properties: Json = {"notices": [{"when": "before_verification", "text": text}]}
        if told.get("includePendingStatus"):
            properties["pending"] = pending
            after = "after_verification:success_true_published_false"
            properties["notices"].append({"when": after, "text": "not for now"})
        properties |= {"wip": True} if wip else {}
        name = f"Pact between {each.consumer} ({each.version}) and {each.provider}"
        return {
            "shortDescription": "latest",
            "verificationProperties": properties,
            "_links": {"self": {"href": f"{self._pact_url(each)}/metadata/cyU1QiU1RCU", "name": name}},
        }

    def _selected(self, provider: str, selector: Json, branch: str) -> list[Publication]:
        latest: dict[tuple[str, str], Publication] = {
            (each.consumer, each.branch): each for each in self.publications if each.provider == provider
        }
        if selector.get("mainBranch"):
            return [each for (_, on), each in latest.items() if on == self.main_branch]
        if selector.get("matchingBranch"):
            return [each for (_, on), each in latest.items() if on == branch]
        if "branch" in selector:
            return [each for (_, on), each in latest.items() if on == selector["branch"]]
        kinds = {"deployed": {"deployed"}, "released": {"released"}}
        wanted = next((kinds[name] for name in kinds if selector.get(name)), {"deployed", "released"})
        there = {
            (place.service, place.version)
            for place in self.places
            if place.current and place.kind in wanted and selector.get("environment") in {None, place.environment}
        }
        return [
            each for each in self.publications if each.provider == provider and (each.consumer, each.version) in there
        ]

    def _pact(self, _query: str, _body: str, provider: str, consumer: str, sha: str) -> tuple[int, Json]:
        for each in self.publications:
            if (each.provider, each.consumer, each.sha) == (provider, consumer, sha):
                reply = {
                    "title": "Publish verification results",
                    "href": f"{self._pact_url(each)}/verification-results",
                }
                links = {"self": {"href": self._pact_url(each)}, "pb:publish-verification-results": reply}
                links["pb:provider"] = {"href": f"{self.url}/pacticipants/{quote(provider)}"}
                return 200, {**each.content, "createdAt": "2026-11-21T12:00:00+00:00", "_links": links}
        return 404, {"error": "not found"}

    def _verify(self, _query: str, body: str, _provider: str, _consumer: str, sha: str) -> tuple[int, Json]:
        told = json.loads(body)
        if not isinstance(told.get("success"), bool) or not told.get("providerApplicationVersion"):
            return 400, {"errors": {"success": ["is missing"]}}
        self.results.append(Result(next(self.numbers), sha, told["providerApplicationVersion"], told))
        self._make(_provider, told["providerApplicationVersion"])
        return 201, told

    def _result(self, _query: str, _body: str, _p: str, _c: str, _sha: str, number: str) -> tuple[int, Json]:
        [result] = [each for each in self.results if each.number == int(number)]
        return 200, {**result.body, "_links": {}}

    def _branch(self, _query: str, body: str, service: str, branch: str, version: str) -> tuple[int, Json]:
        json.loads(body)
        self._make(service, version, branch)
        return 201, {"number": version, "_links": {}}

    def _pacticipant(self, _query: str, _body: str, service: str) -> tuple[int, Json]:
        href = f"{self.url}/pacticipants/{quote(service)}"
        branch = {"href": f"{href}/branches/{{branch}}/versions/{{version}}", "templated": True}
        return 200, {"name": service, "_links": {"self": {"href": href}, "pb:branch-version": branch}}

    def _version(self, _query: str, _body: str, service: str, version: str) -> tuple[int, Json]:
        if version not in self.versions.get(service, ()):
            return 404, {"error": "No version with that number"}
        base = f"{self.url}/pacticipants/{quote(service)}/versions/{quote(version, safe='')}"
        links = {
            f"pb:record-{what}": [
                {"title": name, "name": name, "href": f"{base}/{kind}-versions/environment/{uuid}"}
                for name, uuid in UUIDS.items()
            ]
            for what, kind in (("deployment", "deployed"), ("release", "released"))
        }
        return 200, {"number": version, "_embedded": {"branchVersions": [], "tags": []}, "_links": links}

    def _record(self, _q: str, _b: str, service: str, version: str, kind: str, uuid: str) -> tuple[int, Json]:
        environment = _environment_of(uuid)
        same = [
            each
            for each in self.places
            if each.current and (each.service, each.environment, each.kind) == (service, environment, kind)
        ]
        if not any(each.version == version for each in same):
            for each in same if kind == "deployed" else ():
                each.current = False
            self.places.append(Place(f"place-{next(self.numbers)}", service, version, environment, kind))
        return 201, {"currentlyDeployed": True, "_links": {}}

    def _environments(self, _query: str, _body: str) -> tuple[int, Json]:
        listed = [self._environment_document(name) for name in UUIDS]
        return 200, {"_embedded": {"environments": listed}, "_links": {"self": {"href": f"{self.url}/environments"}}}

    def _environment(self, _query: str, _body: str, uuid: str) -> tuple[int, Json]:
        return 200, self._environment_document(_environment_of(uuid))

    def _environment_document(self, name: str) -> Json:
        base = f"{self.url}/environments/{UUIDS[name]}"
        links = {
            "self": {"title": "Environment", "name": name, "href": base},
            "pb:currently-deployed-deployed-versions": {"href": f"{base}/deployed-versions/currently-deployed"},
            "pb:currently-supported-released-versions": {"href": f"{base}/released-versions/currently-supported"},
        }
        return {"uuid": UUIDS[name], "name": name, "displayName": name.title(), "production": False, "_links": links}

    def _there(self, query: str, _body: str, uuid: str, kind: str) -> tuple[int, Json]:
        service = dict(parse_qsl(query)).get("pacticipant")
        listed = [
            {
                "uuid": each.uuid,
                "currentlyDeployed" if kind == "deployed" else "currentlySupported": True,
                "_embedded": {"pacticipant": {"name": each.service}, "version": {"number": each.version}},
                "_links": {"self": {"href": f"{self.url}/{kind}-versions/{each.uuid}"}},
            }
            for each in self.places
            if each.current
            and (each.environment, each.kind) == (_environment_of(uuid), kind)
            and service in {None, each.service}
        ]
        return 200, {"_embedded": {f"{kind}Versions": listed}, "_links": {}}

    def _left(self, _query: str, body: str, kind: str, uuid: str) -> tuple[int, Json]:
        flag = "currentlyDeployed" if kind == "deployed" else "currentlySupported"
        assert self.provider is not None
        if self.provider.sent[-1]["content-type"] != "application/merge-patch+json":
            return 415, {}
        [place] = [each for each in self.places if each.uuid == uuid]
        place.current = json.loads(body)[flag] is not False
        return 200, {flag: place.current, "_links": {}}

    def _matrix(self, query: str, _body: str) -> tuple[int, Json]:
        selectors, environment = _selectors(query)
        if environment not in {"", *UUIDS}:
            return 400, {"errors": {"base": [f"No environment with name '{environment}' exists"]}}
        for name in selectors:
            if name not in self.versions:
                return 400, {"errors": [f"Pacticipant {name} not found"]}
        absent = [f"{name} {version}" for name, version in selectors.items() if version not in self.versions[name]]
        rows = [row for each in self._wanted(selectors) for row in self._rows(each, selectors, environment)]
        verdicts = [(row["verificationResult"] or {}).get("success") for row in rows]
        deployable = False if absent else None if None in verdicts else all(verdicts)
        reason = f"No such version: {', '.join(absent)}" if absent else "as the rows tell"
        return 200, {
            "summary": {"deployable": deployable, "reason": reason, "unknown": verdicts.count(None),
                        "success": verdicts.count(True), "failed": verdicts.count(False)},
            "notices": [{"type": "success" if deployable else "error", "text": reason}],
            "matrix": rows,
        }  # fmt: skip

    def _wanted(self, selectors: Mapping[str, str]) -> list[Publication]:
        return [each for each in self.publications if {each.consumer, each.provider} & selectors.keys()]

    def _rows(self, each: Publication, selectors: Mapping[str, str], environment: str) -> Iterator[Json]:
        def versions(service: str) -> list[str] | None:
            if service in selectors:
                return [selectors[service]]
            if not environment:
                return None
            return [
                place.version
                for place in self.places
                if place.current and (place.service, place.environment) == (service, environment)
            ]

        consumers, providers = versions(each.consumer), versions(each.provider)
        if consumers is not None and each.version not in consumers:
            return
        found = {result.version: result for result in self.results if result.sha == each.sha}
        matching = {at: each for at, each in found.items() if providers is None or at in providers}
        for at in [*matching] or [""]:
            yield self._row(each, at, found.get(at))

    def _row(self, each: Publication, at: str, result: Result | None) -> Json:
        url = f"{self._pact_url(each)}/verification-results/{result.number if result else 0}"
        verified = result and {
            "success": result.body["success"],
            "verifiedAt": "2026-11-21T12:00:00+00:00",
            "_links": {"self": {"href": url}},
        }
        return {
            "consumer": {"name": each.consumer, "version": {"number": each.version, "branch": each.branch}},
            "provider": {"name": each.provider, "version": {"number": at} if at else None},
            "pact": {"createdAt": "2026-11-21T12:00:00+00:00", "_links": {"self": {"href": self._pact_url(each)}}},
            "verificationResult": verified,
        }

    def _pact_url(self, each: Publication) -> str:
        return (
            f"{self.url}/pacts/provider/{quote(each.provider)}/consumer/{quote(each.consumer)}/pact-version/{each.sha}"
        )

    def _published(self, consumer: str, version: str, provider: str) -> Publication | None:
        same = [e for e in self.publications if (e.consumer, e.version, e.provider) == (consumer, version, provider)]
        return same[0] if same else None

    def _held(self, sha: str, branch: str) -> bool:
        return any(each.sha == sha and each.body["success"] and self._on(each.version, branch) for each in self.results)

    def _on(self, version: str, branch: str) -> bool:
        return any(number == version and branch in on for (_, number), on in self.branches.items())

    def _make(self, service: str, version: str = "", branch: str = "") -> None:
        known = self.versions.setdefault(service, [])
        if version and version not in known:
            known.append(version)
        if branch:
            self.branches.setdefault((service, version), []).append(branch)


def _with_ids(content: Json) -> Json:
    """As a broker does when a pact is published."""
    return {
        name: [{**each, "_id": _sha({"interactions": [each]})} for each in value]
        if name in {"interactions", "messages"}
        else value
        for name, value in content.items()
    }


def _sha(content: Json) -> str:
    told = {name: content[name] for name in ("interactions", "messages") if name in content}
    return hashlib.sha1(json.dumps(told, sort_keys=True).encode(), usedforsecurity=False).hexdigest()


def _environment_of(uuid: str) -> str:
    return next(name for name, each in UUIDS.items() if each == uuid)


def _selectors(query: str) -> tuple[dict[str, str], str]:
    selectors: dict[str, str] = {}
    name, environment = "", ""
    for key, value in parse_qsl(query):
        match key:
            case "q[][pacticipant]":
                name = value
            case "q[][version]":
                selectors[name] = value
            case "environment":
                environment = value
            case "latestby" | "limit" | "latest":
                pass
            case _:
                raise AssertionError(f"the broker knows no {key}")
    return selectors, environment


def start_stub(authorization: str = "") -> Stub:
    """A stub that listens on loopback; close its provider."""
    stub = Stub(authorization=authorization)
    stub.provider = Provider(stub.respond)
    stub.url = stub.provider.url
    return stub
