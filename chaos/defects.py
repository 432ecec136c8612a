"""The scoreboard of the planted defects: what the default suite finds of each, and what it says of the clean shop.

`make defects` runs it. A line names the defect, which services have it, the part of the shop that is needed, and the
command that should notice: one that any user has, and that knows nothing of switches.
"""

from __future__ import annotations

import argparse
import signal
import sys
from pathlib import Path

from chaos.scoreboard import Board, Line, told

BROWSE = ("gateway", "users", "catalog", "pricing", "inventory", "reviews", "recommendations")
CART = ("gateway", "users", "cart", "pricing", "catalog")
CHECKOUT = ("gateway", "users", "catalog", "pricing", "inventory", "orders", "payments", "shipping", "fraud")
BUYING = (*CHECKOUT, "cart")
BOTH = (*CHECKOUT, "reviews", "recommendations")
PROVIDERS = ("gateway", "users", "catalog", "pricing", "inventory")
MATRIX = ("chaos", "matrix", "{system}")
RUN = ("chaos", "run", "--system", "{system}")
VERIFY = ("verify", "{system}", "--provider")
FUZZ = ("fuzz", "--system", "{system}", "--examples", "5")
CONTRACTS = ("chaos", "contracts", "{system}", "--no-cases", "--no-pacts")


def _cell(journey: str, edge: str, *kinds: str) -> tuple[str, ...]:
    """The command for cells of the matrix."""
    return (*MATRIX, "--journey", journey, "--edge", edge, *(word for kind in kinds for word in ("--kind", kind)))


SAFETY = ("acknowledged-kept", "apart", "at-most-once", "conserved", "follows", "never")
"""The kinds of invariants, by which their findings are known."""
LINES = (
    Line("no-timeout", ("gateway",), BROWSE, _cell("browse", "gateway->recommendations", "black-hole"), ("hang",),
         ("gateway->recommendations",), "edge"),
    Line("timeout-inverted", ("gateway",), CART, _cell("cart", "cart->pricing", "black-hole", "latency"),
         ("not-usable",), ("gateway->cart", "cart->pricing"), "edge"),
    Line("retry-no-backoff", ("gateway",), BOTH, (*RUN, "orders-refuses"), ("retry-gap", "retries"),
         ("gateway->orders",), "edge"),
    Line("retry-storm", ("gateway",), BOTH, (*RUN, "orders-refuses"), ("retries",), ("gateway->orders",), "edge"),
    Line("retry-post", ("gateway",), BUYING, _cell("checkout", "gateway->orders", "malformed"),
         ("done-twice",), ("gateway->orders",), "edge"),
    Line("retry-dead-code", ("gateway",), BOTH, (*RUN, "catalog-instance-truncates"), ("availability",),
         ("gateway->catalog",), "edge"),
    Line("no-idempotency-key", ("payments",), BOTH, (*RUN, "payments-black-hole"), SAFETY,
         ("orders->payments",), "payments"),
    Line("key-other-payload", ("orders",), CHECKOUT, (*VERIFY, "orders"), ("pact",), ("gateway->orders",), "orders"),
    Line("breaker-stuck-open", ("gateway",), BOTH, (*RUN, "recommendations-gone"), ("recovery",),
         ("gateway->recommendations",), "edge"),
    Line("breaker-one-kind", ("gateway",), BOTH, (*RUN, "recommendations-slow"), ("figures",),
         ("gateway->recommendations",), "edge"),
    Line("connection-leak", ("gateway",), BOTH, (*RUN, "recommendations-gone"), ("recovery",),
         ("gateway->recommendations",), "edge"),
    Line("fallback-schema", ("gateway",), BROWSE,
         (*CONTRACTS, "--service", "gateway", "--edge", "gateway->recommendations", "--kind", "refused"),
         ("breaks-document",), ("gateway->recommendations",), "edge"),
    Line("fallback-lies", ("gateway",), BROWSE, _cell("browse", "gateway->inventory", "refused", "latency"),
         ("not-marked",), ("gateway->inventory",), "edge"),
    Line("truncated-body", ("gateway",), BROWSE,
         _cell("browse", "gateway->reviews", "truncate-0", "truncate-head", "reset"), ("server-error",),
         ("gateway->reviews",), "edge"),
    Line("html-200", ("gateway",), BROWSE, _cell("browse", "gateway->reviews", "html-200"),
         ("server-error", "invalid-body"), ("gateway->reviews",), "edge", awaits="the kind html-200"),
    Line("wrong-class", ("gateway",), BROWSE, _cell("browse", "gateway->catalog", "refused"), ("server-error",),
         ("gateway->catalog",), "edge"),
    Line("error-as-404", ("gateway",), BROWSE, _cell("browse", "gateway->catalog", "refused", "latency"),
         ("other-class",), ("gateway->catalog",), "edge"),
    Line("health-lies", ("pricing",), BOTH, (*RUN, "pricing-database-down"), ("readiness",),
         ("pricing->postgres",), "pricing"),
    Line("optional-on-path", ("gateway",), BROWSE, _cell("browse", "gateway->recommendations", "latency"),
         ("slow", "not-usable"), ("gateway->recommendations",), "edge"),
    Line("lost-event", ("orders",), BOTH, (*RUN, "bus-killed"), SAFETY, ("orders->bus", "fraud->bus"), "orders"),
    Line("double-effect", ("fraud",), CHECKOUT, (*RUN, "fraud-unheard"), SAFETY, ("fraud->bus",), "risk"),
    Line("no-compensation", ("orders",), BUYING, _cell("checkout", "orders->payments", "one-way"), SAFETY,
         ("orders->payments",), "orders"),
    Line("reservation-leak", ("orders", "inventory"), BUYING,
         _cell("checkout", "orders->inventory", "one-way"), SAFETY, ("orders->inventory",), "fulfilment"),
    Line("lost-update", ("cart",), CART, (*RUN, "cart-store-without-majority"),
         ("adds-kept", "monotonic-reads", "monotonic-writes", "read-your-writes"), (), "cart"),
    Line("dropped-field", ("orders",), CHECKOUT, ("pytest", "contracts/consumers/test_orders_payments.py"),
         ("consumer test",), ("orders->payments",), "orders"),
    Line("required-added", ("pricing",), PROVIDERS, (*VERIFY, "pricing"), ("pact",),
         ("cart->pricing", "orders->pricing"), "pricing"),
    Line("enum-added", ("pricing",), PROVIDERS, (*VERIFY, "pricing"), ("pact",),
         ("gateway->pricing", "cart->pricing", "orders->pricing"), "pricing"),
    Line("number-as-string", ("pricing",), PROVIDERS, (*FUZZ, "pricing", "--no-hostile"), ("fuzz",), (), "pricing"),
    Line("undocumented-status", ("inventory",), PROVIDERS, (*FUZZ, "inventory", "--no-hostile"), ("fuzz",), (),
         "fulfilment"),
    Line("overflow-500", ("payments",), ("gateway", "users", "payments"), (*FUZZ, "payments", "--no-hostile"),
         ("fuzz",), (), "payments"),
    Line("event-field-lost", ("orders",), CHECKOUT, (*VERIFY, "orders"), ("pact",), ("analytics->orders",),
         "orders"),
    Line("trusted-header", ("payments",), ("gateway", "users", "payments"), (*FUZZ, "payments"), ("fuzz",), (),
         "payments"),
    Line("injection", ("search",), ("gateway", "users", "catalog", "search"), (*FUZZ, "search"), ("fuzz",), (),
         "discovery"),
)  # fmt: skip


def main(arguments: list[str] | None = None) -> int:
    """Run what is asked for; 1 when a defect is missed or the clean shop gives a false alarm."""
    parser = argparse.ArgumentParser(prog="make defects", description="What is found of each planted defect.")
    parser.add_argument("--only", action="append", default=[], metavar="NAME", help="this defect (repeatable)")
    parser.add_argument("--jobs", type=int, default=1, help="shops at once")
    parser.add_argument("--json", type=Path, default=Path(".harness/defects.json"), help="where the results are kept")
    parser.add_argument("--resume", action="store_true", help="leave out what the results have already")
    parser.add_argument("--limit-s", type=float, default=600.0, help="of each command")
    parser.add_argument("--seed", type=int, default=1, help="of every command")
    options = parser.parse_args(arguments)
    known = {line.defect: line for line in LINES}
    if unknown := set(options.only) - known.keys():
        parser.error(f"there is no {', '.join(sorted(unknown))}; there are {', '.join(known)}")
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C: what runs is ended, and nothing stays behind
    lines = [known[name] for name in options.only or known]
    board = Board(options.json, limit_s=options.limit_s, seed=options.seed, resume=options.resume)
    return told(board.run(lines, jobs=options.jobs), sys.stdout)


if __name__ == "__main__":
    raise SystemExit(main())
