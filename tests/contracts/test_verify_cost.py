"""What our wrapper asks of a provider over Pact's own verifier (`bench_verify_cost.py` tells what it costs)."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from pact import Verifier

from harness.contracts.verifier_process import Order, run
from tests.contracts.fakes import JSON, Answer, Provider, Respond, a_pact, a_request, write_pact

pytestmark = pytest.mark.loopback
PAIRS, INTERACTIONS = 10, 4


def kettle(_method: str, _path: str, _body: str) -> Answer:
    return 200, JSON, json.dumps({"sku": "sku-0001", "name": "Kettle"})


def an_order(place: Path, url: str) -> Order:
    return Order(
        provider="catalog",
        url=url,
        stores={},
        states=place / "none.py",
        http=tuple(
            write_pact(
                place,
                a_pact(
                    *(a_request(f"product {pair}-{each}") for each in range(INTERACTIONS)), consumer=f"consumer-{pair}"
                ),
                f"consumer-{pair}-catalog.json",
            )
            for pair in range(PAIRS)
        ),
        messages=(),
        report=place / "report.json",
        stateless=True,
    )


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


def test_a_provider_is_asked_what_pact_alone_would_ask_it_and_no_more(
    tmp_path: Path, serve: Callable[[Respond], Provider]
) -> None:
    asked_by_pact, asked_by_us = serve(kettle), serve(kettle)
    with quiet():
        bare(an_order(tmp_path, asked_by_pact.url))
        ours(an_order(tmp_path, asked_by_us.url))
    assert sorted(asked_by_us.asked) == sorted(asked_by_pact.asked)
    assert len(asked_by_us.asked) == PAIRS * INTERACTIONS
