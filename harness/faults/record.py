"""The write-ahead record: what is in force is written down before it is."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from harness.errors import HarnessError
from harness.model.fault import Injection, InstanceTarget

SHOWN_CHARACTERS = 60
"""Of an attribute, where it is shown."""

Step = Literal["arm", "armed", "heal", "healed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Left:
    """An injection of which the record says that it was armed, and not that it was healed."""

    injection: str
    target: str
    """`orders->payments` or `orders-1`."""
    fault: Mapping[str, object]

    def __str__(self) -> str:
        """As it is shown: `orders->payments under latency (delay 2 s)`."""
        attributes = _told({name: value for name, value in self.fault.items() if name != "kind"})
        return f"{self.target} under {self.fault.get('kind')}" + (f" ({attributes})" if attributes else "")


def _told(attributes: Mapping[str, object]) -> str:
    parts = {name: _told(value) if isinstance(value, Mapping) else value for name, value in attributes.items()}
    shown = {name: " ".join(str(value).split()) for name, value in parts.items() if value is not None}
    return ", ".join(
        f"{name} {text if len(text) <= SHOWN_CHARACTERS else f'{text[:SHOWN_CHARACTERS]}…'}"
        for name, text in shown.items()
        if text
    )


class Record:
    """A file of JSON lines that is only ever appended to, each in one unbuffered write."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def left(self) -> tuple[Left, ...]:
        """What was armed and never healed, in its order; whoever was killed while it wrote may have left half a line.

        Nothing when there is no such file.
        """
        try:
            lines = self._path.read_bytes().splitlines()
        except OSError:
            return ()
        found: dict[str, Left] = {}
        for line in lines:
            try:
                step = json.loads(line)
                name, where, what = str(step["injection"]), step["target"], step["fault"]
                if step["step"] == "healed":
                    found.pop(name, None)
                elif step["step"] == "arm":
                    found[name] = Left(injection=name, target=str(where.get("instance") or where["edge"]), fault=what)
            except (ValueError, KeyError, TypeError, AttributeError):
                continue
        return tuple(found.values())

    def close(self, left: Left, t: float, evidence: str) -> None:
        """Write down that what somebody else left is healed; raises HarnessError when that can't be written."""
        line = {"t": t, "step": "healed", "injection": left.injection, "evidence": evidence}
        where = {"instance": left.target} if "->" not in left.target else {"edge": left.target}
        self._write("healed", {**line, "fault": dict(left.fault), "target": where}, before=b"\n")  # after half a line

    def note(self, t: float, step: Step, injection: Injection, evidence: str = "") -> None:
        """Write a step down; returns when the kernel has it, so that it outlives this process.

        Raises:
            HarnessError: when it can't be written; then nothing may be armed.
        """
        target = injection.target
        line = {
            "t": t,
            "step": step,
            "injection": injection.id,
            "fault": {"kind": injection.fault.kind, **injection.fault.model_dump(mode="json")},
            "target": {"instance": str(target)} if isinstance(target, InstanceTarget) else {"edge": target.edge},
            "evidence": evidence,
        }
        self._write(step, line)

    def _write(self, step: Step, line: Mapping[str, object], *, before: bytes = b"") -> None:
        try:
            self._append(before + json.dumps(line, ensure_ascii=False).encode() + b"\n")
        except OSError as error:
            raise HarnessError(
                f"expected to write {step!r} down in {self._path}, found {error.strerror}; make room or give access"
            ) from error

    def _append(self, line: bytes) -> None:
        descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            os.write(descriptor, line)
        finally:
            os.close(descriptor)
