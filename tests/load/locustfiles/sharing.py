"""Users who tell in the path which process they are in, who they are, and which account they took."""

from __future__ import annotations

import os

from locust import FastHttpUser, constant, events, task
from locust.argument_parser import LocustArgumentParser
from locust.env import Environment

from harness.load.journey import own_random, share

ACCOUNTS = tuple(range(20))


@events.init_command_line_parser.add_listener  # type: ignore[untyped-decorator]  # Locust's
def _options(parser: LocustArgumentParser) -> None:
    parser.add_argument("--seed", default=None)


class Sharing(FastHttpUser):
    wait_time = constant(0.02)

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        self.random = own_random(environment)

    def on_start(self) -> None:
        self.name = f"{self.random.getrandbits(32):08x}"
        self.accounts = share(ACCOUNTS, self.environment)

    @task
    def take(self) -> None:
        account = self.random.choice(self.accounts)
        self.client.get(f"/good/{os.getpid()}/{self.name}/{account}", name="take")
