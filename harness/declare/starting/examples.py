"""The content folders of a new description, with one example each that works."""

from __future__ import annotations

import json

from pydantic import JsonValue

from harness.declare.starting.draft import Draft, DraftEdge, DraftJourney, DraftStep
from harness.declare.starting.names import normal
from harness.declare.starting.scalars import comment, scalar
from harness.model.system import CUSTOMERS
from harness.model.templates import literal

CONTRACTS, EXPERIMENTS = "contracts", "chaos/experiments"
INVARIANTS, JOURNEYS = "chaos/invariants.yaml", "loadtests/journeys.yaml"


def examples(draft: Draft) -> dict[str, str]:
    """Path → text of each file."""
    consumer, provider = _pair(draft)
    test = f"{consumer}_{provider}".replace("-", "_")
    edge = _broken(draft)
    experiment = f"{edge.partition('->')[2]}-slow"
    return {
        f"{CONTRACTS}/conftest.py": _CONFTEST,
        f"{CONTRACTS}/consumers/test_{test}.py": _pact_test(draft, consumer, provider),
        f"{EXPERIMENTS}/{experiment}.yaml": _experiment(draft, experiment, edge),
        INVARIANTS: _invariants(draft),
        JOURNEYS: _journeys(draft.journeys),
    }


def _pair(draft: Draft) -> tuple[str, str]:
    """Who relies on whom in the example of a pact: two services, if there are two that are joined."""
    stores = {store.name for store in draft.stores}
    for edge in draft.edges:
        if edge.provider not in stores:
            return edge.consumer, edge.provider
    return CUSTOMERS, draft.entry.value


def _broken(draft: Draft) -> str:
    """The edge that the example breaks: one that leaves the entry, to a service if there is one."""
    stores = {store.name for store in draft.stores}
    own = [edge for edge in draft.edges if edge.consumer == draft.entry.value]
    chosen: list[DraftEdge] = sorted(own or draft.edges, key=lambda edge: edge.provider in stores)
    return f"{chosen[0].consumer}->{chosen[0].provider}" if chosen else f"{CUSTOMERS}->{draft.entry.value}"


def _pact_test(draft: Draft, consumer: str, provider: str) -> str:
    ready = draft.service(provider).ready.value
    path = ready if ready.startswith("/") else "/"
    if ready == "tcp" and provider == draft.entry.value:
        path = next((s.path for j in draft.journeys for s in j.steps if s.method == "GET"), path)
    function = f"{provider}_answers".replace("-", "_")
    names, asked = f'"{consumer}", "{provider}"', json.dumps(path)
    return f'''"""What {consumer} relies on from {provider}: an example; put the consumer's own client in for urlopen.

`pytest contracts` runs this against a mock and writes contracts/pacts/{consumer}-{provider}.json;
`harness verify` then holds the running {provider} to it.
"""

from urllib.request import urlopen


def test_{function}(recording):
    with recording.consumer({names}) as provider:
        provider.upon_receiving("a request without parameters").with_request("GET", {asked}).will_respond_with(200)
        with provider.serve() as url, urlopen(url + {asked}) as answer:
            assert answer.status == 200
'''


_CONFTEST = '''"""Records what the tests in consumers/ rely on, as pacts in pacts/."""

from pathlib import Path

import pytest

from harness.contracts.recording import PactRecording

HERE = Path(__file__).parent
RECORDING = "pact-recording"


def pytest_configure(config):
    config.pluginmanager.register(PactRecording(consumers=HERE / "consumers", pacts=HERE / "pacts"), RECORDING)


@pytest.fixture
def recording(pytestconfig):
    """`with recording.consumer("web", "orders") as orders:` begins what one test agrees on."""
    return pytestconfig.pluginmanager.get_plugin(RECORDING)
'''


def _experiment(draft: Draft, name: str, edge: str) -> str:
    provider = edge.partition("->")[2]
    said = comment(
        "An example: what a customer sees while one edge is slow. `harness chaos run` runs all files of this folder.\n"
        "Other faults: down, black-hole, reset, truncate on an edge; kill, pause on an instance. "
    )
    expect = "\n".join(
        f"  {journey.name}: available   # unchanged, available, degraded or may-fail" for journey in draft.journeys
    )
    return (
        f"{said}\n"
        f"experiment: {name}\n"
        f"hypothesis: Customers are served in time though {scalar(provider)} is slow.\n"
        "load: {rate: 5}   # journeys a second\n"
        "injections:\n"
        f"  - {{edge: {edge}, fault: latency, delay: 300 ms, for: 10 s}}\n"
        f"expect:\n{expect}\n"
    )


def _invariants(draft: Draft) -> str:
    service = draft.entry.value
    return (
        comment(
            "What must be true once the system has come to rest: `reads` ask services for their state, past proxies;\n"
            "`invariants` are judged over the rows. An example, to be made true and uncommented:\n\n"
            "reads:\n"
            f'  orders: {{service: {service}, path: "/orders?limit=200", rows: /items, next: /next}}\n'
            "invariants:\n"
            "  - kind: never\n"
            "    name: no order is stuck\n"
            "    read: orders\n"
            "    where: {status: pending}\n"
            f"    service: {service}"
        )
        + "\nreads: {}\ninvariants: []\n"
    )


def _journeys(journeys: tuple[DraftJourney, ...]) -> str:
    said = comment(
        "What customers do, request by request, at the entry. `check` says what an answer must be, else 2xx or 3xx.\n"
        "A later step may use what an earlier one got: `capture: {order: /id}`, and then `GET /orders/{order}`.\n"
        "The names are those of the journeys in system.yaml."
    )
    return f"{said}\njourneys:\n" + "\n".join(_journey(each) for each in journeys) + "\n"


def _journey(journey: DraftJourney) -> str:
    lines = [f"  {journey.name}:   # {journey.why}", "    steps:"]
    for step in journey.steps:
        lines += _step(step)
    return "\n".join(lines)


def _step(step: DraftStep) -> list[str]:
    lines = [
        f"      - request: {json.dumps(f'{step.method} {literal(step.path)}')}",
        f"        name: {normal(step.name, otherwise='step')}",
    ]
    if step.body is not None:
        lines.append(f"        json: {json.dumps(_literal(json.loads(step.body)))}")
    return [*lines, f'        check: {{status: ["{step.status}"]}}']


def _literal(value: JsonValue) -> JsonValue:
    """A document whose texts mean what they say, though they may look like names to fill in."""
    match value:
        case str():
            return literal(value)
        case list():
            return [_literal(each) for each in value]
        case dict():
            return {key: _literal(each) for key, each in value.items()}
        case _:
            return value
