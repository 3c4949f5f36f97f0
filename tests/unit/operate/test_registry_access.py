"""What a box is given for the registry of its releases, and where its Loaders find it."""

import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from boxship.errors import HostError
from boxship.host.box_logins import BoxLogins
from boxship.host.places import box_places
from boxship.logins import Login
from boxship.operate.install import Installation, install, uninstall
from boxship.operate.registry_access import RegistryAccess, access_of, keep_access
from boxship.registry.address import RegistryAddress
from boxship.registry.trust import Trust, make_context
from tests.authorities import write_certificates
from tests.unit.operate.test_install import ONE, FakeUnits, listing

HOST = "registry.example.com:5000"
ADDRESS = RegistryAddress(HOST, "share")
LOGIN = Login("robot", "pa:ss")
STATE = "var/lib/boxship/share"


class OneLogin:
    """Implements ``Logins``: for the registry alone."""

    async def at(self, registry: str) -> Login | None:
        return LOGIN if registry == HOST else None

    async def everywhere(self) -> dict[str, Login]:
        return {HOST: LOGIN}


@pytest.fixture
def trust(tmp_path: Path) -> Trust:
    """One authority that docker was given for the registry, and one that is named."""
    folder = tmp_path / "certs.d" / HOST
    folder.mkdir(parents=True)
    write_certificates(folder)
    (folder / "server.crt").unlink()
    (folder / "client.crt").rename(folder / "client.cert")
    named = tmp_path / "named"
    named.mkdir()
    write_certificates(named)
    return Trust(tmp_path / "certs.d", ca_file=named / "ca.crt")


async def test_a_box_is_given_the_authorities_and_the_login_of_its_registry(tmp_path: Path, trust: Trust) -> None:
    access = await access_of(ADDRESS, OneLogin(), trust)
    root = tmp_path / "root"
    report = await install(Installation("share", ONE, access=access), FakeUnits(), root)
    places = box_places("share", root / STATE)
    assert (
        make_context(Trust(Path("/nonexistent"), ca_file=places.registry_ca), HOST).cert_store_stats()["x509_ca"] >= 2
    )
    assert await BoxLogins(places.docker_config, {}).at(HOST) == LOGIN
    assert (places.docker_config / "config.json").stat().st_mode & 0o777 == 0o600
    assert report.notes[-4:-1] == (
        "the Loader believes the authorities in /var/lib/boxship/share/registry-ca.crt",
        f"the login for {HOST} is kept in /var/lib/boxship/share/docker, for root alone",
        f"what {HOST} wants to be shown is kept in /var/lib/boxship/share/registry-clients/{HOST}, for root alone",
    )
    assert "pa:ss" not in "".join(report.notes)
    assert "PRIVATE" not in f"{report} {access}"
    # A second time, also by somebody who has neither at hand.
    again = await install(Installation("share", ONE, access=access), FakeUnits(), root)
    assert len(again.notes) == 1
    await install(Installation("share", ONE), FakeUnits(), root)
    assert await BoxLogins(places.docker_config, {}).at(HOST) == LOGIN
    assert places.registry_ca.exists()
    await uninstall("share", None, FakeUnits(), root)
    assert listing(root) == []
    assert not (root / STATE).exists()


def modes(folder: Path) -> dict[str, int]:
    return {str(path.relative_to(folder.parent)): path.stat().st_mode & 0o777 for path in (folder, *folder.rglob("*"))}


async def test_what_a_registry_wants_to_be_shown_is_kept_for_root_alone_and_replaced_as_a_whole(
    tmp_path: Path, trust: Trust
) -> None:
    root, given = tmp_path / "root", trust.folder / HOST
    places = box_places("share", root / STATE)
    await install(Installation("share", ONE, access=await access_of(ADDRESS, OneLogin(), trust)), FakeUnits(), root)
    kept = places.registry_clients / HOST
    assert modes(places.registry_clients) == {
        "registry-clients": 0o700,
        f"registry-clients/{HOST}": 0o700,
        f"registry-clients/{HOST}/client.pem": 0o600,
    }
    assert (kept / "client.pem").read_bytes() == b"".join(
        (given / name).read_bytes() for name in ("client.cert", "client.key")
    )
    make_context(Trust(Path("/nonexistent"), client_folder=places.registry_clients), HOST)
    # Renewed under another name; the old one must not be what is shown.
    write_certificates(given)
    (given / "client.cert").unlink()
    (given / "client.crt").rename(given / "new.cert")
    (given / "client.key").rename(given / "new.key")
    access = await access_of(ADDRESS, OneLogin(), trust)
    await install(Installation("share", ONE, access=access), FakeUnits(), root)
    assert [path.name for path in kept.iterdir()] == ["new.pem"]
    # Who has none at hand leaves what is kept.
    await install(Installation("share", ONE), FakeUnits(), root)
    assert [path.name for path in kept.iterdir()] == ["new.pem"]


async def test_a_key_that_wants_a_password_is_told_and_nobody_is_asked_for_it(tmp_path: Path, trust: Trust) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    locked = serialization.BestAvailableEncryption(b"secret")
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, locked)
    (trust.folder / HOST / "client.key").write_bytes(pem)
    with pytest.raises(HostError, match=r"client\.cert and its \.key can't be used"):
        await access_of(ADDRESS, OneLogin(), trust)


async def test_a_folder_wants_neither(trust: Trust) -> None:
    assert await access_of(Path("/media/usb"), OneLogin(), trust) == RegistryAccess()


async def test_an_authority_that_cannot_be_read_is_told_before_anything_is_written(tmp_path: Path) -> None:
    (tmp_path / "ca.crt").write_text("no certificate")
    with pytest.raises(HostError, match=r"ca\.crt: no certificates can be read from it"):
        await access_of(ADDRESS, OneLogin(), Trust(tmp_path / "none", ca_file=tmp_path / "ca.crt"))


async def test_a_login_that_was_renewed_is_understood_by_a_loader_that_runs(tmp_path: Path) -> None:
    places = box_places("share", tmp_path)
    logins = BoxLogins(places.docker_config, {"DOCKER_CONFIG": "/nonexistent"})
    assert await logins.at(HOST) is None
    keep_access(places, places, RegistryAccess(registry=HOST, login=LOGIN))
    assert await logins.at(HOST) == LOGIN
    keep_access(places, places, RegistryAccess(registry=HOST, login=Login(identity_token="t")))  # no secret
    assert await logins.everywhere() == {HOST: Login(identity_token="t")}  # no secret
    assert json.loads((places.docker_config / "config.json").read_text()) == {"auths": {HOST: {"identitytoken": "t"}}}


async def test_a_box_without_a_login_of_its_own_asks_the_environments(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"auths": {"other.example.com": {"identitytoken": "x"}}}')
    logins = BoxLogins(tmp_path / "docker", {"DOCKER_CONFIG": str(tmp_path)})
    assert await logins.at("other.example.com") == Login(identity_token="x")  # no secret
