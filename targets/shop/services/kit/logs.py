"""Logs as JSON, one line each, on standard error."""

from __future__ import annotations

import datetime as dt
import json
import logging
import re
import sys

from kit import trace

_SECRETS = (
    (re.compile(r"eyJ[\w-]+\.[\w-]+(?:\.[\w-]*)?"), "***"),
    (re.compile(r"\btok-[a-z0-9-]+"), "tok-***"),
    (re.compile(r"(?i)\b(bearer|basic)\s+[^\s,;'\"]+"), r"\1 ***"),
    (re.compile(r"://[^\s/@]+@"), "://***@"),
    (
        re.compile(
            r"(?i)([\w-]*(?:password|secret|token|authorization|on-behalf-of)[\w-]*['\"]?\s*[:=]\s*)"
            r"(?!(?:bearer|basic)\b)(['\"]?)[^\s,;'\"}]+"
        ),
        r"\1\2***",
    ),
)
"""What must never stand in a log: tokens, card tokens, credentials in headers and addresses, and what is called so."""


def redacted(text: str) -> str:
    """The text without secrets."""
    for pattern, instead in _SECRETS:
        text = pattern.sub(instead, text)
    return text


class JsonLines(logging.Formatter):
    """One JSON object a line: time, level, who, where, message, its trace, and the exception if there is one."""

    def __init__(self, service: str, instance: str) -> None:
        super().__init__()
        self._who = {"service": service, "instance": instance}

    def format(self, record: logging.LogRecord) -> str:
        """See the class."""
        line: dict[str, object] = {
            "time": dt.datetime.fromtimestamp(record.created, tz=dt.UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            **self._who,
            "logger": record.name,
            "message": redacted(record.getMessage()),
        }
        span = trace.current()
        if span is not None:
            line |= {"trace_id": span.trace_id, "span_id": span.span_id}
        if record.exc_info:
            line["exception"] = redacted(self.formatException(record.exc_info))
        return json.dumps(line)


def log_to_stderr(service: str, instance: str, level: int = logging.INFO) -> None:
    """Send every log record of this process to standard error as JSON."""
    stream = logging.StreamHandler(sys.stderr)
    stream.setFormatter(JsonLines(service, instance))
    root = logging.getLogger()
    root.handlers[:] = [stream]
    root.setLevel(level)
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
    logging.getLogger("nats").setLevel(logging.CRITICAL)
