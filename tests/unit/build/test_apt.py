from pathlib import Path

import pytest

from boxship.build.apt import (
    AptSource,
    build_sources,
    demand_keyring,
    host_sources,
    parse_deb822,
    parse_list,
    proxy_settings,
)
from boxship.build.bootstrap import BelowLayer, Bootstrap, Exchange, command_line
from boxship.errors import HostError

DEBIAN = 'ID=debian\nVERSION_CODENAME="bookworm"\n'


@pytest.fixture
def exchange(tmp_path: Path) -> Exchange:
    (tmp_path / "lists").mkdir()
    return Exchange(Path("/debs"), Path("/fresh"), tmp_path / "lists")


def host(tmp_path: Path, *, os_release: str = DEBIAN, **files: str) -> tuple[AptSource, ...]:
    (tmp_path / "os-release").write_text(os_release)
    (tmp_path / "apt" / "sources.list.d").mkdir(parents=True)
    for name, text in files.items():
        (tmp_path / "apt" / "sources.list.d" / name.replace("__", ".")).write_text(text)
    return host_sources(tmp_path / "apt", tmp_path / "os-release")


SOURCES = (AptSource("http://mirror.lan/debian", "bookworm"), AptSource("http://fixes.lan", "bookworm-security"))


def test_the_hosts_mirrors_are_used_as_far_as_it_has_them(tmp_path: Path) -> None:
    lines = (
        "deb http://fixes.lan bookworm-security main\ndeb http://mirror.lan/debian/ bookworm main contrib\n"
        "deb-src http://x bookworm main\n"
    )
    assert build_sources("bookworm", host(tmp_path, a__list=lines)) == SOURCES


def test_without_a_mirror_of_the_suite_mmdebstrap_finds_the_archive(tmp_path: Path) -> None:
    found = host(tmp_path, a__list="deb http://fixes.lan bookworm-security main\n")
    assert build_sources("bookworm", found) == ()


def test_other_vendors_keys_and_local_folders_are_no_mirrors(tmp_path: Path) -> None:
    found = host(
        tmp_path,
        a__list="deb [arch=amd64 signed-by=/etc/other.gpg] http://other.example bookworm main\n"
        "deb file:/srv/mirror bookworm main\n",
    )
    assert build_sources("bookworm", found) == ()


def test_a_host_that_is_not_debian_lends_no_mirrors(tmp_path: Path) -> None:
    assert host(tmp_path, os_release="ID=ubuntu\nID_LIKE=debian\n", a__list="deb http://m jammy main\n") == ()


def test_stanzas_are_read_with_their_continuations() -> None:
    text = (
        "Types: deb deb-src\nURIs: http://a http://b\n# no\nSuites: bookworm\n bookworm-updates\nComponents: main\n"
        "Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg\n\n"
        "Enabled: no\nTypes: deb\nURIs: http://c\nSuites: s\n"
    )
    assert [(source.uri, source.suite) for source in parse_deb822(text)] == [
        ("http://a", "bookworm"),
        ("http://a", "bookworm-updates"),
        ("http://b", "bookworm"),
        ("http://b", "bookworm-updates"),
    ]


def test_a_line_gives_its_options_and_components() -> None:
    text = "deb [ signed-by=/k.gpg arch=amd64 ] http://a/ sid main contrib # why\n# deb http://b sid main"
    (source,) = parse_list(text)
    assert source == AptSource("http://a", "sid", ("main", "contrib"), "/k.gpg")


def test_rolling_suites_have_no_updates() -> None:
    known = [AptSource("http://mirror.lan", suite) for suite in ("sid", "sid-updates")]
    assert build_sources("sid", known) == (AptSource("http://mirror.lan", "sid"),)


def test_missing_keys_stop_the_build_with_the_package_to_install(tmp_path: Path) -> None:
    with pytest.raises(HostError, match="keys of the Debian archive are missing") as caught:
        demand_keyring(tmp_path / "absent.gpg")
    assert "debian-archive-keyring" in caught.value.hint


def test_only_the_hosts_proxies_come_along() -> None:
    dump = 'APT "";\nAcquire::http::Proxy "http://p:3142";\nAcquire::Check-Valid-Until "false";\nDir "/";\n'
    assert proxy_settings(dump) == 'Acquire::http::Proxy "http://p:3142";\n'


@pytest.mark.parametrize("is_root", [True, False])
@pytest.mark.parametrize("below", [(), (BelowLayer(Path("/c/a b.tar")), BelowLayer(Path("/c/2.tar"), ("etc/x y",)))])
def test_every_source_is_bound_to_the_keyring(is_root: bool, below: tuple[BelowLayer, ...], exchange: Exchange) -> None:
    what = Bootstrap("bookworm", ("b", "a"), "amd64", below)
    argv = command_line(what, Path("/t.tar"), exchange, SOURCES, "", is_root=is_root)
    sources = [argument for argument in argv if argument.startswith("deb ")]
    assert len(sources) == len(SOURCES)
    assert all("[signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]" in source for source in sources)
    text = " ".join(argv).lower()
    assert not any(word in text for word in ("trusted=yes", "allow-unauthenticated", "check-valid-until", "insecure"))
    assert ("--variant=minbase" in argv) is not bool(below)
    assert ("/c/a b.tar" in text) is bool(below)


def test_packages_are_never_taken_for_options(exchange: Exchange) -> None:
    what = Bootstrap("bookworm", ("-oDebug=1", "a;b"), "amd64", (BelowLayer(Path("/l")),))
    argv = command_line(what, Path("/t"), exchange, SOURCES, "", is_root=True)
    (install,) = [argument for argument in argv if "apt-get --yes" in argument]
    assert install.endswith("install -- -oDebug=1 'a;b'")


def test_the_archive_is_asked_once_per_run(exchange: Exchange) -> None:
    what = Bootstrap("bookworm", ("a",), "amd64", (BelowLayer(Path("/l")),))

    def asks() -> bool:
        argv = command_line(what, Path("/t"), exchange, SOURCES, "", is_root=True)
        return "--skip=essential/unlink,update" not in argv

    assert asks()
    (exchange.lists / "mirror.lan_Packages").write_text("")
    assert not asks()
