"""Many changes in few answers, and back to the least that breaks."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from harness.contracts.generate.bundles import bundles, hides, least
from harness.model.changes import Act, Change, Path, Twist, applied


def change(*path: str | None, act: Act = Act.REMOVE, twist: Twist = Twist.ABSENT) -> Change:
    return Change(act=act, path=path, twist=twist)


PATHS: st.SearchStrategy[Path] = st.lists(st.sampled_from(["a", "b", None]), min_size=1, max_size=3).map(tuple)


@settings(deadline=None)
@given(st.lists(st.builds(lambda path: change(*path), PATHS), unique_by=lambda each: each.path))
def test_each_change_is_in_one_answer_and_hides_no_other_there(changes: list[Change]) -> None:
    found = bundles(changes)
    assert sorted(map(str, changes)) == sorted(str(each) for bundle in found for each in bundle)
    for bundle in found:
        assert not any(hides(one, other) for one in bundle for other in bundle if one is not other)


@settings(deadline=None)
@given(st.integers(1, 12), st.data())
async def test_the_least_is_what_it_takes(count: int, data: st.DataObject) -> None:
    changes = [change(str(number)) for number in range(count)]
    culprits = data.draw(st.sets(st.integers(0, count - 1), min_size=1, max_size=3))
    wanted = {str(changes[number]) for number in culprits}

    async def breaks(some: Sequence[Change]) -> bool:
        return wanted <= {str(each) for each in some}

    assert {str(each) for each in await least(changes, breaks)} == wanted


def test_changes_meet_every_element_and_leave_the_given_document_alone() -> None:
    document = {"items": [{"a": 1, "b": 2}, {"b": 3}, 4], "more": {"b": 1}}
    changed, met = applied(document, [change("items", None, "a"), change("nowhere", None, "a")])
    assert changed == {"items": [{"b": 2}, {"b": 3}, 4], "more": {"b": 1}}
    assert met == 1
    assert document["items"] == [{"a": 1, "b": 2}, {"b": 3}, 4]


def test_the_order_of_members_and_of_elements_is_turned_round() -> None:
    turned = [change(act=Act.REVERSE, twist=Twist.ORDER), change("a", act=Act.REVERSE, twist=Twist.ORDER)]
    changed, met = applied({"a": [1, 2], "b": 1}, turned)
    assert met == 2
    assert isinstance(changed, dict)
    assert [*changed.items()] == [("b", 1), ("a", [2, 1])]
