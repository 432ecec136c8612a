"""What recommendations asks of the catalog, and as much of the answer as it uses."""

from __future__ import annotations

from kit.client import Call, Edge, Limits
from kit.trouble import Unavailable
from kit.words import Sku, Tolerant

CATALOG = Limits(deadline_s=0.25, attempt_s=0.25, attempts=1)
PAGE = 500
MOST_PAGES = 20


class ListedProduct(Tolerant):
    """A product that exists."""

    sku: Sku


class ProductPage(Tolerant):
    """A page of the catalog."""

    items: list[ListedProduct]
    next: str | None


class CatalogClient:
    """recommendations → catalog."""

    def __init__(self, edge: Edge) -> None:
        self.edge = edge

    async def products(self) -> frozenset[str]:
        """All products that there are; raises Unavailable."""
        found: set[str] = set()
        path = f"/products?limit={PAGE}"
        for _ in range(MOST_PAGES):
            page = await self.edge.call(Call(method="GET", path=path), ProductPage)
            found.update(product.sku for product in page.items)
            if page.next is None or not page.items:
                return frozenset(found)
            path = f"/products?after={page.items[-1].sku}&limit={PAGE}"
        raise Unavailable("catalog", f"it has more than {MOST_PAGES * PAGE} products", sent=True)
