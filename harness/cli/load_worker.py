"""`harness load worker`: lend this machine to a master, which says what to load."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

DEFAULT_PORT = 5557
"""Locust's own."""

MOST_PORT = 65535


@click.command()
@click.option("--join", "address", required=True, metavar="HOST[:PORT]",
              help=f"Where `harness load --master` waits; port {DEFAULT_PORT} unless it says so.")  # fmt: skip
@click.option("--locustfile", type=click.Path(path_type=Path, exists=True, dir_okay=False),
              help="The master's locustfile, when it is here already; else it is sent.")  # fmt: skip
def worker(address: str, locustfile: Path | None) -> None:
    """Drive a share of another machine's load until its master ends the run.

    The master sends what to load: the journeys, the hosts, the seed, and the text of the locustfile.
    What that imports must be installed here, and harness and Locust must have the master's version.
    Join nobody whom you would not let run code on this machine: a locustfile is code.
    """
    host, port = _place(address)
    arguments = [sys.executable, "-m", "harness.load.fleet_worker", "--join", f"{host}:{port}"]
    if locustfile is not None:
        arguments += ["--locustfile", str(locustfile.resolve())]
    sys.stdout.flush()
    sys.stderr.flush()
    # Locust must patch sockets and locks before anybody has taken one, so it gets a process that has not begun yet.
    os.execv(sys.executable, arguments)  # noqa: S606 -- no shell is wanted


def _place(address: str) -> tuple[str, int]:
    host, colon, port = address.rpartition(":")
    if not colon or address.endswith("]"):
        return _host(address, address), DEFAULT_PORT
    if not (port.isascii() and port.isdecimal() and 0 < int(port) <= MOST_PORT):
        message = f"expected --join HOST[:PORT] with a port from 1 to {MOST_PORT}, found {address!r}"
        raise click.UsageError(message)
    return _host(host, address), int(port)


def _host(host: str, address: str) -> str:
    if not host or any(each.isspace() or each in "/," for each in host) or "://" in address:
        message = f"expected --join HOST[:PORT], found {address!r}"
        raise click.UsageError(message)
    return host
