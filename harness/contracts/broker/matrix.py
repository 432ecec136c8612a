"""A broker's matrix, read as an answer that explains itself; a matrix without rows proves nothing."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from harness.contracts.broker.access import BrokerError
from harness.contracts.broker.broker import MOST_ROWS
from harness.contracts.broker.hal import Document
from harness.contracts.ledger.answer import Answer, Pair, Troubled
from harness.model.verdict import Verdict


class _Read(BaseModel):
    model_config = ConfigDict(extra="ignore")


class _Version(_Read):
    number: str


class _Party(_Read):
    name: str
    version: _Version | None = None

    @property
    def number(self) -> str:
        return self.version.number if self.version else ""


class _Link(_Read):
    href: str = ""


class _Links(_Read):
    self_: _Link = Field(default=_Link(), alias="self")


class _Result(_Read):
    success: bool
    at: str | None = Field(default=None, alias="verifiedAt")
    links: _Links = Field(default_factory=_Links, alias="_links")


class _Kept(_Read):
    links: _Links = Field(default_factory=_Links, alias="_links")


class _Row(_Read):
    consumer: _Party
    provider: _Party
    pact: _Kept = _Kept()
    result: _Result | None = Field(default=None, alias="verificationResult")
    ignored: bool = False

    def at(self, version: str) -> _Row:
        """The same pact with a version of the provider, and no result."""
        provider = _Party(name=self.provider.name, version=_Version(number=version))
        return self.model_copy(update={"provider": provider, "result": None})


class _Summary(_Read):
    deployable: bool | None
    reason: str = ""


class _Matrix(_Read):
    summary: _Summary
    rows: tuple[_Row, ...] = Field(alias="matrix")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What the matrix was asked for."""

    service: str
    version: str
    environment: str
    what_if: Mapping[str, str] = field(default_factory=dict)
    owners: Mapping[str, str] = field(default_factory=dict)
    there: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """The versions of each service that are in the environment."""
    broker: str
    """Its URL, for commands."""

    def versions_of(self, service: str) -> Sequence[str]:
        """Those to be thought of in the environment."""
        return (self.what_if[service],) if service in self.what_if else self.there.get(service, ())


def results_in(document: Document, asked: Asked) -> tuple[str, ...]:
    """Where the results are that `answer_of` wants to see; raises as it does."""
    found = [row.result.links.self_.href for row in _ours(_read(document), asked) if row.result]
    return tuple(dict.fromkeys(href for href in found if href))


def answer_of(
    document: Document,
    asked: Asked,
    *,
    results: Mapping[str, Document] | None = None,
    all_rows: Document | None = None,
) -> Answer:
    """Our answer.

    Args:
        document: the matrix.
        asked: what it was asked for.
        results: the results that `results_in` named, which tell of the interactions.
        all_rows: the matrix of the version without an environment, asked when this one has no rows.

    Raises:
        BrokerError: when the document is no matrix.
    """
    matrix = _read(document)
    rows = [row for row in matrix.rows if not row.ignored]
    ours = _ours(matrix, asked)
    pairs = tuple(_pair(row, asked, results or {}) for row in (*ours, *_missing(ours, matrix, asked)))
    doubts, notes = _doubts(matrix, rows, pairs, asked), []
    if not rows and not doubts:
        known = _read(all_rows).rows if all_rows is not None else ()
        if any(row.result for row in known if (asked.service, asked.version) in _ends(row)):
            notes.append(f"nothing in {asked.environment} relies on it, and it relies on nobody")
        else:
            doubts.append(f"the broker says yes and shows nothing: no pact of {asked.service} {asked.version} was "
                          "ever verified, with anybody")  # fmt: skip
    return Answer(
        service=asked.service,
        version=asked.version,
        environment=asked.environment,
        pairs=pairs,
        doubts=tuple(doubts),
        notes=tuple(notes),
    )


def _ours(matrix: _Matrix, asked: Asked) -> list[_Row]:
    """The rows of our version; where it is the provider and there is no result, the broker names no version."""
    ours = []
    for row in matrix.rows:
        mine = row.provider.name == asked.service and row.consumer.name != asked.service
        named = row if row.provider.version or not mine else row.at(asked.version)
        absent = not named.provider.version and bool(asked.versions_of(named.provider.name))
        if not row.ignored and not absent and (asked.service, asked.version) in _ends(named):
            ours.append(named)
    return ours


def _missing(ours: Sequence[_Row], matrix: _Matrix, asked: Asked) -> Iterator[_Row]:
    """A row without a result for each version of a provider there that the broker shows no row of."""
    shown = {(row.provider.name, row.provider.number) for row in ours}
    for row in matrix.rows:
        if row.ignored or (row.consumer.name, row.consumer.number) != (asked.service, asked.version):
            continue
        for version in asked.versions_of(row.provider.name):
            if (row.provider.name, version) not in shown:
                shown.add((row.provider.name, version))
                yield row.at(version)


def _read(document: Document) -> _Matrix:
    try:
        return _Matrix.model_validate(document)
    except ValidationError as error:
        detail = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in detail["loc"])
        raise BrokerError(f"expected the matrix of a broker, found at {where}: {detail['msg']}") from None


def _doubts(matrix: _Matrix, rows: Sequence[_Row], pairs: Sequence[Pair], asked: Asked) -> list[str]:
    """Why no yes can be said although no pair is to blame."""
    doubts = []
    if len(matrix.rows) >= MOST_ROWS:
        doubts.append(f"the matrix has {MOST_ROWS} rows or more: some may not have been seen")
    for other, version in asked.what_if.items():
        if not any((other, version) in _pair_ends(pair) for pair in pairs):
            doubts.append(f"--what-if {other}={version}: the broker shows no pact between it and {asked.service}")
    blamed = any(pair.verdict is not Verdict.PASS for pair in pairs)
    # With --what-if the matrix also has the others' rows with third parties, which are no matter of ours.
    others = asked.what_if and any(row.result is None or not row.result.success for row in rows)
    if matrix.summary.deployable is not True and not blamed and not others:
        doubts.append(f"the broker does not say yes: {matrix.summary.reason}")
    return doubts


def _pair_ends(pair: Pair) -> tuple[tuple[str, str], tuple[str, str]]:
    return (pair.consumer, pair.consumer_version), (pair.provider, pair.provider_version)


def _ends(row: _Row) -> tuple[tuple[str, str], tuple[str, str]]:
    return (row.consumer.name, row.consumer.number), (row.provider.name, row.provider.number)


def _pair(row: _Row, asked: Asked, results: Mapping[str, Document]) -> Pair:
    consumer, provider = row.consumer, row.provider
    tested = _tested(results.get(row.result.links.self_.href, {})) if row.result else None
    if row.result is None:
        verdict, reason = Verdict.UNKNOWN, "the broker has no result for it"
        if not provider.number:
            reason = f"no version of {provider.name} is in {asked.environment}, and {consumer.name} relies on it"
    elif not row.result.success:
        verdict, reason = Verdict.FAIL, "the verification failed"
    elif tested == ():
        # Brokers give each interaction an id, and Pact's core lists what held by it: an empty list compared nothing.
        verdict, reason = Verdict.UNKNOWN, "its result says that it held, and tells of no interaction that was compared"
    else:
        verdict, reason = Verdict.PASS, "verified"
    when = f" at {row.result.at}" if row.result and row.result.at else ""
    return Pair(
        consumer=consumer.name,
        consumer_version=consumer.number,
        provider=provider.name,
        provider_version=provider.number,
        source=row.pact.links.self_.href,
        verdict=verdict,
        reason=reason + when,
        interactions=tuple(each for each in tested or () if each.verdict is Verdict.FAIL),
        owner=asked.owners.get(provider.name, ""),
        settle="" if verdict is Verdict.PASS else _settle(provider, asked),
        fillable=verdict is Verdict.UNKNOWN and bool(provider.number),
    )


def _settle(provider: _Party, asked: Asked) -> str:
    version = provider.number or "VERSION"
    words = ("harness", "verify", "--provider", provider.name, "--version", version, "--broker", asked.broker)
    return shlex.join(words)


def _tested(result: Document) -> tuple[Troubled, ...] | None:
    """The interactions that a result tells of; None when it says nothing about them, as results may."""
    told = result.get("testResults")
    listed = told.get("tests") if isinstance(told, dict) else told
    if not isinstance(listed, list):
        return None
    return tuple(_test(each) for each in listed if isinstance(each, dict))


def _test(told: Document) -> Troubled:
    label = told.get("interactionDescription") or told.get("testName") or told.get("interactionId") or "an interaction"
    held = told.get("success") is True or told.get("status") == "passed"
    mismatches = told.get("mismatches")
    first = mismatches[0] if isinstance(mismatches, list) and mismatches else None
    reason = first.get("description") or first.get("mismatch") if isinstance(first, dict) else first
    verdict = Verdict.PASS if held else Verdict.FAIL
    return Troubled(label=str(label), verdict=verdict, reason=str(reason or ""))
