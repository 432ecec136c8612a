"""A HAR as browsers write it, as far as journeys need it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from harness.errors import DeclarationError, Place, Problem

FILE_LIMIT_BYTES = 64 << 20


class Recorded(BaseModel):
    """What a recording says, as far as journeys need it."""

    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True)


class Pair(Recorded):
    """A header, or a field of a form."""

    name: str
    value: str = ""


class Posted(Recorded):
    """The body of a request."""

    kind: Annotated[str, Field(alias="mimeType")] = ""
    text: str = ""
    params: tuple[Pair, ...] = ()


class Content(Recorded):
    """The body of an answer."""

    kind: Annotated[str, Field(alias="mimeType")] = ""
    text: str = ""
    encoding: str = ""


class Request(Recorded):
    """What was asked."""

    method: str
    url: str
    headers: tuple[Pair, ...] = ()
    posted: Annotated[Posted | None, Field(alias="postData")] = None


class Response(Recorded):
    """What came."""

    status: int = 0
    headers: tuple[Pair, ...] = ()
    content: Content = Content()


class Entry(Recorded):
    """A request and its answer."""

    request: Request
    response: Response = Response()


class Log(Recorded):
    """All of them, in their order."""

    entries: tuple[Entry, ...]


class Har(Recorded):
    """The whole file."""

    log: Log


def read_har(file: Path) -> Har:
    """Read a HAR; raises DeclarationError."""
    try:
        if file.stat().st_size > FILE_LIMIT_BYTES:
            raise wrong(file, f"it is larger than {FILE_LIMIT_BYTES >> 20} MiB", "record less")
        return Har.model_validate(json.loads(file.read_bytes()))
    except OSError as error:
        raise wrong(file, f"can't be read: {error.strerror}", "check the path") from error
    except json.JSONDecodeError as error:
        place = Place(file=str(file), line=error.lineno, column=error.colno)
        problem = Problem(place=place, message=f"is not JSON: {error.msg}", remedy="save the recording again as HAR")
        raise DeclarationError([problem]) from error
    except (UnicodeDecodeError, RecursionError) as error:
        raise wrong(file, "is not JSON", "save the recording again as HAR") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise wrong(file, f"is no HAR: {where}: {first['msg']}", "save the recording again as HAR") from error


def wrong(file: Path, message: str, remedy: str) -> DeclarationError:
    """What is wrong with a recording as a whole."""
    return DeclarationError([Problem(place=Place(file=str(file)), message=message, remedy=remedy)])
