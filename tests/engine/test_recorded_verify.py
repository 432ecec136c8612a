from __future__ import annotations

import datetime as dt
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from harness.contracts.broker.broker import Fetched
from harness.contracts.ledger.content import content_digest
from harness.contracts.ledger.store import read_ledger
from harness.contracts.pacts import JsonObject, read_pact
from harness.engine.concluding import RunResult
from harness.engine.recorded_verify import Layer, Recorded, Sourced, _lay_out, _layers, _outcomes
from harness.engine.writing_down import write_to_ledger
from harness.model.events import FindingMade
from harness.model.finding import Finding, Part
from harness.model.verdict import Verdict, worst
from tests.contracts.fakes import a_request, given
from tests.contracts.ledger.fakes import BEGAN, pact

PASS, FAIL, UNKNOWN = Verdict.PASS, Verdict.FAIL, Verdict.UNKNOWN


class StoppedClock:
    def now(self) -> float:
        return 0.0

    def wall(self) -> dt.datetime:
        return BEGAN

    async def sleep(self, seconds: float) -> None:
        raise AssertionError(seconds)


def found(label: str, verdict: Verdict, *, consumer: str = "gateway", experiment: str = "") -> Finding:
    return Finding(
        check="pact",
        part=Part.PACTS,
        verdict=verdict,
        reason=f"it is {verdict}",
        subject=f"{consumer} → catalog: {label}",
        edge=f"{consumer}->catalog",
        owner="merchandise",
        experiment=experiment,
    )


def result(findings: Sequence[Finding], exit_code: int | None = None) -> RunResult:
    verdict = worst(each.verdict for each in findings)
    return RunResult(
        verdict=verdict,
        exit_code=verdict.exit_code if exit_code is None else exit_code,
        directory=Path(),
        events=tuple(FindingMade(t=0.0, finding=each) for each in findings),
    )


def sourced(document: JsonObject, *, pending: bool | None = None) -> Sourced:
    fetched = (
        None
        if pending is None
        else Fetched(document=document, name="a pact", pending=pending, wip=False, notices=(), reply="http://broker")
    )
    return Sourced(document=document, told="gateway 1", fetched=fetched)


def layer(tmp_path: Path, each: Sourced, findings: Sequence[Finding], exit_code: int | None = None) -> Layer:
    [(_, read)], _ = _lay_out([each], tmp_path)
    return Layer(result=result(findings, exit_code), outcomes=(_outcomes(each, read, findings),))


def verdicts_of(tmp_path: Path, document: JsonObject, *findings: Finding) -> list[tuple[str, Verdict]]:
    [outcomes] = layer(tmp_path, sourced(document), findings).outcomes
    return [(each.label, each.verdict) for each in outcomes.outcomes]


def test_each_interaction_has_what_was_found_of_it(tmp_path: Path) -> None:
    document = pact(a_request("a"), a_request("b"), a_request("c"))

    got = verdicts_of(tmp_path, document, found("a", PASS), found("b", FAIL))

    assert got == [("a", PASS), ("b", FAIL), ("c", UNKNOWN)]


def test_another_consumers_interaction_of_the_same_name_is_another(tmp_path: Path) -> None:
    assert verdicts_of(tmp_path, pact(a_request("a")), found("a", PASS, consumer="orders")) == [("a", UNKNOWN)]


def test_what_was_found_under_a_fault_is_not_how_it_is(tmp_path: Path) -> None:
    assert verdicts_of(tmp_path, pact(a_request("a")), found("a", PASS, experiment="slow")) == [("a", UNKNOWN)]


def test_of_interactions_that_are_called_alike_the_worst_counts_for_all(tmp_path: Path) -> None:
    alike = [a_request("a", providerStates=[given("there is one", sku=sku)]) for sku in ("1", "2")]
    label = "a, given there is one"

    got = verdicts_of(tmp_path, pact(*alike), found(label, PASS), found(label, FAIL))

    assert got == [(label, FAIL), (label, FAIL)]


def test_contents_of_one_pair_are_verified_one_after_another(tmp_path: Path) -> None:
    one, two, other = pact(a_request("a")), pact(a_request("b")), pact(a_request("a"), consumer="orders")

    layers = _layers([sourced(one), sourced(two), sourced(other), sourced(one)])

    assert [[each.document for each in layer] for layer in layers] == [[one, other], [two]]
    assert len(list(_lay_out(layers[0], tmp_path)[0])) == 2


def test_what_is_laid_out_tells_the_version_of_its_consumer(tmp_path: Path) -> None:
    known = replace(sourced(pact(a_request("a"))), version="1.4")

    [(_, read)], _ = _lay_out([known], tmp_path)

    assert read.version == "1.4"
    assert content_digest(json.loads(read.file.read_bytes())) == content_digest(known.document)


def test_a_pact_that_could_not_fail_is_left_out_and_told(tmp_path: Path) -> None:
    sound, problems = _lay_out([sourced(pact()), sourced(pact(a_request("a"), consumer="orders"))], tmp_path)

    assert [read.consumer for _, read in sound] == ["orders"]
    assert "gateway 1: expected at least one interaction" in str(problems[0])
    assert len(list(tmp_path.iterdir())) == 1
    held = layer(tmp_path / "held", sourced(pact(a_request("a"))), [found("a", PASS)])
    assert Recorded(layers=(held,), problems=tuple(problems)).exit_code == 2


def test_nothing_verified_is_unknown() -> None:
    assert Recorded(layers=()).exit_code == 2


def test_a_failure_is_told_by_the_exit_code_unless_the_pact_is_pending(tmp_path: Path) -> None:
    document, findings = pact(a_request("a")), [found("a", FAIL)]

    def exit_code(*, pending: bool) -> int:
        return Recorded(layers=(layer(tmp_path, sourced(document, pending=pending), findings),)).exit_code

    assert exit_code(pending=False) == 1
    assert exit_code(pending=True) == 0


def test_a_pending_pact_excuses_no_other_layer_and_no_other_pair(tmp_path: Path) -> None:
    document = pact(a_request("a"))
    pending = layer(tmp_path / "1", sourced(document, pending=True), [found("a", FAIL)])
    settled = layer(tmp_path / "2", sourced(document, pending=False), [found("a", FAIL)])
    mixed = layer(
        tmp_path / "3", sourced(document, pending=True), [found("a", FAIL), found("a", FAIL, consumer="orders")]
    )

    assert Recorded(layers=(pending, settled)).exit_code == 1
    assert Recorded(layers=(mixed,)).exit_code == 1


def test_an_interrupted_run_is_interrupted(tmp_path: Path) -> None:
    cut = layer(tmp_path, sourced(pact(a_request("a"))), [found("a", PASS)], exit_code=130)

    assert Recorded(layers=(cut,)).exit_code == 130


def test_what_was_not_compared_is_not_written(tmp_path: Path) -> None:
    unknown = layer(tmp_path / "1", sourced(pact(a_request("a"))), [found("a", UNKNOWN)])
    nothing = layer(tmp_path / "2", sourced(pact(a_request("a"), consumer="orders")), [])
    recorded = Recorded(layers=(unknown, nothing))

    told = list(write_to_ledger(recorded, tmp_path / "ledger", version="3", branch="", clock=StoppedClock()))

    assert all("nothing was compared, so nothing was written" in line for line in told)
    assert read_ledger(tmp_path / "ledger").entries == ()


def test_what_was_compared_is_written_after_what_is_there(tmp_path: Path) -> None:
    recorded = Recorded(layers=(layer(tmp_path / "1", sourced(pact(a_request("a"))), [found("a", FAIL)]),))
    ledger = tmp_path / "ledger"

    for _ in range(2):
        list(write_to_ledger(recorded, ledger, version="3", branch="main", clock=StoppedClock()))

    first, second = read_ledger(ledger).entries
    assert BEGAN <= first.at < second.at
    assert read_pact(next((tmp_path / "1").iterdir())).provider == "catalog"
