"""A customer's wish to cancel an order, whatever it's at."""

from __future__ import annotations

from kit.trouble import Unavailable, conflict

from orders.saga import Saga, cancel
from orders.store import Orders, entry

TRIES = 8


async def cancel_order(orders: Orders, order_id: str, customer_id: str) -> tuple[Saga, bool]:
    """Give an order up for its customer; tells whether that's new.

    Raises:
        Refused: 404 when the customer has no such order, 409 when it's refused anyway.
        Unavailable: the database is away, or the order changes faster than we can follow.
    """
    for _ in range(TRIES):
        saga = await orders.saga(order_id, customer_id)
        match saga.given_up_by:
            case "customer":
                return saga, False
            case "shop":
                raise conflict("the order is refused")
            case None:
                cancelled = await orders.append(saga, entry(cancel(saga)))
                if cancelled is not None:
                    return cancelled, True
    raise Unavailable("orders", "the order is changing", sent=False)
