"""A generator imports Locust's web pages when they are asked for, and has them then."""

from __future__ import annotations

import subprocess
import sys

LIMIT_S = 60
LATER = """
import sys
from gevent import monkey
monkey.patch_all()
from harness.load.pages_later import put_off
put_off()
import locust
from locust.env import Environment
environment = Environment()
assert "flask" not in sys.modules
"""
USES = {
    "a locustfile that imports it": "from locust.web import logger",
    "one that goes through the package": "locust.web.logger",
    "whoever shows them": "environment.create_web_ui('127.0.0.1', 0, delayed_start=True).app.route",
}
THEN = """
assert "flask" in sys.modules
import locust.web, locust.env
assert isinstance(locust.web.WebUI, type)
assert locust.env.WebUI is locust.web.WebUI
"""


def test_whoever_wants_them_has_them() -> None:
    users = {
        who: subprocess.Popen([sys.executable, "-c", f"{LATER}\n{use}\n{THEN}"], stderr=subprocess.PIPE)
        for who, use in USES.items()
    }
    found = {
        who: (process.communicate(timeout=LIMIT_S)[1].decode(), process.returncode) for who, process in users.items()
    }
    assert found == dict.fromkeys(USES, ("", 0))
