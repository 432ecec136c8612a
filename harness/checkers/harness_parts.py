"""V0: did the harness's own parts do their work?"""

from __future__ import annotations

from harness.checkers.found import finding
from harness.model.finding import Finding, Part
from harness.model.history import History
from harness.model.verdict import Verdict

CHECK = "harness"


def harness_parts(history: History) -> tuple[Finding, ...]:
    """Whatever went wrong with them makes the experiment none; nothing is said when nothing did."""
    return tuple(
        finding(
            history,
            check=CHECK,
            part=Part.VALIDITY,
            verdict=Verdict.UNKNOWN,
            reason=trouble,
            subject=history.experiment.name,
        )
        for trouble in history.trouble
    )
