"""Removes all that a run has on the Docker engine when the harness is gone, however it ended.

`python -m harness.runtime.docker.reaper RUN`, with the read end of a pipe as its standard input, in a session of its
own. Each line names a directory to remove as well; at the end of the file it acts. The harness closes the pipe when it
has removed everything itself, and then there is nothing to do.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from harness.runtime.leftovers import lies_within, remove_directory
from harness.runtime.supervisor_client import PACKAGE_ROOT, base_environment

END_WITHIN_S = 90.0


class Reaper:
    """The harness's side of it."""

    def __init__(self, run: str, directory: Path) -> None:
        told = {name: os.environ[name] for name in ("DOCKER_HOST",) if name in os.environ}
        self._popen = subprocess.Popen(
            [sys.executable, "-P", "-m", "harness.runtime.docker.reaper", run, str(directory)],
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

    def remove_at_end(self, path: Path) -> None:
        """Have a directory (absolute, below the run's) removed too; ask before you make it."""
        if self._popen.stdin is not None:
            self._popen.stdin.write(os.fsencode(path) + b"\n")
            self._popen.stdin.flush()

    def close(self) -> None:
        """Let it look for what is left, and see it end."""
        if self._popen.stdin is not None and not self._popen.stdin.closed:
            self._popen.stdin.close()
        try:
            self._popen.wait(END_WITHIN_S)
        except subprocess.TimeoutExpired:
            self._popen.kill()
            self._popen.wait()


def main() -> None:
    """Wait for the end of the harness, then tidy."""
    run, directory = sys.argv[1:]
    paths = [os.fsdecode(line.rstrip(b"\n")) for line in sys.stdin.buffer]

    # Imported only now: until then this process is to cost nothing.
    from harness.runtime.docker.engine import remove_run

    remove_run(run)
    for path in paths:
        if lies_within(path, directory):
            remove_directory(path)


if __name__ == "__main__":
    main()
