"""What our wrapper costs over Pact's own verifier: both in one process, so that the machine's mood cancels."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import process_time

import pytest
from pact import Verifier

from harness.contracts.verifier_process import Order, run
from tests.contracts.fakes import JSON, Answer, Provider, Respond, a_pact, a_request, write_pact

pytestmark = pytest.mark.loopback
MOST_RATIO = 1.1
ROUNDS = 12
"""The least of them is what it costs: on a busy machine caches are shared with others. Their number is fixed, so that
none stops where it happens to look well."""
PAIRS, INTERACTIONS = 10, 4


def kettle(_method: str, _path: str, _body: str) -> Answer:
    return 200, JSON, json.dumps({"sku": "sku-0001", "name": "Kettle"})


def bare(order: Order) -> None:
    """As anybody would verify these pacts with pact-python alone."""
    verifier = Verifier(order.provider, host="127.0.0.1").add_transport(url=order.url)
    for file in order.http:
        verifier.add_source(file)
    verifier.verify()


def ours(order: Order) -> None:
    report = run(order)
    assert [each.held for each in report.verified] == [True] * PAIRS * INTERACTIONS


@contextmanager
def quiet() -> Iterator[None]:
    """Pact's core writes its reports to file descriptor 1, past pytest."""
    kept, nowhere = os.dup(1), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    try:
        yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)
        os.close(nowhere)


def cost_s(verify: Callable[[Order], None], order: Order) -> float:
    """Processor time of this process, with all its threads: what else the machine does is not in it."""
    began = process_time()
    with quiet():
        verify(order)
    return process_time() - began


def test_verifying_costs_hardly_more_than_with_pact_alone(tmp_path: Path, serve: Callable[[Respond], Provider]) -> None:
    files = tuple(
        write_pact(
            tmp_path,
            a_pact(*(a_request(f"product {pair}-{each}") for each in range(INTERACTIONS)), consumer=f"consumer-{pair}"),
            f"consumer-{pair}-catalog.json",
        )
        for pair in range(PAIRS)
    )
    order = Order(
        provider="catalog",
        url=serve(kettle).url,
        stores={},
        states=tmp_path / "none.py",
        http=files,
        messages=(),
        report=tmp_path / "report.json",
        stateless=True,
    )
    cost_s(bare, order)  # the first one loads what both need

    rounds = [(cost_s(bare, order), cost_s(ours, order)) for _ in range(ROUNDS)]

    ratio = min(our_s for _, our_s in rounds) / min(bare_s for bare_s, _ in rounds)
    assert ratio <= MOST_RATIO, f"our wrapper costs {ratio:.2f} times as much as Pact alone"
