"""What can go wrong in a service, as few words as its callers need."""

from __future__ import annotations


class Trouble(Exception):  # noqa: N818 -- the common parent; its children say what kind
    """Anything that a service answers by a problem document."""

    status = 500

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


class Unavailable(Trouble):
    """A provider or a store can't be had now; `sent` tells whether the request may have reached it."""

    status = 503

    def __init__(self, provider: str, why: str, *, sent: bool) -> None:
        super().__init__(f"{provider} is unavailable: {why}")
        self.provider = provider
        self.why = why
        self.sent = sent


class Refused(Trouble):
    """A definite no, with the status that says why; nothing was done."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status


def not_found(what: str) -> Refused:
    """The 404 for something that doesn't exist."""
    return Refused(404, f"there is no {what}")


def conflict(detail: str) -> Refused:
    """The 409 for a command that contradicts what has happened."""
    return Refused(409, detail)
