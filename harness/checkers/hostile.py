"""What the answer to a hostile request gives away."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator

from pydantic import JsonValue

from harness.model.fuzzing import HostileCheck
from harness.model.hostile import Suspicion, Trial
from harness.model.request import Answer

SHOWN_CHARS = 300
SAME_SHARE = 0.8
"""Of values that two answers share when they tell of the same thing; times and versions may differ."""
_SERVER_ERROR = 500
_UNAVAILABLE = 503
_REDIRECTS = range(300, 400)
_TOO_MANY = 429
_STACK = re.compile(
    r'Traceback \(most recent call last\)|File "[^"]+\.py", line \d+'
    r"|\bat [\w.$]+\(\w+\.java:\d+\)|\.go:\d+ \+0x"
)
_DATABASE = re.compile(
    r"SQLSTATE|syntax error at or near|sqlite3\.\w*Error|unrecognized token: |asyncpg\.exceptions|psycopg2?\.errors"
    r"|You have an error in your SQL syntax|ORA-\d{5}"
)
_INSIDES = (("a stack trace", _STACK), ("what the database said", _DATABASE))
_GRANTED = {
    HostileCheck.OVERSIZE: "what is far too long is taken",
    HostileCheck.NO_TOKEN: "who proves nothing is let in",
    HostileCheck.WRONG_METHOD: "a method that is not declared is done",
}
"""What it means that a request is granted which must be refused."""


def undecided(*answers: Answer | None) -> bool:
    """Whether nothing can be told, since the service asked for patience."""
    return any(answer is not None and answer.status in {_TOO_MANY, _UNAVAILABLE} for answer in answers)


def counts(suspicion: Suspicion) -> bool:
    """Whether once is enough; what is told from a difference must be seen twice."""
    return suspicion.check in {HostileCheck.SURVIVES, HostileCheck.INSIDE}


def judge(trial: Trial, hostile: Answer, twin: Answer | None, control: Answer | None) -> Suspicion | None:
    """None when the answer is as it should be; `twin` and `control` are None when they were not asked."""
    general = _broken(hostile) or _tells(hostile)
    if general is not None:
        return general
    title = _titled(trial, hostile, twin, control)
    return None if title is None else _suspicion(trial.check, title, hostile, twin)


def _titled(trial: Trial, hostile: Answer, twin: Answer | None, control: Answer | None) -> str | None:
    if trial.check in _GRANTED:
        return _GRANTED[trial.check] if hostile.fine else None
    match trial.check:
        case HostileCheck.SCRIPT:
            return "a script comes back and runs" if _runs(trial.needle, hostile) else None
        case HostileCheck.TAUTOLOGY:
            return _more_than_honest(hostile, twin, control)
        case HostileCheck.ANOTHER:
            return _of_another(hostile, twin)
        case HostileCheck.TRUSTED_HEADER:
            return _believed(trial, hostile, twin, control)
        case _:
            return None


def _broken(answer: Answer) -> Suspicion | None:
    declared_unavailable = answer.status == _UNAVAILABLE and answer.header("Retry-After")
    if answer.status >= _SERVER_ERROR and not declared_unavailable:
        return _suspicion(HostileCheck.SURVIVES, "hostile input makes a server error", answer)
    if answer.trouble.startswith("no answer within"):
        return _suspicion(HostileCheck.SURVIVES, "hostile input is never answered", answer)
    return None


def _tells(answer: Answer) -> Suspicion | None:
    text = answer.body.decode("utf-8", "replace")
    for what, pattern in _INSIDES:
        if pattern.search(text):
            return _suspicion(HostileCheck.INSIDE, f"the answer shows {what}", answer)
    return None


def _runs(needle: str, answer: Answer) -> bool:
    page = "html" in answer.header("Content-Type").lower()
    return page and needle in answer.body.decode("utf-8", "replace")


def _more_than_honest(hostile: Answer, twin: Answer | None, control: Answer | None) -> str | None:
    if twin is None or not _more(hostile, twin) or (control is not None and not _more(hostile, control)):
        return None
    return "a condition that is always true finds more than one that never is"


def _more(one: Answer, other: Answer) -> bool:
    if one.fine != other.fine:
        return one.fine
    return one.fine and _size(one) > _size(other)


def _size(answer: Answer) -> int:
    return sum(leaves(answer.body).values())


def _of_another(hostile: Answer, twin: Answer | None) -> str | None:
    if not hostile.fine:
        return None
    if twin is None:
        return "another customer may change it"
    same = twin.fine and _telling(twin) and likeness(hostile, twin) >= SAME_SHARE
    return "another customer gets what is not his" if same else None


def _telling(answer: Answer) -> bool:
    """Whether there is anything in an answer that could be somebody's."""
    return any(value not in {"null", "true", "false"} for _, value in leaves(answer.body))


def _believed(trial: Trial, hostile: Answer, twin: Answer | None, control: Answer | None) -> str | None:
    if trial.needle:
        headers = " ".join(value for _, value in hostile.headers)
        shown = hostile.fine or hostile.status in _REDIRECTS
        told = trial.needle in headers or trial.needle.encode() in hostile.body
        return "a host named from outside comes back in the answer" if shown and told else None
    if twin is None:
        return None
    if trial.control is None:
        return "a header from outside lets one in" if hostile.fine and not twin.fine else None
    if not twin.fine:
        return None
    usual = 1.0 if control is None else likeness(control, twin)
    changed = not hostile.fine or likeness(hostile, twin) < usual
    return "a header from outside changes the answer" if changed else None


def likeness(one: Answer, other: Answer) -> float:
    """The share of values that two answers have in common."""
    ours, theirs = leaves(one.body), leaves(other.body)
    total = max(sum(ours.values()), sum(theirs.values()))
    return sum((ours & theirs).values()) / total if total else 1.0


def leaves(body: bytes) -> Counter[tuple[str, str]]:
    """Each plain value of a document with the name of its member; of another body, the whole as one."""
    try:
        document: JsonValue = json.loads(body)
    except (ValueError, RecursionError):
        return Counter({("", body.decode("utf-8", "replace")): 1}) if body else Counter()
    return Counter(_plain(document))


def _plain(document: JsonValue) -> Iterator[tuple[str, str]]:
    waiting: list[tuple[str, JsonValue]] = [("", document)]
    while waiting:
        name, node = waiting.pop()
        match node:
            case dict():
                waiting += node.items()
            case list():
                waiting += [(name, each) for each in node]
            case _:
                yield name, json.dumps(node)


def _suspicion(check: HostileCheck, title: str, answer: Answer, twin: Answer | None = None) -> Suspicion:
    told = [f"answer {_shown(answer)}"]
    if twin is not None:
        told.append(f"its honest twin {_shown(twin)}")
    return Suspicion(check=check, title=title, status=answer.status, body=answer.body, told=tuple(told))


def _shown(answer: Answer) -> str:
    if answer.status == 0:
        return f"none: {answer.trouble}"
    body = answer.body.decode("utf-8", "replace")
    return f"{answer.status}: {body[:SHOWN_CHARS]}" + ("…" if len(body) > SHOWN_CHARS else "")
