"""What our wrapper costs over Pact's own verifier: `pytest -s tests/contracts/bench_verify_cost.py`.

Both in one process and in turns, so that the machine's mood cancels. Rounds differ by a sixth either way where others
use the same processors, so that this is measured and not a test.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from time import process_time

import pytest

from harness.contracts.verifier_process import Order
from tests.contracts.fakes import Provider, Respond
from tests.contracts.test_verify_cost import an_order, bare, kettle, ours, quiet

pytestmark = pytest.mark.loopback
MOST_RATIO = 1.1
ROUNDS = 12
"""The least of them is what it costs: on a busy machine caches are shared with others. Their number is fixed, so that
none stops where it happens to look well."""


def cost_s(verify: Callable[[Order], None], order: Order) -> float:
    """Processor time of this process, with all its threads: what else the machine does is not in it."""
    began = process_time()
    with quiet():
        verify(order)
    return process_time() - began


def test_verifying_costs_hardly_more_than_with_pact_alone(tmp_path: Path, serve: Callable[[Respond], Provider]) -> None:
    order = an_order(tmp_path, serve(kettle).url)
    cost_s(bare, order)  # the first one loads what both need

    rounds = [(cost_s(bare, order), cost_s(ours, order)) for _ in range(ROUNDS)]

    ratio = min(our_s for _, our_s in rounds) / min(bare_s for bare_s, _ in rounds)
    print(f"our wrapper costs {ratio:.2f} times as much as Pact alone")  # noqa: T201 -- what a benchmark is for
    assert ratio <= MOST_RATIO
