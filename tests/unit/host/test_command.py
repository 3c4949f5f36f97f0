"""The command boxship of a box, with programs that stand in for docker and systemctl."""

import os
import subprocess
from pathlib import Path

import pytest

from boxship.host.places import box_places
from boxship.host.sail.render import DEFAULT_SOCKET, SailSettings, render_command, render_sail

DOCKER = """#!/bin/sh
echo "${DOCKER_HOST-the default}" >>"$FAKE/asked"
case "$1 $2" in
    "container inspect") cat "$FAKE/running-$5" 2>/dev/null || exit 1 ;;
    "container ls") echo loaderid ;;
    *) echo "docker $*" >>"$FAKE/calls" ;;
esac
"""


class Host:
    """Where the command finds appliances, an engine and, when asked for, nothing else."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        programs = folder / "bin"
        programs.mkdir()
        (programs / "docker").write_text(DOCKER)
        (programs / "docker").chmod(0o755)
        # The folders of a box are fixed; here they are below the test's own.
        text = render_command()
        for place in ("/usr/local/lib/boxship", "/var/lib/boxship"):
            assert place in text
            text = text.replace(place, f"{folder}{place}")
        (programs / "boxship").write_text(text)
        (programs / "boxship").chmod(0o755)

    def has(self, appliance: str, *, is_running: bool = True, socket: Path = DEFAULT_SOCKET) -> None:
        script = self.folder / "usr/local/lib/boxship" / appliance / "sail"
        script.parent.mkdir(parents=True)
        script.write_text(render_sail(SailSettings(appliance, box_places(appliance), socket)))
        state = self.folder / "var/lib/boxship" / appliance
        state.mkdir(parents=True)
        (state / "loader").write_text("sha256:1\n")
        if is_running:
            (self.folder / f"running-boxship-loader-{appliance}").write_text("true\n")

    def run(self, *arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [self.folder / "bin/boxship", *arguments],
            env={
                "PATH": f"{self.folder}/bin:{os.environ['PATH']}",
                "FAKE": str(self.folder),
                "TERM": "dumb",
                **environment,
            },
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )

    def calls(self) -> list[str]:
        return (self.folder / "calls").read_text().splitlines()

    def asked(self) -> set[str]:
        """Where every call went."""
        return set((self.folder / "asked").read_text().splitlines())


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(tmp_path)


def inside(appliance: str, rest: str) -> str:
    start = f"docker container exec --interactive --env TERM=dumb boxship-loader-{appliance}"
    return f"{start} boxship --project-name {appliance} {rest}"


def test_the_command_line_runs_inside_of_the_loaders_container(host: Host) -> None:
    host.has("share")
    assert host.run("logs", "--tail", "3", "a b").returncode == 0
    assert host.calls() == [inside("share", "logs --tail 3 a b")]


@pytest.mark.parametrize(
    ("arguments", "environment"),
    [
        (("-p", "other", "ps"), {}),
        (("-pother", "ps"), {}),
        (("--project-name=other", "ps"), {}),
        (("ps",), {"BOXSHIP_APPLIANCE": "other"}),
    ],
)
def test_one_of_several_appliances_can_be_named(
    host: Host, arguments: tuple[str, ...], environment: dict[str, str]
) -> None:
    host.has("share")
    host.has("other")
    host.run(*arguments, **environment)
    assert host.calls() == [inside("other", " ".join(arguments))]


@pytest.mark.parametrize(
    ("appliances", "arguments", "said"),
    [
        ((), ("ps",), "error: no appliance is installed on this host"),
        (("other", "share"), ("ps",), "error: several appliances are installed on this host: other share"),
        (("share",), ("-p", "shar", "ps"), "error: no appliance 'shar' is installed on this host"),
    ],
)
def test_what_cannot_be_told_is_asked_for(
    host: Host, appliances: tuple[str, ...], arguments: tuple[str, ...], said: str
) -> None:
    for each in appliances:
        host.has(each)
    done = host.run(*arguments)
    assert (done.returncode, done.stderr.splitlines()[0]) == (10, said)
    assert done.stderr.splitlines()[1].startswith("hint: ")


def test_without_a_running_loader_the_next_step_is_said(host: Host) -> None:
    host.has("share", is_running=False)
    done = host.run("ps")
    assert done.stderr == (
        "error: the Loader of share does not run\n"
        "hint: systemctl status boxship-share and journalctl -u boxship-share say why\n"
    )


@pytest.mark.parametrize("arguments", [("uninstall",), ("-p", "share", "uninstall"), ("-pshare", "uninstall")])
def test_uninstall_runs_in_a_container_that_sees_the_whole_host(host: Host, arguments: tuple[str, ...]) -> None:
    host.has("share", is_running=False)
    assert host.run(*arguments).returncode == 0
    run, removal = host.calls()
    assert run.startswith("docker container run --rm --pull never ")
    assert run.endswith("sha256:1 --project-name share uninstall --root /host")
    assert "--volume /:/host" in run
    # What it needs to open a gate that a killed Loader left closed.
    assert "--network host --cap-add NET_ADMIN " in run
    assert "--env BOXSHIP_MOUNTED_ROOT=/host " in run
    assert removal == "docker container rm --force loaderid"


def test_a_rehearsed_uninstall_removes_no_container(host: Host) -> None:
    host.has("share")
    host.run("uninstall", "--dry-run")
    (run,) = host.calls()
    assert run.endswith("uninstall --dry-run --root /host")


def test_a_service_that_is_called_uninstall_is_no_verb(host: Host) -> None:
    host.has("share")
    host.run("logs", "uninstall")
    assert host.calls() == [inside("share", "logs uninstall")]


@pytest.mark.parametrize("arguments", [("-p", "share", "ps"), ("-p", "share", "uninstall")])
def test_the_engine_is_the_one_that_this_appliance_was_installed_for(host: Host, arguments: tuple[str, ...]) -> None:
    host.has("share", socket=Path("/run/second engine/docker.sock"))
    host.has("other")
    host.run(*arguments, DOCKER_HOST="tcp://elsewhere:2375")
    assert host.asked() == {"unix:///run/second engine/docker.sock"}
    if "uninstall" in arguments:
        assert "--volume /run/second engine/docker.sock:/run/docker.sock " in host.calls()[0]


def test_a_sail_that_names_no_socket_means_the_usual_one(host: Host) -> None:
    host.has("share")
    (host.folder / "usr/local/lib/boxship/share/sail").write_text("#!/bin/sh\n")
    host.run("ps")
    assert host.asked() == {"unix:///var/run/docker.sock"}
