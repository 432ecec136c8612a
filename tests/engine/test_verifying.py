"""Which state of the machine is a reason to verify again."""

from __future__ import annotations

from typing import cast

import pytest

from harness.engine import verifying
from harness.engine.session import Session
from harness.model.neighbours import Company, Neighbours
from harness.model.observation import WindowKind


def company(*, stood: float = 0.0, full_s: float = 0.0) -> Company:
    return Company(
        window=WindowKind.WARM_UP,
        start=0.0,
        end=9.0,
        cores=2,
        others=0.0,
        stolen=0.0,
        idle=0.3,
        stood=stood,
        full_s=full_s,
    )


class FakeBeside:
    """Sees one company after the other."""

    neighbours = Neighbours.DOUBT

    def __init__(self, seen: list[Company]) -> None:
        self.seen = seen
        self.did: list[str] = []

    def begin(self) -> None:
        self.did.append("begin")

    def until_now(self, _window: WindowKind) -> Company:
        return self.seen.pop(0)

    async def quiet(self) -> None:
        self.did.append("quiet")


class FakeSession:
    """Is told what is done."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def tell(self, message: str) -> None:
        self.told.append(message)


def beside_of(monkeypatch: pytest.MonkeyPatch, *seen: Company) -> FakeBeside:
    beside = FakeBeside(list(seen))
    monkeypatch.setattr(verifying, "Beside", lambda _session: beside)
    return beside


async def test_a_full_machine_is_a_reason_while_many_are_verified_at_once_and_none_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    session, beside = FakeSession(), beside_of(monkeypatch, company(full_s=9), company(full_s=9))
    again = verifying.again(cast("Session", session), most=1)

    assert again.doubt() == (
        "others had 0 % of this machine's 2 processors, 30 % were idle, for 9 s on end nothing was"
    )
    await again.wait("for a reason")
    assert again.doubt() == ""

    assert session.told == ["for a reason"]
    assert beside.did == ["begin", "quiet", "begin"]


async def test_processors_that_stand_still_are_a_reason_alone_too(monkeypatch: pytest.MonkeyPatch) -> None:
    beside_of(monkeypatch, company(stood=0.9), company(stood=0.9))
    again = verifying.again(cast("Session", FakeSession()), most=1)

    assert "stood still for 90 %" in again.doubt()
    await again.wait("")
    assert "stood still for 90 %" in again.doubt()


def test_a_quiet_machine_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    beside_of(monkeypatch, company())
    assert verifying.again(cast("Session", FakeSession()), most=1).doubt() == ""


def test_who_asks_nothing_again_gets_no_doubt_of_a_machine_that_the_verification_filled(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    beside_of(monkeypatch, company(full_s=9))
    assert verifying.again(cast("Session", FakeSession()), most=0).doubt() == ""
