"""The engine's messages, as sentences for people."""

import pytest

from boxship.engine.faults import clean, image_unavailable, message_of, refusal, refused
from boxship.errors import (
    EngineConflictError,
    EngineError,
    EngineNotFoundError,
    HalfStartedError,
    ImageMissingError,
    PortTakenError,
)


@pytest.mark.parametrize(
    ("message", "cleaned"),
    [
        ("Error response from daemon: no.", "no"),
        (
            (
                "failed to create shim task: OCI runtime create failed: runc create failed: "
                'unable to start container process: exec: "x": executable file not found in $PATH: unknown'
            ),
            'exec: "x": executable file not found in $PATH',
        ),
        ("  ", "it gave no reason"),
    ],
)
def test_the_engines_wrapping_goes(message: str, cleaned: str) -> None:
    assert clean(message) == cleaned


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b'{"message": "Error response from daemon: no"}', "no"),
        (b"plain\n", "plain"),
        (b"[1]", "[1]"),
        (b"\xff", "\ufffd"),
    ],
)
def test_the_message_is_found_in_whatever_the_body_is(body: bytes, message: str) -> None:
    assert message_of(body) == message


@pytest.mark.parametrize(
    ("status", "message", "kind", "sentence", "hint"),
    [
        (404, "No such image: a/b:1", ImageMissingError, "image 'a/b:1' is not on this machine", "build"),
        (404, "No such container: a", EngineNotFoundError, "cannot do it: No such container: a", ""),
        (
            500,
            (
                "driver failed programming external connectivity on endpoint a.web (abc): "
                "Bind for 0.0.0.0:80 failed: port is already allocated"
            ),
            PortTakenError,
            "port 0.0.0.0:80 of this host is already taken",
            "lost it when it was killed in a start",
        ),
        (
            500,
            "Error starting userland proxy: listen tcp4 127.0.0.1:443: bind: address already in use",
            PortTakenError,
            "port 127.0.0.1:443 of this host is already taken",
            "sport = :443",
        ),
        (
            500,
            "failed to bind host port for :::80:172.18.0.2:80/tcp: address already in use",
            PortTakenError,
            "is already taken",
            "ss -ltnp",
        ),
        (403, "Address already in use", EngineConflictError, "its address is held by another container", "inspect"),
        (
            409,
            'Conflict. The container name "/a.web" is already in use by container "0123456789abcdef". You have to ...',
            EngineConflictError,
            "the name 'a.web' is taken by container 0123456789ab",
            "docker rm a.web",
        ),
        (403, "Pool overlaps with other one on this address space", EngineConflictError, "overlaps another", "subnet"),
        (
            500,
            "could not find an available, non-overlapping IPv4 address pool among the defaults to assign",
            EngineConflictError,
            "no free subnet left",
            "prune",
        ),
        (403, "error while removing network: network x has active endpoints", EngineConflictError, "active", ""),
        (
            500,
            "error setting rlimits for ready process: error setting rlimit type 8: operation not permitted",
            EngineError,
            "its ulimit 'memlock' is above what the engine itself is allowed",
            "lower it",
        ),
        (500, "unable to apply caps: operation not permitted", EngineError, "the engine itself hasn't got", "cap_add"),
        (
            400,
            "unable to find user worker: no matching entries in passwd file",
            EngineError,
            "its image has no user 'worker'",
            "give a number",
        ),
        (500, "something odd", EngineError, "cannot do it: something odd", "journalctl"),
        (400, "invalid CapAdd", EngineError, "cannot do it: invalid CapAdd", ""),
    ],
)
def test_a_refusal_says_what_and_why_and_what_to_do(
    status: int, message: str, kind: type[EngineError], sentence: str, hint: str
) -> None:
    error = refusal("do it", status, message)
    assert type(error) is kind
    assert sentence in error.message
    assert hint in error.hint
    assert error.status == status


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ("manifest for a:1 not found: manifest unknown: manifest unknown", "no such tag or digest"),
        ("pull access denied for a, repository does not exist or may require 'docker login'", "wants a login"),
        ("Get https://x/v2/: dial tcp: lookup x on 1.1.1.1:53: no such host", "name can't be resolved"),
        ("Get https://x/v2/: dial tcp 127.0.0.1:9: connect: connection refused", "can't be reached"),
        ("Get https://x/v2/: net/http: TLS handshake timeout", "did not answer in time"),
        ("the moon is full", "cannot be pulled: the moon is full"),
    ],
)
def test_a_failed_pull_names_the_image_the_reason_and_the_ways_out(message: str, reason: str) -> None:
    error = image_unavailable("a:1", message)
    assert error.message.startswith("image 'a:1' is not on this machine")
    assert reason in error.message
    assert "docker load" in error.hint


@pytest.mark.parametrize(
    "message",
    ["task " + "ab" * 32 + ": already exists", "id already in use"],
)
def test_a_start_that_the_engines_death_cut_off_is_told_apart(message: str) -> None:
    error = refusal("start share.web", 409, message)
    assert isinstance(error, HalfStartedError)
    assert "lost track" in error.message
    assert "ab" * 32 not in error.message


PAGE = b"<html>\r\n<head><title>503 Service\n Unavailable</title></head>\r\n<body>nginx</body></html>\r\n"


@pytest.mark.parametrize(
    ("page", "heading"),
    [
        (PAGE, " (503 Service Unavailable)"),
        (b"<!DOCTYPE HTML PUBLIC>\n<html><h1 id=a>It's &amp; <b>works</b>!</h1></html>", " (It's & works!)"),
        (b"<html>" + b"x" * 5000, ""),
        (b"<HTML><title>" + b"x" * 5000, ""),
        (b"<html><title>" + b"x" * 2000 + b"</title>", f" ({'x' * 99}…)"),
        (b"<html><title>\x1b[31m</title>", " ([31m)"),
    ],
    ids=["nginx", "doctype", "no heading", "half a heading", "long", "escapes"],
)
@pytest.mark.parametrize("status", [404, 409, 503])
def test_a_web_servers_page_in_the_engines_place_is_told_by_its_heading(page: bytes, heading: str, status: int) -> None:
    error = refused("list containers", status, page)
    assert error.message == f"cannot list containers: a web server answered {status} in the engine's place{heading}"
    assert "between here and the engine" in error.hint
    assert (type(error), error.status) == (EngineError, status)


def test_a_page_that_the_engine_quotes_is_told_by_its_heading() -> None:
    quoted = "error parsing HTTP 503 response body: invalid character '<' looking for beginning of value: "
    page = r'"<html>\r\n<head><title>503 Service Unavailable</title></head>\r\n<body>\r\n</body>\r\n</html>\r\n"'
    error = image_unavailable("reg.example/a:1", quoted + page)
    assert error.message.endswith(f"the registry has trouble of its own ({quoted}a web page: 503 Service Unavailable)")
    assert error.is_transient


def test_what_only_mentions_a_tag_of_html_is_no_page() -> None:
    assert (
        refused("x", 500, b'{"message": "unknown instruction: <title>"}').message
        == "cannot x: unknown instruction: <title>"
    )
