"""How much of the gateway's time and room each request may take: when it gets crowded, those who buy come first."""

from __future__ import annotations

from kit.guard import Lane

from gateway.clients import LIMIT_S, QUICK_S

CHECKOUT = Lane(limit_s=LIMIT_S, room=1.0, wait_s=0.4)
"""Orders that are placed or cancelled: they may take longer."""
CUSTOMER = Lane(limit_s=QUICK_S, room=1.0, wait_s=0.3)
"""What else belongs to buying: signing in, the cart, looking at one's orders."""
BROWSE = Lane(limit_s=QUICK_S, room=0.6, wait_s=0.2)
"""Looking around, which can wait; what it leaves free is kept for those who buy."""
BUYING = ("sessions", "cart", "orders")


def lane(method: str, path: str) -> Lane:
    """The lane of a request."""
    first = path.strip("/").partition("/")[0]
    if first not in BUYING:
        return BROWSE
    return CHECKOUT if first == "orders" and method == "POST" else CUSTOMER
