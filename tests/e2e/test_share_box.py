"""Share on a box, as its owner sees it: the page while it boots, an upgrade, and a broken one that is taken back."""

import http.client
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e import pages
from tests.e2e.conftest import ARTIFACTS, BUILD_DEADLINE_S, ROOT
from tests.e2e.pictures import png
from tests.integration.boxes import Box
from tests.integration.loaders import LoaderBox, free_ports

pytestmark = [
    pytest.mark.docker,
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.timeout(BUILD_DEADLINE_S + 300),
    pytest.mark.skipif(
        os.geteuid() != 0 or shutil.which("iptables") is None, reason="the gate, which leads to the page, needs both"
    ),
]

NAME = "bxtest-sharebox"
PASSWORD = "correct horse battery staple"  # not-a-secret: the tests' own user
API_PORT = 8481
"""The one that Share's nginx asks, on the gateway of its own network: so nobody else has it."""
PAGE_HEADER = "Boxship-Page"
BOOT_MS = 120_000


@pytest.fixture(scope="module")
def ports() -> dict[str, int]:
    http_port, https_port = free_ports(2)
    return {"SHARE_HTTP_PORT": http_port, "SHARE_HTTPS_PORT": https_port}


@pytest.fixture(scope="module")
def releases(tmp_path_factory: pytest.TempPathFactory, ports: dict[str, int]) -> Path:
    """1.0.0, 1.1.0 and the broken 1.2.0, made as `make demo` makes them."""
    folder = tmp_path_factory.mktemp("share")
    chosen = {key: str(port) for key, port in ports.items()}
    environment = {**os.environ, **chosen, "BOXSHIP": str(Path(sys.executable).parent / "boxship")}
    made = subprocess.run(
        [ROOT / "examples/share/demo/make-releases", NAME, folder],
        env=environment,
        capture_output=True,
        text=True,
        timeout=BUILD_DEADLINE_S,
        check=False,
    )
    assert made.returncode == 0, made.stderr
    return folder / "releases"


@pytest.fixture
def box(releases: Path, tmp_path: Path) -> Iterator[LoaderBox]:
    made = LoaderBox(NAME, tmp_path)
    made.api_port = API_PORT
    try:
        made.start("--source", f"dir:{releases}")
        yield made
    finally:
        made.remove()


def ask(port: int, path: str) -> tuple[int, bool, str]:
    """Status, whether the Loader's page answered, and the body; 0 when nobody did."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.headers.get(PAGE_HEADER) is not None, answer.read().decode()
    except OSError:
        return 0, False, ""
    finally:
        connection.close()


def open_boxs_page(box: LoaderBox, page: Page, port: int) -> None:
    """The page at the application's own port, once the gate is closed."""
    box.eventually(lambda: ask(port, "/")[1], "the page is where the application will be")
    page.goto(f"http://localhost:{port}/")


def expect_the_application(page: Page) -> None:
    """The page hands over by itself."""
    expect(page).to_have_url(re.compile(r"^https://"), timeout=BOOT_MS)


def test_share_boots_is_upgraded_with_its_data_and_survives_a_broken_release(
    box: LoaderBox, ports: dict[str, int], browser: Browser, tmp_path: Path
) -> None:
    ARTIFACTS.mkdir(exist_ok=True)
    port, https_url = ports["SHARE_HTTP_PORT"], f"https://localhost:{ports['SHARE_HTTPS_PORT']}"
    picture = tmp_path / "sunset.png"
    picture.write_bytes(png(640, 400))

    # The page while it boots, and the hand-over.
    assert box.pull("1.0.0")["status"] == "done"
    booting = box.begin("/v1/switch", {"version": "1.0.0"})
    page = pages.new_page(browser)
    open_boxs_page(box, page, port)
    expect(page.get_by_role("list", name="Steps")).to_be_visible()
    page.screenshot(path=ARTIFACTS / "box-1-booting.png", full_page=True)
    expect_the_application(page)
    expect(page.get_by_role("heading", name="Almost ready")).to_be_visible(timeout=BOOT_MS)
    assert box.over(booting)["status"] == "done"
    status, _, body = ask(port, "/ship-ready")
    assert (status, json.loads(body)["phase"]) == (200, "ready"), "the Loader answers, through nginx"

    # Somebody uses it.
    link = Box(NAME, tmp_path).run("exec", "-T", "web", "share-admin", "first-user-link", "x@example.com").must().stdout
    pages.sign_up(page, link.strip(), PASSWORD)
    pages.upload(page, picture)
    page.screenshot(path=ARTIFACTS / "box-2-before.png", full_page=True)

    # An upgrade keeps all of it, and brings it into a new form.
    box.to("1.1.0")
    pages.log_in(page, https_url, "x@example.com", PASSWORD)
    assert pages.names(page) == [picture.name]
    expect(page.locator(".file .tag", has_text="PNG")).to_be_visible()
    assert pages.download(page, picture.name) == picture.read_bytes()
    page.screenshot(path=ARTIFACTS / "box-3-upgraded.png", full_page=True)

    # A broken one deletes every file, and says at the application's own address why it is taken back.
    assert box.pull("1.2.0")["status"] == "done"
    breaking = box.begin("/v1/switch", {"version": "1.2.0"})
    watching = pages.new_page(browser)
    open_boxs_page(box, watching, port)
    expect(watching.get_by_text("web not ready after 15 s").first).to_be_visible(timeout=BOOT_MS)
    watching.screenshot(path=ARTIFACTS / "box-4-rolling-back.png", full_page=True)
    expect_the_application(watching)
    failed = box.over(breaking)
    assert (failed["status"], failed["failure"]["service"]) == ("failed", "web")
    assert (box.booted()["tag"], ask(port, "/ship-ready")[0]) == ("1.1.0", 200)
    pages.log_in(page, https_url, "x@example.com", PASSWORD)
    assert pages.download(page, picture.name) == picture.read_bytes()
    page.screenshot(path=ARTIFACTS / "box-5-back.png", full_page=True)
