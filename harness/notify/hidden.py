"""Reading what is secret from where the description says it is, when it is needed and not before."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from harness.model.notifying import Hidden
from harness.notify.unsent import Unsent

MOST_SECRET_BYTES = 8192


@dataclass(frozen=True, slots=True, kw_only=True)
class Keeper:
    """Knows the environment, and where the files of a description are."""

    root: Path
    environ: Mapping[str, str] = field(repr=False)

    def read(self, hidden: Hidden) -> str:
        """What is kept there, without blanks around it; raises Unsent when it is not to be had."""
        text = self.environ.get(hidden.env, "") if hidden.env is not None else self._in_file(hidden)
        if not text.strip():
            raise Unsent(f"{hidden} is not set" if hidden.env is not None else f"{hidden} is empty")
        return text.strip()

    def _in_file(self, hidden: Hidden) -> str:
        path = self.root / (hidden.file or "")
        if path.exists() and not path.is_file():  # reading a pipe may last for ever
            raise Unsent(f"{hidden} is no file")
        try:
            with path.open("rb") as file:
                found = file.read(MOST_SECRET_BYTES + 1)
            text = found.decode()
        except OSError as error:
            raise Unsent(f"{hidden} can't be read: {error.strerror}") from error
        except UnicodeDecodeError:
            raise Unsent(f"{hidden} holds no text") from None
        if len(found) > MOST_SECRET_BYTES:
            raise Unsent(f"{hidden} holds more than {MOST_SECRET_BYTES} bytes, so it is no secret of ours")
        return text
