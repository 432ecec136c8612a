"""What does not exist is asked for, and what comes is held against the document."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import pytest
from fastapi import FastAPI
from fastapi import Path as InPath
from fastapi.responses import JSONResponse

from harness.clock import SystemClock
from harness.contracts.causes import Cause, CauseKey
from harness.contracts.fuzz import FuzzedService, FuzzResult
from harness.contracts.fuzz_report import FuzzReport
from harness.contracts.hostile import operations_of
from harness.engine.strangers import REQUESTS_LIMIT, Asked, with_strangers
from harness.model.credentials import Credentials
from harness.model.finding import Finding
from harness.model.fuzzing import ServiceFuzz
from harness.model.hostile import Honest
from harness.model.request import Request
from harness.model.verdict import Verdict
from tests.engine.fuzzed_services import ALICE, served

pytestmark = pytest.mark.loopback
CLOCK = SystemClock()
READ = "GET /stock/{sku}"
PROBLEM = {"content": {"application/json": {"schema": {"type": "object", "required": ["status"]}}}, "description": "no"}
AWAY = {"Retry-After": "1"}
Sku = Annotated[str, InPath(pattern="^sku-[0-9]{4}$", examples=["sku-0001"])]
Refusing = Callable[[str], JSONResponse]


def refusal(status: int, body: Any = None, headers: dict[str, str] | None = None) -> Refusing:
    return lambda _sku: JSONResponse({"status": status} if body is None else body, status, headers=headers)


def shelf(refused: Refusing, asked: list[str]) -> FastAPI:
    """Stock of one product, of which the document gives the id as an example."""
    app = FastAPI(responses={404: PROBLEM})

    @app.get("/stock/{sku}", response_model=dict[str, str])
    def read(sku: Sku) -> JSONResponse:
        asked.append(f"GET {sku}")
        return JSONResponse({"sku": sku}) if sku == "sku-0001" else refused(sku)

    @app.delete("/stock/{sku}")
    def delete(sku: Sku) -> None:
        asked.append(f"DELETE {sku}")

    @app.get("/stock")
    def page() -> None:
        asked.append("GET page")

    return app


async def met(
    refused: Refusing,
    directory: Path,
    *,
    settings: ServiceFuzz | None = None,
    known: tuple[CauseKey, ...] = (),
    until: float = float("inf"),
) -> tuple[FuzzResult, list[str]]:
    asked: list[str] = []
    app = shelf(refused, asked)
    about = FuzzedService(service="shelf", owner="us", seed=1, log=directory / "log", examples=5, tls=False)
    found = tuple(about.found(cause_of(key)) for key in known)
    others = (about.finding(Verdict.PASS, "shelf", "all was tried"),)
    seen = {READ: [Honest(operation=READ, path={"sku": "sku-0001"}, status=200)]}
    result = FuzzResult(found=found, others=others, report=FuzzReport(answered=1, honest=seen), took_s=0.0, about=about)
    document = app.openapi()
    with served(app) as url:
        asking = Asked(
            service="shelf",
            url=url,
            document=document,
            operations=operations_of(document),
            seen=seen,
            settings=settings or ServiceFuzz(),
            credentials=Credentials(headers={"Authorization": f"Bearer {ALICE}"}),
            seed=1,
            clock=CLOCK,
            until=until,
        )
        return await with_strangers(result, asking), asked


def cause_of(key: CauseKey) -> Cause:
    request = Request(method="GET", url="http://127.0.0.1/stock/x", headers=(), body=None)
    return Cause(key=key, title="Undocumented status code", severity="medium", told=(), request=request)


def failed(result: FuzzResult) -> list[Finding]:
    return [each.finding for each in result.found]


async def test_a_status_that_no_document_knows_is_found_where_all_examples_exist(tmp_path: Path) -> None:
    result, asked = await met(refusal(410), tmp_path)
    (finding,) = failed(result)
    assert (finding.check, finding.verdict, finding.subject, finding.owner) == ("fuzz", Verdict.FAIL, READ, "us")
    assert finding.reason == "Undocumented status code: answered 410 (1 case)"
    assert "status 410 is not declared (declared: 200, 404, 422)" in finding.evidence
    assert finding.replay == "harness fuzz shelf --seed 1 --operation 'GET /stock/{sku}' --examples 5"
    assert ALICE not in json.dumps([finding.reason, finding.evidence])
    assert len(asked) == 1
    assert result.report.reached[READ] == {410: 1}


async def test_what_the_document_declares_is_told_and_nothing_that_changes_something_is_asked(tmp_path: Path) -> None:
    result, asked = await met(refusal(404), tmp_path)
    assert failed(result) == []
    assert result.others[0].evidence == ("GET /stock/{sku}: unknown sku: 404",)
    (one,) = asked
    assert one.startswith("GET sku-")
    assert one != "GET sku-0001"


@pytest.mark.parametrize(
    ("refused", "check"),
    [
        (refusal(404, {"detail": "no"}), "response_schema_conformance"),
        (refusal(404, headers={"Content-Type": "text/plain"}), "content_type_conformance"),
        (refusal(500), "not_a_server_error"),
        (refusal(503), "not_a_server_error"),
    ],
)
async def test_whatever_else_is_not_as_declared_is_found(tmp_path: Path, refused: Refusing, check: str) -> None:
    result, _ = await met(refused, tmp_path)
    assert [(each.key.operation, each.key.check) for each in result.found] == [(READ, check)]


@pytest.mark.parametrize("refused", [refusal(429), refusal(503, headers=AWAY)])
async def test_a_service_that_asks_for_patience_is_not_judged(tmp_path: Path, refused: Refusing) -> None:
    result, asked = await met(refused, tmp_path)
    assert (failed(result), len(asked)) == ([], 1)


async def test_where_every_id_is_granted_a_few_are_asked_for(tmp_path: Path) -> None:
    result, asked = await met(lambda sku: JSONResponse({"sku": sku}), tmp_path)
    assert failed(result) == []
    assert len({*asked}) == len(asked) == 3


async def test_what_is_left_out_switched_off_or_known_is_not_found(tmp_path: Path) -> None:
    left_out, asked = await met(refusal(410), tmp_path, settings=ServiceFuzz(leave_out={READ: "not now"}))
    assert (failed(left_out), asked) == ([], [])
    off = ServiceFuzz(checks_off={"status_code_conformance": "not now"})
    assert failed((await met(refusal(410), tmp_path, settings=off))[0]) == []
    known = CauseKey(operation=READ, check="status_code_conformance", status=410)
    again, _ = await met(refusal(410), tmp_path, known=(known,))
    assert [each.key for each in again.found] == [known]


async def test_past_its_time_nothing_is_asked_and_that_is_unknown(tmp_path: Path) -> None:
    result, asked = await met(refusal(410), tmp_path, until=0.0)
    assert asked == []
    unknown = result.others[-1]
    assert (unknown.verdict, unknown.evidence) == (Verdict.UNKNOWN, ("GET /stock/{sku}: unknown sku",))
    assert str(REQUESTS_LIMIT) in unknown.reason
