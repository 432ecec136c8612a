"""Where the processes of an instance listen, for one that does not listen where it was told."""

from __future__ import annotations

import psutil

from harness.runtime import procfs
from harness.runtime.ports import LOOPBACK

MOST_TOLD = 5
_ANYWHERE = ("0.0.0.0", "::")  # noqa: S104 -- what a process binds to, not what we do


def listened_on(pid: int) -> list[tuple[str, int]]:
    """Host and port of all TCP sockets on which a process, or one that descends from it, listens."""
    found: set[tuple[str, int]] = set()
    for each in (pid, *procfs.descendants(pid)):
        try:
            sockets = psutil.Process(each).net_connections(kind="tcp")
        except psutil.Error:
            continue
        found |= {(one.laddr.ip, one.laddr.port) for one in sockets if one.status == psutil.CONN_LISTEN and one.laddr}
    return sorted(found, key=lambda place: (place[1], place[0]))


def why_not_there(pid: int, port: int, *, host: str = LOOPBACK) -> str:
    """What a process does instead of listening where it was told, and the way out; empty when it does that."""
    places = listened_on(pid)
    if any(at == port and where in (host, *_ANYWHERE) for where, at in places):
        return ""
    if not places:
        return f"none of its processes listens on any port, and it was told {port}"
    told = ", ".join(f"[{where}]:{at}" if ":" in where else f"{where}:{at}" for where, at in places[:MOST_TOLD])
    told += f" and {len(places) - MOST_TOLD} more" if len(places) > MOST_TOLD else ""
    if any(at == port for _where, at in places):
        return f"its processes listen on {told}, and not on {host}, where they are called: let it bind to {host}"
    fixed = next(at for _where, at in places)
    return (
        f"its processes listen on {told}, and not on {host}:{port}, as they were told: "
        f"hand it {{port}} in 'command', 'env' or one of 'files', "
        f"or declare the port that it insists on: 'port: {fixed}' (of a service, in its 'instances')"
    )
