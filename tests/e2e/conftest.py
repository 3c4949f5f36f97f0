"""The reference appliance, built and booted once for all tests of a run, and a real browser to use it with."""

import os
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.integration.boxes import Box
from tests.integration.loaders import free_ports

ROOT = Path(__file__).parents[2]
ARTIFACTS = ROOT / "test-artifacts"
BUILD_DEADLINE_S = 900
# Chromium as root, without a sandbox or a screen, and without the calls home that a closed network refuses.
CHROMIUM_ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@pytest.fixture(scope="session")
def share() -> Iterator[Box]:
    """Share, up, on ports of its own. Its images stay, as a cache: they are named bxtest-share/*."""
    http_port, https_port = free_ports(2)
    box = Box(
        "bxtest-share",
        ROOT / "examples" / "share",
        {"SHARE_HTTP_PORT": str(http_port), "SHARE_HTTPS_PORT": str(https_port), "SHARE_ADDRESS": "127.0.0.1"},
    )
    box.remove()
    try:
        box.run("up", "-d", deadline_s=BUILD_DEADLINE_S).must()
        yield box
    finally:
        if os.environ.get("KEEP_FAILED") != "1":
            box.remove()


@pytest.fixture(scope="session")
def first_user_link(share: Box) -> str:
    return share.run("exec", "-T", "web", "share-admin", "first-user-link", "x+y@example.com").must().stdout.strip()


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        started_by = tmp_path_factory.mktemp("browser") / "chromium"
        _write_start(started_by, _chromium() or playwright.chromium.executable_path)
        made = playwright.chromium.launch(
            executable_path=started_by, args=list(CHROMIUM_ARGUMENTS), handle_sigint=False, handle_sigterm=False
        )
        yield made
        made.close()


def _write_start(path: Path, chromium: str) -> None:
    """A program that starts ``chromium`` so that containers coming and going don't cut its connections."""
    undisturbed = shlex.join([sys.executable, str(Path(__file__).with_name("undisturbed.py")), chromium])
    path.write_text(f'#!/bin/sh\nexec {undisturbed} "$@"\n')
    path.chmod(0o755)


def _chromium() -> str | None:
    """Debian's chromium where there is one, else the one that playwright brought."""
    found = subprocess.run(["which", "chromium"], capture_output=True, text=True, timeout=10, check=False)
    return found.stdout.strip() or None
