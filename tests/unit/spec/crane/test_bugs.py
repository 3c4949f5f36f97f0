"""What crane did wrong, and this doesn't: one test for each of its 24 known faults, by number."""

import shlex
from pathlib import Path

import pytest

from boxship.cli.arguments import parse_arguments
from boxship.cli.context import Invocation
from boxship.execute.executor import execute
from boxship.operate.outcome import error_of
from boxship.plan.action import StartContainer
from boxship.plan.observed import Observed, ObservedImage
from boxship.plan.reconcile import reconcile
from boxship.plan.resolve import resolve
from boxship.plan.verbs import plan_down, plan_stop
from boxship.plan.verdict import Options
from boxship.spec.loaded import Loaded
from tests.fakes.clock import FakeClock
from tests.fakes.engine import FakeEngine
from tests.unit.spec.crane.conftest import Read, Refuse, plan_text, sentences

IMAGE = ObservedImage("sha256:1", tags=("img:1",))


async def brought_up(loaded: Loaded, engine: FakeEngine) -> str:
    """Carry the plan out; the sentence of what failed, or ""."""
    references = ("img:1", "broken:1")
    plan = reconcile(resolve(loaded.appliance), await engine.observe(references), Options())
    outcome = await execute(plan, engine, lambda event: None, engine.clock)
    error = error_of(outcome, "up")
    return "" if error is None else str(error)


def test_1_an_override_file_wins(read: Read) -> None:
    loaded = read(
        {
            "crane.yml": """
            prefix: first
            services: {web: {image: img:1, env: [A=1, B=1], cmd: old, publish: ["80:80", "81:81"]}}
            """,
            "crane.override.yml": """
            prefix: second
            services: {web: {image: img:2, env: {A: "2"}, cmd: new, publish: ["90:90"]}}
            """,
        }
    )
    web = loaded.appliance.services["web"]
    assert loaded.appliance.name == "second"
    assert (web.image, web.command, web.environment) == ("img:2", ("new",), {"A": "2", "B": "1"})
    assert [port.published for port in web.ports] == ["90"]


def test_2_cap_drop_is_obeyed_in_either_spelling(read: Read) -> None:
    appliance = read("services: {a: {image: img:1, cap-drop: [ALL]}, b: {image: img:1, cap_drop: [NET_RAW]}}").appliance
    assert (appliance.services["a"].cap_drop, appliance.services["b"].cap_drop) == (("ALL",), ("NET_RAW",))


@pytest.mark.parametrize("logging", ["", ", log-driver: json-file"], ids=["no log driver", "with a log driver"])
@pytest.mark.parametrize("check", ["health-cmd: ping", "healthcheck: {test: ping}"])
def test_3_a_health_check_is_obeyed_whatever_the_log_driver(read: Read, check: str, logging: str) -> None:
    web = read(f"services: {{web: {{image: img:1, {check}{logging}}}}}").appliance.services["web"]
    assert web.healthcheck is not None
    assert web.healthcheck.test == ("CMD-SHELL", "ping")


def test_4_sysctls_extra_hosts_and_ulimits_reach_the_container(read: Read) -> None:
    text = """
    services:
      a: {image: img:1, sysctl: [net.core.somaxconn=9], ulimit: [nofile=10:20], add-host: ["h:1.2.3.4"]}
      b:
        image: img:1
        sysctls: {net.core.somaxconn: 9}
        ulimits: {nofile: {soft: 10, hard: 20}}
        extra_hosts: ["h:1.2.3.4"]
    """
    for service in read(text).appliance.services.values():
        assert service.sysctls == {"net.core.somaxconn": "9"}
        assert (service.ulimits["nofile"].soft, service.ulimits["nofile"].hard) == (10, 20)
        assert service.extra_hosts == ("h:1.2.3.4",)


def test_5_no_key_becomes_a_flag_that_the_engine_refuses(read: Read) -> None:
    loaded = read(
        """
        services:
          web: {image: img:1, sig-proxy: true, cpuset: 0, lxc-conf: [x=y], stop_grace_period: 1m30s}
          b: {image: img:1, stop-timeout: 7}
        """
    )
    web = loaded.appliance.services["web"]
    assert (web.cpuset, web.stop_grace_period_s) == ("0", 90.0)
    assert loaded.appliance.services["b"].stop_grace_period_s == 7.0
    left_out = {warning.reason.split("'")[1] for warning in loaded.warnings if "left out" in warning.reason}
    assert {"sig-proxy", "lxc-conf"} <= left_out


def test_6_an_image_that_is_here_is_not_pulled(read: Read) -> None:
    assert "PullImage" not in plan_text(read("services: {web: {image: img:1}}"), IMAGE)


def test_7_a_container_on_the_hosts_network_needs_no_other(read: Read) -> None:
    loaded = read("services: {web: {image: img:1, net: host}, db: {image: img:1}}")
    web = loaded.appliance.services["web"]
    assert (web.network_mode, web.networks) == ("host", {})
    assert "service:web, StartContainer" in plan_text(loaded, IMAGE)


def test_8_links_order_starts_and_their_alias_is_on_the_applications_network(read: Read) -> None:
    loaded = read("services: {a: {image: img:1, link: ['z:z.service', 'z:db']}, z: {image: img:1}}")
    text = plan_text(loaded, IMAGE)
    assert text.index("service:z, WaitReady") < text.index("service:a, StartContainer")
    assert loaded.appliance.services["a"].link_aliases == {"z.service": "z", "db": "z"}
    assert loaded.appliance.services["a"].depends_on["z"].restart is False


def test_9_containers_start_side_by_side_with_or_without_detach(read: Read) -> None:
    loaded = read("services: {a: {image: img:1}, b: {image: img:1, detach: true}}")
    steps = reconcile(resolve(loaded.appliance), Observed(images=(IMAGE,))).steps
    by_id = {step.id: step for step in steps}
    starts = [step for step in steps if isinstance(step.action, StartContainer)]
    awaited = [{type(by_id[number].action).__name__ for number in step.after} for step in starts]
    assert awaited == [{"CreateContainer"}, {"CreateContainer"}]


async def test_10_recreation_and_going_down_keep_what_a_data_container_holds(read: Read) -> None:
    text = """
    containers:
      data: {image: img:1, run: {volume: [/data], cmd: %s}}
      web: {image: img:1, run: {volumes-from: [data], cmd: sleep infinity}}
    """
    engine = FakeEngine(FakeClock())
    engine.add_image("img:1")
    before = read(text % "echo one")
    assert await brought_up(before, engine) == ""
    volumes = set(engine.world.volumes)
    down = plan_down("shop", await engine.observe(()), {})
    await execute(down, engine, lambda event: None, engine.clock)
    assert await brought_up(read(text % "echo two"), engine) == ""
    assert set(engine.world.volumes) == volumes == {"shop.data-data"}
    mounts = [(mount.source, mount.target) for mount in (await engine.observe(())).containers[0].mounts]
    assert mounts == [("shop.data-data", "/data")]


async def test_11_a_failure_in_the_middle_is_told_and_leaves_what_runs_running(read: Read) -> None:
    engine = FakeEngine(FakeClock())
    engine.add_image("img:1")
    loaded = read(
        """
        services:
          first: {image: img:1, cmd: sleep infinity}
          middle: {image: img:1, cmd: "false", requires: [first]}
          last: {image: img:1, cmd: sleep infinity, requires: [middle]}
        """
    )
    error = await brought_up(loaded, engine)
    assert "middle" in error
    assert list(engine.running) == ["shop.first"]


def test_12_exec_needs_no_terminal() -> None:
    arguments = parse_arguments(["exec", "-T", "web", "ls"])
    assert arguments.no_tty
    assert arguments.command == ["ls"]


def test_13_a_cycle_is_told_with_its_way_and_does_not_hinder_going_down(
    refuse: Refuse, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (problem,) = refuse("services: {a: {image: img:1, requires: [b]}, b: {image: img:1, link: [a]}}")
    assert problem.reason == "services wait for each other: a -> b -> a"
    arguments = parse_arguments(["--project-directory", str(tmp_path / "shop"), "down"])
    assert Invocation.from_arguments(arguments).appliance_name_or_files() == ("shop", None)
    assert "warning: crane.yml:1:" in capsys.readouterr().err


@pytest.mark.parametrize("key", ["requires: [dbb]", "link: ['dbb:db']", "volumes-from: [dbb]", "net: 'service:dbb'"])
def test_14_a_reference_to_nothing_is_told(refuse: Refuse, key: str) -> None:
    problems = refuse(f"services: {{web: {{image: img:1, {key}}}, db: {{image: img:1}}}}")
    assert any("unknown container 'dbb'" in problem.reason for problem in problems)


def test_15_a_hook_or_group_of_a_stranger_is_told(refuse: Refuse) -> None:
    problems = refuse(
        """
        services: {web: {image: img:1}}
        groups: {all: [web, dbb]}
        hooks: {all: {pre-start: "true"}, wbe: {pre-start: "true"}}
        """
    )
    assert sentences(problems) == [
        "3: groups.all[1]: unknown container 'dbb'",
        "4: hooks.wbe: unknown group or container 'wbe'",
    ]


def test_16_files_may_lie_anywhere(read: Read) -> None:
    loaded = read(
        {
            "sub/x.crane.yml": "services: {web: {image: img:1, volume: ['./www:/www']}}",
            "over.crane.yml": "groups: {default: [web]}",
        },
        f=("sub/x.crane.yml", "over.crane.yml"),
    )
    assert loaded.appliance.services["web"].mounts[0].source == f"{loaded.appliance.directory}/www"
    assert loaded.appliance.directory.name == "sub"


def test_17_the_order_of_variables_changes_nothing(read: Read) -> None:
    one = read("services: {web: {image: img:1, env: {B: 1, A: 2}, label: [y=1, x=2]}}")
    other = read("services: {web: {image: img:1, env: [A=2, B=1], label: {x: 2, y: 1}}}")
    specs = [
        str(reconcile(resolve(each.appliance), Observed(images=(IMAGE,))).steps[1].action) for each in (one, other)
    ]
    digests = [spec.split("'boxship.digest': '")[1][:32] for spec in specs]
    assert digests[0] == digests[1]


def test_18_values_reach_the_container_as_they_are_written(read: Read) -> None:
    text = """
    services:
      web:
        image: img:1
        env: {A: 010, B: 1.10, C: yes, D: 22:22, E: 1_000, F: 0x1F, G: null, H: ~, 1234: 5678, I: 1e3, J: True}
    """
    assert read(text, env={"G": "shell"}).appliance.services["web"].environment == {
        "A": "010", "B": "1.10", "C": "yes", "D": "22:22", "E": "1_000", "F": "0x1F", "G": "shell", "1234": "5678",
        "I": "1e3", "J": "True",
    }  # fmt: skip


def test_19_share_ssh_socket_mounts_nothing_without_an_agent(read: Read) -> None:
    loaded = read("services: {web: {image: img:1, share-ssh-socket: true}}")
    assert loaded.appliance.services["web"].mounts == ()
    (told,) = [warning for warning in loaded.warnings if "share-ssh-socket" in warning.reason]
    assert "SSH_AUTH_SOCK" in told.hint


def test_20_a_named_volume_is_one_and_a_folder_that_is_there_is_that(read: Read) -> None:
    text = "services: {web: {image: img:1, volume: ['db:/db', 'www:/www']}}"
    loaded = read({"crane.yml": text, "www/index.html": "hello"})
    directory = loaded.appliance.directory
    assert [(mount.kind, mount.source) for mount in loaded.appliance.services["web"].mounts] == [
        ("volume", "db"),
        ("bind", f"{directory}/www"),
    ]
    assert "db" in loaded.appliance.volumes
    assert sum("'db'" in warning.reason or "'www'" in warning.reason for warning in loaded.warnings) == 2


async def test_21_going_down_removes_networks_and_with_volumes_data(read: Read) -> None:
    engine = FakeEngine(FakeClock())
    engine.add_image("img:1")
    await brought_up(
        read("services: {web: {image: img:1, cmd: sleep infinity, volume: ['d:/d']}}\nvolumes: {d: }"), engine
    )
    plan = plan_down("shop", await engine.observe(()), {}, volumes=True)
    assert {"RemoveNetwork", "RemoveVolume"} <= {type(step.action).__name__ for step in plan.steps}


def test_22_a_variable_without_value_is_refused_and_for_a_lax_reader_told(read: Read, refuse: Refuse) -> None:
    text = "services: {web: {image: 'img:$TAG', cmd: '${A:-a} ${B:?no B} $$C'}}"
    (problem,) = refuse(text, env={"B": "b"})
    assert problem.reason == "the variable TAG is not set"
    loaded = read(text, env={"B": "b"}, lax=True)
    assert loaded.appliance.services["web"].command == ("a", "b", "$C")
    assert any("TAG" in warning.reason for warning in loaded.warnings)
    assert any("no B" in problem.reason for problem in refuse(text, env={"TAG": "1"}))


def test_23_hooks_are_steps_between_others_and_wait_for_no_event(read: Read) -> None:
    hooks = read(
        """
        services: {web: {image: img:1}}
        hooks: {web: {post-start: "notify 'it runs' $CRANE_HOOKED_CONTAINER"}}
        """
    ).appliance.hooks
    assert hooks["web"].post_start == ("notify", "it runs", "${CRANE_HOOKED_CONTAINER}")


def test_24_options_may_follow_the_name_of_a_service() -> None:
    arguments = parse_arguments(shlex.split("up web -d"))
    assert (arguments.services, arguments.detach) == (["web"], True)


async def test_stopping_many_takes_one_grace_time_and_not_one_each(read: Read) -> None:
    names = [f"s{number}" for number in range(6)]
    services = ", ".join(f"{name}: {{image: img:1, cmd: sleep infinity, stop-timeout: 10}}" for name in names)
    clock = FakeClock()
    engine = FakeEngine(clock)
    engine.add_image("img:1")
    assert await brought_up(read(f"services: {{{services}}}"), engine) == ""
    began_s = clock.monotonic_s()
    await execute(plan_stop("shop", await engine.observe(()), {}), engine, lambda event: None, clock)
    assert engine.running == {}
    assert clock.monotonic_s() - began_s < 15
