"""Locustfiles written for the harness run under the plain `locust` command too."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections import defaultdict
from pathlib import Path

import pytest

from harness.load.journey import own_random, share, wanted, worker_of
from tests.load.conftest import Site

ROOT = Path(__file__).parents[2]
SHARING = ROOT / "tests" / "load" / "locustfiles" / "sharing.py"
LIMIT_S = 60

Seen = list[tuple[str, str, int]]
"""Process, user and account of each request, in order."""


async def locust(site: Site, locustfile: Path, *options: str, requests: int) -> str:
    """What it printed; it runs until the site has seen so many more requests."""
    seen = site.requests.total()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "locust", "-f", str(locustfile), "--host", site.url, "--headless", "--only-summary"),
        *("--spawn-rate", "50", "--run-time", f"{LIMIT_S}s", "--stop-timeout", "5", *options),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output = b""
    try:
        await site.until(seen + requests, LIMIT_S)
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(LIMIT_S):
            output, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
    assert process.returncode == 0, output.decode()
    return output.decode()


async def shared(site: Site, *options: str) -> Seen:
    before = len(site.paths)
    await locust(site, SHARING, *options, requests=60)
    parts = [path.split("/")[2:] for path in site.paths[before:] if path.startswith("/good/")]
    return [(process, user, int(account)) for process, user, account in parts]


@pytest.mark.loopback
async def test_two_workers_of_plain_locust_never_have_the_same_account(site: Site) -> None:
    seen = await shared(site, "--processes", "2", "--users", "6")
    accounts: defaultdict[str, set[int]] = defaultdict(set)
    for process, _, account in seen:
        accounts[process].add(account % 2)
    assert sorted(map(sorted, accounts.values())) == [[0], [1]]


@pytest.mark.loopback
async def test_the_same_seed_gives_each_user_of_plain_locust_the_same_sequence(site: Site) -> None:
    runs: list[dict[str, list[int]]] = []
    for _ in range(2):
        sequences: defaultdict[str, list[int]] = defaultdict(list)
        for _, user, account in await shared(site, "--users", "3", "--seed", "5"):
            sequences[user].append(account)
        runs.append(dict(sequences))
    assert set(runs[0]) == set(runs[1])
    assert len(runs[0]) == 3
    for user, accounts in runs[0].items():
        common = min(len(accounts), len(runs[1][user]))
        assert common > 3
        assert accounts[:common] == runs[1][user][:common]


@pytest.mark.loopback
async def test_the_shops_customers_run_on_two_workers_of_plain_locust(site: Site) -> None:
    shop = ROOT / "loadtests" / "locustfile.py"
    output = await locust(site, shop, "--processes", "2", "--users", "20", "--seed", "1", requests=60)
    assert "Traceback" not in output
    assert sum(count for name, count in site.requests.items() if name.startswith("GET /products/sku-")) >= 3


class Runner:
    def __init__(self, worker_index: int) -> None:
        self.worker_index = worker_index


class Options:
    def __init__(self, expect_workers: int = 1, seed: str | None = None) -> None:
        self.expect_workers = expect_workers
        self.seed = seed


class Environment:
    def __init__(self, runner: object = None, options: object = None) -> None:
        self.runner = runner
        self.parsed_options = options


def worker(index: int, count: int) -> Environment:
    return Environment(Runner(index), Options(expect_workers=count))


def test_each_worker_has_every_nth_item_and_together_they_have_all() -> None:
    shares = [share(range(10), worker(index, 3)) for index in range(3)]
    assert shares == [(0, 3, 6, 9), (1, 4, 7), (2, 5, 8)]
    assert share("abc", Environment()) == ("a", "b", "c")
    assert share([], worker(0, 2)) == ()


def test_a_worker_that_does_not_know_its_number_yet_is_told_when_to_ask() -> None:
    with pytest.raises(RuntimeError, match="expected to be asked in a task, in on_start or in test_start"):
        share(range(10), worker(-1, 2))


def test_more_workers_than_were_told_is_refused_since_they_would_share() -> None:
    with pytest.raises(RuntimeError, match=r"at most 2 workers, found one with number 2; .*--expect-workers"):
        share(range(10), worker(2, 2))


def test_a_worker_for_whom_nothing_is_left_is_told() -> None:
    assert share(range(2), worker(1, 3)) == (1,)
    with pytest.raises(RuntimeError, match="expected an item for each of 3 workers, found 2"):
        share(range(2), worker(2, 3))


def test_what_the_harness_says_counts_before_what_locust_says() -> None:
    environment = worker(0, 1)
    environment.harness_worker = (1, 4)  # type: ignore[attr-defined]  # as the generator does
    assert worker_of(environment) == (1, 4)


def test_users_without_a_seed_differ_and_with_one_they_are_the_same_by_their_number() -> None:
    def drawn(environment: Environment) -> list[float]:
        return [own_random(environment).random() for _ in range(3)]

    assert drawn(Environment(options=Options())) != drawn(Environment(options=Options()))
    seeded = drawn(Environment(options=Options(seed="5")))
    assert seeded == drawn(Environment(options=Options(seed="5")))
    assert len(set(seeded)) == 3
    assert seeded != drawn(Environment(Runner(1), Options(2, seed="5")))


def test_nothing_is_wanted_in_particular_outside_of_a_profile() -> None:
    assert wanted() == {}
