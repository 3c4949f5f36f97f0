"""The door to the outside of a real Loader: TLS, a token, and a certificate that is renewed while it is open."""

import http.client
import os
import socket
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.authorities import write_certificates
from tests.integration.boxes import BOXSHIP
from tests.integration.loaders import LoaderBox, free_ports, loader_box

pytestmark = [pytest.mark.docker, pytest.mark.timeout(120)]

APPLIANCE = "bxtest-outside"


class Door:
    def __init__(self, box: LoaderBox, port: int) -> None:
        self.box = box
        self.port = port
        self.tls = box.state / "tls"
        self.ca = box.folder / "ca.crt"

    def put(self) -> None:
        """A new authority, and a certificate of it, as who renews one puts it there: whole files."""
        write_certificates(self.box.folder)
        self.tls.mkdir(exist_ok=True)
        for name, at in (("server.key", "key.pem"), ("server.crt", "certificate.pem")):
            new = self.tls / f"{at}.new"
            new.write_bytes((self.box.folder / name).read_bytes())
            new.chmod(0o600)
            new.replace(self.tls / at)

    def trusted(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(self.ca))

    def connect(self, context: ssl.SSLContext) -> ssl.SSLSocket:
        raw = socket.create_connection(("127.0.0.1", self.port), timeout=10)
        try:
            return context.wrap_socket(raw, server_hostname="localhost")
        except BaseException:
            raw.close()
            raise

    def is_served(self) -> bool:
        """With the certificate that was put there last."""
        try:
            self.connect(self.trusted()).close()
        except OSError:
            return False
        return True

    def cli(self, *arguments: str, token: str = "") -> "subprocess.CompletedProcess[str]":
        file = self.box.folder / "token"
        file.write_text(token)
        environment = {**os.environ, **({"BOXSHIP_TOKEN_FILE": str(file)} if token else {})}
        url = f"https://localhost:{self.port}"
        return subprocess.run(
            [*BOXSHIP, "box", *arguments, "--url", url],
            env=environment, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip


@pytest.fixture
def door(tmp_path: Path) -> Iterator[Door]:
    with loader_box(APPLIANCE, tmp_path) as box:
        (port,) = free_ports(1)
        made = Door(box, port)
        made.tls.mkdir()
        (made.tls / "listen").write_text(f"127.0.0.1:{port}\n")
        made.put()
        box.eventually(made.is_served, "the certificate is served")
        yield made


def status_of(connection: ssl.SSLSocket, path: str) -> int:
    """Once all of the answer was read."""
    connection.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    answer = http.client.HTTPResponse(connection)
    answer.begin()
    answer.read()
    return answer.status


def test_it_asks_for_a_token_and_shows_the_whole_box_for_one(door: Door) -> None:
    refused = door.cli("why", "--ca", str(door.ca))
    assert (refused.returncode, "this needs a token" in refused.stderr) == (14, True), refused.stderr
    status, made = door.box.ask("POST", "/v1/tokens", {"name": "ops", "scopes": ["admin"]})
    assert status == 201, made
    asked = door.cli("why", "--ca", str(door.ca), token=made["secret"])
    assert asked.returncode == 0, asked.stderr
    assert asked.stdout.strip()
    # The pages are here, too.
    with door.connect(door.trusted()) as connection:
        assert status_of(connection, "/boxship/progress.json") == 200


def test_a_browser_signs_in_there_with_a_cookie_that_never_leaves_tls(door: Door) -> None:
    secret = door.box.ask("POST", "/v1/tokens", {"name": "ops", "scopes": ["admin"]})[1]["secret"]
    with httpx.Client(base_url=f"https://localhost:{door.port}", verify=door.trusted(), timeout=20) as browser:
        answer = browser.post("/boxship/operate/sign-in", data={"token": secret})
        assert (answer.status_code, "Secure" in answer.headers["set-cookie"]) == (303, True)
        assert "Signed in as token ops" in browser.get("/boxship/operate").text


def test_an_authority_that_is_not_believed_is_named_with_the_way_to_believe_it(door: Door) -> None:
    unknown = door.cli("why")
    assert (unknown.returncode, "a certificate that isn't believed" in unknown.stderr) == (10, True), unknown.stderr
    assert "--ca FILE" in unknown.stderr
    missing = door.cli("why", "--ca", str(door.box.folder / "none.crt"))
    assert (missing.returncode, "cannot read the authorities in" in missing.stderr) == (2, True), missing.stderr


def test_a_renewed_certificate_is_shown_to_who_comes_next_and_nobody_is_cut(door: Door) -> None:
    with door.connect(door.trusted()) as before:
        assert status_of(before, "/boxship/progress.json") == 200
        boot = door.box.boot()["id"]
        door.put()
        door.box.eventually(door.is_served, "the new certificate is served")
        assert status_of(before, "/boxship/progress.json") == 200
    assert door.box.boot()["id"] == boot


def test_one_that_can_not_be_used_is_told_and_the_one_before_goes_on(door: Door) -> None:
    (door.tls / "certificate.pem").write_text("none")
    door.box.eventually(lambda: "can't be used" in door.box.last_words(), "the Loader tells of it")
    assert door.is_served()


def test_old_tls_and_plain_text_get_nothing(door: Door) -> None:
    old = door.trusted()
    with pytest.warns(DeprecationWarning, match="TLSv1 is deprecated"):
        old.minimum_version = ssl.TLSVersion.TLSv1
    with pytest.warns(DeprecationWarning, match="TLSv1_1 is deprecated"):
        old.maximum_version = ssl.TLSVersion.TLSv1_1
    old.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.raises(ssl.SSLError):
        door.connect(old)
    with socket.create_connection(("127.0.0.1", door.port), timeout=10) as plain:
        plain.sendall(b"GET /v1/why HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert b"HTTP" not in plain.recv(4096)


def test_who_takes_the_certificate_away_closes_the_door(door: Door) -> None:
    (door.tls / "certificate.pem").unlink()
    (door.tls / "key.pem").unlink()

    def is_closed() -> bool:
        try:
            socket.create_connection(("127.0.0.1", door.port), timeout=10).close()
        except ConnectionRefusedError:
            return True
        return False

    door.box.eventually(is_closed, "nobody listens there")
