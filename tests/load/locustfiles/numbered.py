"""Journeys that can be told apart: each keeps what its customer drew first."""

from __future__ import annotations

from typing import Any

from locust import FastHttpUser, task

from harness.load.journey import operation


class Somebody(FastHttpUser):
    random: Any

    @task
    def numbered(self) -> None:
        with operation("numbered", str(self.random.getrandbits(64))) as op:
            self.client.get("/good")
            op.ok()
