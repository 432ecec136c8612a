"""Tells an answer that the machine had no time for from one that breaks a contract."""

from __future__ import annotations

from harness.checkers.company import crowded, told, was_full
from harness.contracts.verify import Again
from harness.engine.beside import Beside
from harness.engine.session import Session
from harness.model.observation import WindowKind


def again(session: Session, *, most: int) -> Again:
    """How the pacts of a session are verified again, from now on, while others have the processors or nobody has them.

    Many providers are verified at once, which may fill a machine; asked again one by one they have it to themselves,
    so that a full one is no excuse then.
    """
    beside, alone = Beside(session), most == 0

    def doubt() -> str:
        company = beside.until_now(WindowKind.WARM_UP)
        no_proof = crowded(company, beside.neighbours) or (not alone and was_full(company, beside.neighbours))
        return told(company) if no_proof else ""

    async def wait(why: str) -> None:
        nonlocal alone
        alone = True
        session.tell(why)
        await beside.quiet()
        beside.begin()

    beside.begin()
    return Again(most=most, doubt=doubt, wait=wait)
