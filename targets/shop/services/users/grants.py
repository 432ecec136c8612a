"""What each service may do at others: the whole of it, for people to read and for tokens to be made from."""

from __future__ import annotations

READS = frozenset(
    f"{service}.read"
    for service in (
        "analytics",
        "cart",
        "catalog",
        "fraud",
        "inventory",
        "monolith",
        "notifications",
        "orders",
        "payments",
        "pricing",
        "recommendations",
        "registry",
        "reviews",
        "search",
        "shipping",
        "users",
    )
)
EVERYBODY = frozenset({"registry.read", "registry.register"})
"""Every instance tells the registry that it is there, and looks up the others."""
NOTHING_MORE: frozenset[str] = frozenset()
GRANTS: dict[str, frozenset[str]] = {
    "gateway": frozenset(
        {
            "catalog.read",
            "pricing.read",
            "inventory.read",
            "reviews.read",
            "reviews.write",
            "recommendations.read",
            "search.read",
            "cart.read",
            "cart.write",
            "orders.read",
            "orders.write",
            "users.sign-in",
            "monolith.read",
        }
    ),
    "users": NOTHING_MORE,
    "catalog": NOTHING_MORE,
    "pricing": frozenset({"catalog.read"}),
    "inventory": NOTHING_MORE,
    "reviews": NOTHING_MORE,
    "recommendations": frozenset({"catalog.read"}),
    "search": NOTHING_MORE,
    "cart": frozenset({"pricing.read"}),
    "orders": frozenset(
        {"pricing.read", "inventory.reserve", "payments.charge", "shipping.ship", "fraud.score", "users.read"}
    ),
    "payments": NOTHING_MORE,
    "shipping": NOTHING_MORE,
    "notifications": NOTHING_MORE,
    "analytics": NOTHING_MORE,
    "fraud": NOTHING_MORE,
    "registry": READS,
    "monolith": NOTHING_MORE,
}


def scopes_of(service: str) -> frozenset[str]:
    """The scopes that a service's token holds."""
    return GRANTS[service] | EVERYBODY
