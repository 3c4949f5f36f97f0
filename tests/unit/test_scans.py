"""What scripts/secret_scan.py and scripts/place_scan.py find. Samples are put together here, lest they be found."""

from pathlib import Path

import pytest

from scripts import place_scan, secret_scan

RANDOM = "q7Rz0vT2" + "mXw9Lk4B" + "s1Yc8Hd3"


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("-----BEGIN " + "RSA PRIVATE KEY-----", "a private key"),
        ("-----BEGIN " + "PRIVATE KEY-----", "a private key"),
        ("aws = 'AKIA" + "Q3EGRIJKL5MNOPQ7'", "an AWS access key"),
        ("url = https://ghp" + "_" + "a1B2" * 9 + "@host/repo", "a GitHub token"),
        ("glpat" + "-" + "a1B2c3D4e5F6g7H8i9J0", "a GitLab token"),
        ("export SLACK=xox" + "b-1234567890-abcdef", "a Slack token"),
        ("DB_PASSWORD" + "=" + RANDOM, "a password or key written down"),
        ('"api-key": ' + f'"{RANDOM}"', "a password or key written down"),
        ("client_secret_2" + " := " + RANDOM, "a password or key written down"),
    ],
)
def test_a_secret_is_found_and_not_repeated(line: str, what: str) -> None:
    (finding,) = secret_scan.scan("deploy/env", f"first line\n{line}\n")
    assert finding == f"deploy/env:2: this looks like {what}."


@pytest.mark.parametrize(
    "line",
    [
        "password = read_password_from_terminal",
        "mail.password: {type: secret}",
        "POSTGRES_PASSWORD_FILE=/run/secrets/postgres_password",
        "token = secrets.token_urlsafe(32)",
        "password: ${DB_PASSWORD:?set a password}",
        "token: aaaaaaaaaaaaaaaaaaaaaaaa1",
        "-----BEGIN " + "CERTIFICATE-----",
        "    --hash=sha256:1163834902381c4613787951c5914800fdf155ae08848a373b8ea5006780977c",
        "api_key = " + RANDOM + "  # not-a-secret",
    ],
)
def test_a_line_without_a_secret_is_let_through(line: str) -> None:
    assert list(secret_scan.scan("app.py", line)) == []


def test_a_package_host_is_found() -> None:
    host = ".".join(("deb", "debian", "org"))
    (finding,) = place_scan.scan("build.sh", f"mirror=http://{host}/debian", ["/nowhere"])
    assert finding == f"build.sh:1: names the package host {host}; leave that to the machine's configuration."


def test_the_folder_of_this_checkout_and_its_neighbours_are_found(tmp_path: Path) -> None:
    root = tmp_path / "checkout"
    (tmp_path / "notes").mkdir()
    root.mkdir()
    places = place_scan.places_of_this_machine(root, home=Path("/home/somebody"))
    text = (
        f"see {tmp_path}/notes/a.md\nin {root}\nat /home/somebody/x\nnot {root}-2, nor /home/somebodyelse, nor .{root}"
    )
    assert [finding.split(":")[1] for finding in place_scan.scan("a.md", text, places)] == ["1", "2", "3"]


def test_what_lies_beside_a_checkout_in_a_shared_folder_is_no_neighbour() -> None:
    assert place_scan.places_of_this_machine(Path("/tmp/boxship"), home=Path("/root")) == ("/tmp/boxship",)
