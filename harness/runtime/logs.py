"""Where the logs of a run are, and the end of one, for messages."""

from __future__ import annotations

from pathlib import Path

LOGS = "logs"
"""In the run's directory."""
LINES = 15
TAIL_BYTES = 16_384


def last_lines(log: Path, count: int = LINES) -> str:
    """The last lines of a file, indented; says so when there are none."""
    try:
        with log.open("rb") as file:
            file.seek(0, 2)
            file.seek(max(0, file.tell() - TAIL_BYTES))
            text = file.read().decode(errors="replace")
    except OSError:
        text = ""
    lines = text.strip().splitlines()[-count:]
    return "\n".join(f"  {line}" for line in lines) if lines else "  (it wrote nothing)"
