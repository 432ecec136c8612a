"""The list of orders: what was folded once is known until something happens."""

from __future__ import annotations

from kit.words import Line
from orders.facts import OrderAccepted, Step, StepDone
from orders.listing import Listed
from orders.saga import Recorded

ORDER, OTHER = "00000000-0000-4000-8000-000000000001", "00000000-0000-4000-8000-000000000002"
ACCEPTED = OrderAccepted(
    customer_id=OTHER, items=(Line(sku="sku-0001", quantity=1),), card_token="tok-visa-0001", currency="EUR"
)
PENDING = [Recorded(version=1, at=1.0, fact=ACCEPTED)]
QUOTED = [*PENDING, Recorded(version=2, at=2.0, fact=StepDone(step=Step.QUOTE, total_cents=500))]


def test_an_order_is_known_as_of_its_latest_fact_only() -> None:
    listed = Listed()
    assert listed.as_of({ORDER: 1}) == {}
    kept = listed.keep(ORDER, PENDING)
    assert listed.as_of({ORDER: 1, OTHER: 1}) == {ORDER: kept}
    assert listed.as_of({ORDER: 2}) == {}
    assert listed.keep(ORDER, QUOTED).total_cents == 500
    assert listed.as_of({ORDER: 1}) == {}


def test_what_was_listed_longest_ago_is_forgotten_first() -> None:
    listed = Listed(most=1)
    listed.keep(ORDER, PENDING)
    kept = listed.keep(OTHER, PENDING)
    assert listed.as_of({ORDER: 1, OTHER: 1}) == {OTHER: kept}
