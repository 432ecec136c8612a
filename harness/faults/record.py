"""The write-ahead record: what is in force is written down before it is."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Literal

from harness.errors import HarnessError
from harness.model.fault import Injection, InstanceTarget

Step = Literal["arm", "armed", "heal", "healed"]


class Record:
    """A file of JSON lines that is only ever appended to, each in one unbuffered write."""

    def __init__(self, path: Path) -> None:
        self._path = path

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
        try:
            self._append(json.dumps(line, ensure_ascii=False).encode() + b"\n")
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
