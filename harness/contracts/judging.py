"""Says of each interaction what came of it: what was verified against what the pact files hold."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from harness.contracts.environment import tail
from harness.contracts.pacts import Interaction, Kind, Pact
from harness.contracts.states import Refusal, Trouble
from harness.contracts.unverified import CHECK
from harness.contracts.verifier_process import Report, Verified
from harness.model.finding import Finding, Part
from harness.model.observation import WAITED
from harness.model.system import edge_name
from harness.model.verdict import Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What came of an interaction."""

    finding: Finding
    late: Case | None = None
    """The interaction, where a machine that has no time can bring the finding about alone."""

    def in_doubt(self, why: str) -> Told:
        """As it is when nobody knows whether it was the machine."""
        found = self.finding
        if self.late is None or found.verdict is not Verdict.FAIL:
            return self
        reason = f"{why}, so this may be the machine's doing; it would be {found.verdict}: {found.reason}"
        return replace(self, finding=replace(found, verdict=Verdict.UNKNOWN, reason=reason))


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """An interaction that was to be verified, and where its provider states are."""

    provider: str
    owner: str
    states: Path
    pact: Pact
    interaction: Interaction
    tls: bool

    def judged(self, verified: Verified, report: Report) -> Told:
        """What Pact's core says of it, if it is to be believed."""
        refused = [each for each in report.refusals if self._concerns(each)]
        late = verified.status in WAITED
        if refused:
            found, late = self._unknown_state(refused[0]), refused[0].trouble is not Trouble.UNKNOWN
        elif verified.error:
            late = True
            found = self._finding(Verdict.UNKNOWN, f"nothing was compared: {verified.error}", self._agreed)
        elif missing := self._not_injected(report):
            reason = f"{self.states} gives no value for {', '.join(missing)}: the example in the pact was sent instead"
            found = self._finding(Verdict.UNKNOWN, reason, ())
        elif not verified.held:
            found = self._finding(Verdict.FAIL, *self._broken(verified))
        else:
            found = self._finding(Verdict.PASS, f"{self.provider} answers as {self.pact.consumer} relies on", ())
        return Told(finding=found, late=self if late else None)

    def unspoken(self, report: Report, log: Path) -> Told:
        """Of an interaction that the core says nothing of."""
        reason = report.trouble or "Pact verified nothing for it"
        return Told(finding=self._finding(Verdict.UNKNOWN, reason, (*report.core_said, *tail(log), f"log: {log}")))

    @property
    def _agreed(self) -> tuple[str]:
        return (f"agreed at {self.interaction.place}",)

    def _broken(self, verified: Verified) -> tuple[str, tuple[str, ...]]:
        """Why, the status first, since all else of an answer goes by it; and the evidence."""
        lines = [str(each) for each in sorted(verified.mismatches, key=lambda each: not each.of_status)]
        reason = f"{self.provider} breaks what {self.pact.consumer} relies on: {lines[0] if lines else '?'}"
        more = f" (and {len(lines) - 1} more)" if len(lines) > 1 else ""
        return reason + more, (*lines, *self._agreed)

    def _unknown_state(self, refusal: Refusal) -> Finding:
        message = self.interaction.kind is Kind.MESSAGE and refusal.what == self.interaction.description
        kind = "message" if message else "provider state"
        wanting = f"add it to {'MESSAGES' if message else 'STATES'} in {self.states}"
        remedy = wanting if refusal.trouble is Trouble.UNKNOWN else f"see {self.states}"
        reason = f"the {kind} {refusal.what!r} can't be had, so nothing was verified: {remedy}"
        return self._finding(Verdict.UNKNOWN, reason, (refusal.message, *self._agreed))

    def _concerns(self, refusal: Refusal) -> bool:
        if self.interaction.kind is Kind.MESSAGE and refusal.what == self.interaction.description:
            return True
        return any((refusal.what, refusal.params) == (state.name, state.params) for state in self.interaction.states)

    def _not_injected(self, report: Report) -> list[str]:
        had: set[str] = set()
        for state in self.interaction.states:
            had |= set(state.params)
            for given in report.given:
                if (given.name, given.params) == (state.name, state.params):
                    had |= set(given.values)
        return [name for name in self.interaction.injected if name.split(".")[0] not in had]

    def _finding(self, verdict: Verdict, reason: str, evidence: Iterable[str]) -> Finding:
        replay = f"harness verify --provider {self.provider} --consumer {self.pact.consumer}"
        replay += " --tls" if self.tls else ""
        return Finding(
            check=CHECK,
            part=Part.PACTS,
            verdict=verdict,
            reason=reason,
            subject=f"{self.pact.consumer} → {self.pact.provider}: {self.interaction.label}",
            edge=edge_name(self.pact.consumer, self.pact.provider),
            service=self.provider,
            owner=self.owner,
            evidence=tuple(evidence),
            replay=replay if verdict is not Verdict.PASS else "",
        )


def judge(cases: Sequence[Case], report: Report, log: Path) -> Iterator[Told]:
    """Compare what was verified of one provider with what the files hold; one that nobody speaks of is UNKNOWN."""
    spoken: dict[tuple[str, str, tuple[str, ...]], list[Verified]] = defaultdict(list)
    for verified in report.verified:
        spoken[verified.consumer, verified.description, verified.states].append(verified)
    for case in cases:
        names = tuple(state.name for state in case.interaction.states)
        answers = spoken[case.pact.consumer, case.interaction.description, names]
        yield case.judged(answers.pop(0), report) if answers else case.unspoken(report, log)
    extra = [verified for left in spoken.values() for verified in left]
    for verified in extra:
        yield Told(
            finding=Finding(
                check=CHECK,
                part=Part.PACTS,
                verdict=Verdict.UNKNOWN,
                reason="Pact verified an interaction that no pact file holds: its counts can't be trusted",
                subject=f"{verified.consumer} → {verified.provider}: {verified.description}",
                service=cases[0].provider,
                owner=cases[0].owner,
            )
        )
