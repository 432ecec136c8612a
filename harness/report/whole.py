"""A file that is there whole, or as it was before."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path


def put(path: Path, content: str | bytes) -> Path:
    """Write the file, text as UTF-8, at once: on a full disk an earlier one stays, and no half of the new one.

    Raises:
        OSError: when it can't be written; it names this file.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.new")
    try:
        fresh.write_bytes(content.encode() if isinstance(content, str) else content)
        fresh.replace(path)
    except OSError as error:
        with suppress(OSError):
            fresh.unlink()
        raise OSError(error.errno, error.strerror, str(path)) from error
    return path
