from collections.abc import Callable

import pytest

from boxship.spec.command import SplitCommand, split_command
from boxship.spec.model import Condition, Dependency, Mount, Port, Restart, Service
from boxship.spec.ports import expand_port
from boxship.spec.report import Report
from boxship.spec.tree import Scalar
from boxship.where import Where
from tests.unit.spec.conftest import Read, Refuse

ReadService = Callable[..., Service]


@pytest.mark.parametrize(
    ("written", "ports"),
    [
        ("8080", [Port(8080)]),
        ("'80:8080'", [Port(8080, "80")]),
        ("22:22", [Port(22, "22")]),
        ("'127.0.0.1:80:8080/udp'", [Port(8080, "80", "udp", "127.0.0.1")]),
        ("'127.0.0.1::8080'", [Port(8080, None, "tcp", "127.0.0.1")]),
        ("'[::1]:80:8080'", [Port(8080, "80", "tcp", "::1")]),
        ("'80-81:90-91/sctp'", [Port(90, "80", "sctp"), Port(91, "81", "sctp")]),
        ("'80-90:8080'", [Port(8080, "80-90")]),
        ("'7000-7001'", [Port(7000), Port(7001)]),
        (
            "{target: 80, published: 8080, host_ip: 127.0.0.1, mode: host}",
            [Port(80, "8080", "tcp", "127.0.0.1", "host")],
        ),
        ("{target: 53, protocol: udp}", [Port(53, None, "udp")]),
    ],
)
def test_every_form_of_a_port(service: ReadService, written: str, ports: list[Port]) -> None:
    assert list(service(f"ports: [{written}]").ports) == ports


@pytest.mark.parametrize(
    "written",
    ["'a:80'", "'80:70000'", "'80-82:80-81'", "'82-80'", "'1.2.3:80:80'", "'::1:80:80'", "'80/icmp'", "'80:'", "''",
     "'0'", "1.5", "{published: 80}", "{target: 0}", "{target: 80, published: x}", "'[::1:80:80'", "'[zz]:80:80'",
     "'²:80'"],
)  # fmt: skip
def test_a_bad_port_is_refused_at_its_line(refuse: Refuse, written: str) -> None:
    problem = refuse(f"services:\n  a:\n    image: a:1\n    ports: [{written}]\n")[0]
    assert problem.where.line == 4
    assert problem.path.startswith("services.a.ports[")


def test_no_range_makes_more_ports_than_anyone_publishes() -> None:
    report = Report()
    port = Scalar("1-65535", Where("f", 1, 1))
    assert expand_port(port, "ports[0]", 1000, report) == ()
    assert "more ports than anyone publishes" in report.errors[0].reason


@pytest.mark.parametrize(
    ("written", "mount"),
    [
        ("/anon", Mount("volume", "/anon")),
        ("data:/d", Mount("volume", "/d", "data")),
        ("d:/one-letter", Mount("volume", "/one-letter", "d")),
        ("data:/d:ro,nocopy", Mount("volume", "/d", "data", read_only=True, nocopy=True)),
        ("./x:/x", Mount("bind", "/x", "{dir}/x", create_host_path=True)),
        ("../x:/x/", Mount("bind", "/x", "{up}/x", create_host_path=True)),
        ("~/x:/x:rslave", Mount("bind", "/x", "/home/me/x", propagation="rslave", create_host_path=True)),
        ("/a/b:/x:Z,ro", Mount("bind", "/x", "/a/b", read_only=True, selinux="Z", create_host_path=True)),
        ("'C:\\x:/x'", Mount("bind", "/x", "C:\\x", create_host_path=True)),
        ("{type: bind, source: ./x, target: /x}", Mount("bind", "/x", "{dir}/x", create_host_path=False)),
        ("{type: tmpfs, target: /t, tmpfs: {size: 1m, mode: 0755}}",
         Mount("tmpfs", "/t", create_host_path=False, tmpfs_size_bytes=1 << 20, tmpfs_mode=0o755)),
    ],
)  # fmt: skip
def test_every_form_of_a_volume(read: Read, written: str, mount: Mount) -> None:
    item = written if written.startswith(("{", "'")) else f"'{written}'"
    text = f"services: {{a: {{image: 'a:1', volumes: [{item}]}}}}\n"
    appliance = read(text + "volumes: {data: {}, d: {}}\n", env={"HOME": "/home/me"}).appliance
    (found,) = appliance.services["a"].mounts
    source = (mount.source or "").format(dir=appliance.directory, up=appliance.directory.parent) or None
    assert (found.kind, found.target, found.source) == (mount.kind, mount.target, source)
    for name in ("read_only", "nocopy", "subpath", "propagation", "selinux", "tmpfs_size_bytes", "tmpfs_mode"):
        assert getattr(found, name) == getattr(mount, name), name
    if mount.kind == "bind":
        assert found.create_host_path is mount.create_host_path


@pytest.mark.parametrize(
    ("written", "says"),
    [("':/d'", "empty source"), ("'a:b:c:d'", "too many colons"), ("''", "is empty"), ("'ghost:/d'", "unknown volume"),
     ("{type: bind, target: /x}", "no source"), ("{type: volume, source: data}", "no target"),
     ("{type: nfs, target: /x}", "none of bind, volume, tmpfs"), ("{target: /x}", "'type' is missing")],
)  # fmt: skip
def test_a_bad_volume_is_refused(refuse: Refuse, written: str, says: str) -> None:
    (problem,) = refuse(f"services: {{a: {{image: 'a:1', volumes: [{written}]}}}}\nvolumes: {{data: {{}}}}\n")
    assert says in problem.reason


def test_short_tmpfs_keeps_its_options(service: ReadService) -> None:
    (plain, sized) = service("tmpfs: [/t, '/u:size=64m,mode=755,uid=5']").mounts
    assert (plain.kind, plain.target, plain.tmpfs_options) == ("tmpfs", "/t", "")
    assert (sized.tmpfs_size_bytes, sized.tmpfs_mode, sized.tmpfs_options) == (
        64 << 20,
        0o755,
        "size=64m,mode=755,uid=5",
    )


@pytest.mark.parametrize(
    ("text", "argv"),
    [
        ("run --a 'b c' \"d e\"", ["run", "--a", "b c", "d e"]),
        (r'a\ b "c\"d" \'', ["a b", 'c"d', "'"]),
        ("'x\\y' \"\" z''", ["x\\y", "", "z"]),
        ("echo `a b` $(c | d) e", ["echo", "`a b`", "$(c | d)", "e"]),
        ("  ", []), ("a\n b\n", ["a", "b"]), ("a #b", ["a", "#b"]),
    ],
)  # fmt: skip
def test_command_text_is_split_like_compose_does(text: str, argv: list[str]) -> None:
    assert split_command(text) == SplitCommand(tuple(argv), "")


@pytest.mark.parametrize("text", ["a 'b", 'a "b', "a \\", "a (b)", "a `b", "$(a"])
def test_a_command_that_never_closes_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"never closed|backslash|parenthesis"):
        split_command(text)


def test_what_stands_behind_a_shell_operator_is_warned_about(read: Read) -> None:
    loaded = read("services: {a: {image: 'a:1', command: 'serve --x && echo done 2>&1'}}")
    assert loaded.appliance.services["a"].command == ("serve", "--x")
    assert "'&& echo done 2>&1' is never run" in loaded.warnings[0].reason


@pytest.mark.parametrize(
    ("written", "command"),
    [("[]", ()), ("''", ()), ("null", None), ("[a, 'b c']", ("a", "b c")), ("a 'b c'", ("a", "b c"))],
)
def test_an_empty_command_clears_and_null_keeps_the_images(
    service: ReadService, written: str, command: tuple[str, ...] | None
) -> None:
    assert service(f"command: {written}").command == command


@pytest.mark.parametrize(
    ("written", "test"),
    [("x || y", ("CMD-SHELL", "x || y")), ("[CMD, a]", ("CMD", "a")), ("[CMD-SHELL, a b]", ("CMD-SHELL", "a b")),
     ("[NONE]", ("NONE",)), ("[]", ())],
)  # fmt: skip
def test_every_form_of_a_health_check(service: ReadService, written: str, test: tuple[str, ...]) -> None:
    lines = f"healthcheck: {{test: {written}, interval: 1m30s, timeout: 500ms, retries: 4, start_interval: 2s}}"
    check = service(lines).healthcheck
    assert check is not None
    assert (check.test, check.interval_s, check.timeout_s, check.retries, check.start_interval_s) == (
        test,
        90,
        0.5,
        4,
        2,
    )
    assert check.is_disabled is (test == ("NONE",))


def test_a_disabled_health_check_is_disabled_whatever_its_test(service: ReadService) -> None:
    check = service("healthcheck: {disable: true, test: [CMD, a]}").healthcheck
    assert check is not None
    assert check.is_disabled


def test_builds_in_short_and_long_form(read: Read) -> None:
    text = """
        services:
          short: {build: ./src}
          long:
            image: made:1
            build: {context: ., dockerfile: D, args: [A=1, FROM_SHELL, NONE], target: t, shm_size: 1g, pull: true}
          inline: {build: {dockerfile_inline: "FROM x"}}
          remote: {build: "https://example.com/a.git#main"}
        """
    appliance = read(text, env={"FROM_SHELL": "s"}).appliance
    short, long, inline, remote = (service.build for service in appliance.services.values())
    assert short is not None
    assert (short.context, short.dockerfile) == (appliance.directory / "src", "Dockerfile")
    assert long is not None
    assert (long.context, long.dockerfile, long.target, long.pull) == (appliance.directory, "D", "t", True)
    assert (long.args, long.shm_size_bytes) == ({"A": "1", "FROM_SHELL": "s", "NONE": None}, 1 << 30)
    assert inline is not None
    assert inline.dockerfile_inline == "FROM x"
    assert remote is not None
    assert remote.context_url == "https://example.com/a.git#main"


def test_edges_come_from_depends_on_links_and_shared_namespaces(read: Read) -> None:
    text = """
        services:
          a:
            image: a:1
            depends_on: {b: {condition: service_completed_successfully, required: false}}
            links: ["b", "c:sea"]
            network_mode: service:d
            ipc: service:c
            pid: service:e
          b: {image: 'b:1'}
          c: {image: 'c:1'}
          d: {image: 'd:1'}
          e: {image: 'e:1'}
        """
    service = read(text).appliance.services["a"]
    implied = Dependency(restart=True)
    assert service.depends_on == {
        "b": Dependency(Condition.COMPLETED, required=False), "c": implied, "d": implied, "e": implied,
    }  # fmt: skip
    assert service.link_aliases == {"b": "b", "sea": "c"}
    assert service.networks == {}


@pytest.mark.parametrize(
    ("written", "restart"),
    [("no", Restart("no")), ("always", Restart("always")), ("unless-stopped", Restart("unless-stopped")),
     ("on-failure:5", Restart("on-failure", 5))],
)  # fmt: skip
def test_restart_policies(service: ReadService, written: str, restart: Restart) -> None:
    assert service(f"restart: {written}").restart == restart


def test_the_rest_of_the_keys(service: ReadService) -> None:
    read = service(
        """
        mem_limit: 1.5g
        memswap_limit: -1
        shm_size: 64
        stop_grace_period: 1m30s
        ulimits: {nofile: 5, core: {soft: 1, hard: 2}}
        extra_hosts: {one: 10.0.0.1, six: ["::1", "10.0.0.2"]}
        devices: [/dev/fuse, {source: /dev/a, target: /dev/b, permissions: r}]
        sysctls: [net.core.somaxconn=1024]
        networks: {back: {aliases: [x], ipv4_address: 10.1.0.5}}
        logging: {driver: json-file, options: {max-file: 3}}
        init: false
        user: "1000:1000"
        group_add: [999, mail]
        oom_kill_disable: true
        """
    )
    assert (read.mem_limit_bytes, read.memswap_limit_bytes, read.shm_size_bytes) == (3 << 29, -1, 64)
    assert (read.stop_grace_period_s, read.init, read.oom_kill_disable) == (90, False, True)
    assert (read.ulimits["nofile"].soft, read.ulimits["core"].hard) == (5, 2)
    assert read.extra_hosts == ("one:10.0.0.1", "six:::1", "six:10.0.0.2")
    assert read.devices == ("/dev/fuse:/dev/fuse:rwm", "/dev/a:/dev/b:r")
    assert (read.sysctls, read.group_add) == ({"net.core.somaxconn": "1024"}, ("999", "mail"))
    assert read.networks["back"].ipv4_address == "10.1.0.5"
    assert read.logging.options == {"max-file": "3"}


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("stop_grace_period: '30'", "needs a unit"),
        ("stop_grace_period: 10", "must be text"),
        ("healthcheck: {interval: 5 parsecs}", "not a duration"),
        ("healthcheck: {test: [curl, x]}", "begins with 'curl'"),
        ("healthcheck: {retries: -1}", "fewer than none"),
        ("mem_limit: 5x", "not a size"),
        ("restart: sometimes", "none of"),
        ("restart: 'no:3'", "none of"),
        ("pull_policy: perhaps", "is not"),
        ("container_name: 'a b'", "is not"),
        ("tty: maybe", "true or false"),
        ("user: 1000", "must be text"),
        ("ports: '80:80'", "must be a list"),
        ("environment: {A: [x]}", "must be text"),
        ("command: [a, 5]", "must be text"),
        ("cpus: -1", "fewer than none"),
        ("cpus: .inf", "count with"),
        ("pids_limit: 1e30", "must be a whole number, not '1e+30'"),
        ("extra_hosts: [a]", "no address"),
        ("oom_score_adj: 2000", "not between"),
        ("build: {dockerfile: a, dockerfile_inline: b}", "both"),
        ('command: "a \'b"', "never closed"),
        ("depends_on: {b: {}}", "'condition' is missing"),
        ("depends_on: {a: {condition: up}}", "none of"),
        ("ulimits: {nofile: {soft: 1}}", "'hard' is missing"),
        ("networks: ", "is empty"),
        ("env_file: [{path: x, format: toml}]", "none of raw"),
    ],
)
def test_a_wrong_value_is_refused_in_words(refuse: Refuse, line: str, says: str) -> None:
    problems = refuse(f"services:\n  a:\n    image: a:1\n    {line}\n  b:\n    image: b:1\n")
    assert any(says in problem.reason for problem in problems), problems
    assert all(problem.where.line == 4 for problem in problems)


def test_an_unknown_key_is_refused_with_a_guess_and_x_keys_are_not(refuse: Refuse) -> None:
    text = (
        "x-a: 1\nservices:\n  a:\n    image: a:1\n    x-b: 2\n"
        "    enviroment: {}\n    build: {contxt: .}\nvolume: {}\n"  # codespell:ignore enviroment
    )
    hints = {problem.reason: problem.hint for problem in refuse(text)}
    assert hints == {
        "unknown key 'enviroment'": "did you mean 'environment'?",  # codespell:ignore enviroment
        "unknown key 'contxt'": "did you mean 'context'?",
        "unknown key 'volume'": "did you mean 'volumes'?",
    }


def test_a_key_that_does_not_exist_is_refused_by_name_and_only_a_warning_when_lax(refuse: Refuse, read: Read) -> None:
    text = "services:\n  a:\n    image: a:1\n    colour: red\n"
    (problem,) = refuse(text)
    assert problem.reason == "unknown key 'colour'"
    (warning,) = read(text, lax=True).warnings
    assert (warning.reason, warning.where) == (problem.reason, problem.where)


def test_every_problem_of_every_file_is_reported_in_order(refuse: Refuse) -> None:
    files = {
        "compose.yaml": "services:\n  a:\n    image: 5\n    ports: ['x']\n    colour: red\n",
        "over.yaml": "services:\n  a:\n    tty: 3\n    stop_grace_period: soon\n",
    }
    places = [str(problem.where) for problem in refuse(files, f=("compose.yaml", "over.yaml"))]
    assert places == ["compose.yaml:3:12", "compose.yaml:4:13", "compose.yaml:5:5", "over.yaml:3:10", "over.yaml:4:24"]
