"""Carries out one step of an order by asking its provider; each may be repeated."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from kit.trouble import Refused, Trouble, Unavailable

from orders import saga as sagas
from orders.clients import FraudClient, InventoryClient, PaymentsClient, PricingClient, ShippingClient, UsersClient
from orders.facts import Step
from orders.saga import Done, Happening, No, Saga

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Providers:
    """Whom an order needs; without fraud and users it goes on."""

    pricing: PricingClient
    inventory: InventoryClient
    payments: PaymentsClient
    shipping: ShippingClient
    fraud: FraudClient
    users: UsersClient

    @property
    def away(self) -> str | None:
        """A provider that checkout can't do without and whose breaker is open now, if there is one."""
        needed = (self.pricing, self.inventory, self.payments, self.shipping)
        return next((client.edge.provider for client in needed if client.edge.away), None)

    async def perform(self, saga: Saga) -> Happening:
        """Try the order's next step once."""
        try:
            return await self._step(saga)
        except Refused as error:
            if saga.given_up_by:
                log.error("order %s: %s was refused: %s", saga.order_id, saga.step, error)  # noqa: TRY400 -- no trace
            return No(reason=error.detail)
        except Unavailable as error:
            return sagas.Trouble(reason=f"{error.provider} is unavailable", sent=error.sent)

    async def _step(self, saga: Saga) -> Done:
        order_id, items = saga.order_id, list(saga.items)
        match saga.step:
            case Step.QUOTE:
                return Done(total_cents=(await self.pricing.quote(items, saga.customer_id)).total_cents)
            case Step.SCORE:
                return await self._score(saga)
            case Step.RESERVE:
                await self.inventory.reserve(order_id, items)
            case Step.CHARGE:
                await self.payments.charge(order_id, saga.total_cents or 0, saga.card_token)
            case Step.CONFIRM:
                await self.inventory.confirm(order_id)
            case Step.SHIP:
                return await self._ship(saga)
            case _:
                await self._undo(order_id, saga.step)
        return Done()

    async def _undo(self, order_id: str, step: Step) -> None:
        match step:
            case Step.CANCEL_SHIPMENT:
                await self.shipping.cancel(order_id)
            case Step.REFUND:
                await self.payments.refund(order_id)
            case Step.RELEASE:
                await self.inventory.release(order_id)
            case _:
                message = f"expected a step to take back, found {step}"
                raise ValueError(message)

    async def _score(self, saga: Saga) -> Done:
        score = await self.fraud.score(saga.order_id, saga.customer_id, saga.total_cents or 0)
        return Done(review=None if score.decision == "accept" else f"the score is {score.score}")

    async def _ship(self, saga: Saga) -> Done:
        """Have a shipment made; a name that can't be had only lacks on its label."""
        try:
            recipient = await self.users.name(saga.customer_id)
        except Trouble as error:
            log.info("order %s: its label bears no name: %s", saga.order_id, error)
            recipient = None
        await self.shipping.ship(saga.order_id, list(saga.items), recipient)
        return Done(without=() if recipient else ("users",))
