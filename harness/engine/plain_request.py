"""One request, sent as it is written, and its answer."""

from __future__ import annotations

import asyncio
import io

import aiohttp
import yarl
from multidict import CIMultiDict

from harness.model.credentials import Credentials
from harness.model.request import LIMIT_BYTES, Answer, Request

REQUEST_LIMIT_S = 10.0
"""How long one answer is waited for."""


def http_client(credentials: Credentials) -> aiohttp.ClientSession:
    """Who asks; to be closed."""
    # An answer that ends its connection early must not be taken for the next one's trouble.
    connector = aiohttp.TCPConnector(ssl=credentials.trust(), force_close=True)
    timeout = aiohttp.ClientTimeout(total=REQUEST_LIMIT_S)
    return aiohttp.ClientSession(connector=connector, timeout=timeout, auto_decompress=True)


async def answer_to(request: Request, *, http: aiohttp.ClientSession) -> Answer:
    """What came back, or why nothing did.

    Raises:
        ValueError: of what no HTTP client can send.
    """
    url = yarl.URL(request.url, encoded=True)
    body = None if request.body is None else io.BytesIO(request.body)
    headers = CIMultiDict(request.headers)
    if request.body is not None:
        headers["Content-Length"] = str(len(request.body))
    try:
        async with http.request(request.method, url, headers=headers, data=body, allow_redirects=False) as answer:
            read = await answer.content.read(LIMIT_BYTES)
            while len(read) < LIMIT_BYTES and (more := await answer.content.read(LIMIT_BYTES - len(read))):
                read += more
            return Answer(status=answer.status, headers=tuple(answer.headers.items()), body=read)
    except TimeoutError:
        return Answer(status=0, trouble=f"no answer within {REQUEST_LIMIT_S:g} s")
    except aiohttp.ClientConnectorError as error:
        return Answer(status=0, trouble=f"no connection: {error}")
    except (aiohttp.ClientError, OSError, asyncio.IncompleteReadError) as error:
        return Answer(status=0, trouble=f"the connection was closed: {type(error).__name__}")
