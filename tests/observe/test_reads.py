from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from pydantic import JsonValue

from harness.model.credentials import Credentials
from harness.model.invariant import Read
from harness.observe.reads import pointed, read_all

PAGES: dict[str, JsonValue] = {
    "": {"items": [{"id": 1}, {"id": 2}], "next": "/rows?after=2"},
    "2": {"items": [{"id": 3}, {"id": "test-4"}], "next": None},
}


@pytest.fixture
async def url() -> AsyncIterator[str]:
    async def rows(request: web.Request) -> web.Response:
        return web.json_response(PAGES[request.query.get("after", "")])

    async def private(request: web.Request) -> web.Response:
        if request.headers.get("Authorization") != "Bearer right":
            raise web.HTTPUnauthorized
        page = PAGES[request.query.get("after", "")]
        assert isinstance(page, dict)
        following = page["next"] and str(page["next"]).replace("rows", "private")
        return web.json_response({**page, "next": following})

    async def broken(_request: web.Request) -> web.Response:
        return web.json_response({"items": {}}, status=200)

    app = web.Application()
    app.router.add_get("/rows", rows)
    app.router.add_get("/broken", broken)
    app.router.add_get("/private", private)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


@pytest.mark.loopback
async def test_all_pages_are_read_and_test_data_is_left_out(url: str) -> None:
    read = Read(service="a", path="/rows", rows="/items", next="/next", without={"id": "test-"})
    (found,) = await read_all({"rows": read}, url_of=lambda _: url, now=lambda: 7.0)
    assert [row["id"] for row in found.rows] == [1, 2, 3]
    assert (found.t, found.error) == (7.0, "")


@pytest.mark.loopback
@pytest.mark.parametrize(("path", "said"), [("/nothing", "answered 404"), ("/broken", "expected a list of rows")])
async def test_what_cannot_be_read_is_told_and_has_no_rows(url: str, path: str, said: str) -> None:
    read = Read(service="a", path=path, rows="/items")
    (found,) = await read_all({"rows": read}, url_of=lambda _: url, now=lambda: 7.0)
    assert said in found.error
    assert found.rows == ()


@pytest.mark.loopback
async def test_headers_are_sent_along_to_every_page(url: str) -> None:
    read = Read(service="a", path="/private", rows="/items", next="/next")
    (refused,) = await read_all({"rows": read}, url_of=lambda _: url, now=lambda: 7.0)
    assert "answered 401" in refused.error
    known = Credentials(headers={"Authorization": "Bearer right"})
    (found,) = await read_all({"rows": read}, url_of=lambda _: url, now=lambda: 7.0, credentials=known)
    assert len(found.rows) == 4


@pytest.mark.loopback
async def test_a_service_that_is_away_is_told(url: str) -> None:
    del url
    read = Read(service="a", path="/rows", rows="/items")
    (found,) = await read_all({"rows": read}, url_of=lambda _: "http://127.0.0.1:1", now=lambda: 7.0)
    assert "a/rows" in found.error


@pytest.mark.parametrize(
    ("pointer", "expected"),
    [("", {"a/b": [1, {"~": 2}]}), ("/a~1b/0", 1), ("/a~1b/1/~0", 2), ("/a~1b/9", None), ("/x/y", None)],
)
def test_pointers_find_what_rfc_6901_says(pointer: str, expected: JsonValue) -> None:
    assert pointed({"a/b": [1, {"~": 2}]}, pointer) == expected
