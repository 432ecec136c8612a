"""What is red and does not make a run red: accepted by somebody until a day, or known from an earlier run."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from harness.model.cell_names import read_cell
from harness.model.finding import Finding, Part
from harness.model.matrix import CellVerdict, Kind
from harness.model.verdict import Verdict
from harness.model.waiver import Waiver


@dataclass(frozen=True, slots=True, kw_only=True)
class Earlier:
    """What an earlier run came to, by the names of findings and cells."""

    run: str
    red: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """What did not pass → what did not hold: a cell's rules, else the verdict. UNKNOWN is a word of its own."""
    passed: frozenset[str] = frozenset()


@dataclass(slots=True, kw_only=True)
class Excuses:
    """Looks at each cell and each finding of a run as they are made."""

    waivers: tuple[Waiver, ...] = ()
    today: dt.date
    """In UTC."""
    earlier: Earlier | None = None
    _seen: dict[str, tuple[str, str]] = field(default_factory=dict, init=False)
    """Cell → its excuse, and what is said beside its reason."""

    def of_cell(self, result: CellVerdict) -> CellVerdict:
        """The cell as it is told: with its excuse, or with why it has none."""
        if result.cell.kind is Kind.PLACEBO:
            return result
        name, held = str(result.cell), {str(result.cell), str(result.stands)}
        rules = _rules(result)
        excuse, beside = self._look(name, result.verdict, rules, also=held)
        self._seen[name] = excuse, beside
        # One that was taken over from an earlier run may say so already.
        reason = result.reason if result.reason.endswith(beside) else result.reason + beside
        return replace(result, excused=excuse, reason=reason)

    def of_finding(self, finding: Finding) -> Finding:
        """The same of a finding. Nothing excuses that a run was not valid."""
        if finding.verdict is Verdict.PASS or finding.part is Part.VALIDITY or finding.excused:
            return finding
        if finding.part is Part.MATRIX:
            excuse, beside = self._seen.get(finding.name, ("", ""))
        else:
            excuse, beside = self._look(finding.name, finding.verdict, frozenset({finding.verdict.value}))
        reason = finding.reason if finding.reason.endswith(beside) else finding.reason + beside
        return replace(finding, excused=excuse, reason=reason)

    def left_over(self, findings: Iterable[Finding], cells: Iterable[CellVerdict]) -> Iterator[str]:
        """What is told at the end: waivers that nobody needs any more, and what is better than it was."""
        now = {each.name: each.verdict for each in findings if each.part is not Part.MATRIX}
        now |= {str(each.cell): each.verdict for each in cells}
        for waiver in self.waivers:
            if now.get(_plain(waiver.name)) is Verdict.PASS:
                yield f"the waiver of {waiver.owner} for '{waiver.name}' is no longer needed: it holds"
        if self.earlier is not None:
            better = [name for name in self.earlier.red if now.get(name) is Verdict.PASS]
            yield from (f"better than in run {self.earlier.run}: {name}" for name in better)

    def _look(
        self, name: str, verdict: Verdict, wrong: frozenset[str], also: set[str] | None = None
    ) -> tuple[str, str]:
        """The excuse, and what is said beside the reason."""
        if verdict is Verdict.PASS:
            return "", ""
        mine = [each for each in self.waivers if _plain(each.name) in (also or {name})]
        for each in mine:
            if each.holds_on(self.today):
                return str(each), ""
        beside = "".join(f"; the waiver of {each.owner} expired on {each.until.isoformat()}" for each in mine[:1])
        if self.earlier is None:
            return "", beside
        before = self.earlier.red.get(name)
        if before is not None and (wrong <= before or verdict is Verdict.UNKNOWN):
            return f"known from run {self.earlier.run}", beside
        if before is not None:
            new = ", ".join(sorted(wrong - before))
            return "", f"{beside}; new since run {self.earlier.run}: {new} (it was {', '.join(sorted(before))})"
        tried = name in self.earlier.passed
        return "", beside + ("" if tried else f"; run {self.earlier.run} did not try it")


def earlier_of(run: str, findings: Iterable[Finding], cells: Iterable[CellVerdict]) -> Earlier:
    """An earlier run as later ones are held against it; one that was red under an excuse was red."""
    red: dict[str, frozenset[str]] = {}
    passed = set()
    for result in cells:
        if result.verdict is Verdict.PASS:
            passed.add(str(result.cell))
        else:
            red[str(result.cell)] = _rules(result)
    for each in findings:
        if each.part in {Part.MATRIX, Part.VALIDITY}:
            continue
        if each.verdict is Verdict.PASS:
            passed.add(each.name)
        else:
            red[each.name] = red.get(each.name, frozenset()) | {each.verdict.value}
    return Earlier(run=run, red=red, passed=frozenset(passed - red.keys()))


def _rules(result: CellVerdict) -> frozenset[str]:
    """What did not hold; the verdict of what could not be told."""
    failed = {each.rule.value for each in result.findings if each.verdict is Verdict.FAIL}
    return frozenset(failed if result.verdict is Verdict.FAIL and failed else {result.verdict.value})


def _plain(name: str) -> str:
    """A cell's name as it is shown, however somebody typed it; any other as it is."""
    try:
        return str(read_cell(name))
    except ValueError:
        return name
