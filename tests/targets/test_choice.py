from __future__ import annotations

from kit.breaker import Breaker, Rule
from kit.choice import Guide, Line, Place, by_home
from kit.flags import Flags


def line(name: str, *, shut: bool = False) -> Line:
    breaker = Breaker(Rule(calls=1, least=1, reset_s=1000.0))
    if shut:
        ticket = breaker.admit()
        assert ticket is not None
        with ticket:
            ticket.bad()
    return Line(instance=name, url="http://127.0.0.1:9", breaker=breaker)


def place(zone: str = "a", version: str = "1.0.0", *, up: bool = True) -> Place:
    return Place(zone=zone, version=version, up=up)


def guide(places: dict[str, Place], *, share: float | None = None, chance: float = 0.5, zone: str = "a") -> Guide:
    flags = Flags()
    if share is not None:
        flags.take({"pricing-canary": share})
    return Guide(zone=zone, places=lambda _: places, flags=flags, chance=lambda: chance)


ONE, TWO, THREE = line("pricing-1"), line("pricing-2"), line("pricing-3")
CANARY = {"pricing-1": place("a", "1.0.0"), "pricing-2": place("b", "1.1.0")}


def chosen(by: Guide, *ring: Line, tried: tuple[Line, ...] = (), version: str | None = None) -> str:
    return by.choose("pricing", ring, tried, version).instance


def test_without_a_directory_the_ring_decides() -> None:
    assert chosen(Guide(), TWO, ONE) == "pricing-2"
    assert chosen(Guide(), TWO, ONE, tried=(TWO,)) == "pricing-1"


def test_an_instance_that_is_down_is_left_out_while_another_is_up() -> None:
    by = guide({"pricing-1": place(up=False), "pricing-2": place(zone="b")})
    assert chosen(by, ONE, TWO) == "pricing-2"


def test_when_all_are_down_they_are_asked_all_the_same() -> None:
    by = guide({"pricing-1": place(up=False), "pricing-2": place(up=False)})
    assert chosen(by, ONE, TWO) == "pricing-1"
    assert chosen(by, ONE, TWO, tried=(ONE,)) == "pricing-2"


def test_the_own_zone_comes_first_among_the_healthy() -> None:
    by = guide({"pricing-1": place("a"), "pricing-2": place("b")}, zone="b")
    assert chosen(by, ONE, TWO) == "pricing-2"
    assert chosen(by, ONE, line("pricing-2", shut=True)) == "pricing-1"


def test_an_instance_whose_breaker_is_open_is_left_out_whatever_the_directory_says() -> None:
    by = guide({"pricing-1": place(up=False), "pricing-2": place()})
    assert chosen(by, ONE, line("pricing-2", shut=True)) == "pricing-1"


def test_an_instance_that_the_directory_does_not_know_is_used_when_no_known_one_is_better() -> None:
    by = guide({"pricing-1": place(up=False)})
    assert chosen(by, ONE, THREE) == "pricing-3"


def test_an_instance_that_the_directory_does_not_know_gets_nothing_while_a_known_one_is_up_in_whatever_zone() -> None:
    by = guide({"pricing-1": place("a")}, zone="b")
    assert chosen(by, THREE, ONE) == "pricing-1"
    assert chosen(by, THREE, ONE, tried=(ONE,)) == "pricing-3"


def test_the_canary_serves_its_share_of_the_subjects_and_always_the_same_ones() -> None:
    by = guide(CANARY, share=0.1)
    subjects = [f"customer-{number}" for number in range(2000)]
    versions = [by.version("pricing", subject) for subject in subjects]
    assert versions == [by.version("pricing", subject) for subject in subjects]
    assert 140 <= versions.count("1.1.0") <= 260
    assert versions.count("1.0.0") + versions.count("1.1.0") == 2000


def test_a_call_about_nobody_falls_to_the_canary_by_chance() -> None:
    assert guide(CANARY, share=0.1, chance=0.05).version("pricing", None) == "1.1.0"
    assert guide(CANARY, share=0.1, chance=0.15).version("pricing", None) == "1.0.0"


def test_no_canary_when_it_is_down_or_the_flag_is_unknown_or_nothing() -> None:
    down = {"pricing-1": place(), "pricing-2": place(version="1.1.0", up=False)}
    assert guide(down, share=1.0).version("pricing", "customer-1") is None
    assert guide(CANARY).version("pricing", "customer-1") is None
    assert guide(CANARY, share=0.0).version("pricing", "customer-1") == "1.0.0"
    assert chosen(guide(down, share=1.0), TWO, ONE) == "pricing-1"


def test_the_version_comes_before_the_zone_but_after_health() -> None:
    by = guide(CANARY, zone="b")
    assert chosen(by, TWO, ONE, version="1.0.0") == "pricing-1"
    assert chosen(by, TWO, line("pricing-1", shut=True), version="1.0.0") == "pricing-2"


def test_the_newest_version_is_told_by_its_numbers() -> None:
    places = {"pricing-1": place(version="1.9.0"), "pricing-2": place(version="1.10.0")}
    assert guide(places, share=1.0).version("pricing", "customer-1") == "1.10.0"


def test_a_home_is_an_instance_that_losing_another_one_does_not_change() -> None:
    homes = {f"customer-{number}" for number in range(300)}
    first = {home: by_home([ONE, TWO, THREE], home)[0] for home in homes}
    assert {each.instance for each in first.values()} == {"pricing-1", "pricing-2", "pricing-3"}
    for home, chosen_line in first.items():
        assert by_home([THREE, ONE, TWO], home)[0] is chosen_line
        if chosen_line is not TWO:
            assert by_home([ONE, THREE], home)[0] is chosen_line


def test_home_comes_before_the_zone_but_after_health() -> None:
    by = guide({"pricing-1": place("a"), "pricing-2": place("b")}, zone="a")
    assert by.choose("pricing", [TWO, ONE], (), None, near=False) is TWO
    down = guide({"pricing-1": place("a"), "pricing-2": place("b", up=False)}, zone="a")
    assert down.choose("pricing", [TWO, ONE], (), None, near=False) is ONE
