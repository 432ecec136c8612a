from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import closing

import pytest

from harness.errors import DeployError
from harness.runtime.ports import LOOPBACK, PortPool, pool_range


@pytest.fixture
def pool() -> Iterator[PortPool]:
    with PortPool() as pool:
        yield pool


def a_server(port: int = 0, *, reuse: bool = True) -> socket.socket:
    server = socket.socket()
    if reuse:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        server.bind((LOOPBACK, port))
        server.listen()
    except OSError:
        server.close()
        raise
    return server


@pytest.mark.parametrize(
    ("ephemeral", "first", "last"),
    [
        ("32768\t60999\n", 20_000, 32_000),
        ("28000 60999", 20_000, 27_999),
        ("16384 65535", 4_383, 16_383),
        ("1024 65535", 20_000, 32_000),
        (None, 20_000, 32_000),
    ],
)
def test_ports_lie_below_the_ephemeral_range_where_there_is_room(ephemeral: str | None, first: int, last: int) -> None:
    ports = pool_range(ephemeral)
    assert (first, last) == (ports[0], ports[-1])


@pytest.mark.loopback
def test_a_connect_to_a_held_port_is_refused(pool: PortPool) -> None:
    port = pool.take()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((LOOPBACK, port), timeout=1)


@pytest.mark.loopback
def test_a_server_that_sets_reuseaddr_listens_while_the_port_is_held(pool: PortPool) -> None:
    port = pool.take()
    with closing(a_server(port)), closing(socket.create_connection((LOOPBACK, port), timeout=1)):
        pass
    with closing(a_server(port)):
        assert pool.holds(port)


@pytest.mark.loopback
def test_a_server_that_wants_the_port_alone_gets_it_after_the_release(pool: PortPool) -> None:
    port = pool.take()
    with pytest.raises(OSError, match="in use"):
        a_server(port, reuse=False)
    pool.release(port)
    with closing(a_server(port, reuse=False)):
        assert not pool.holds(port)


@pytest.mark.loopback
def test_two_pools_never_give_out_the_same_port(pool: PortPool) -> None:
    with PortPool() as other:
        ports = [each.take() for each in (pool, other) * 20]
    assert len(ports) == len(set(ports))


@pytest.mark.loopback
def test_a_fixed_port_that_somebody_listens_on_is_refused_with_the_name_of_the_listener(pool: PortPool) -> None:
    with closing(a_server()) as server:
        port = server.getsockname()[1]
        with pytest.raises(DeployError, match=rf"gateway-1: expected port {port} .* taken by \w+.* \(process \d+\)"):
            pool.take_fixed(port, "gateway-1")


@pytest.mark.loopback
def test_a_fixed_port_that_another_harness_holds_is_refused(pool: PortPool) -> None:
    with PortPool() as other:
        port = other.take()
        with pytest.raises(DeployError, match="holds it without listening"):
            pool.take_fixed(port, "gateway-1")


@pytest.mark.loopback
def test_a_fixed_port_given_twice_is_refused(pool: PortPool) -> None:
    port = pool.take()
    with pytest.raises(DeployError, match=f"catalog-1: port {port} is given to another part"):
        pool.take_fixed(port, "catalog-1")


@pytest.mark.loopback
def test_a_fixed_port_with_only_old_connections_on_it_is_free(pool: PortPool) -> None:
    with PortPool() as earlier:
        port = earlier.take()
        with closing(a_server(port)) as server:
            client = socket.create_connection((LOOPBACK, port), timeout=1)
            accepted, _ = server.accept()
            # Whoever closes first keeps the port in TIME_WAIT.
            accepted.close()
            assert client.recv(1) == b""
            client.close()
    assert port == pool.take_fixed(port, "gateway-1")


@pytest.mark.loopback
def test_a_range_without_a_free_port_is_refused() -> None:
    with closing(a_server()) as server:
        port = server.getsockname()[1]
        with PortPool(range(port, port + 1)) as pool, pytest.raises(DeployError, match=f"between {port} and {port}"):
            pool.take()
