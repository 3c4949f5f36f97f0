"""An appliance that is quick to boot and hard to carry, in three releases: 1.0.0, 2.0.0, which migrates, and 3.0.0.

3.0.0 spoils its data, and never gets well. 1.0.0 leaves its data as it is and 2.0.0 migrates once, so after a boot each
has exactly one fingerprint: what a box holds tells which release wrote it, whole or not.
"""

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

from tests.contracts.images import TEST_IMAGE
from tests.integration.boxes import BOXSHIP

APPLIANCE = "bxchaos"
OLD, NEW, BROKEN = "1.0.0", "2.0.0", "3.0.0"
_DEADLINE_S = 300
_COMPOSE = """
services:
  migrate:
    build: app
    command: [sh, /migrate]
    network_mode: none
    volumes: ["data:/data"]
  web:
    build: app
    command: [httpd, -f, -p, "8080", -h, /www]
    stop_signal: SIGKILL
    depends_on: {migrate: {condition: service_completed_successfully}}
    volumes: ["data:/data"]
    ports: ["8080:8080"]
volumes: {data: {}}
"""
_APPLIANCE = """
name: bxchaos
version: VERSION
app: compose.yaml
boot: {attempts: 3, timeout: 3s}
checks:
  web: {http: "http://web.service:8080/health", timeout: 2s}
"""
_MIGRATE = {
    OLD: "exit 0\n",
    NEW: """
[ ! -e /data/migrated ] || exit 0
echo "by 2.0.0" >/data/.new
touch -d "2014-02-03 04:05:06" /data/.new
mv /data/.new /data/migrated
touch -d "2014-02-03 04:05:07" /data
""",
    BROKEN: """
echo "written by a release that never got well" >/data/file
rm -f /data/link /data/second-name
echo spoiled >/data/spoiled
""",
}


def make_releases(folder: Path, environment: Mapping[str, str]) -> Path:
    """All three, in a folder that can be a box's source."""
    output = folder / "releases"
    for version, migrate in _MIGRATE.items():
        project = folder / f"project-{version}"
        (project / "app" / "www").mkdir(parents=True)
        (project / "compose.yaml").write_text(_COMPOSE)
        (project / "appliance.yaml").write_text(_APPLIANCE.replace("VERSION", version))
        (project / "app" / "Dockerfile").write_text(f"FROM {TEST_IMAGE}\nCOPY . /\n")
        (project / "app" / "migrate").write_text(migrate)
        (project / "app" / "www" / ("broken" if version == BROKEN else "health")).write_text("well\n")
        for arguments in (["build", "--quiet"], ["release", "create", "--output", str(output)]):
            done = subprocess.run(
                [*BOXSHIP, "-p", APPLIANCE, *arguments],
                cwd=project,
                env={**os.environ, **environment},
                capture_output=True,
                text=True,
                timeout=_DEADLINE_S,
                check=False,
            )
            assert done.returncode == 0, done.stderr
    return output


def write_what_is_hard_to_carry(folder: Path) -> None:
    """Attributes, holes, names that are no text, second names, owners, times to the nanosecond, special files."""
    (folder / "file").write_text("tell me you were there\n")
    os.link(folder / "file", folder / "second-name")
    (folder / "link").symlink_to("file")
    os.setxattr(folder / "file", "user.note", b"kept")
    with (folder / "sparse").open("wb") as sparse:
        sparse.truncate(16 * 1024 * 1024)
        sparse.seek(8 * 1024 * 1024)
        sparse.write(b"in the middle")
    hidden = folder / ".hidden"
    hidden.mkdir(mode=0o710)
    (hidden / "key").write_text("secret")
    (hidden / "key").chmod(0o600)
    os.chown(hidden / "key", 33, 33)
    Path(os.fsdecode(os.fsencode(folder) + b"/\xff\xfe")).write_bytes(b"not UTF-8")
    os.mkfifo(folder / "pipe", 0o640)
    for number in range(40):
        (hidden / f"part-{number}").write_bytes(bytes([number]) * 50_000)
    os.utime(folder / "file", ns=(1, 1_391_400_306_789_012_345))
    os.utime(folder, ns=(1, 1_391_400_306_789_012_345))
