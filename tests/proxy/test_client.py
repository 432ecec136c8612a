"""toxiproxy-python's classes with what they lacked."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import toxiproxy as library

from harness.errors import ProxyError
from harness.proxy.client import ListenerProxy, NotThereError, ReadToxic, ToxiproxyClient
from harness.proxy.server import ListenerConfig, ToxiproxyServer
from harness.proxy.toxics import LatencyAttributes, SlicerAttributes, ToxicSpec
from tests.proxy.rigs import CLOCK, LocalSpawner, free_port

pytestmark = pytest.mark.loopback

SLOW = ToxicSpec(name="it:0", stream="downstream", attributes=LatencyAttributes(latency=100))


@contextmanager
def api(status: int, body: bytes = b"{}", *, answers: bool = True) -> Iterator[ToxiproxyClient]:
    """A Toxiproxy whose every answer is the same, or which never answers."""
    silence = threading.Event()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if not answers:
                silence.wait(5)
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body)

        do_DELETE = do_POST = do_PATCH = do_GET  # noqa: N815 -- the library's names

        def log_message(self, *_args: object) -> None:
            """Say nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield ToxiproxyClient(server.server_port, within_s=0.2)
    finally:
        silence.set()
        server.shutdown()
        thread.join()
        server.server_close()


def listener(client: ToxiproxyClient) -> ListenerProxy:
    return ListenerProxy(client.api, name="a->b", upstream="x", enabled=True, listen="y")


def test_its_classes_are_the_library_s() -> None:
    assert issubclass(ToxiproxyClient, library.Toxiproxy)
    assert issubclass(ListenerProxy, library.Proxy)
    assert issubclass(ReadToxic, library.toxic.Toxic)


def test_a_5xx_is_an_error_and_not_false() -> None:
    with api(503, b"timeout") as client:
        with pytest.raises(ProxyError, match="503: timeout"):
            listener(client).destroy_toxic("it")
        with pytest.raises(ProxyError, match="503"):
            listener(client).destroy()
        with pytest.raises(ProxyError, match="503"):
            client.proxies()
        assert not client.running()


def test_an_answer_that_is_cut_short_is_an_error() -> None:
    with api(200, b'{"enab') as client:
        with pytest.raises(ProxyError, match=r"expected JSON .*PATCH /proxies/"):
            listener(client).enable()
        with pytest.raises(ProxyError, match=r"expected JSON .*GET /proxies"):
            client.proxies()


def test_no_answer_is_an_error_within_its_deadline() -> None:
    with api(200, answers=False) as client:
        began = CLOCK.now()
        with pytest.raises(ProxyError, match=r"within 0\.1 s"):
            listener(client).remove("it", within_s=0.1)
        assert CLOCK.now() - began < 0.15 + 0.1


def test_nobody_there_is_an_error() -> None:
    client = ToxiproxyClient(free_port())

    assert not client.running()
    with pytest.raises(ProxyError, match="did not answer GET"):
        client.proxies()


def test_a_toxic_that_is_not_on_is_no_error_to_take_off() -> None:
    with api(404) as client:
        assert listener(client).destroy_toxic("it") is False
        assert listener(client).destroy() is False
        with pytest.raises(NotThereError):
            client.listener("it")


def test_down_lets_the_exception_of_its_body_through_with_a_note_when_enabling_fails() -> None:
    with api(200, b'{"enabled": false}') as client:
        with pytest.raises(KeyError) as caught, listener(client).down():
            raise KeyError("the body's own")
        assert "could not be enabled again" in caught.value.__notes__[0]


def test_populate_is_refused() -> None:
    with pytest.raises(ProxyError, match="create"):
        ToxiproxyClient(1).populate([])


async def test_two_servers_are_driven_at_once_through_all_verbs(toxiproxy: Path, tmp_path: Path) -> None:
    spawner = LocalSpawner()
    servers = []
    for name in ("one", "two"):
        config = [ListenerConfig(name="a->b", listen=f"127.0.0.1:{free_port()}", upstream="127.0.0.1:1", enabled=True)]
        servers.append(
            ToxiproxyServer(
                name=name,
                binary=toxiproxy,
                spawner=spawner,
                directory=tmp_path,
                port=free_port(),
                listeners=config.copy,
                clock=CLOCK,
            )
        )
        await servers[-1].start()
    one, two = (server.client for server in servers)

    first = one.proxies()["a->b"]
    first.add(SLOW)
    assert {name: toxic.spec for name, toxic in first.toxics().items()} == {"it:0": SLOW}
    assert two.listener("a->b").toxics() == {}
    changed = SLOW.model_copy(update={"attributes": LatencyAttributes(latency=7)})
    first.update(changed)
    assert first.get_toxic("it:0").spec == changed
    first.add_toxic(type="slicer", attributes={"average_size": 10})
    assert first.toxics()["slicer_downstream"].spec.attributes == SlicerAttributes(average_size=10)
    with pytest.raises(ProxyError, match="size_variation"):
        first.add_toxic(type="slicer", attributes={"average_size": 10, "size_variation": 20})
    with first.down():
        assert not one.listener("a->b").enabled
    assert one.listener("a->b").enabled
    assert first.destroy_toxic("it:0") is True
    assert one.reset() is True
    assert first.toxics() == {}
    created = one.create("127.0.0.1:1", "c->d", enabled=False)
    assert (created.name, created.enabled) == ("c->d", False)
    with pytest.raises(ProxyError, match="409"):
        one.create("127.0.0.1:1", "c->d")
    assert created.destroy() is True
    assert one.running()
    assert one.version()
    await spawner.kill_all()
