"""Users who wait between two journeys as their class says."""

from __future__ import annotations

import random

from locust import FastHttpUser, constant, task

from harness.load.journey import operation, share, wanted

ACCOUNTS = tuple(range(10))


class Waiting(FastHttpUser):
    random: random.Random

    wait_time = constant(0.2)

    @task(3)
    def look(self) -> None:
        self.client.get("/good")

    @task
    def order(self) -> None:
        with operation("order", f"{self.random.getrandbits(64):016x}") as op:
            if self.client.post("/good", json={}).status_code == 200:
                op.ok(shared=len(share(ACCOUNTS, self.environment)), wanted=dict(wanted()))


class Impatient(FastHttpUser):
    wait_time = constant(0.03)

    @task
    def hurry(self) -> None:
        self.client.get("/good")
