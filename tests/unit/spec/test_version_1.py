"""Files of the format's version 1, whose services stand at the top level."""

from boxship.spec.model import Logging
from tests.unit.spec.conftest import Read, Refuse

OLD = """\
web:
  build: .
  dockerfile: Web.dockerfile
  links: [db]
  volumes: ["rows:/rows", "./x:/x", "/anonymous"]
  log_driver: syslog
  log_opt: {tag: web}
  net: "container:db"
db:
  image: "db:${TAG:-1}"
  net: host
  mem_limit: 64m
"""


def test_a_lax_reader_takes_services_at_the_top_level_with_a_warning(read: Read) -> None:
    loaded = read(OLD, lax=True)
    web, db = (loaded.appliance.services[name] for name in ("web", "db"))
    assert web.build is not None
    assert (web.build.context, web.build.dockerfile) == (loaded.appliance.directory, "Web.dockerfile")
    assert web.logging == Logging("syslog", {"tag": "web"})
    assert (web.network_mode, db.network_mode, db.image) == ("service:db", "host", "db:1")
    assert list(web.depends_on) == ["db"]
    (warning,) = (each for each in loaded.warnings if each.code == "old-format")
    assert str(warning.where) == "compose.yaml:1:1"
    assert "as in version 1 of the format" in warning.reason
    assert warning.hint == "put all of them under 'services:', or read it with --lax"


def test_without_lax_they_are_refused_in_one_sentence(refuse: Refuse) -> None:
    (problem,) = refuse(OLD)
    assert (problem.code, str(problem.where)) == ("old-format", "compose.yaml:1:1")
    assert "--lax" in problem.hint


def test_named_volumes_keep_their_names(read: Read) -> None:
    volumes = read(OLD, lax=True).appliance.volumes
    assert {key: volume.name for key, volume in volumes.items()} == {"rows": "rows"}


def test_values_keep_their_places(read: Read, refuse: Refuse) -> None:
    web = read(OLD, lax=True).appliance.services["web"]
    assert (web.where[""].line, web.where["network_mode"].line, web.where["logging"].line) == (2, 8, 6)
    (problem,) = refuse("web: {image: 'w:1', log_driver: [x]}\n", lax=True)
    assert (problem.path, str(problem.where)) == ("services.web.logging.driver", "compose.yaml:1:33")


def test_old_files_extend_old_files(read: Read) -> None:
    files = {
        "compose.yaml": "web:\n  extends: {file: lib/old.yaml, service: base}\n  links: [db]\ndb: {image: 'db:1'}\n",
        "lib/old.yaml": "base: {build: ., dockerfile: X}\n",
    }
    loaded = read(files, lax=True)
    web = loaded.appliance.services["web"]
    assert web.build is not None
    assert (web.build.context, web.build.dockerfile) == (loaded.appliance.directory / "lib", "X")
    assert {warning.where.file for warning in loaded.warnings if warning.code == "old-format"} == {
        "compose.yaml",
        "lib/old.yaml",
    }


def test_what_only_looks_a_little_like_it_is_refused_as_before(refuse: Refuse) -> None:
    for text, key in (
        ("version: '2'\nweb: {image: 'w:1'}\n", "web"),
        ("services: {a: {image: 'a:1'}}\nweb: {image: 'w:1'}\n", "web"),
        ("web: {image: 'w:1'}\nothers: [db]\n", "others"),
        ("web: {imag: 'w:1'}\n", "web"),
    ):
        assert f"unknown key '{key}'" in [problem.reason for problem in refuse(text)]
