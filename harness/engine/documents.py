"""The OpenAPI documents of services, from where the description says they are."""

from __future__ import annotations

import asyncio
from pathlib import Path
from urllib.parse import urljoin

import aiohttp
from pydantic import JsonValue

from harness.declare.journeys import parse_openapi
from harness.errors import ContractError
from harness.model.credentials import NONE, Credentials
from harness.model.topology import Topology

DOCUMENT_TIMEOUT_S = 10.0


def document_of(topology: Topology, service: str, url: str) -> str:
    """Where the OpenAPI document of a service at `url` is: a URL, a file, or nowhere."""
    where = topology.service(service).openapi
    if where is None:
        return ""
    return urljoin(url, where) if where.startswith("/") else str(Path(topology.root) / where)


async def read_document(where: str, *, credentials: Credentials = NONE) -> JsonValue:
    """An OpenAPI document from a URL, to which the headers of `credentials` are sent along, or from a file.

    Raises:
        ContractError: if it can't be had, or isn't JSON or YAML.
    """
    try:
        if where.startswith("http"):
            timeout = aiohttp.ClientTimeout(total=DOCUMENT_TIMEOUT_S)
            connector = aiohttp.TCPConnector(ssl=credentials.trust())
            session = aiohttp.ClientSession(
                timeout=timeout, raise_for_status=True, headers=credentials.sent, connector=connector
            )
            async with session as http, http.get(where) as answer:
                text = await answer.text()
        else:
            text = await asyncio.to_thread(Path(where).read_text, encoding="utf-8")
        return parse_openapi(text)
    except (OSError, aiohttp.ClientError, TimeoutError, ValueError) as error:
        message = f"the OpenAPI document {where} can't be read: {type(error).__name__}: {error}; mend 'openapi:'"
        raise ContractError(message) from error
