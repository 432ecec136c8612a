"""Ledgers written by hand: whoever appends an entry does so a second after the one before."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, cast

from harness.contracts.ledger.answer import Answer
from harness.contracts.ledger.ask import Question, can_i_deploy
from harness.contracts.ledger.content import content_digest, named_in
from harness.contracts.ledger.entries import Outcome, Placed, Published, Relied, Verified
from harness.contracts.ledger.store import add_content, add_entry, read_ledger
from harness.contracts.pacts import JsonObject
from harness.model.verdict import Verdict

PASS, FAIL, UNKNOWN = Verdict.PASS, Verdict.FAIL, Verdict.UNKNOWN
BEGAN = dt.datetime(2026, 11, 21, 12, 0, tzinfo=dt.UTC)


def pact(*interactions: Mapping[str, object], consumer: str = "gateway", provider: str = "catalog") -> JsonObject:
    document = {
        "consumer": {"name": consumer},
        "provider": {"name": provider},
        "interactions": list(interactions),
        "metadata": {"pactSpecification": {"version": "4.0"}},
    }
    return cast("JsonObject", document)


@dataclass
class Writer:
    """Appends to a ledger, one entry a second."""

    directory: Path
    at: dt.datetime = field(default=BEGAN)

    def tick(self) -> dt.datetime:
        self.at += dt.timedelta(seconds=1)
        return self.at

    def publish(self, version: str, *pacts: JsonObject, consumer: str = "gateway") -> None:
        relied = tuple(
            Relied(
                provider=str(cast("JsonObject", each["provider"])["name"]), content=add_content(self.directory, each)
            )
            for each in pacts
        )
        add_entry(
            self.directory, Published(at=self.tick(), consumer=consumer, version=version, owner="edge", pacts=relied)
        )

    def verify(self, version: str, document: JsonObject, verdicts: Sequence[Verdict] | Verdict = PASS) -> Path:
        names = named_in(document)
        each = [verdicts] * len(names) if isinstance(verdicts, Verdict) else verdicts
        outcomes = tuple(
            Outcome(interaction=name.key, label=name.label, verdict=verdict, reason="" if verdict is PASS else "gone")
            for name, verdict in zip(names, each, strict=False)
        )
        consumer, provider = (str(cast("JsonObject", document[who])["name"]) for who in ("consumer", "provider"))
        entry = Verified(
            at=self.tick(),
            consumer=consumer,
            provider=provider,
            version=version,
            content=content_digest(document),
            owner="merchandise",
            outcomes=outcomes,
        )
        return add_entry(self.directory, entry)

    def place(
        self,
        service: str,
        version: str,
        environment: str = "production",
        entry: Literal["deployed", "undeployed", "released", "unreleased"] = "deployed",
    ) -> None:
        add_entry(
            self.directory,
            Placed(at=self.tick(), entry=entry, service=service, version=version, environment=environment),
        )

    def ask(self, service: str, version: str, to: str = "production", **what_if: str) -> Answer:
        question = Question(service=service, version=version, environment=to, what_if=what_if)
        return can_i_deploy(read_ledger(self.directory), question)
