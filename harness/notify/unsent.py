"""That a notice could not be sent, and why, without anything secret."""

from __future__ import annotations


class Unsent(Exception):  # noqa: N818 -- it ends in a notice's `Told`, never in somebody's error
    """`why` is written down and shown, so it is made here and never holds what others said."""

    def __init__(self, why: str, *, tries: int = 1) -> None:
        self.why = why
        self.tries = tries
        super().__init__(why)
