"""What every place with releases must do: a real registry with TLS, a private authority and a login, and a folder."""

import hashlib
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from pathlib import Path

import pytest

from boxship.clock import SystemClock
from boxship.errors import NotFoundError, RegistryError
from boxship.host.places import box_places
from boxship.logins import Login, Logins, NoLogins
from boxship.operate.registry_access import access_of, keep_access
from boxship.registry.address import RegistryAddress
from boxship.registry.client import Registry as RegistryClient
from boxship.registry.layout import Layout
from boxship.registry.oci import CONFIG, MANIFEST, Descriptor, digest_of, make_manifest
from boxship.registry.port import Blob, Repositories
from boxship.registry.session import Session
from boxship.registry.trust import Trust
from tests.integration.registries import PASSWORD, USER, Registry, registry

CONTENT = b"0123456789" * 1000


class OneLogin:
    """Implements ``Logins`` with the same one for all."""

    def __init__(self, login: Login) -> None:
        self._login = login

    async def at(self, registry: str) -> Login | None:
        return self._login

    async def everywhere(self) -> dict[str, Login]:
        return {}


def client(store: Registry, path: str, *, logins: Logins | None = None, is_trusted: bool = True) -> RegistryClient:
    host = store.address
    trust = Trust(Path("/nonexistent"), ca_file=store.ca_path if is_trusted else None)
    login = logins or OneLogin(Login(USER, PASSWORD))
    return RegistryClient(Session(RegistryAddress(host, path), login, trust), SystemClock(), attempts=3)


class Sending:
    """Content that counts how often it was asked for."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.calls = 0

    async def __call__(self) -> AsyncIterator[bytes]:
        self.calls += 1
        for start in range(0, len(self.data), 4096):
            yield self.data[start : start + 4096]


def blob_of(data: bytes, repository: str = "web") -> Blob:
    return Blob(repository, digest_of(data), len(data))


async def read(place: Repositories, blob: Blob, start: int = 0) -> bytes:
    async with aclosing(place.blob(blob, start=start)) as chunks:
        return b"".join([chunk async for chunk in chunks])


async def put(place: Repositories, tag: str, config: bytes = CONTENT, repository: str = "web") -> bytes:
    await place.put_blob(blob_of(config, repository), Sending(config))
    data = make_manifest(Descriptor(CONFIG, digest_of(config), len(config)), (), {"tag": tag})
    await place.put_manifest(repository, tag, data, MANIFEST)
    return data


class RepositoriesContract:
    async def test_a_repository_that_is_not_there_has_no_tags(self, place: Repositories) -> None:
        assert await place.tags("nowhere") == ()

    async def test_what_was_put_is_found_by_tag_and_by_digest(self, place: Repositories) -> None:
        data = await put(place, "1.0.0")
        assert await place.tags("web") == ("1.0.0",)
        assert await place.manifest("web", "1.0.0") == data
        assert await place.manifest("web", digest_of(data)) == data
        assert await read(place, blob_of(CONTENT)) == CONTENT

    async def test_repositories_have_tags_of_their_own(self, place: Repositories) -> None:
        await put(place, "1.0.0", b"of the release", "")
        await put(place, "2.0.0", b"of an image", "web")
        assert (await place.tags(""), await place.tags("web")) == (("1.0.0",), ("2.0.0",))

    async def test_a_tag_can_be_moved(self, place: Repositories) -> None:
        await put(place, "1.0.0", b"old")
        new = await put(place, "1.0.0", b"new")
        assert await place.manifest("web", "1.0.0") == new
        assert await place.tags("web") == ("1.0.0",)

    async def test_a_blob_can_be_read_from_any_byte_on(self, place: Repositories) -> None:
        await put(place, "1.0.0")
        assert await read(place, blob_of(CONTENT), 9_990) == CONTENT[9_990:]
        assert await read(place, blob_of(CONTENT), len(CONTENT)) == b""

    async def test_what_is_not_there_is_not_found(self, place: Repositories) -> None:
        await put(place, "1.0.0")
        with pytest.raises(NotFoundError):
            await place.manifest("web", "2.0.0")
        with pytest.raises(NotFoundError):
            await place.manifest("web", digest_of(b"nothing"))
        with pytest.raises(NotFoundError):
            await read(place, blob_of(b"nothing"))
        assert not await place.has_blob("web", digest_of(b"nothing"))

    async def test_what_is_there_already_is_not_sent_again(self, place: Repositories) -> None:
        sending = Sending(CONTENT)
        await place.put_blob(blob_of(CONTENT), sending)
        await place.put_blob(blob_of(CONTENT), sending)
        assert sending.calls == 1
        assert await place.has_blob("web", digest_of(CONTENT))

    async def test_what_another_repository_got_is_not_sent_again(self, place: Repositories) -> None:
        sending = Sending(CONTENT)
        for repository in ("web", "db"):
            await place.put_blob(blob_of(CONTENT, repository), sending)
        assert sending.calls == 1
        assert await read(place, blob_of(CONTENT, "db")) == CONTENT

    async def test_content_that_is_not_what_its_digest_says_is_not_taken(self, place: Repositories) -> None:
        wrong = Blob("web", digest_of(b"something else"), len(CONTENT))
        with pytest.raises(RegistryError):
            await place.put_blob(wrong, Sending(CONTENT))
        assert not await place.has_blob("web", wrong.digest)

    async def test_a_blob_that_is_not_as_long_as_was_promised_is_refused(self, place: Repositories) -> None:
        await put(place, "1.0.0")
        for size_bytes in (len(CONTENT) - 1, len(CONTENT) + 1):
            with pytest.raises(RegistryError, match=r"more than the promised|bytes too early|bytes long"):
                await read(place, Blob("web", digest_of(CONTENT), size_bytes))

    async def test_it_says_where_it_is(self, place: Repositories) -> None:
        assert "share" in place.name


class TestFolder(RepositoriesContract):
    @pytest.fixture
    def place(self, tmp_path: Path) -> Repositories:
        (tmp_path / "share").mkdir()
        return Layout(tmp_path / "share")

    async def test_content_that_changed_on_the_medium_is_refused(self, place: Layout) -> None:
        data = await put(place, "1.0.0")
        place.blob_path(digest_of(data)).write_bytes(data + b" ")
        with pytest.raises(RegistryError, match="has the digest"):
            await place.manifest("web", "1.0.0")

    async def test_a_link_out_of_the_folder_is_not_followed(self, place: Layout, tmp_path: Path) -> None:
        await put(place, "1.0.0")
        outside = tmp_path / "outside"
        outside.write_bytes(CONTENT)
        place.blob_path(digest_of(CONTENT)).unlink()
        place.blob_path(digest_of(CONTENT)).symlink_to(outside)
        with pytest.raises(RegistryError, match="can't be read"):
            await read(place, blob_of(CONTENT))

    async def test_a_digest_that_is_a_path_is_refused(self, place: Layout) -> None:
        with pytest.raises(RegistryError, match="no SHA-256 digest"):
            await read(place, Blob("web", "sha256:../../etc/passwd", 1))

    async def test_a_folder_that_is_not_there_is_told(self, tmp_path: Path) -> None:
        with pytest.raises(RegistryError, match="is no folder"):
            await Layout(tmp_path / "unplugged").tags("")


@pytest.fixture
def demanding(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    """It answers only who shows a certificate."""
    with registry(tmp_path_factory.mktemp("demanding"), has_tls=True) as made:
        made.stop()
        made.demand_certificates()
        made.start()
        yield made


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    with registry(tmp_path_factory.mktemp("secured"), has_tls=True) as made:
        yield made


@pytest.fixture(scope="module")
def open_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    with registry(tmp_path_factory.mktemp("open"), has_login=False) as made:
        yield made


def own_path(request: pytest.FixtureRequest) -> str:
    """A test's own repositories in a registry that all share."""
    return f"share-{hashlib.sha256(request.node.nodeid.encode()).hexdigest()[:12]}"


@pytest.mark.docker
class TestRegistryWithTlsAndLogin(RepositoriesContract):
    @pytest.fixture
    async def place(self, secured: Registry, request: pytest.FixtureRequest) -> AsyncIterator[Repositories]:
        made = client(secured, own_path(request))
        yield made
        await made.close()

    async def test_an_unknown_authority_is_told_with_where_to_put_it(self, secured: Registry) -> None:
        made = client(secured, "share", is_trusted=False)
        with pytest.raises(RegistryError, match="is not trusted") as caught:
            await made.tags("")
        await made.close()
        assert caught.value.hint == f"put its authority into /etc/docker/certs.d/{secured.address}/ca.crt"
        assert not caught.value.is_transient

    async def test_docker_s_own_folder_of_authorities_is_believed(self, secured: Registry, tmp_path: Path) -> None:
        folder = tmp_path / secured.address
        folder.mkdir()
        (folder / "ca.crt").write_bytes(secured.ca_path.read_bytes())
        address = RegistryAddress(secured.address, "share-of-nobody")
        made = RegistryClient(Session(address, OneLogin(Login(USER, PASSWORD)), Trust(tmp_path)), SystemClock())
        assert await made.tags("") == ()
        await made.close()

    async def test_who_is_asked_for_a_certificate_shows_docker_s_or_what_a_box_was_given(
        self, demanding: Registry, tmp_path: Path
    ) -> None:
        address, login = RegistryAddress(demanding.address, "share-of-nobody"), OneLogin(Login(USER, PASSWORD))

        async def tags(trust: Trust) -> tuple[str, ...]:
            made = RegistryClient(Session(address, login, trust), SystemClock())
            try:
                return await made.tags("")
            finally:
                await made.close()

        with pytest.raises(RegistryError, match="wants a certificate of who asks") as caught:
            await tags(Trust(Path("/nonexistent"), ca_file=demanding.ca_path))
        assert f"/etc/docker/certs.d/{demanding.address}" in caught.value.hint
        assert not caught.value.is_transient
        docker = Trust(tmp_path / "certs.d")
        given = docker.folder / demanding.address
        given.mkdir(parents=True)
        for path, name in zip(
            (demanding.ca_path, *demanding.client_paths), ("ca.crt", "client.cert", "client.key"), strict=True
        ):
            (given / name).write_bytes(path.read_bytes())
        assert await tags(docker) == ()
        places = box_places("share", tmp_path / "state")
        places.state.mkdir()
        keep_access(places, places, await access_of(address, login, docker))
        box = Trust(Path("/nonexistent"), ca_file=places.registry_ca, client_folder=places.registry_clients)
        assert await tags(box) == ()

    @pytest.mark.parametrize(
        ("logins", "said"), [(NoLogins(), "wants a login"), (OneLogin(Login(USER, "wrong")), "refuses the login")]
    )
    async def test_a_missing_or_wrong_login_is_told_without_the_password(
        self, secured: Registry, logins: Logins, said: str
    ) -> None:
        made = client(secured, "share", logins=logins)
        with pytest.raises(RegistryError, match=said) as caught:
            await made.tags("")
        await made.close()
        assert caught.value.hint == f"docker login {secured.address}"
        assert "wrong" not in str(caught.value)


@pytest.mark.docker
class TestRegistryWithoutTlsAndLogin(RepositoriesContract):
    @pytest.fixture
    async def place(self, open_store: Registry, request: pytest.FixtureRequest) -> AsyncIterator[Repositories]:
        made = client(open_store, own_path(request), logins=NoLogins(), is_trusted=False)
        yield made
        await made.close()


@pytest.mark.docker
async def test_a_registry_that_dies_and_comes_back_is_read_on_where_it_broke(tmp_path: Path) -> None:
    large = bytes(range(256)) * 64 * 1024
    with registry(tmp_path, has_login=False) as store:
        place = client(store, "share", logins=NoLogins(), is_trusted=False)
        await put(place, "1.0.0", large)
        async with aclosing(place.blob(blob_of(large))) as chunks:
            came = await anext(chunks)
            store.stop()
            store.start()
            async for chunk in chunks:
                came += chunk
        await place.close()
    assert hashlib.sha256(came).hexdigest() == hashlib.sha256(large).hexdigest()


async def test_a_registry_that_is_not_there_is_told_after_some_tries() -> None:
    session = Session(RegistryAddress("127.0.0.1:9", "share"), NoLogins(), Trust())
    place = RegistryClient(session, SystemClock(), attempts=2)
    with pytest.raises(RegistryError, match=r"127\.0\.0\.1:9 can't be reached") as caught:
        await place.tags("")
    await place.close()
    assert caught.value.is_transient
