"""The reference appliance as people use it: in a browser, while parts of it are replaced, in both targets."""

import hashlib
import http.client
import json
import ssl
import subprocess
import threading
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from playwright.sync_api import Browser

from tests.e2e import pages
from tests.e2e.conftest import ARTIFACTS
from tests.e2e.pages import new_page
from tests.e2e.pictures import png
from tests.integration.boxes import Box

pytestmark = [pytest.mark.docker, pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(1200)]

PASSWORD = "correct horse battery staple"  # not-a-secret: the tests' own user


def https_url(share: Box) -> str:
    return f"https://localhost:{share.environment['SHARE_HTTPS_PORT']}"


def ask(share: Box, path: str, *, tls: bool = True) -> tuple[int, str]:
    """Status and Location of a GET, without following anything."""
    if tls:
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        port = int(share.environment["SHARE_HTTPS_PORT"])
        connection: http.client.HTTPConnection = http.client.HTTPSConnection(
            "127.0.0.1", port, timeout=10, context=context
        )
    else:
        connection = http.client.HTTPConnection("127.0.0.1", int(share.environment["SHARE_HTTP_PORT"]), timeout=10)
    try:
        connection.request("GET", path, headers={"Host": "localhost"})
        answer = connection.getresponse()
        answer.read()
        return answer.status, answer.headers.get("Location", "")
    finally:
        connection.close()


def test_sign_up_upload_share_download_delete(
    share: Box, browser: Browser, first_user_link: str, tmp_path: Path
) -> None:
    ARTIFACTS.mkdir(exist_ok=True)
    assert "email=x%2By%40example.com" in first_user_link, "the address must be encoded once"
    picture, text = tmp_path / "sunset.png", tmp_path / "notes & thoughts.txt"
    picture.write_bytes(png(640, 400))
    text.write_text("hello\n" * 1000)
    page = new_page(browser)
    page.goto(first_user_link)
    page.screenshot(path=ARTIFACTS / "1-sign-up.png")
    pages.sign_up(page, first_user_link, PASSWORD)
    for path in (picture, text):
        pages.upload(page, path)
        pages.wait_until_checked(page, path.name)
        assert pages.checksum(page, path.name) == hashlib.sha256(path.read_bytes()).hexdigest()
    pages.show_list(page)
    assert set(pages.names(page)) == {picture.name, text.name}
    assert pages.has_thumbnail(page, picture.name)
    page.screenshot(path=ARTIFACTS / "2-files.png", full_page=True)
    link = pages.make_share_link(page, picture.name)
    page.screenshot(path=ARTIFACTS / "3-share.png", full_page=True)
    stranger = new_page(browser)
    stranger.goto(link)
    stranger.screenshot(path=ARTIFACTS / "4-public.png", full_page=True)
    assert pages.download_shared(stranger, link) == (picture.name, picture.read_bytes())
    pages.show_list(page)
    assert pages.download(page, text.name) == text.read_bytes()
    pages.delete(page, text.name)
    pages.show_list(page)
    assert pages.names(page) == [picture.name]
    assert "used already" in pages.refused_link(new_page(browser), first_user_link)
    for name, options in (
        ("5-phone", {"viewport": {"width": 390, "height": 844}}),
        ("6-dark", {"color_scheme": "dark"}),
    ):
        other = new_page(browser, **options)
        pages.log_in(other, https_url(share), "x+y@example.com", PASSWORD)
        other.screenshot(path=ARTIFACTS / f"{name}.png", full_page=True)


# What a browser may send: unreserved and reserved characters, and anything else percent-encoded.
_SEGMENT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12).map(
    lambda text: quote(text, safe="+&=@:;,!*")
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(segments=st.lists(_SEGMENT, max_size=3), query=st.none() | _SEGMENT)
def test_the_redirect_keeps_path_and_query_exactly_once(share: Box, segments: list[str], query: str | None) -> None:
    path = "/" + "/".join(segment for segment in segments if segment not in ("", ".", ".."))
    target = path if query is None else f"{path}?{query}"
    status, location = ask(share, target, tls=False)
    assert status in (301, 308)
    assert location == f"{https_url(share)}{target}"


def test_the_redirect_that_the_original_got_wrong(share: Box) -> None:
    _, location = ask(share, "/create_first_user?email=x%40y", tls=False)
    assert location == f"{https_url(share)}/create_first_user?email=x%40y"


def test_web_is_replaced_while_a_client_keeps_asking_and_nginx_never_restarts(share: Box) -> None:
    before = share.container("nginx")
    old_web = share.container("web").id
    statuses: list[int] = []
    is_over = threading.Event()

    def keep_asking() -> None:
        while not is_over.is_set():
            statuses.append(ask(share, "/ship-ready")[0])

    client = threading.Thread(target=keep_asking)
    client.start()
    try:
        share.run("up", "-d", "--force-recreate", "--no-deps", "web").must()
    finally:
        is_over.set()
        client.join(timeout=60)
    assert share.container("web").id != old_web
    assert ask(share, "/ship-ready")[0] == 200
    assert share.container("nginx").id == before.id
    assert started_at(before.id) == started_at(share.container("nginx").id)
    assert "reconfiguring" not in share.run("logs", "nginx").must().stdout
    assert set(statuses) <= {200, 502, 503, 504}, "a client is told to wait, never cut off"
    assert statuses[0] == 200


def started_at(container_id: str) -> str:
    shown = subprocess.run(["docker", "inspect", container_id], capture_output=True, text=True, check=True, timeout=30)
    (detail,) = json.loads(shown.stdout)
    return f"{detail['State']['StartedAt']} {detail['State']['Pid']}"


def test_maintenance_takes_over_and_gives_back_with_the_data_there(share: Box, browser: Browser) -> None:
    share.run("--target", "maintenance", "up", "-d").must()
    assert ask(share, "/")[0] == 503
    assert ask(share, "/ship-ready")[0] == 200, "this target's own gate has passed"
    page = new_page(browser)
    page.goto(https_url(share))
    ARTIFACTS.mkdir(exist_ok=True)
    page.screenshot(path=ARTIFACTS / "7-maintenance.png")
    volumes = {each.name for each in share.observe().volumes if each.appliance == share.name}
    share.run("up", "-d").must()
    assert ask(share, "/ship-ready")[0] == 200
    assert {each.name for each in share.observe().volumes if each.appliance == share.name} == volumes


def test_no_secret_is_in_environments_arguments_images_or_logs(share: Box) -> None:
    """Credentials live in volumes; what `inspect`, `history` and `logs` show holds none of them."""
    secrets = {
        share.run("exec", "-T", "-u", "0", "web", "cat", f"/credentials/{name}").must().stdout.strip()
        for name in (
            line
            for line in share.run("exec", "-T", "-u", "0", "web", "sh", "-c", "cd /credentials && find . -type f")
            .must()
            .stdout.split()
        )
    }
    assert secrets
    assert all(len(secret) >= 16 for secret in secrets)
    mine = [each.id for each in share.observe().containers_of(share.name)]
    shown = subprocess.run(["docker", "inspect", *mine], capture_output=True, text=True, check=True, timeout=60).stdout
    shown += share.run("logs").must().stdout
    assert not [secret for secret in secrets if secret in shown]
