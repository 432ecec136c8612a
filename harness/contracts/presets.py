"""What a framework does by itself, for every operation alike: told, but no finding."""

from __future__ import annotations

from harness.contracts.causes import Cause
from harness.model.fuzzing import Preset

_UNREADABLE = "There was an error parsing the body"
_LAX = "Incorrect type"


def excused(cause: Cause, preset: Preset | None) -> bool:
    """Whether the framework did it, not the service."""
    if preset is not Preset.FASTAPI:
        return False
    told = "\n".join(cause.told)
    if cause.key.check == "status_code_conformance":
        return cause.key.status == 400 and _UNREADABLE in told  # noqa: PLR2004 -- what FastAPI answers then
    # Pydantic takes "1" and true for 1; a value out of its bounds or a field too few is not excused.
    return cause.key.check == "negative_data_rejection" and _LAX in told
