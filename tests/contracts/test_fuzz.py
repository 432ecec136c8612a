from __future__ import annotations

import json
import socket
from collections.abc import Callable
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from harness.contracts.curl import quoted
from harness.contracts.fuzz import FuzzResult, fuzz
from harness.contracts.fuzz_report import read_report
from harness.errors import ContractError
from harness.model.credentials import NONE, Credentials
from harness.model.marks import run_marks
from harness.model.verdict import Verdict, worst
from tests.contracts.fakes import JSON, PROBLEM, Answer, LocalSpawner, Provider, Respond

PROBLEM_RESPONSE = {"description": "no", "content": {"application/problem+json": {"schema": {"type": "object"}}}}
NUMBER = {"type": "integer", "minimum": 1, "maximum": 1_000_000}
DOCUMENT = {
    "openapi": "3.1.0",
    "info": {"title": "things", "version": "1"},
    "paths": {
        "/things/{id}": {
            "get": {
                "parameters": [{"name": "id", "in": "path", "required": True, "schema": NUMBER}],
                "responses": {
                    "200": {"description": "ok", "content": {"application/json": {"schema": {"type": "object"}}}},
                    "422": PROBLEM_RESPONSE,
                },
            }
        }
    },
}


def things(method: str, path: str, _body: str, *, breaks_above: int = 10**9) -> Answer:
    split = urlsplit(path)
    name = unquote(split.path.rpartition("/")[2])
    if path == "/openapi.json":
        return 200, JSON, json.dumps(DOCUMENT)
    if not split.path.startswith("/things/") or split.path.count("/") != 2:
        return 404, PROBLEM, '{"status": 404}'
    if method != "GET":
        return 405, {**PROBLEM, "allow": "GET"}, '{"status": 405}'
    if not (name.isascii() and name.isdigit()) or not 1 <= int(name[:9]) <= 1_000_000 or len(name) > 7 or split.query:
        return 422, PROBLEM, '{"status": 422}'
    if int(name) > breaks_above:
        return 500, PROBLEM, '{"status": 500}'
    return 200, JSON, json.dumps({"id": int(name)})


def breaking(method: str, path: str, body: str) -> Answer:
    return things(method, path, body, breaks_above=500_000)


async def run(  # noqa: PLR0913 -- what a test may want to vary
    url: str,
    directory: Path,
    spawner: LocalSpawner,
    *,
    wall_limit_s: float = 60.0,
    seed: int = 1,
    document: str = "/openapi.json",
    credentials: Credentials = NONE,
) -> FuzzResult:
    return await fuzz(
        service="things",
        owner="team-things",
        url=url,
        document=document,
        directory=directory,
        spawner=spawner,
        seed=seed,
        examples=3,
        wall_limit_s=wall_limit_s,
        credentials=credentials,
    )


@pytest.mark.loopback
async def test_a_planted_500_is_found_with_a_curl_line(
    tmp_path: Path, spawner: LocalSpawner, serve: Callable[[Respond], Provider]
) -> None:
    provider = serve(breaking)

    result = await run(provider.url, tmp_path, spawner)

    found = next(each for each in result.findings if each.reason.startswith("Server error"))
    assert (found.verdict, found.subject, found.service) == (Verdict.FAIL, "GET /things/{id}", "things")
    assert found.owner == "team-things"
    assert found.evidence[0].startswith("curl -i -g --path-as-is -X GET")
    assert f"{provider.url}/things/" in found.evidence[0]
    assert 'answer 500: {"status": 500}' in found.evidence
    assert found.replay == "harness fuzz things --seed 1 --operation 'GET /things/{id}' --examples 3"
    causes = [(each.subject, each.reason.partition(":")[0]) for each in result.findings]
    assert len(causes) == len(set(causes)), "each cause is told once"


@pytest.mark.loopback
async def test_a_curl_line_sends_its_headers_as_they_were_sent(
    tmp_path: Path, spawner: LocalSpawner, serve: Callable[[Respond], Provider]
) -> None:
    document = json.loads(json.dumps(DOCUMENT))
    schema = {"type": "string", "pattern": "^key-[0-9]{8}$"}
    key = {"name": "Idempotency-Key", "in": "header", "required": True, "schema": schema}
    document["paths"]["/things/{id}"]["get"]["parameters"].append(key)
    (tmp_path / "openapi.json").write_text(json.dumps(document))
    provider = serve(lambda *_: (500, PROBLEM, '{"status": 500}'))

    result = await run(provider.url, tmp_path, spawner, document=str(tmp_path / "openapi.json"))

    [report] = tmp_path.glob("fuzz-*/report.ndjson")  # noqa: ASYNC240 -- a directory of the test's own
    sent = json.dumps({"Idempotency-Key": ["key-00000000"]})[1:-1].replace(" ", "")
    written = report.read_text().replace(" ", "")
    assert sent.lower() in written.lower()
    assert "[Filtered]" not in written
    assert not any("Filtered" in line for each in result.findings for line in each.evidence)


@pytest.mark.loopback
async def test_credentials_are_sent_along_and_stay_out_of_evidence_and_files(
    tmp_path: Path, spawner: LocalSpawner, serve: Callable[[Respond], Provider]
) -> None:
    credentials = Credentials(
        headers={"Authorization": "Bearer s3cr3t"}, redact=lambda text: text.replace("s3cr3t", "***")
    )

    def tells_all(method: str, path: str, body: str) -> Answer:
        if path == "/openapi.json":
            return things(method, path, body)
        return 500, PROBLEM, '{"status": 500, "you sent": "Bearer s3cr3t"}'

    provider = serve(tells_all)
    result = await run(provider.url, tmp_path, spawner, credentials=credentials)

    assert {each.get("authorization") for each in provider.sent} >= {"Bearer s3cr3t"}
    found = next(each for each in result.findings if each.reason.startswith("Server error"))
    assert "-H 'Authorization: ***'" in found.evidence[0]
    assert 'answer 500: {"status": 500, "you sent": "Bearer ***"}' in found.evidence
    files = [file for file in tmp_path.rglob("*") if file.is_file()]  # noqa: ASYNC240 -- a directory of the test's own
    assert not any("s3cr3t" in file.read_text() for file in files)


@pytest.mark.loopback
@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer s3cr3t"}])
async def test_every_request_carries_the_marks_of_the_run_beside_credentials(
    tmp_path: Path, spawner: LocalSpawner, serve: Callable[[Respond], Provider], headers: dict[str, str]
) -> None:
    provider = serve(things)
    await run(provider.url, tmp_path, spawner, credentials=Credentials(headers=headers, marks=run_marks("run-7")))

    assert provider.sent
    assert {each.get("harness-run") for each in provider.sent} == {"run-7"}
    assert {each.get("baggage") for each in provider.sent} == {"harness.run=run-7"}


@pytest.mark.loopback
async def test_a_clean_service_passes_with_what_was_covered_and_the_same_seed_asks_the_same(
    tmp_path: Path, spawner: LocalSpawner, serve: Callable[[Respond], Provider]
) -> None:
    first, second = serve(things), serve(things)

    result = await run(first.url, tmp_path, spawner)
    again = await run(second.url, tmp_path, spawner)

    assert [each.verdict for each in result.findings] == [Verdict.PASS]
    [found] = result.findings
    assert "1 of 1 operations found nothing (seed 1)" in found.reason
    assert result.cases > 0
    assert (result.operations, result.operations_total) == (1, 1)
    assert found.evidence[0].startswith("GET /things/{id}: 200 (")
    assert again.cases == result.cases
    assert first.asked == second.asked


@pytest.mark.loopback
async def test_a_service_that_is_away_is_unknown(tmp_path: Path, spawner: LocalSpawner) -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{held.getsockname()[1]}"

        result = await run(url, tmp_path, spawner)

    assert [each.verdict for each in result.findings] == [Verdict.UNKNOWN]
    assert result.cases == 0
    assert "not all was tried" in result.findings[0].reason


@pytest.mark.loopback
async def test_a_service_that_goes_away_after_its_document_is_unknown(tmp_path: Path, spawner: LocalSpawner) -> None:
    document = tmp_path / "openapi.json"
    document.write_text(json.dumps(DOCUMENT))

    result = await fuzz(
        service="things",
        owner="team-things",
        url="http://127.0.0.1:1",
        document=str(document),
        directory=tmp_path,
        spawner=spawner,
        seed=1,
        examples=1,
    )

    [found] = result.findings
    assert found.verdict is Verdict.UNKNOWN
    assert "GET /things/{id}" in " ".join(found.evidence)


AWAY = {**PROBLEM, "retry-after": "1"}
DECLARED_AWAY = {"503": PROBLEM_RESPONSE}


@pytest.mark.loopback
@pytest.mark.parametrize(
    ("headers", "every", "verdict"),
    [(AWAY, False, Verdict.PASS), (AWAY, True, Verdict.UNKNOWN), (PROBLEM, False, Verdict.FAIL)],
)
async def test_a_declared_503_is_let_go_unless_nothing_else_comes_or_it_names_no_time(  # noqa: PLR0913 -- fixtures
    tmp_path: Path,
    spawner: LocalSpawner,
    serve: Callable[[Respond], Provider],
    headers: dict[str, str],
    *,
    every: bool,
    verdict: Verdict,
) -> None:
    document = json.loads(json.dumps(DOCUMENT))
    document["paths"]["/things/{id}"]["get"]["responses"] |= DECLARED_AWAY
    (tmp_path / "openapi.json").write_text(json.dumps(document))

    def away(method: str, path: str, body: str) -> Answer:
        status, *_ = answer = things(method, path, body, breaks_above=500_000)
        return (503, headers, '{"status": 503}') if status == 500 or (every and method == "GET") else answer

    result = await run(serve(away).url, tmp_path, spawner, document=str(tmp_path / "openapi.json"))

    assert worst(each.verdict for each in result.findings) is verdict, result.findings
    told = [line for each in result.findings for line in each.evidence]
    assert any(line.startswith("let go: ") for line in told) is (headers is AWAY)


@pytest.mark.loopback
async def test_past_the_wall_limit_it_is_unknown_and_nothing_is_left_running(
    tmp_path: Path, spawner: LocalSpawner, serve: Callable[[Respond], Provider]
) -> None:
    result = await run(serve(things).url, tmp_path, spawner, wall_limit_s=0.2)

    [found] = result.findings
    assert (found.verdict, found.reason) == (Verdict.UNKNOWN, "not all was tried: stopped at the wall limit of 0.2 s")


@pytest.mark.loopback
async def test_a_service_whose_document_is_none_is_unknown(
    tmp_path: Path, spawner: LocalSpawner, serve: Callable[[Respond], Provider]
) -> None:
    result = await run(serve(lambda _method, _path, _body: (200, JSON, "{}")).url, tmp_path, spawner)

    assert [each.verdict for each in result.findings] == [Verdict.UNKNOWN]


@pytest.mark.parametrize("url", ["http://example.com", "http://10.0.0.1:80", "http://127.0.0.1.example.com", "nothing"])
async def test_another_machine_is_never_fuzzed(tmp_path: Path, spawner: LocalSpawner, url: str) -> None:
    with pytest.raises(ContractError, match="expected a URL on this machine to fuzz"):
        await run(url, tmp_path, spawner)

    assert spawner.started == []


async def test_a_document_that_is_nowhere_is_refused(tmp_path: Path, spawner: LocalSpawner) -> None:
    with pytest.raises(ContractError, match=r"found no such file"):
        await fuzz(
            service="things",
            owner="o",
            url="http://127.0.0.1:1",
            document="nowhere.json",
            directory=tmp_path,
            spawner=spawner,
            seed=1,
        )


def test_a_report_that_was_cut_short_is_read_up_to_there(tmp_path: Path) -> None:
    loaded = {"LoadingFinished": {"statistic": {"operations": {"total": 3}}}}
    (tmp_path / "r.ndjson").write_text(json.dumps(loaded) + '\n{"EngineFinished": {"stop_r')

    report = read_report(tmp_path / "r.ndjson")

    assert (report.operations_total, report.completed) == (3, False)


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        (b'{"a": 1}', """'{"a": 1}'"""),
        (b"it's", """'it'"'"'s'"""),
        (b"\xff\x00", "$'\\xff\\x00'"),
        (b"@x", "$'\\x40\\x78'"),
    ],
)
def test_a_body_is_quoted_so_that_a_shell_sends_the_same(body: bytes, shown: str) -> None:
    assert quoted(body) == shown
