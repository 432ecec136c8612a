"""Telling people of a game day while it goes on, and writing down whom it reached."""

from __future__ import annotations

from dataclasses import dataclass, field

from harness.clock import Clock
from harness.engine.gameday_journal import Diary
from harness.engine.gameday_journal import Told as Entry
from harness.engine.session import Say
from harness.engine.told_run import Tell, Telling
from harness.model.gameday import GameDay
from harness.model.notice import Notice, Occasion, Told
from harness.model.verdict import Verdict


@dataclass(slots=True, kw_only=True)
class GameDayTelling:
    """The notices of one run of a game day; the game day waits for none of them."""

    tells: Tell | None
    """None when nobody is to be told."""
    gameday: GameDay
    system: str
    run: str
    clock: Clock
    diary: Diary
    say: Say
    _telling: Telling | None = field(default=None, init=False)

    def tell(self, occasion: Occasion, text: str, verdict: Verdict | None = None, code: int | None = None) -> None:
        """Begin to tell people."""
        if self.tells is None:
            return
        self._telling = self._telling or Telling(self.tells, self._heard)
        self._telling.tell(
            Notice(
                occasion=occasion,
                system=self.system,
                run=self.run,
                title=f"the game day '{self.gameday.name}'",
                roles=tuple(self.gameday.roles),
                text=text,
                wall=self._wall(),
                verdict=verdict,
                exit_code=code,
            )
        )

    async def over(self) -> None:
        """Everything was told, or could not be."""
        if self._telling is not None:
            await self._telling.over()

    def _heard(self, told: Told) -> None:
        """That it reached nobody is written down, and stops nothing."""
        self.diary.write(Entry(wall=self._wall(), message=str(told)))
        self.say(str(told) if told.reached else f"notify: {told}")

    def _wall(self) -> str:
        return self.clock.wall().isoformat(timespec="seconds")
