"""Writes the OpenAPI document of every service to `contracts/openapi/`: `python targets/shop/export_openapi.py`."""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
SERVICES = tuple(sorted(file.parent.name for file in (HERE / "services").glob("*/app.py")))
DIRECTORY = HERE.parents[1] / "contracts" / "openapi"


def document(service: str) -> str:
    """The document of one service as text; nothing is started for it."""
    if str(HERE / "services") not in sys.path:
        sys.path.insert(0, str(HERE / "services"))
    settings = importlib.import_module("kit.settings").Settings(service=service)
    app = importlib.import_module(f"{service}.app").create(settings)
    return json.dumps(app.openapi(), indent=2, sort_keys=True) + "\n"


def main() -> None:
    """Write all documents."""
    DIRECTORY.mkdir(parents=True, exist_ok=True)
    for service in SERVICES:
        (DIRECTORY / f"{service}.json").write_text(document(service), encoding="utf-8")


if __name__ == "__main__":
    main()
