"""Journeys for the driver's tests: each asks one kind of answer."""

from __future__ import annotations

from locust import FastHttpUser, HttpUser, task

from harness.load.journey import newcomer, operation


class Somebody(FastHttpUser):
    @task
    def good(self) -> None:
        self.client.get("/good")

    @task
    def degraded_page(self) -> None:
        self.client.get("/degraded")

    @task
    def remembered(self) -> None:
        self.client.get("/good" if newcomer() else "/degraded")

    @task
    def unavailable(self) -> None:
        self.client.get("/unavailable")

    @task
    def broken(self) -> None:
        self.client.get("/broken")

    @task
    def cut(self) -> None:
        self.client.get("/cut")

    @task
    def short(self) -> None:
        self.client.get("/short")

    @task
    def hang(self) -> None:
        self.client.get("/hang")

    @task
    def trickle(self) -> None:
        self.client.get("/trickle")

    @task
    def wrong(self) -> None:
        with self.client.get("/good", catch_response=True) as answer:
            answer.failure("wrong data")

    @task
    def raises(self) -> None:
        self.client.get("/good")
        raise KeyError("price")

    @task
    def command(self) -> None:
        with operation("command", "key") as op:
            answer = self.client.post("/good", json={})
            if answer.status_code == 200:
                op.ok(status=answer.status_code)

    @task
    def lost_command(self) -> None:
        with operation("lost", "key") as op:
            if self.client.post("/hang", json={}).status_code:
                op.ok()


class Requester(HttpUser):
    @task
    def requested(self) -> None:
        self.client.get("/good")

    @task
    def requested_cut(self) -> None:
        self.client.get("/cut")

    @task
    def requested_trickle(self) -> None:
        self.client.get("/trickle")
