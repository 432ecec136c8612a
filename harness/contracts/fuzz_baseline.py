"""Findings of fuzzing that are known, in a file that lives in git: what is new is red, what is gone is told."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from harness.contracts.fuzz import CHECK, Found
from harness.declare.validate import validated
from harness.declare.yaml import read_yaml
from harness.errors import ContractError
from harness.model.declared import Declared
from harness.model.finding import Finding, Part
from harness.model.verdict import Verdict

FORM = 1


class Known(Declared):
    """A finding that is known."""

    service: str
    operation: str
    check: str
    status: int
    shape: str = ""
    reason: str = ""

    @property
    def place(self) -> tuple[str, str, str, int, str]:
        """What it is known by; the reason is for people."""
        return (self.service, self.operation, self.check, self.status, self.shape)


class Baseline(Declared):
    """The whole file."""

    form: int = FORM
    findings: tuple[Known, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Fuzzed:
    """What was found at one service, as far as a baseline needs to know."""

    service: str
    owner: str
    found: tuple[Found, ...]
    whole: bool
    """Whether everything was tried, so that what was not found is gone."""


def read_baseline(file: Path) -> Baseline:
    """What is known; nothing is when there is no such file yet.

    Raises:
        DeclarationError: with the place of everything that is wrong in it.
        ContractError: if it is of a later form.
    """
    if not file.exists():
        return Baseline()
    baseline = validated(read_yaml(file), Baseline)
    if baseline.form != FORM:
        message = f"{file}: expected a baseline of form {FORM}, found {baseline.form}; write it again"
        raise ContractError(message)
    return baseline


def write_baseline(file: Path, known: Baseline, fuzzed: Sequence[Fuzzed]) -> Baseline:
    """Write what was found; what was not looked for stays as it is.

    Raises:
        ContractError: if it can't be written.
    """
    looked_through = {each.service for each in fuzzed if each.whole}
    kept = {each.place: each for each in known.findings if each.service not in looked_through}
    found = {each.place: each for each in _all(fuzzed)}
    baseline = Baseline(findings=tuple(sorted({**kept, **found}.values(), key=lambda each: each.place)))
    document = {"form": FORM, "findings": [each.model_dump() for each in baseline.findings]}
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    except OSError as error:
        message = f"the baseline {file} can't be written: {error.strerror}"
        raise ContractError(message) from error
    return baseline


def against(baseline: Baseline, fuzzed: Sequence[Fuzzed]) -> list[Finding]:
    """The findings with those that are known told as such, and what is gone at services that were looked through."""
    known = {each.place for each in baseline.findings}
    told = [
        _known(each.finding) if _entry(one.service, each).place in known else each.finding
        for one in fuzzed
        for each in one.found
    ]
    return [*told, *_gone(baseline, {one.service: one for one in fuzzed if one.whole})]


def _all(fuzzed: Sequence[Fuzzed]) -> Iterator[Known]:
    for one in fuzzed:
        for each in one.found:
            yield _entry(one.service, each)


def _entry(service: str, found: Found) -> Known:
    key = found.key
    reason = found.finding.reason.partition(" (")[0]
    return Known(
        service=service, operation=key.operation, check=key.check, status=key.status, shape=key.mark, reason=reason
    )


def _known(finding: Finding) -> Finding:
    return replace(finding, verdict=Verdict.PASS, reason=f"known by the baseline: {finding.reason}", replay="")


def _gone(baseline: Baseline, whole: Mapping[str, Fuzzed]) -> Iterator[Finding]:
    found: Collection[tuple[str, str, str, int, str]] = {each.place for each in _all([*whole.values()])}
    for each in baseline.findings:
        if each.service in whole and each.place not in found:
            yield Finding(
                check=CHECK,
                part=Part.FUZZ,
                verdict=Verdict.PASS,
                reason=f"known by the baseline, and not found any more: {each.check} {each.status}: {each.reason}",
                subject=each.operation,
                service=each.service,
                owner=whole[each.service].owner,
                evidence=("take it out with --write-baseline",),
            )
