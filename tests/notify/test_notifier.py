"""Who is told what, and that nothing that goes wrong goes further."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from harness.model.notice import MOST_TEXT_CHARS, Notice, Occasion, Told
from harness.model.notifying import Channel, Hidden, Notify, Webhook
from harness.notify import Notifier
from harness.notify.body import as_json
from harness.notify.unsent import Unsent
from tests.notify.made_up import ENDED, STARTS, PatientClock
from tests.notify.receiver import receiver

WEBHOOK = Webhook(url="http://127.0.0.1:9/", secret=Hidden(env="HOOK_SECRET"))
OPERATIONS = Channel(name="operations", webhook=WEBHOOK)


class Heard:
    """A way that remembers, and fails as it is told to."""

    def __init__(self, error: BaseException | None = None) -> None:
        self.notices: list[tuple[str, Notice]] = []
        self._error = error

    async def __call__(self, notice: Notice, channel: Channel) -> int:
        self.notices.append((channel.name, notice))
        if self._error is not None:
            raise self._error
        return 1


def notifier(*channels: Channel, way: Heard, link: str = "", environ: dict[str, str] | None = None) -> Notifier:
    return Notifier(notify=Notify(link=link, to=channels), environ=environ or {}, clock=PatientClock(), way=way)


async def test_every_channel_that_takes_a_notice_is_told() -> None:
    way = Heard()
    ends_only = Channel(name="chat", webhook=WEBHOOK, when=(Occasion.END,))
    both = notifier(OPERATIONS, ends_only, way=way)

    assert await both.tell(STARTS) == (Told(channel="operations", occasion=Occasion.START),)
    assert [each.channel for each in await both.tell(ENDED)] == ["operations", "chat"]


@pytest.mark.parametrize(
    ("of_notice", "of_channel", "told"),
    [((), (), True), ((), ("owners",), True), (("owners",), (), True), (("owners", "on-call"), ("owners",), True),
     (("on-call",), ("owners",), False)],
)  # fmt: skip
async def test_a_channel_takes_what_is_for_the_roles_that_it_reaches(
    of_notice: tuple[str, ...], of_channel: tuple[str, ...], *, told: bool
) -> None:
    way = Heard()
    channel = Channel(name="operations", webhook=WEBHOOK, roles=of_channel)
    await notifier(channel, way=way).tell(replace(ENDED, roles=of_notice))

    assert bool(way.notices) is told


@pytest.mark.parametrize(
    ("error", "why_not", "tries"),
    [
        (Unsent("it answered 503", tries=3), "it answered 503", 3),
        (RuntimeError("https://t0ken@hooks"), "the harness failed (RuntimeError)", 1),
        (TimeoutError(), "it took longer than 20 s", 1),
    ],
)
async def test_what_goes_wrong_is_told_and_goes_no_further(error: Exception, why_not: str, tries: int) -> None:
    (told,) = await notifier(OPERATIONS, way=Heard(error)).tell(ENDED)

    assert (told.why_not, told.tries, told.reached) == (why_not, tries, False)


async def test_a_channel_that_hangs_has_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    class Hangs(Heard):
        async def __call__(self, _notice: Notice, _channel: Channel) -> int:
            await asyncio.Event().wait()
            return 1

    monkeypatch.setattr("harness.notify.notifier.MOST_S", 0.05)
    (told,) = await notifier(OPERATIONS, way=Hangs()).tell(ENDED)

    assert told.why_not == "it took longer than 0.05 s"


async def test_somebody_who_stops_the_run_stops_the_telling() -> None:
    with pytest.raises(asyncio.CancelledError):
        await notifier(OPERATIONS, way=Heard(asyncio.CancelledError())).tell(ENDED)


@pytest.mark.parametrize(
    ("link", "environ", "expected"),
    [
        ("https://reports.example.org/{run}/", {}, "https://reports.example.org/20261120-090000/"),
        ("https://ci.example.org/{env.JOB}", {"JOB": "7"}, "https://ci.example.org/7"),
        ("https://ci.example.org/{env.JOB}", {}, ""),
        ("", {}, ""),
    ],
)
async def test_a_link_is_filled_in_or_left_out(link: str, environ: dict[str, str], expected: str) -> None:
    way = Heard()
    await notifier(OPERATIONS, way=way, link=link, environ=environ).tell(ENDED)

    assert way.notices[0][1].link == expected


async def test_a_link_that_a_notice_has_already_is_kept() -> None:
    way = Heard()
    await notifier(OPERATIONS, way=way, link="https://declared/").tell(replace(ENDED, link="https://own/"))

    assert way.notices[0][1].link == "https://own/"


def test_a_long_text_is_cut() -> None:
    assert len(as_json(replace(ENDED, text="x" * 100_000))) < MOST_TEXT_CHARS + 500


@pytest.mark.parametrize(
    ("told", "words"),
    [
        (Told(channel="chat", occasion=Occasion.END), "chat was told of the end"),
        (
            Told(channel="chat", occasion=Occasion.GUARD, why_not="it answered 503", tries=3),
            "chat was not told of the guard: it answered 503 (3 tries)",
        ),
    ],
)
def test_what_came_of_it_is_told_in_words(told: Told, words: str) -> None:
    assert str(told) == words


@pytest.mark.loopback
async def test_from_a_declaration_to_somebody_who_listens(tmp_path: Path) -> None:
    (tmp_path / "address").write_text("")
    async with receiver() as bank:
        (tmp_path / "address").write_text(bank.url)
        webhook = Webhook(hidden_url=Hidden(file="address"), secret=Hidden(env="HOOK_SECRET"))
        notify = Notify(to=(Channel(name="operations", webhook=webhook),))
        told = await Notifier.of(notify, root=tmp_path, environ={"HOOK_SECRET": "0123456789abcdef"}).tell(ENDED)

    assert [each.reached for each in told] == [True]
    assert len(bank.came) == 1
