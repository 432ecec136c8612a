"""Posting a signed notice, tried again a few times where that may help."""

from __future__ import annotations

import hashlib
import os
import ssl
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING

from harness.clock import Clock
from harness.model.notice import Notice
from harness.model.notifying import Webhook, address_problem
from harness.notify.body import as_json
from harness.notify.hidden import Keeper
from harness.notify.signature import key_of, signed
from harness.notify.unsent import Unsent

if TYPE_CHECKING:
    from aiohttp import ClientResponse

MOST_TRIES = 3
TRY_TIMEOUT_S = 5.0
PAUSES_S = (0.5, 1.0)
"""Before the second try, and before the third."""
MOST_PAUSE_S = 2.0
"""Even when the other end asks for a longer one."""
_AGAIN = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS})


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the other end said; nobody reads what else it had to say."""

    status: int
    retry_after_s: float = 0.0


Post = Callable[[str, bytes, Mapping[str, str]], Awaitable[Answer]]
"""Posts once to an address; raises Unsent when no answer came."""


async def send(notice: Notice, webhook: Webhook, *, keeper: Keeper, clock: Clock, post: Post | None = None) -> int:
    """Post it; gives how many tries that took.

    Raises:
        Unsent: if it can't be signed, is refused, or nobody takes it.
    """
    url = webhook.url or _hidden(webhook, keeper)
    key = key_of(keeper.read(webhook.secret))
    body = as_json(notice)
    # The same in every try, so that who got one twice knows it.
    name = f"msg_{hashlib.sha256(body).hexdigest()[:24]}"
    why = ""
    for number in range(1, MOST_TRIES + 1):
        pause_s = PAUSES_S[number - 1] if number < MOST_TRIES else 0.0
        headers = signed(key, name=name, timestamp_s=int(clock.wall().timestamp()), body=body)
        try:
            answer = await (post or post_once)(url, body, {"content-type": "application/json", **headers})
        except Unsent as unsent:
            why = unsent.why
        else:
            if answer.status // 100 == 2:  # noqa: PLR2004 -- as in 2xx
                return number
            why = f"it answered {answer.status}"
            if answer.status not in _AGAIN and answer.status < HTTPStatus.INTERNAL_SERVER_ERROR:
                raise Unsent(why, tries=number)
            pause_s = max(pause_s, min(answer.retry_after_s, MOST_PAUSE_S))
        if number < MOST_TRIES:
            await clock.sleep(pause_s)
    raise Unsent(why, tries=MOST_TRIES)


def _hidden(webhook: Webhook, keeper: Keeper) -> str:
    """The address that is not in the description; raises Unsent, and does not show it."""
    assert webhook.hidden_url is not None  # noqa: S101 -- the description was checked for it
    url = keeper.read(webhook.hidden_url)
    if address_problem(url):
        raise Unsent(f"{webhook.hidden_url} holds no address as https://hooks.example.org/game-days")
    return url


async def post_once(url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
    """See `Post`. A redirect is an answer like any other: what is signed goes where it was meant to go."""
    import aiohttp

    limit = aiohttp.ClientTimeout(total=TRY_TIMEOUT_S)
    try:
        async with (
            aiohttp.ClientSession(timeout=limit, cookie_jar=aiohttp.DummyCookieJar()) as session,
            session.post(url, data=body, headers=headers, allow_redirects=False) as response,
        ):
            return Answer(status=response.status, retry_after_s=_asked_for(response))
    except TimeoutError:
        raise Unsent(f"no answer within {TRY_TIMEOUT_S:g} s") from None
    except (aiohttp.ClientError, OSError, ssl.SSLError) as error:
        raise Unsent(_in_words(error)) from None


def _asked_for(response: ClientResponse) -> float:
    text = response.headers.get("retry-after", "")
    return float(text[:6]) if text.isascii() and text.isdigit() else 0.0


def _in_words(error: Exception) -> str:
    """What went wrong, in words that can hold no address."""
    import aiohttp

    match error:
        case aiohttp.ClientConnectorCertificateError() | aiohttp.ClientConnectorSSLError():
            return "its certificate is not trusted, or it speaks no TLS"
        case aiohttp.ClientConnectorDNSError():
            return "its name is not known"
        case aiohttp.ServerDisconnectedError():
            return "it hung up"
        case OSError(errno=int(number)) if number > 0:
            return os.strerror(number).lower()  # its own words may tell the address
        case _:
            return f"it is no server of HTTP ({type(error).__name__})"
