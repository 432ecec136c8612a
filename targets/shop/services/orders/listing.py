"""Orders as they are listed: most have come to their end, and are not folded anew for every look at the list."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence

from orders.models import ListedOrder
from orders.saga import Recorded, fold, states

MOST_KEPT = 10_000


class Listed:
    """What was listed of orders, each as of its latest fact; facts are only ever added."""

    def __init__(self, most: int = MOST_KEPT) -> None:
        self._most = most
        self._kept: OrderedDict[str, tuple[int, ListedOrder]] = OrderedDict()

    def as_of(self, versions: Mapping[str, int]) -> dict[str, ListedOrder]:
        """Those that are known as of these facts; to others something has happened, or they were never listed."""
        kept = {order_id: self._kept.get(order_id) for order_id in versions}
        return {each: known[1] for each, known in kept.items() if known is not None and known[0] == versions[each]}

    def keep(self, order_id: str, history: Sequence[Recorded]) -> ListedOrder:
        """An order as its whole history makes it."""
        saga = fold(order_id, history)
        listed = ListedOrder(
            order_id=order_id,
            customer_id=saga.customer_id,
            status=saga.status,
            states=states(order_id, history),
            total_cents=saga.total_cents,
            items=list(saga.items),
            reason=saga.reason,
        )
        self._kept[order_id] = (saga.version, listed)
        self._kept.move_to_end(order_id)
        while len(self._kept) > self._most:
            self._kept.popitem(last=False)
        return listed
