from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
import requests

from harness.load.addresses import Addresses

HOSTS = ("http://127.0.0.1:2000", "http://127.0.0.1:20001", "http://127.0.0.1:20002")


@dataclass
class Asked:
    method: str
    url: str


@dataclass
class Answer:
    status_code: int = 200
    error: BaseException | None = None


def refusal(method: str, url: str) -> Answer:
    error = ConnectionRefusedError(111, "Connection refused")
    error.request = Asked(method, url)  # type: ignore[attr-defined]  # as Locust's clients do
    return Answer(status_code=0, error=error)


@dataclass
class Net:
    """Listens at some addresses, and remembers who was asked."""

    listening: set[str]
    asked: list[str] = field(default_factory=list)
    fails: Callable[[str, str], Answer] = refusal

    def send(self, method: str, url: str) -> Answer:
        self.asked.append(url)
        host = "/".join(url.split("/")[:3])
        return Answer() if host in self.listening else self.fails(method, url)


def customer(chance: str = "1:1") -> tuple[Addresses, list[None]]:
    moves: list[None] = []
    addresses = Addresses(HOSTS, on_move=lambda: moves.append(None))
    addresses.choose(chance)
    return addresses, moves


def test_turns_go_round_all_addresses() -> None:
    addresses, _ = customer()
    seen = []
    for turn in range(4, 4 + 2 * len(HOSTS)):
        addresses.take(turn)
        seen.append(addresses.host)
    assert seen[: len(HOSTS)] == seen[len(HOSTS) :]
    assert sorted(seen[: len(HOSTS)]) == sorted(HOSTS)


def test_customers_are_spread_evenly_and_the_same_one_goes_to_the_same_address() -> None:
    seen = Counter(customer(f"7:{number}")[0].host for number in range(3000))
    assert set(seen) == set(HOSTS)
    assert max(seen.values()) < 1.15 * min(seen.values())
    assert customer("7:4")[0].host == customer("7:4")[0].host


def test_a_refused_customer_goes_on_to_the_next_address_and_stays_there() -> None:
    addresses, moves = customer()
    first = addresses.host
    net = Net({*HOSTS} - {first})
    for _ in range(3):
        assert addresses.send(net.send, "GET", first + "/page").status_code == 200
    others = {url for url in net.asked if not url.startswith(first + "/")}
    assert len(others) == 1
    assert len(net.asked) == 4
    assert len(moves) == 1


def test_the_next_address_gets_the_headers_that_the_first_one_was_sent() -> None:
    addresses, moves = customer()
    sent: list[dict[str, str]] = []

    def send(method: str, url: str, *, headers: dict[str, str]) -> Answer:
        sent.append(dict(headers))
        if len(sent) > 1:
            return Answer()
        headers["content-type"] = "text/plain"  # as Locust's fast client does with a request that failed
        return refusal(method, url)

    given = {"Content-Type": "application/json"}
    addresses.send(send, "PUT", f"{addresses.host}/cart", headers=given)
    assert len(moves) == 1
    assert sent == [given, given]


def test_who_is_refused_everywhere_has_asked_everywhere_and_fails() -> None:
    addresses, moves = customer()
    net = Net(set())
    assert addresses.send(net.send, "POST", addresses.host + "/orders").status_code == 0
    assert sorted(net.asked) == sorted(host + "/orders" for host in HOSTS)
    assert len(moves) == 2


def lost(_method: str, url: str) -> Answer:
    error = ConnectionResetError(104, "Connection reset by peer")
    error.request = Asked("POST", url)  # type: ignore[attr-defined]  # as Locust's clients do
    return Answer(status_code=0, error=error)


def redirected(_method: str, url: str) -> Answer:
    return refusal("GET", url)


def redirected_elsewhere(method: str, url: str) -> Answer:
    return refusal(method, url + "/there")


def unavailable(_method: str, _url: str) -> Answer:
    return Answer(status_code=503)


@pytest.mark.parametrize("fails", [lost, redirected, redirected_elsewhere, unavailable])
def test_nothing_is_sent_again_once_something_was_sent(fails: Callable[[str, str], Answer]) -> None:
    addresses, moves = customer()
    net = Net(set(), fails=fails)
    addresses.send(net.send, "POST", addresses.host + "/orders")
    assert len(net.asked) == 1
    assert moves == []


def test_a_url_that_leads_elsewhere_is_left_alone() -> None:
    addresses, moves = customer()
    net = Net(set())
    for url in ("http://127.0.0.1:9/", "http://127.0.0.1:200/page", "http://127.0.0.1:20009/"):
        addresses.send(net.send, "GET", url)
    assert net.asked == ["http://127.0.0.1:9/", "http://127.0.0.1:200/page", "http://127.0.0.1:20009/"]
    assert moves == []


def test_a_url_with_another_of_the_addresses_goes_to_the_one_in_use() -> None:
    addresses, _ = customer()
    net = Net({*HOSTS})
    other = next(host for host in HOSTS if host != addresses.host)
    addresses.send(net.send, "GET", other + "/page?a=1")
    assert net.asked == [addresses.host + "/page?a=1"]


@pytest.mark.loopback
def test_what_requests_wraps_around_a_refusal_is_seen_through() -> None:
    addresses = Addresses(("http://127.0.0.1:1", "http://127.0.0.1:2"), on_move=lambda: None)
    asked: list[str] = []

    def send(method: str, url: str) -> Answer:
        asked.append(url)
        try:
            requests.request(method, url, timeout=5)
        except requests.RequestException as error:
            return Answer(status_code=0, error=error)
        return Answer()

    addresses.send(send, "GET", "http://127.0.0.1:1/a page?x=1")
    assert asked == ["http://127.0.0.1:1/a page?x=1", "http://127.0.0.1:2/a page?x=1"]
