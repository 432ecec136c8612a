"""A small service on FastAPI and SQLite, whole or with planted defects, for the fuzzer to find."""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import uvicorn
from fastapi import Depends, FastAPI, HTTPException, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.security import HTTPBearer
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException as Refusal

ALICE, BOB = "token-of-alice-1", "token-of-bob-22"
WHO = {f"Bearer {ALICE}": "alice", f"Bearer {BOB}": "bob"}
BODY_LIMIT_BYTES = 64 * 1024
PLANTED = frozenset({"sql-500", "tautology", "bola", "trusted-header", "undeclared", "oversize"})
PROBLEM = {"description": "refused", "content": {"application/json": {"schema": {"type": "object"}}}}
REFUSED = dict.fromkeys((401, 404, 413, 422), PROBLEM)


class Note(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    title: str = Field(min_length=1, max_length=40)


class LongNote(BaseModel):
    title: str = Field(min_length=1)


def service(defects: frozenset[str] = frozenset()) -> FastAPI:  # noqa: C901 -- one small service, with its routes
    """Notes of customers, and products that all may search."""
    app = FastAPI(responses=REFUSED)  # type: ignore[arg-type]  # FastAPI says int | str
    lock = threading.Lock()
    store = sqlite3.connect(":memory:", check_same_thread=False)
    store.execute("CREATE TABLE products (sku TEXT, name TEXT)")
    store.executemany("INSERT INTO products VALUES (?, ?)", [(f"sku-{n}", f"Kettle {n}") for n in range(9)])
    store.execute("CREATE TABLE notes (id INTEGER PRIMARY KEY, owner TEXT, title TEXT)")
    scheme = HTTPBearer(auto_error=False)

    def rows(sql: str, *values: object) -> list[tuple[object, ...]]:
        with lock:
            return store.execute(sql, values).fetchall()

    def customer(request: Request, _: Annotated[object, Depends(scheme)]) -> str:
        if "trusted-header" in defects and "x-customer" in request.headers:
            return request.headers["x-customer"]
        who = WHO.get(request.headers.get("authorization", ""))
        if who is None:
            raise HTTPException(401)
        return who

    Customer = Annotated[str, Depends(customer)]  # noqa: N806 -- a type

    @app.exception_handler(Refusal)
    async def refused(_: Request, error: Refusal) -> Response:
        return JSONResponse({"status": error.status_code}, error.status_code, headers=error.headers)

    @app.exception_handler(RequestValidationError)
    async def invalid(_: Request, __: RequestValidationError) -> Response:
        return JSONResponse({"status": 422}, 422)  # FastAPI's own repeats what came, and breaks on NaN

    @app.middleware("http")
    async def bounded(request: Request, go_on):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202 -- Starlette's
        if "oversize" not in defects and int(request.headers.get("content-length", 0)) > BODY_LIMIT_BYTES:
            return JSONResponse({"status": 413}, 413)
        answer = await go_on(request)
        # FastAPI answers 400 to what is no text, and says so nowhere.
        return JSONResponse({"status": 422}, 422) if answer.status_code == 400 else answer

    @app.get("/products")
    def search(request: Request, name: Annotated[str, Query(max_length=60)] = "") -> list[str]:
        if set(request.query_params) - {"name"} or len(request.query_params.multi_items()) > 1:
            raise HTTPException(422)
        if "tautology" in defects:
            try:
                return [str(sku) for (sku,) in rows(f"SELECT sku FROM products WHERE name = '{name}'")]  # noqa: S608
            except sqlite3.Error:
                return []
        return [str(sku) for (sku,) in rows("SELECT sku FROM products WHERE name = ?", name)]

    @app.get("/products/{sku}")
    def product(sku: str) -> dict[str, str]:
        if "sql-500" in defects:
            found = rows(f"SELECT sku, name FROM products WHERE sku = '{sku}'")  # noqa: S608 -- planted
        else:
            found = rows("SELECT sku, name FROM products WHERE sku = ?", sku.replace("\ud800", ""))
        if not found:
            raise HTTPException(404)
        if "undeclared" in defects and sku == "sku-3":
            raise HTTPException(418)
        return {"sku": str(found[0][0]), "name": str(found[0][1])}

    Written = LongNote if "oversize" in defects else Note  # noqa: N806 -- a type

    @app.post("/notes", status_code=201)
    def write(note: Written, who: Customer) -> dict[str, int]:  # type: ignore[valid-type]  # decided at run time
        with lock:
            made = store.execute("INSERT INTO notes (owner, title) VALUES (?, ?)", (who, note.title)).lastrowid  # type: ignore[attr-defined]
        return {"note_id": int(made or 0)}

    @app.get("/notes/{note_id}")
    def read(note_id: Annotated[int, Field(ge=1, le=10**6)], who: Customer) -> dict[str, str | int]:
        found = rows("SELECT owner, title FROM notes WHERE id = ?", note_id)
        if not found or (found[0][0] != who and "bola" not in defects):
            raise HTTPException(404)
        return {"note_id": note_id, "title": str(found[0][1])}

    return app


@contextmanager
def served(app: FastAPI) -> Iterator[str]:
    """The service on a port of its own; its URL."""
    config = uvicorn.Config(app, host="127.0.0.1", port=0, log_level="critical", lifespan="off")
    server = uvicorn.Server(config)
    socket = config.bind_socket()
    socket.listen()
    thread = threading.Thread(target=server.run, kwargs={"sockets": [socket]})
    thread.start()
    try:
        yield f"http://127.0.0.1:{socket.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()
        socket.close()
