import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from harness.clock import SystemClock, pause
from harness.runtime.connections import Seen, Watch, watched
from harness.runtime.sockets import Address, Phase, held_by, network_of, read_rows, rows

LIMIT_S = 20.0

TABLE = b"""\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4711 1 0000000000000000
   1: 0100007F:D2F4 0100007F:1F90 01 00000000:00000000 00:00000000 00000000     0        0 4712 1 0000000000000000
"""
OVER = b"   2: 0100007F:D2F6 0100007F:1F90 06 00000000:00000000 03:00000A20 00000000     0        0 0 3 0\n"
TABLE_6 = b"""\
  sl  local_address                         remote_address                        st tx rx tr tm->when re uid to inode
   0: 00000000000000000000000000000000:0050 00000000000000000000000000000000:0000 0A 0:0 00:0 0 0 0 1 1
   1: 0000000000000000FFFF00000100007F:0051 0000000000000000FFFF00000200007F:0052 01 0:0 00:0 0 0 0 2 1
   2: 00000000000000000000000001000000:0053 00000000000000000000000001000000:0054 02 0:0 00:0 0 0 0 3 1
"""


def test_rows_are_read_as_the_kernel_writes_them() -> None:
    assert [(str(row.here), str(row.there), row.state, row.inode) for row in rows(TABLE)] == [
        ("127.0.0.1:8080", "0.0.0.0:0", Phase.LISTENING, 4711),
        ("127.0.0.1:54004", "127.0.0.1:8080", Phase.OPEN, 4712),
    ]
    assert list(rows(TABLE + OVER)) == [*rows(TABLE, over=False), *rows(OVER)]
    assert list(rows(OVER, over=False)) == []
    assert [(str(row.here), str(row.there), row.state) for row in rows(TABLE_6)] == [
        ("[::]:80", "[::]:0", Phase.LISTENING),
        ("127.0.0.1:81", "127.0.0.2:82", Phase.OPEN),
        ("[::1]:83", "[::1]:84", Phase.ASKING),
    ]


def test_an_own_socket_is_found_in_the_tables_and_among_those_held() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        here = Address("127.0.0.1", server.getsockname()[1])
        (row,) = [row for row in read_rows("self") if row.here == here]
        assert row.state == Phase.LISTENING
        assert held_by([os.getpid()])[row.inode] == os.getpid()


def test_of_a_process_that_is_gone_nothing_is_told() -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    assert read_rows(gone.pid) == []
    assert network_of(gone.pid) is None
    assert held_by([gone.pid]) == {}


SERVER = """
import socket
server = socket.create_server(("127.0.0.1", 0))
print(server.getsockname()[1], flush=True)
kept = []
while True:
    kept.append(server.accept())
"""
CALLER = """
import socket, sys
for line in sys.stdin:
    kept = socket.create_connection(("127.0.0.1", int(line)))
    print("called", flush=True)
"""
BY_A_CHILD = f"""
import subprocess, sys
subprocess.run([sys.executable, "-c", {CALLER!r}])
"""


@contextmanager
def program(source: str) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [sys.executable, "-c", source], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
    ) as process:
        try:
            yield process
        finally:
            assert process.stdin is not None
            process.stdin.close()
            process.kill()


def said(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def call(caller: subprocess.Popen[str], port: int) -> None:
    assert caller.stdin is not None
    caller.stdin.write(f"{port}\n")
    assert said(caller) == "called"


@pytest.mark.loopback
@pytest.mark.parametrize("source", [CALLER, BY_A_CHILD])
def test_a_call_from_one_instance_to_another_is_seen_once(source: str) -> None:
    with program(SERVER) as server, program(source) as caller:
        port = int(said(server))
        watch = Watch({"web-1": caller.pid, "api-1": server.pid}, proxied=frozenset())
        watch.look()
        call(caller, port)
        watch.look()
        watch.look()
        assert watch.end().seen == {Seen(consumer="web-1", address=Address("127.0.0.1", port), provider="api-1"): 1}


@pytest.mark.loopback
def test_a_call_to_a_program_that_is_no_instance_is_told_with_its_name() -> None:
    with program(SERVER) as server, program(CALLER) as caller:
        port = int(said(server))
        watch = Watch({"web-1": caller.pid}, proxied=frozenset(), ours=caller.pid)
        call(caller, port)
        ((seen, count),) = watch.end().seen.items()
        assert (seen.consumer, seen.provider, seen.address.port, count) == ("web-1", "", port, 1)
        assert seen.program.startswith("python")


@pytest.mark.loopback
def test_a_call_to_a_proxy_of_ours_is_left_to_the_relay() -> None:
    with program(CALLER) as caller, socket.create_server(("127.0.0.1", 0)) as ours:
        watch = Watch({"web-1": caller.pid}, proxied=frozenset())
        call(caller, ours.getsockname()[1])
        assert not watch.end().seen


@pytest.mark.loopback
def test_a_call_between_instances_of_one_service_is_no_edge() -> None:
    with program(SERVER) as server, program(CALLER) as caller:
        port = int(said(server))
        watch = Watch({"web-1": caller.pid, "web-2": server.pid}, proxied=frozenset())
        call(caller, port)
        assert not watch.end().seen


@pytest.mark.loopback
def test_of_a_call_that_was_over_too_soon_it_is_told_that_nobody_knows_whose_it_was() -> None:
    with program(SERVER) as server:
        port = int(said(server))
        watch = Watch({"api-1": server.pid}, proxied=frozenset())
        watch.look()
        with socket.create_connection(("127.0.0.1", port)):
            pass
        watch.look()
        kept = Watch({"api-1": server.pid}, proxied=frozenset({"api-1"}))
        kept.look()
        with socket.create_connection(("127.0.0.1", port)):
            pass
        assert watch.end().ownerless["api-1"] >= 1
        assert not kept.end().ownerless


@pytest.mark.loopback
def test_a_strangers_call_to_an_instance_is_none_of_ours() -> None:
    with program(SERVER) as server, program(CALLER) as stranger:
        port = int(said(server))
        watch = Watch({"api-1": server.pid}, proxied=frozenset())
        watch.look()
        call(stranger, port)
        sightings = watch.end()
        assert not sightings.seen
        assert not sightings.ownerless


@pytest.mark.loopback
def test_a_thread_keeps_looking_while_the_body_runs() -> None:
    clock = SystemClock()
    with program(SERVER) as server, program(CALLER) as caller:
        port = int(said(server))
        watch = Watch({"web-1": caller.pid, "api-1": server.pid}, proxied=frozenset())
        with watched(watch):
            call(caller, port)
            limit = clock.now() + LIMIT_S
            while not watch.sightings.seen and clock.now() < limit:
                pause(0.01)
        assert [*watch.sightings.seen.values()] == [1]
