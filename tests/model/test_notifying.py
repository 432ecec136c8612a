"""`notify:` as it is written: what is understood, and what is refused at its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.declare.validate import validated
from harness.declare.yaml import read_yaml
from harness.errors import DeclarationError
from harness.model.notice import Occasion
from harness.model.notifying import Notify

WHOLE = """
link: https://reports.example.org/{run}/report.html?job={env.JOB}
to:
  - name: operations
    webhook: {url: 'https://hooks.example.org/chaos', secret: {env: HOOK_SECRET}}
  - name: chat
    apprise: {file: apprise.urls}
    when: [guard, end]
    roles: [owners]
"""


def read(tmp_path: Path, text: str) -> Notify:
    (tmp_path / "notify.yaml").write_text(text)
    return validated(read_yaml(tmp_path / "notify.yaml"), Notify)


def test_a_channel_hears_of_everything_unless_it_is_said_otherwise(tmp_path: Path) -> None:
    operations, chat = read(tmp_path, WHOLE).to

    assert operations.when == (Occasion.START, Occasion.GUARD, Occasion.END)
    assert chat.when == (Occasion.GUARD, Occasion.END)


@pytest.mark.parametrize(
    ("before", "after", "place", "message"),
    [
        ("{env: HOOK_SECRET}", "hunter2", "5:63", "what is secret never stands here; say where it is"),
        ("{env: HOOK_SECRET}", "{}", "5:63", "expected either 'env' or 'file'"),
        ("{env: HOOK_SECRET}", "{env: A, file: b}", "5:63", "expected either 'env' or 'file'"),
        (", secret: {env: HOOK_SECRET}", "", "5:14", "'secret' is missing"),
        ("https://hooks", "https://me:pw@hooks", "5:20", "holds no name and no password"),
        ("https://hooks", "hooks", "5:20", "expected an address as"),
        ("example.org/chaos", "example.org:99999/chaos", "5:20", "expected an address as"),
        ("/chaos'", "/chaos?token=1'", "5:20", "may hold a secret; give it as hidden_url"),
        ("url: 'https://hooks.example.org/chaos', ", "", "5:14", "expected either 'url' or 'hidden_url'"),
        ("apprise: {file: apprise.urls}", "apprise: 'mailto://me:pw@x'", "7:14", "what is secret never stands here"),
        ("    apprise: {file: apprise.urls}\n", "", "6:5", "expected either 'webhook' or 'apprise'"),
        ("name: chat", "name: operations", "2:1", "the channel 'operations' stands here twice"),
        ("[guard, end]", "[finish]", "8:11", "expected start, guard or end, found 'finish'"),
        ("[guard, end]", "[trial]", "8:11", "expected start, guard or end, found 'trial'"),
        ("[guard, end]", "[]", "8:11", "at least 1 item"),
        ("{run}", "{week}", "2:7", "{week} can't stand in a link; expected {run} or {env.NAME}"),
        ("    roles:", "    role:", "9:5", "unknown key 'role'"),
    ],
)
def test_what_makes_no_sense_is_refused_at_its_place(
    tmp_path: Path, before: str, after: str, place: str, message: str
) -> None:
    assert before in WHOLE
    with pytest.raises(DeclarationError) as refused:
        read(tmp_path, WHOLE.replace(before, after))

    assert message in str(refused.value)
    assert f"notify.yaml:{place}:" in str(refused.value)


@pytest.mark.parametrize("secret", ["hunter2", "me:pw", "token=1"])
def test_a_secret_that_stands_there_by_mistake_is_not_repeated(tmp_path: Path, secret: str) -> None:
    by_mistake = {
        "hunter2": WHOLE.replace("{env: HOOK_SECRET}", "hunter2"),
        "me:pw": WHOLE.replace("https://hooks", "https://me:pw@hooks"),
        "token=1": WHOLE.replace("/chaos'", "/chaos?token=1'"),
    }
    with pytest.raises(DeclarationError) as refused:
        read(tmp_path, by_mistake[secret])

    assert secret not in str(refused.value)
