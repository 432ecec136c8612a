"""A first description of a system, from what there is: a compose file, a Procfile, OpenAPI documents, or answers."""

from harness.declare.starting.compose import from_compose
from harness.declare.starting.draft import Draft
from harness.declare.starting.openapi import from_openapi
from harness.declare.starting.procfile import from_procfile
from harness.declare.starting.questions import Answers, from_answers
from harness.declare.starting.source import Source, source_of
from harness.declare.starting.writing import already_there, write, written

__all__ = [
    "Answers",
    "Draft",
    "Source",
    "already_there",
    "from_answers",
    "from_compose",
    "from_openapi",
    "from_procfile",
    "source_of",
    "write",
    "written",
]
