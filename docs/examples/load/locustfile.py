"""One journey: somebody opens the front page."""  # noqa: INP001 -- a file of a user's, no package

from __future__ import annotations

from locust import FastHttpUser, task


class Visitor(FastHttpUser):
    """Somebody who looks in."""

    @task
    def look_in(self) -> None:
        """Open the front page."""
        self.client.get("/")
