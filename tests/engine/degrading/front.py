"""A service with eight operations that degrade: `python front.py careful|careless PORT`; the careless one, wrongly."""

from __future__ import annotations

import http.client
import os
import sys
import traceback
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

import uvicorn
from fastapi import FastAPI, Header, Path
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel

CARELESS = sys.argv[1] == "careless"
STOCK = urlsplit(os.environ["STOCK_URL"])
PATIENCE_S = 0.3
PROBLEM = "application/problem+json"
SHAPE = {"type": "object", "required": ["title", "status"], "properties": {"title": {"type": "string"}}}
REFUSALS: dict[int | str, dict[str, Any]] = {
    404: {"description": "There is none", "content": {PROBLEM: {"schema": SHAPE}}},
    503: {
        "description": "Not now",
        "headers": {"Retry-After": {"required": True, "schema": {"type": "string"}}},
        "content": {PROBLEM: {"schema": SHAPE}},
    },
}
Sku = Annotated[str, Path(examples=["kettle"], pattern="^[a-z]+$")]
REMEMBERED = {"kettle": 7}
BROKEN: list[str] = []

app = FastAPI()


class Item(BaseModel):
    sku: str
    left: int


class Fresh(Item):
    live: Literal[True]


class Stale(Item):
    stale: Literal[True]
    as_of: str


class Order(BaseModel):
    sku: str
    model_config = {"json_schema_extra": {"examples": [{"sku": "kettle"}]}}


def ask(sku: str, timeout: float | None = PATIENCE_S) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection(STOCK.hostname or "", STOCK.port, timeout=timeout)
    try:
        connection.request("GET", f"/{sku}")
        answer = connection.getresponse()
        body = answer.read()
        if answer.headers.get("Content-Length") != str(len(body)):
            raise http.client.IncompleteRead(body)
        return answer.status, body
    finally:
        connection.close()


FAILURES = (OSError, http.client.HTTPException)


def problem(status: int, title: str, *, detail: str = "", retry: bool = True) -> Response:
    headers = {"Retry-After": "1"} if status == 503 and retry else {}
    content = {"title": title, "status": status, "detail": detail}
    return JSONResponse(content, status, headers, media_type=PROBLEM)


def unavailable() -> Response:
    return problem(503, "the stock can't be asked")


@app.get("/health")
def health() -> dict[str, bool]:
    return {"ok": True}


@app.get("/refused/{sku}", response_model=Item, responses=REFUSALS)
def refused(sku: Sku) -> Response:
    """Careless: nobody thought of a connection that is refused."""
    try:
        return Response(ask(sku)[1], media_type="application/json")
    except ConnectionRefusedError:
        if CARELESS:
            raise
        return unavailable()
    except FAILURES:
        return unavailable()


@app.get("/truncated/{sku}", response_model=Item, responses=REFUSALS)
def truncated(sku: Sku) -> Response:
    """Careless: what came of an answer that was cut is passed on, a success."""
    try:
        return Response(ask(sku)[1], media_type="application/json")
    except (http.client.HTTPException, ConnectionResetError) as error:
        whole = not (CARELESS and isinstance(error, http.client.HTTPException))
        return unavailable() if whole else Response(b"", media_type="application/json")
    except FAILURES:
        return unavailable()


@app.get("/hanging/{sku}", response_model=Item, responses=REFUSALS)
def hanging(sku: Sku) -> Response:
    """Careless: waits for ever."""
    try:
        return Response(ask(sku, None if CARELESS else PATIENCE_S)[1], media_type="application/json")
    except FAILURES:
        return unavailable()


@app.get("/missing/{sku}", response_model=Item, responses=REFUSALS)
def missing(sku: Sku) -> Response:
    """Careless: what can't be asked for is said not to exist."""
    try:
        return Response(ask(sku)[1], media_type="application/json")
    except FAILURES:
        return problem(404, "there is no such thing") if CARELESS else unavailable()


@app.get("/telling/{sku}", response_model=Item, responses=REFUSALS)
def telling(sku: Sku) -> Response:
    """Careless: tells what it is made of."""
    try:
        return Response(ask(sku)[1], media_type="application/json")
    except FAILURES:
        return problem(503, "the stock can't be asked", detail=traceback.format_exc() if CARELESS else "")


@app.post("/orders", response_model=Item, responses=REFUSALS)
def order(wanted: Order, idempotency_key: Annotated[str, Header(examples=["k-1"])]) -> Response:
    """Careless: does not say when to come again."""
    del idempotency_key
    try:
        return Response(ask(wanted.sku)[1], media_type="application/json")
    except FAILURES:
        return problem(503, "the stock can't be asked", retry=not CARELESS)


@app.get("/remembered/{sku}", response_model=Fresh | Stale, responses=REFUSALS)
def remembered(sku: Sku) -> Response:
    """Careless: an old answer does not say that it is one."""
    try:
        ask(sku)
        return JSONResponse({"sku": sku, "left": REMEMBERED[sku], "live": True})
    except FAILURES:
        old = {"sku": sku, "left": REMEMBERED[sku]}
        return JSONResponse(old if CARELESS else {**old, "stale": True, "as_of": "2026-01-01T00:00:00Z"})


@app.get("/lasting/{sku}", response_model=Item, responses=REFUSALS)
def lasting(sku: Sku) -> Response:
    """Careless: opens a breaker that never closes."""
    try:
        if BROKEN:
            return unavailable()
        return Response(ask(sku)[1], media_type="application/json")
    except FAILURES:
        if CARELESS:
            BROKEN.append("for good")
        return unavailable()


uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[2]), log_level="warning")
