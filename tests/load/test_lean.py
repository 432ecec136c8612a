"""What a lean client sends and keeps is what geventhttpclient sends and keeps."""

from __future__ import annotations

import subprocess
import sys
from types import SimpleNamespace
from typing import Any

import pytest
from geventhttpclient.client import HTTPClient
from geventhttpclient.header import Headers
from geventhttpclient.url import URL
from geventhttpclient.useragent import CompatRequest
from hypothesis import given
from hypothesis import strategies as st

from harness.load.lean import KnownUrl, LeanClient, LeanHeaders, QuietJar, known_url

NAMES = st.sampled_from(["Accept", "accept", "Host", "X-A", "x-a", "Content-Length", "User-Agent", "baggage"])
VALUES = st.text(st.sampled_from("ab 1,;\xe9"), max_size=6) | st.integers(0, 9) | st.lists(st.just("v"), max_size=2)


def both(method: str, target: str, headers: dict[str, Any], body: bytes) -> tuple[str, str]:
    own, other = LeanClient("127.0.0.1", 8000), HTTPClient("127.0.0.1", 8000)
    merged = LeanHeaders()
    merged.update(own.default_headers)
    merged.update(headers)
    return own._head(method, target, merged, len(body)), other._build_request(method, target, body, headers)


@given(
    st.sampled_from(["GET", "POST", "PUT", "DELETE", "HEAD"]),
    st.sampled_from(["/", "/a?b=c", "/%20"]),
    st.dictionaries(NAMES, VALUES),
    st.sampled_from([b"", b"12"]),
)
def test_the_head_is_the_same_to_the_byte(method: str, target: str, headers: dict[str, Any], body: bytes) -> None:
    own, other = both(method, target, headers, body)
    assert own == other


@pytest.mark.parametrize(
    ("method", "target", "headers"),
    [
        ("GE T", "/", {}),
        ("GET", "/a b", {}),
        ("GET", "//a", {}),
        ("GET", "/", {"X A": "1"}),
        ("GET", "/", {"X-A": "1\r\nX-B: 2"}),
        ("GET", "/", {"X-A": ["1", "2\n"]}),
    ],
)
def test_what_is_no_request_is_refused_by_both(method: str, target: str, headers: dict[str, Any]) -> None:
    merged = LeanHeaders()
    merged.update(headers)
    with pytest.raises(ValueError, match="invalid") as own:
        LeanClient("a", 80)._head(method, target, merged, 0)
    with pytest.raises(ValueError, match="invalid") as other:
        HTTPClient("a", 80)._build_request(method, target, b"", headers)
    assert str(other.value).startswith(str(own.value))


@pytest.mark.parametrize(("host", "port"), [("::1", 8000), ("a", 80), ("a", 443), ("[::1]", 81)])
def test_the_host_is_named_as_always(host: str, port: int) -> None:
    merged = LeanHeaders()
    assert f"Host: {LeanClient(host, port)._named_host}\r\n" in HTTPClient(host, port)._build_request("GET", "/")
    assert "Host" not in merged


@pytest.mark.parametrize(
    "text", ["http://a", "http://a:81/b;c?d=é f#g", "https://[::1]:8000/%7Ea", "http://A/x?", "http://u:p@a/", "/b"]
)
def test_a_known_url_has_the_parts_of_any_other(text: str) -> None:
    own, other = known_url(text), URL(text)
    parts = ("scheme", "netloc", "host", "port", "request_uri", "quoted_uri", "path", "query", "fragment")
    assert [getattr(own, part) for part in parts] == [getattr(other, part) for part in parts]
    assert str(own) == text
    assert known_url(text) is own
    assert str(own.redirect("../z?1")) == str(other.redirect("../z?1"))
    assert not isinstance(own.redirect("/z"), KnownUrl)


def test_a_url_that_is_none_is_refused_as_always() -> None:
    for _ in range(2):
        with pytest.raises(ValueError, match=r"[Pp]ort"):
            known_url("http://a:b/")


def test_copies_of_headers_share_nothing() -> None:
    one = LeanHeaders({"A": "1"})
    one.add("B", "2")
    one.add("b", "3")
    two = one.copy()
    two.add("B", "4")
    two["A"] = "5"
    assert list(one.items()) == [("A", "1"), ("B", "2"), ("b", "3")]
    assert list(two.items()) == [("A", "5"), ("B", "2"), ("b", "3"), ("B", "4")]
    one.update({"a": "6"})
    one.update(Headers({"C": "7"}), D="8")
    assert list(one.items()) == [("a", "6"), ("B", "2"), ("b", "3"), ("C", "7"), ("D", "8")]


class Answer(SimpleNamespace):
    def info(self) -> Headers:
        found: Headers = self.headers
        return found


def test_cookies_are_kept_and_sent_where_there_are_some() -> None:
    jar = QuietJar()
    request = CompatRequest("http://a.example/b", headers=Headers())
    jar.extract_cookies(Answer(headers=Headers({"Content-Type": "text/plain"})), request)
    jar.add_cookie_header(request)
    assert list(request.headers.items()) == []
    jar.extract_cookies(Answer(headers=Headers({"Set-Cookie": "k=v; Path=/"})), request)
    jar.add_cookie_header(request)
    assert list(request.headers.items()) == [("Cookie", "k=v")]


PATIENT = """
import locust  # first: it patches what gevent needs patched
import gevent
import subprocess
import sys
from types import SimpleNamespace
from harness.load.customers import _Customer

customer = SimpleNamespace(patience_s=1.0, hang_up=lambda: None)
ask = _Customer._within_patience(customer, lambda: gevent.sleep(0.1) or SimpleNamespace(status_code=200))
for _ in range(14):
    ask()
print("answered")
"""


def test_each_request_has_the_whole_of_its_time_whatever_those_before_it_took() -> None:
    done = subprocess.run([sys.executable, "-c", PATIENT], capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout == "answered\n", done.stderr
