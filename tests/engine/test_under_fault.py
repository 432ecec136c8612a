from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest
from click.testing import CliRunner

from harness.cli.contracts import contracts
from harness.engine.concluding import RunResult
from harness.engine.session import IN_FORCE, Settings
from harness.engine.under_fault import UnderFaultOptions, prepare_under_fault, run_under_fault
from harness.errors import DeclarationError
from harness.model.events import FindingMade
from harness.model.finding import Finding
from harness.model.matrix import Kind
from harness.model.verdict import Verdict
from harness.report import write_reports
from harness.report.terminal import render
from harness.report.under_fault_json import document

SYSTEM = Path(__file__).parent / "degrading"
EDGES = ("careful->stock", "careless->stock")
KINDS = (Kind.REFUSED, Kind.TRUNCATE_0, Kind.BLACK_HOLE)
PLANTED = {
    ("GET /refused/{sku}", "server-error", "refused"),
    ("GET /truncated/{sku}", "invalid-body", "truncate-0"),
    ("GET /hanging/{sku}", "hang", "black-hole"),
    ("GET /missing/{sku}", "other-class", "refused"),
    ("GET /telling/{sku}", "stack-trace", "refused"),
    ("POST /orders", "unclear-refusal", "refused"),
    ("GET /remembered/{sku}", "breaks-document", "refused"),
    ("GET /lasting/{sku}", "not-recovered", "refused"),
}


def description(directory: Path) -> Path:
    text = (SYSTEM / "system.yaml").read_text(encoding="utf-8")
    for file in ("front.py", "stock.py"):
        text = text.replace(file, str(SYSTEM / file))
    system = directory / "system.yaml"
    system.write_text(text.replace("PYTHON", sys.executable), encoding="utf-8")
    return system


@dataclass(frozen=True)
class Looked:
    result: RunResult
    said: list[str]

    def findings(self, service: str) -> list[Finding]:
        made = [each.finding for each in self.result.events if isinstance(each, FindingMade)]
        return [each for each in made if each.edge.startswith(f"{service}->") or f"{service}," in each.subject]


@pytest.fixture(scope="module")
def looked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Looked]:
    directory = tmp_path_factory.mktemp("degrading")
    options = UnderFaultOptions(
        system=description(directory),
        services=("careful", "careless"),
        edges=EDGES,
        kinds=KINDS,
        cases=False,
        recover_within_s=1.0,
    )
    said: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(directory)
        yield Looked(asyncio.run(run_under_fault(options, say=said.append)), said)


def found(looked: Looked, service: str) -> set[tuple[str, str, str]]:
    return {
        (each.subject.partition(" of ")[0], each.check.removeprefix("under-fault "), each.subject.rpartition(" ")[2])
        for each in looked.findings(service)
        if each.verdict is not Verdict.PASS
    }


@pytest.mark.loopback
def test_each_of_eight_planted_ways_to_degrade_wrongly_is_found(looked: Looked) -> None:
    assert PLANTED - found(looked, "careless") == set()
    assert {operation for operation, _, _ in found(looked, "careless")} == {operation for operation, _, _ in PLANTED}


@pytest.mark.loopback
def test_the_careful_twin_has_no_finding(looked: Looked) -> None:
    assert found(looked, "careful") == set()
    assert len([each for each in looked.findings("careful") if each.verdict is Verdict.PASS]) == 1 + len(KINDS)


@pytest.mark.loopback
def test_a_finding_names_owner_edge_fault_request_and_how_to_repeat_it(looked: Looked) -> None:
    (hang,) = [each for each in looked.findings("careless") if each.check == "under-fault hang"]
    assert (hang.service, hang.owner, hang.edge) == ("careless", "nightshift", "careless->stock")
    assert hang.subject == "GET /hanging/{sku} of careless, careless->stock black-hole"
    assert hang.evidence[0].startswith("curl -i")
    assert "--service careless --edge 'careless->stock' --kind black-hole --seed" in hang.replay
    assert looked.result.verdict is Verdict.FAIL


@pytest.mark.loopback
def test_terminal_page_and_json_tell_it(looked: Looked) -> None:
    written = write_reports(looked.result.events, looked.result.directory)
    terminal = render(looked.result.events, colour=False, report=written[0])
    page = written[0].read_text(encoding="utf-8")
    for text in (terminal, page):
        assert "not-recovered" in text
        assert "GET /lasting/{sku} of careless" in text
    told: Any = json.loads(json.dumps(document(looked.result.events)))
    hang = next(each for each in told["findings"] if each["check"] == "under-fault hang")
    assert (hang["operation"], hang["owner"]) == ("GET /hanging/{sku}", "nightshift")
    assert hang["curl"].startswith("curl ")
    assert told["figures"]["requests replayed"] > 0


@pytest.mark.loopback
async def test_a_proxy_that_dies_in_a_cell_makes_it_unknown_and_the_next_is_conducted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    run = tmp_path / "run"
    options = UnderFaultOptions(
        system=description(tmp_path),
        edges=("careful->stock",),
        kinds=(Kind.BLACK_HOLE, Kind.RESET),
        cases=False,
        settings=Settings(directory=run),
    )
    running = asyncio.create_task(run_under_fault(options, say=lambda _: None))
    while "stock-black-hole" not in _armed(run) and not running.done():  # noqa: ASYNC110 -- told in a file
        await asyncio.sleep(0.01)
    (proxy,) = [
        each
        for each in psutil.Process().children(recursive=True)
        if any(part.endswith("toxiproxy-careful.json") for part in each.cmdline())
    ]
    proxy.kill()
    made = [each.finding for each in (await running).events if isinstance(each, FindingMade) and each.finding.edge]
    lost = [each for each in made if each.subject.endswith("black-hole")]
    assert [(each.verdict, each.check) for each in lost] == [(Verdict.UNKNOWN, "under-fault proxy-died")]
    assert lost[0].reason == "toxiproxy-careful died or hung while the fault was in force"
    assert {each.verdict for each in made if each not in lost} == {Verdict.PASS}


def _armed(run: Path) -> str:
    """The ids of what was seen to be in force, each in a line."""
    try:
        steps = [json.loads(line) for line in (run / IN_FORCE).read_text(encoding="utf-8").splitlines()]
    except (OSError, ValueError):
        return ""
    return "\n".join(json.dumps(each) for each in steps if each["step"] == "armed")


@pytest.mark.loopback
def test_an_edge_that_no_request_crosses_is_unknown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    options = UnderFaultOptions(
        system=description(tmp_path), edges=("careful->careless",), kinds=(Kind.RESET, Kind.REFUSED), cases=False
    )
    result = asyncio.run(run_under_fault(options, say=lambda _: None))
    made = [each.finding for each in result.events if isinstance(each, FindingMade)]
    crossed = [each for each in made if each.edge]
    assert [(each.verdict, each.check) for each in crossed] == [(Verdict.UNKNOWN, "under-fault not-crossed")] * 2
    assert result.exit_code == 2


def test_what_is_not_there_is_told_with_what_was_meant(tmp_path: Path) -> None:
    system = description(tmp_path)
    with pytest.raises(DeclarationError, match="no service 'carefull'"):
        prepare_under_fault(UnderFaultOptions(system=system, services=("carefull",)))
    with pytest.raises(DeclarationError, match="no edge 'careful->stok'"):
        prepare_under_fault(UnderFaultOptions(system=system, edges=("careful->stok",)))
    with pytest.raises(DeclarationError, match="no edge of stock to break"):
        prepare_under_fault(UnderFaultOptions(system=system, services=("stock",)))


def test_a_budget_that_is_no_time_is_refused() -> None:
    asked = CliRunner().invoke(contracts, ["--budget", "soon"])
    assert asked.exit_code == 2
    assert "budget" in asked.output
