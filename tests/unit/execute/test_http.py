"""HTTP questions that look at more than the status, to real servers that may say anything."""

from pathlib import Path

import pytest

from boxship.execute.http import BODY_BYTES, Answer, ask_http
from boxship.execute.probes import ask_check
from boxship.spec.model import Check, HttpProbe
from boxship.spec.model_checks import HttpExpectation, Redirects
from tests.fakes.engine import FakeEngine
from tests.unit.execute.test_probes import HOST, LOOPBACK, Handler, answering, serving

GOOD = Answer(is_good=True)


def page(body: bytes = b"<title>Shop</title>", head: bytes = b"HTTP/1.1 200 OK\r\nContent-Type: text/html") -> Handler:
    return answering(head + b"\r\nContent-Length: %d\r\n\r\n" % len(body) + body)


async def ask(server: Handler, expect: HttpExpectation, path: str = "/") -> Answer:
    async with serving(server) as port:
        return await ask_http(LOOPBACK, HttpProbe(f"http://web:{port}{path}", expect=expect), "web")


@pytest.mark.parametrize(
    ("expect", "text"),
    [
        (HttpExpectation(((200, 200),)), ""),
        (HttpExpectation(((201, 204), (300, 399))), "GET / answered 200"),
        (HttpExpectation(body="<title>Sh.p"), ""),
        (HttpExpectation(body="Login"), "GET /: nothing in 19 bytes of its answer matches 'Login'"),
        (HttpExpectation(headers={"content-type": "^text/"}), ""),
        (
            HttpExpectation(headers={"content-type": "json"}),
            "GET /: the header content-type is 'text/html', which doesn't match 'json'",
        ),
        (HttpExpectation(headers={"x-build": "."}), "GET / answered without the header x-build"),
    ],
)
async def test_an_answer_is_held_to_what_is_expected(expect: HttpExpectation, text: str) -> None:
    assert await ask(page(), expect) == Answer(not text, text)


async def test_a_boot_holds_the_answer_to_the_same() -> None:
    async with serving(page()) as port:
        probe = HttpProbe(f"http://web:{port}/", expect=HttpExpectation(body="Login"))
        answer = await ask_check(FakeEngine(), HOST, Check(probe))
    assert not answer.is_good


async def test_a_chunked_answer_is_put_together() -> None:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    server = answering(head, b"3\r\nSho\r\n", b"1\r\np\r\n0\r\n\r\n")
    assert await ask(server, HttpExpectation(body="^Shop$")) == GOOD


async def test_no_more_than_a_mebibyte_is_read_of_an_endless_answer() -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n"
    server = answering(head, *[b"x" * 65536] * (BODY_BYTES // 65536 + 8))
    answer = await ask(server, HttpExpectation(body="end"))
    assert answer.text == "GET /: nothing in the first MiB of its answer matches 'end'"


async def test_the_body_is_not_waited_for_when_only_its_head_counts() -> None:
    server = answering(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
    assert await ask(server, HttpExpectation(((200, 200),))) == GOOD


@pytest.mark.parametrize("said", [b"", b"SSH-2.0-x\r\n", b"HTTP/1.1 200 OK\r\nX: " + b"y" * 100_000])
async def test_what_is_no_good_http_is_told(said: bytes) -> None:
    answer = await ask(answering(said), HttpExpectation(((200, 200),)))
    assert not answer.is_good
    assert answer.text.startswith("GET /: it doesn't speak HTTP well")


def redirecting(to: bytes) -> Handler:
    return answering(b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: " + to + b"\r\n\r\n")


FOLLOW, REFUSE = HttpExpectation(redirects=Redirects.FOLLOW), HttpExpectation(redirects=Redirects.REFUSE)


async def test_a_redirect_is_good_bad_or_followed_as_wished() -> None:
    assert await ask(redirecting(b"/login"), HttpExpectation(((302, 302),), headers={"location": "login$"})) == GOOD
    refused = await ask(redirecting(b"/login"), REFUSE)
    assert "GET / answered 302: it redirects to http://web:" in refused.text
    async with serving(page()) as port:
        for host in (b"web", b"web.service", b"localhost"):
            assert await ask(redirecting(b"http://%s:%d/x" % (host, port)), FOLLOW) == GOOD


@pytest.mark.parametrize(
    "target", [b"http://elsewhere.example/", b"ftp://web/", b"//169.254.169.254/", b"http://web:99999/", b"http://[::"]
)
async def test_nobody_is_followed_elsewhere(target: bytes) -> None:
    answer = await ask(redirecting(target), FOLLOW)
    assert not answer.is_good
    assert "redirects elsewhere, to " in answer.text


async def test_a_circle_of_redirects_has_an_end() -> None:
    answer = await ask(redirecting(b"/"), FOLLOW)
    assert answer.text == "GET / redirects more than 5 times"


async def test_what_is_quoted_is_short_and_has_neither_secrets_nor_control_characters() -> None:
    def clean(text: str) -> str:
        return text.replace("hunter2", "****")

    secret = b"hunter2" * 20
    async with serving(page(head=b"HTTP/1.1 200 OK\r\nX-A: \x9b31m" + secret)) as port:
        probe = HttpProbe(f"http://web:{port}/", expect=HttpExpectation(headers={"x-a": "^z"}))
        answer = await ask_http(LOOPBACK, probe, "web", clean)
    assert answer.text == f"GET /: the header x-a is '?31m{'****' * 19}', which doesn't match '^z'"


async def test_certificates_to_trust_that_are_not_there_are_named(tmp_path: Path) -> None:
    ca = tmp_path / "ca.pem"
    probe = HttpProbe("https://web:1/", verify_tls=True, expect=HttpExpectation(ca=ca))
    answer = await ask_check(FakeEngine(), HOST, Check(probe))
    assert answer.text == f"GET /: the certificates to trust, {ca}, can't be read: No such file or directory"
