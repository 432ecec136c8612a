"""The process that starts all others, and that ends them all when the harness ends, however it ends.

`python -m harness.runtime.supervisor CONTROL_FD HARNESS_PID RECORD`, standard library only.

It is two processes: the supervisor, and above it a guard that does nothing but wait for the supervisor's end.
Whichever of the harness, the guard and the supervisor is killed, the others notice and clear up;
every child has PDEATHSIG besides, and what is to be removed stands in the record.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import socket
import sys
from collections.abc import Callable
from typing import cast

from harness.runtime import leftovers, procfs
from harness.runtime.messages import Exit, ForkRequest, Lines, Ready, Reply, Request, SignalRequest, SpawnRequest
from harness.runtime.offspring import SpawnError, become_subreaper, die_with_parent, set_name, start

_WHOLE_TREE = (signal.SIGKILL, signal.SIGSTOP, signal.SIGCONT)
"""Signals that must reach all descendants: PostgreSQL's backends, for one, leave their postmaster's group."""

_SETTLED: dict[signal.Signals, Callable[[int], bool]] = {
    signal.SIGKILL: lambda pid: not procfs.alive(pid),
    signal.SIGSTOP: procfs.stands_still,
}
_SETTLE_S = 1.0
"""How long a kill or a stop waits until it has reached the last descendant."""


class _Zygote:
    """A process that forks services on demand, seen from the supervisor."""

    def __init__(self, pid: int, lines: Lines, request: int) -> None:
        self.pid = pid
        self.lines = lines
        self.starting: int | None = request
        """The id of the request that started it, until it is ready."""
        self.pending: set[int] = set()
        """The ids of the forks that it was asked for."""


class Supervisor:
    """Does what the harness asks, and tells it of every end."""

    def __init__(self, control: socket.socket, record: leftovers.Record) -> None:
        self._control = Lines(control)
        self._record = record
        self._mine: set[int] = set()
        self._zygotes: dict[str, _Zygote] = {}
        self._early: dict[int, int] = {}
        """Ends of forked processes of which the zygote has not told yet."""
        self._selector = selectors.DefaultSelector()
        self._ending = False

    def run(self, harness_pid: int) -> None:
        """Serve until the harness is gone, then end everything that descends from here."""
        self._watch_signals()
        self._watch_harness(harness_pid)
        self._selector.register(self._control.sock, selectors.EVENT_READ, self._on_control)
        while not self._ending:
            for key, _ in self._selector.select():
                cast("Callable[[], None]", key.data)()

    def _watch_signals(self) -> None:
        woken, waker = socket.socketpair()
        woken.setblocking(False)  # noqa: FBT003 -- the standard library's own
        waker.setblocking(False)  # noqa: FBT003 -- as above
        signal.set_wakeup_fd(waker.fileno(), warn_on_full_buffer=False)
        self._waker = waker

        def on_wake() -> None:
            woken.recv(4096)
            self._reap()

        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGTERM, lambda *_: self._end())
        self._selector.register(woken, selectors.EVENT_READ, on_wake)

    def _watch_harness(self, pid: int) -> None:
        """Notice the harness's end even when another process inherited its end of the socket pair."""
        try:
            descriptor = os.pidfd_open(pid)
        except ProcessLookupError:
            self._end()
        except OSError:
            return  # an old kernel: the socket pair alone has to do
        else:
            self._selector.register(descriptor, selectors.EVENT_READ, self._end)

    def _end(self) -> None:
        self._ending = True

    def _tell(self, message: Reply | Exit) -> None:
        try:
            self._control.send(message)
        except EOFError:
            self._end()

    def _on_control(self) -> None:
        try:
            for request in self._control.read():
                self._do(cast("Request", request))
        except EOFError:
            self._end()

    def _do(self, request: Request) -> None:
        match request["do"]:
            case "spawn":
                self._spawn(request)
            case "fork":
                self._fork(request)
            case "signal":
                self._signal(request)
            case "remove":
                self._record.remove = request["paths"]
                self._record.write()
                self._tell({"id": request["id"]})

    def _spawn(self, request: SpawnRequest) -> None:
        zygote = request["zygote"]
        ours, its = socket.socketpair() if zygote is not None else (None, None)
        try:
            pid = start(
                request["command"],
                env=request["env"] | {leftovers.MARK: self._record.mark},
                cwd=request["cwd"],
                log=request["log"],
                user=request["user"],
                keep=its.fileno() if its is not None else None,
            )
        except (SpawnError, OSError) as error:
            self._tell({"id": request["id"], "error": str(error)})
            return
        finally:
            if its is not None:
                its.close()
        self._mine.add(pid)
        if zygote is None or ours is None:
            self._tell({"id": request["id"], "pid": pid})
            return
        known = self._zygotes[zygote] = _Zygote(pid, Lines(ours), request["id"])
        self._selector.register(ours, selectors.EVENT_READ, lambda: self._on_zygote(zygote, known))

    def _fork(self, request: ForkRequest) -> None:
        zygote = self._zygotes.get(request["zygote"])
        if zygote is None:
            self._tell({"id": request["id"], "error": "the process that forks it is gone"})
            return
        zygote.pending.add(request["id"])
        # When it is gone, that is told once its end of the socket pair is read.
        with contextlib.suppress(EOFError):
            zygote.lines.send(request)

    def _on_zygote(self, name: str, zygote: _Zygote) -> None:
        try:
            for message in zygote.lines.read():
                if zygote.starting is not None:
                    self._on_zygote_ready(zygote, cast("Ready", message))
                else:
                    self._on_forked(zygote, cast("Reply", message))
        except EOFError:
            self._selector.unregister(zygote.lines.sock)
            zygote.lines.sock.close()
            if self._zygotes.get(name) is zygote:
                del self._zygotes[name]
            if zygote.starting is not None:
                self._mine.discard(zygote.pid)
                zygote.pending.add(zygote.starting)
            for request in sorted(zygote.pending):
                self._tell({"id": request, "error": "it ended before it answered"})

    def _on_zygote_ready(self, zygote: _Zygote, message: Ready) -> None:
        if zygote.starting is None:
            return
        request, zygote.starting = zygote.starting, None
        error = message.get("error")
        if error is None:
            self._tell({"id": request, "pid": zygote.pid})
        else:
            self._mine.discard(zygote.pid)
            self._tell({"id": request, "error": error})

    def _on_forked(self, zygote: _Zygote, reply: Reply) -> None:
        zygote.pending.discard(reply["id"])
        self._tell(reply)
        pid = reply.get("pid")
        if pid is not None:
            if pid in self._early:
                self._tell({"exit": pid, "code": self._early.pop(pid)})
            else:
                self._mine.add(pid)
        if not any(other.pending for other in self._zygotes.values()):
            self._early.clear()

    def _reap(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            code = os.waitstatus_to_exitcode(status)
            if pid in self._mine:
                self._mine.discard(pid)
                self._tell({"exit": pid, "code": code})
            elif any(zygote.pending for zygote in self._zygotes.values()):
                self._early[pid] = code

    def _signal(self, request: SignalRequest) -> None:
        pid, number = request["pid"], request["number"]
        self._reap()
        if pid in self._mine:
            tree = procfs.descendants(pid) if number in _WHOLE_TREE else []
            try:
                os.killpg(pid, number)
            except (ProcessLookupError, PermissionError):
                leftovers.kill(pid, number)
            for below in tree:
                leftovers.kill(below, number)
            settled = _SETTLED.get(signal.Signals(number))
            if settled is not None:
                tree.append(pid)
                leftovers.insist(
                    number, lambda: [each for each in tree if not settled(each)], self._reap, deadline_s=_SETTLE_S
                )
        self._reap()
        self._tell({"id": request["id"]})


def _end_all() -> None:
    """SIGKILL everything that descends from this process, and reap it."""

    def reap() -> None:
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            return

    leftovers.insist(signal.SIGKILL, lambda: procfs.descendants(os.getpid()), reap)
    reap()


def _guard(supervisor: int, record: leftovers.Record) -> None:
    """Outlive the supervisor by just as long as it takes to clear up after it, should it not have done so."""
    signal.signal(signal.SIGTERM, lambda *_: leftovers.kill(supervisor, signal.SIGTERM))
    os.waitpid(supervisor, 0)
    _end_all()
    leftovers.tidy(record.path)


def main() -> None:
    """Become the guard and the supervisor."""
    control_fd, harness_pid, record_path = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGQUIT):
        signal.signal(number, signal.SIG_IGN)
    become_subreaper()
    guard = os.getpid()
    control = socket.socket(fileno=control_fd)
    control.set_inheritable(False)
    record = leftovers.Record(record_path, f"{guard}-{procfs.started(guard)}")
    record.keep(guard)
    pid = os.fork()
    if pid:
        control.detach()
        os.close(control_fd)
        _guard(pid, record)
        return
    die_with_parent(guard, signal.SIGTERM)
    become_subreaper()
    set_name("supervisor")
    record.keep(os.getpid())
    record.write()
    Lines(control).send({"id": 0, "pid": os.getpid()})
    Supervisor(control, record).run(harness_pid)
    _end_all()
    leftovers.tidy(record.path)


if __name__ == "__main__":
    main()
