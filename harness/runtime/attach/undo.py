"""Puts a system back as it was found when the harness is gone, however it ended.

`python -m harness.runtime.attach.undo`, with the read end of a pipe as its standard input, in a session of its own.
Each line of JSON names a step under a key, or takes one back; at the end of the file those that stand are done, the
latest first. The harness takes back what it has done itself, so after an orderly end there is nothing to do.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from typing import Any

from harness.runtime import procfs
from harness.runtime.supervisor_client import PACKAGE_ROOT, base_environment

STEP_WITHIN_S = 20.0
END_WITHIN_S = 90.0
_TOLD = ("DOCKER_HOST",)


class Undo:
    """The harness's side of it."""

    def __init__(self) -> None:
        told = {name: os.environ[name] for name in _TOLD if name in os.environ}
        self._popen = subprocess.Popen(
            [sys.executable, "-P", "-m", "harness.runtime.attach.undo"],
            env=base_environment() | told | {"PYTHONPATH": PACKAGE_ROOT},
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            cwd="/",
            start_new_session=True,
        )

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._popen.pid

    def note(self, key: str, step: Mapping[str, object]) -> None:
        """Have a step done at the end; call it before you do what it undoes."""
        self._tell({"key": key, "step": step})

    def forget(self, key: str) -> None:
        """It is undone already."""
        self._tell({"key": key})

    def close(self) -> None:
        """Let it do what stands, and see it end."""
        if self._popen.stdin is not None and not self._popen.stdin.closed:
            self._popen.stdin.close()
        try:
            self._popen.wait(END_WITHIN_S)
        except subprocess.TimeoutExpired:
            self._popen.kill()
            self._popen.wait()

    def _tell(self, message: Mapping[str, object]) -> None:
        if self._popen.stdin is not None and not self._popen.stdin.closed:
            self._popen.stdin.write(json.dumps(message).encode() + b"\n")
            self._popen.stdin.flush()


def restore(step: Mapping[str, Any]) -> None:
    """A proxy as it was found, without what carries our mark."""
    from harness.runtime.attach.snapshot import Snapshot, put_back

    put_back(Snapshot.of_json(step["proxy"]), mark=step["mark"])


def run(step: Mapping[str, Any]) -> None:
    """A command that starts or resumes an instance."""
    subprocess.run(step["command"], cwd=step["cwd"], stdin=subprocess.DEVNULL, timeout=STEP_WITHIN_S, check=False)


def signal_(step: Mapping[str, Any]) -> None:
    """A signal to a process, if it still is that one, and to all that descend from it."""
    if procfs.started(step["pid"]) == step["started"]:
        for each in (step["pid"], *procfs.descendants(step["pid"])):
            os.kill(each, step["signal"])


def container(step: Mapping[str, Any]) -> None:
    """A container that is started or thawed."""
    from harness.runtime.docker.engine import connect

    api = connect()
    getattr(api, step["do"])(step["container"])


STEPS: Mapping[str, Callable[[Mapping[str, Any]], None]] = {
    "restore": restore,
    "run": run,
    "signal": signal_,
    "container": container,
}


def main() -> None:
    """Wait for the end of the harness, then do what stands."""
    standing: dict[str, dict[str, Any]] = {}
    for line in sys.stdin.buffer:
        try:
            message = json.loads(line)
        except ValueError:  # the harness was killed while it wrote
            continue
        standing.pop(message["key"], None)
        if "step" in message:
            standing[message["key"]] = message["step"]
    for step in reversed(standing.values()):
        try:
            STEPS[step["do_by"]](step)
        except Exception as error:  # noqa: BLE001 -- the others are to be undone all the same
            sys.stderr.write(f"harness: could not put back {step}: {error}\n")


if __name__ == "__main__":
    main()
