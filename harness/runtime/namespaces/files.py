"""Names of the files of a run in namespaces; alone, since the launcher of each service is to start fast."""

from __future__ import annotations

SOCKET = "keeper.sock"
PLAN = "keeper.json"

FILES = {"hosts": "/etc/hosts", "resolv.conf": "/etc/resolv.conf", "nsswitch.conf": "/etc/nsswitch.conf"}
"""What is laid over which file in a room."""
CACHES = ("/run/nscd", "/var/run/nscd")
"""Where a program listens that would answer for names outside of the files."""
