"""Sail's script as text, and what it does with commands that stand in for docker and sleep."""

import hashlib
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from msgspec.structs import replace

from boxship.errors import UsageError
from boxship.host.places import HOST_FILES_VARIABLE, box_places, loader_arguments, read_line
from boxship.host.sail import render
from boxship.host.sail.render import (
    HOST_FILES_VERSION,
    LABEL_SAIL,
    SailSettings,
    render_command,
    render_sail,
    render_unit,
)
from boxship.names import LABEL_LOADER, LABEL_LOADER_IMAGE, LABEL_LOADER_STATE

SETTINGS = SailSettings("share", box_places("share"))
DEADLINE_S = 30
ONE, TWO = f"sha256:{'1' * 64}", f"sha256:{'2' * 64}"
# The power fails at the call of this number: sail is gone, and what was called does nothing.
CUT = """#!/bin/sh
echo "${0##*/} $*" >>"$CALLS"
number=0
[ ! -e "$NUMBER" ] || read -r number <"$NUMBER"
echo $((number + 1)) >"$NUMBER"
if [ "$((number + 1))" = "$CUT_AT" ]; then
    kill -KILL "$(cat "$SAIL")"
    exit 1
fi
"""
# An engine on which every Loader ends at once, as $LOADER_STATUS says, after it reported if $LOADER_REPORTS.
DOCKER = f"""{CUT}
[ ! -e "$NO_ENGINE" ] || exit 1
case "$1 $2" in
    "container inspect") exit 1 ;;
    "container create")
        for word in "$@"; do case $word in sha256:*) echo "$word" >>"$IMAGES" ;; esac; done
        echo made
        ;;
    "container start")
        case $(tail -n 1 "$IMAGES") in $REPORTS) echo "b1 $(tail -n 1 "$IMAGES")" >"$STATE/loader.reported" ;; esac
        ;;
    "container wait") echo "$LOADER_STATUS" ;;
esac
"""
CUT_TOO = {name: f'{CUT}exec /bin/{name} "$@"\n' for name in ("mv", "sync", "rm")}
# The last pause of so many ends sail. Naps between looks are none.
POLL_S = "0.01"
SLEEP = f"""#!/bin/sh
[ ! -e "$NO_ENGINE" ] || rm "$NO_ENGINE"
[ "$1" != {POLL_S} ] || exec /bin/sleep "$1"
echo "$1" >>"$NAPS"
[ "$(wc -l <"$NAPS")" -lt "$PAUSES" ] || kill -TERM "$PPID"
"""
SHELLS = [shell for shell in ("dash", "bash", "ksh", "mksh", "zsh") if shutil.which(shell)]


class Host:
    """A host whose engine is the stand-in."""

    def __init__(self, folder: Path) -> None:
        self.places = box_places("share", folder / "state", folder / "run")
        self.places.state.mkdir()
        self.folder = folder
        self.was_cut = False
        programs = folder / "bin"
        programs.mkdir()
        for name, text in {"docker": DOCKER, "sleep": SLEEP, **CUT_TOO}.items():
            (programs / name).write_text(text)
            (programs / name).chmod(0o755)
        names = {
            "CALLS": "calls",
            "IMAGES": "images",
            "NAPS": "naps",
            "NO_ENGINE": "no-engine",
            "STATE": "state",
            "SAIL": "pid",
            "NUMBER": "number",
        }
        self.environment = {key: str(folder / name) for key, name in names.items()}
        self.environment["PATH"] = f"{programs}:{os.environ['PATH']}"

    def run(
        self,
        shell: str = "dash",
        *,
        status: int = 1,
        reports: str = "none",
        pauses: int = 4,
        cut_at: int = 0,
        loader_options: tuple[str, ...] = (),
    ) -> str:
        """What sail says until it has made so many pauses, or the power fails.

        ``reports``: a shell pattern for the ids of images whose Loaders report.
        """
        script = self.folder / "sail"
        script.write_text(
            render_sail(
                replace(SETTINGS, places=self.places, poll_s=POLL_S, look_s=POLL_S, loader_options=loader_options)
            )
        )
        environment = {**self.environment, "LOADER_STATUS": str(status), "REPORTS": reports, "PAUSES": str(pauses)}
        environment["CUT_AT"] = str(cut_at)
        begin = ["sh", "-c", 'echo $$ >"$SAIL" && exec "$0" "$1"', shell, str(script)]
        done = subprocess.run(begin, env=environment, capture_output=True, text=True, timeout=DEADLINE_S, check=False)
        assert done.returncode in ((0, -signal.SIGKILL) if cut_at else (0,)), done.stderr
        self.was_cut = done.returncode == -signal.SIGKILL
        return done.stderr

    def lines(self, name: str) -> list[str]:
        return (self.folder / name).read_text().splitlines()


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(tmp_path)


@pytest.mark.parametrize("text", [render_sail(SETTINGS), render_command()], ids=["sail", "boxship"])
def test_the_scripts_are_clean_for_shellcheck(text: str, tmp_path: Path) -> None:
    shellcheck = shutil.which("shellcheck", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    if shellcheck is None:
        pytest.skip("there is no shellcheck on this machine")
    script = tmp_path / "script"
    script.write_text(text)
    done = subprocess.run(
        [shellcheck, "--severity=style", script], capture_output=True, text=True, timeout=DEADLINE_S, check=False
    )
    assert done.stdout == ""


def test_only_the_settings_differ_between_appliances() -> None:
    other = render_sail(replace(SETTINGS, appliance="other", places=box_places("other")))
    pairs = zip(render_sail(SETTINGS).splitlines(), other.splitlines(), strict=True)
    assert {ours.partition("=")[0] for ours, theirs in pairs if ours != theirs} == {
        *("appliance", "container", "container_before", "state", "run", "made_by")
    }


def test_a_folder_with_a_blank_reaches_the_script_as_one_word() -> None:
    places = box_places("share", Path("/srv/my boxes/state"))
    assert "state='/srv/my boxes/state'\n" in render_sail(replace(SETTINGS, places=places))


@pytest.mark.parametrize(
    ("options", "shown"),
    [
        ((), ""),
        (("--page-port", "80"), ""),
        (("--source", "registry.example.com/share"), ""),
        (("--source", "dir:/media/usb"), "/media/usb"),
        (("--source=/srv/old", "--source=/srv/releases"), "/srv/releases"),
    ],
)
def test_a_folder_with_releases_is_shown_to_the_loader(options: tuple[str, ...], shown: str) -> None:
    text = render_sail(replace(SETTINGS, loader_options=options))
    assert f"\nsource={shlex.quote(shown)}\n" in text


@pytest.mark.parametrize("folder", ["dir:releases", "./releases", "dir:/srv/a,b"])
def test_a_folder_with_releases_is_named_by_its_whole_path(folder: str) -> None:
    with pytest.raises(UsageError, match="can't be mounted"):
        render_sail(replace(SETTINGS, loader_options=("--source", folder)))


@pytest.mark.parametrize("folder", ["/srv/a,b", "/srv/it's", "relative"])
def test_a_folder_that_docker_would_misread_is_refused(folder: str) -> None:
    with pytest.raises(UsageError, match="can't be mounted"):
        render_sail(replace(SETTINGS, places=box_places("share", Path(folder))))


def test_the_script_and_the_program_agree_on_labels_and_arguments() -> None:
    script = render_sail(SETTINGS)
    for label in (LABEL_LOADER, LABEL_LOADER_IMAGE, LABEL_LOADER_STATE, LABEL_SAIL):
        assert f'--label "{label}=' in script
    said = re.search(r'"\$image" (--project-name .*) "\$@" 2>&1', script)
    assert said is not None
    words = said[1].replace('"', "").replace("$appliance", "share")
    words = words.replace("$state", str(SETTINGS.places.state)).replace("$run", str(SETTINGS.places.run))
    assert tuple(words.split()) == loader_arguments("share", SETTINGS.places)


def test_options_for_the_loader_reach_it_as_they_were_typed(host: Host) -> None:
    host.places.loader.write_text(f"{ONE}\n")
    host.run(loader_options=("--ca", "/media/my 'stick'; $(id)"))
    (created,) = {line for line in host.lines("calls") if line.startswith("docker container create")}
    assert created.endswith("/run --ca /media/my 'stick'; $(id)")


def test_the_unit_starts_the_script_for_ever_and_is_good_for_systemd(tmp_path: Path) -> None:
    script = tmp_path / "sail"
    script.write_text("#!/bin/sh\n")
    script.chmod(0o755)
    text = render_unit("share", script)
    assert {"Restart=always", "StartLimitIntervalSec=0", f"ExecStart={script}"} <= set(text.splitlines())
    if shutil.which("systemd-analyze") is None:
        pytest.skip("there is no systemd-analyze on this machine")
    unit = tmp_path / "boxship-share.service"
    unit.write_text(text)
    (tmp_path / "docker.service").write_text("[Service]\nExecStart=/bin/true\n")
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", unit],
        env={**os.environ, "SYSTEMD_UNIT_PATH": f"{tmp_path}:/usr/lib/systemd/system"},
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("shell", SHELLS)
def test_pauses_double_up_to_a_minute_and_never_end(shell: str, host: Host) -> None:
    host.places.loader.write_text(f"{ONE}\n")
    said = host.run(shell, pauses=10)
    assert [int(nap) for nap in host.lines("naps")] == [1, 2, 4, 8, 16, 32, 60, 60, 60, 60]
    assert said.count("ended with status 1") == 10
    assert said.count("there is no previous one") == 1


def test_a_report_ends_the_row_of_pauses(host: Host) -> None:
    host.places.loader.write_text(f"{ONE}\n")
    host.run(reports="*")
    assert set(host.lines("naps")) == {"1"}


def test_a_sail_without_an_engine_says_so_once_and_waits(host: Host) -> None:
    host.places.loader.write_text(f"{ONE}\n")
    (host.folder / "no-engine").touch()
    said = host.run()
    assert said.count("the container engine does not answer; waits for it") == 1
    assert said.count("the container engine answers") == 1


def test_a_sail_without_a_recorded_loader_says_so_once_and_waits(host: Host) -> None:
    assert host.run().count("holds no image id") == 1


def test_a_report_that_came_before_the_power_failed_counts(host: Host) -> None:
    host.places.loader.write_text(f"{ONE}\n")
    host.places.loader_previous.write_text(f"{TWO}\n")
    host.places.starts.write_text(f"3 {ONE}\n")
    host.places.loader_reported.write_text(f"b1 {ONE}\n")
    host.run(reports="*")
    assert set(host.lines("images")) == {ONE}


def test_starts_of_another_image_are_not_held_against_a_new_one(host: Host) -> None:
    host.places.loader.write_text(f"{ONE}\n")
    host.places.loader_previous.write_text(f"{TWO}\n")
    host.places.starts.write_text(f"3 {TWO}\n")
    host.run(reports="*")
    assert set(host.lines("images")) == {ONE}


def test_a_full_disk_does_not_keep_the_loader_from_starting(host: Host) -> None:
    host.places.loader.write_text(f"{ONE}\n")
    (host.places.state / "starts.new").mkdir()
    said = host.run()
    assert "can't write" in said
    assert host.lines("images")


@pytest.mark.parametrize("content", [b"", b"\0\xff\n", b"08 " + ONE.encode(), b"9" * 40, b"-1 x\n\n", b"x" * 100_000])
def test_no_damaged_count_keeps_the_loader_from_starting(host: Host, content: bytes) -> None:
    host.places.loader.write_text(f"{ONE}\n")
    host.places.starts.write_bytes(content)
    host.run(reports="*")
    assert read_line(host.places.starts) == f"0 {ONE}"


@pytest.mark.parametrize(
    "content", [b"", b"\0\xff\n", b"sha256:\n", b"x" * 100_000, f"{ONE} {TWO}".encode(), b"sha256:12; rm -rf /"]
)
def test_no_damaged_record_keeps_the_previous_loader_from_starting(host: Host, content: bytes) -> None:
    host.places.loader.write_bytes(content)
    host.places.loader_previous.write_text(f"{TWO}\n")
    host.run(reports="*")
    assert set(host.lines("images")) == {TWO}


def test_wherever_the_power_fails_a_loader_is_recorded_and_the_good_one_runs_in_the_end(tmp_path: Path) -> None:
    """The recorded Loader never reports; its third start and the fall back to the previous one are cut at each step."""
    cut = 0
    while True:
        cut += 1
        folder = tmp_path / str(cut)
        folder.mkdir()
        host = Host(folder)
        host.places.loader.write_text(f"{TWO}\n")
        host.places.loader_previous.write_text(f"{ONE}\n")
        host.places.starts.write_text(f"2 {TWO}\n")
        host.run(reports=ONE, pauses=2, cut_at=cut)
        was_cut = host.was_cut
        assert read_line(host.places.loader) in (ONE, TWO), cut
        (folder / "naps").unlink(missing_ok=True)
        host.run(reports=ONE, pauses=2)
        assert (read_line(host.places.loader), read_line(host.places.loader_failed)) == (ONE, TWO), cut
        assert read_line(host.places.starts) == f"0 {ONE}", cut
        if not was_cut:
            break
    assert cut > 20


def test_a_change_to_what_is_written_on_hosts_gets_a_version_of_its_own() -> None:
    """A Loader tells from the number that a host has older ones: raise HOST_FILES_VERSION, and add a line."""
    folder = Path(render.__file__).parent
    texts = [(folder / name).read_bytes() for name in ("sail.sh", "unit.service", "boxship.sh")]
    digest = hashlib.sha256(b"".join(texts)).hexdigest()[:16]
    assert {1: "9926f8c15e491b5c", 2: "5e53b6b087e604cc", 3: "0b93248c98aa4483"}[HOST_FILES_VERSION] == digest


def test_the_loader_is_told_the_version_of_the_hosts_files() -> None:
    text = render_sail(SETTINGS)
    assert f"host_files={HOST_FILES_VERSION}\n" in text
    assert f'--env "{HOST_FILES_VARIABLE}=$host_files"' in text
