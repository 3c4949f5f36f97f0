"""Images made for real: packages from the archive, mmdebstrap, pip, and a container engine.

The base of this module stays in the user's cache, so only the first run on a machine installs it.
"""

import asyncio
import hashlib
import os
import shutil
import subprocess
import uuid
import zipfile
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from boxship.build.cache import BaseCache
from boxship.build.image import LABEL_BASE
from boxship.build.images import build_images
from boxship.build.places import default_root
from boxship.build.stamps import LABEL_VERSION, Stamps
from boxship.engine.docker import DockerEngine, connect
from boxship.errors import BoxshipError, BuildError
from boxship.events import Event, ImageProgress, Phase, SubjectChanged
from boxship.host.docker_cli import find_buildkit
from boxship.plan.observed import Observed
from boxship.spec.model import Appliance, Build, Service
from boxship.spec.model_build import Base, ContextPart, Wheels
from boxship.spec.model_files import Grant, Hidden, SharedFile

pytestmark = [
    pytest.mark.docker,
    pytest.mark.timeout(900),
    pytest.mark.skipif(shutil.which("mmdebstrap") is None, reason="mmdebstrap is not installed"),
]
NAME = f"bxt{uuid.uuid4().hex[:8]}"
ROOT = Base(f"{NAME}/base", suite="bookworm")
LAYERED = Base(f"{NAME}/layered", parent=ROOT.reference, packages=("iputils-ping",))
BASES = {base.reference: base for base in (ROOT, LAYERED)}


@pytest.fixture
async def engine() -> AsyncIterator[DockerEngine]:
    engine = connect()
    try:
        await engine.info()
    except BoxshipError:
        pytest.skip("no container engine answers")
    yield engine
    await engine.close()


@pytest.fixture(scope="module", autouse=True)
def swept() -> Iterator[None]:
    """Every tag of this module goes at its end."""
    yield
    listed = subprocess.run(
        ["docker", "images", "--format", "{{.Repository}}:{{.Tag}}", f"{NAME}/*"],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    for tag in reversed(listed.stdout.split()):
        subprocess.run(["docker", "rmi", tag], capture_output=True, check=False, timeout=120)


class Workshop:
    """One appliance on disk."""

    def __init__(self, root: Path, engine: DockerEngine) -> None:
        self.root = root
        self.engine = engine
        self.events: list[Event] = []
        self.services: dict[str, Service] = {}
        self.wheels: dict[str, Wheels] = {}
        self.contexts: dict[str, tuple[ContextPart, ...]] = {}
        self.secrets: dict[str, SharedFile] = {}

    def add(self, name: str, dockerfile: str, **files: str) -> None:
        folder = self.root / name
        folder.mkdir()
        for file, text in {"Dockerfile": dockerfile, **files}.items():
            (folder / file).write_text(text)
        self.services[name] = Service(name, build=Build(folder))

    async def build(
        self, *, cache_root: Path | None = None, tell: Callable[[Event], None] | None = None, **options: Any
    ) -> dict[str, Phase]:
        self.events.clear()
        made = Appliance(
            NAME,
            "1.0",
            self.root,
            services=self.services,
            bases=BASES,
            wheels=self.wheels,
            contexts=self.contexts,
            secrets=self.secrets,
        )
        names = tuple(self.services)
        await build_images(made, names, self.engine, tell or self.events.append, cache_root=cache_root, **options)
        changes = [event for event in self.events if isinstance(event, SubjectChanged)]
        return {event.subject.rpartition("/")[2]: event.phase for event in changes}


@pytest.fixture
def workshop(tmp_path: Path, engine: DockerEngine) -> Workshop:
    return Workshop(tmp_path, engine)


def image_id(observed: Observed, reference: str) -> str:
    image = observed.image(reference)
    assert image is not None, reference
    return image.id


def run_in(reference: str, *argv: str) -> str:
    command = ["docker", "run", "--rm", "--network=none", f"--label={NAME}=1", reference, *argv]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout


async def test_bases_share_layers_and_hold_nothing_of_this_machine(workshop: Workshop) -> None:
    workshop.services = {
        base.reference[-4:]: Service(base.reference[-4:], image=base.reference) for base in BASES.values()
    }
    await workshop.build()
    observed = await workshop.engine.observe()
    root, layered = observed.image(ROOT.reference), observed.image(LAYERED.reference)
    assert root is not None
    assert layered is not None
    assert root.labels.keys() == layered.labels.keys() == {LABEL_BASE, f"{LABEL_BASE}.layers"}
    cache = BaseCache(default_root(os.environ))
    lower, upper = cache.find(root.labels[LABEL_BASE]), cache.find(layered.labels[LABEL_BASE])
    assert lower is not None
    assert upper is not None
    assert upper.diff_ids[:1] == lower.diff_ids
    assert upper.layer_bytes < 10_000_000 < lower.layer_bytes < 100_000_000
    # The engine unpacked what was written: a capability or setuid bit that a package set is still there.
    assert "bytes from 127.0.0.1" in run_in(LAYERED.reference, "ping", "-c1", "127.0.0.1")
    script = (
        "cat /etc/machine-id /etc/ssh/ssh_host_* /usr/sbin/policy-rc.d 2>/dev/null; ls /var/lib/apt/lists /var/log;"
        "find / -xdev -name 'mmdebstrap*' -o -xdev -name '*boxship-build'; cat /etc/apt/sources.list; dpkg --audit"
    )
    said = run_in(LAYERED.reference, "sh", "-c", script).split("\n")
    assert [line for line in said if not line.startswith("#") and line not in ("", "apt")] == [
        "/var/lib/apt/lists:",
        "/var/log:",
    ]
    assert not [line for line in said if line.startswith("deb ")], "an image names no archive"


@pytest.mark.slow
async def test_equal_packages_give_equal_ids(workshop: Workshop, tmp_path: Path) -> None:
    """Made anew from the packages in another cache: byte for byte what this user's cache holds."""
    workshop.services = {"one": Service("one", image=LAYERED.reference)}
    await workshop.build()
    first = image_id(await workshop.engine.observe(), LAYERED.reference)
    cache = tmp_path / "cache"
    cache.mkdir()
    shutil.copytree(default_root(os.environ) / "apt", cache / "apt", copy_function=os.link)
    phases = await workshop.build(cache_root=cache)
    second = image_id(await workshop.engine.observe(), LAYERED.reference)
    if first != second and _archive_moved_on(default_root(os.environ), cache):
        pytest.skip("the archive has newer packages than the user's cache")
    assert second == first
    # Known by its id before loading, so nothing was sent to the engine.
    assert phases == {"base": Phase.KEPT, "layered": Phase.KEPT}
    assert not any("into the engine" in event.text for event in workshop.events if isinstance(event, ImageProgress))


def _archive_moved_on(old: Path, new: Path) -> bool:
    return {path.name for path in (new / "apt").glob("*.deb")} != {path.name for path in (old / "apt").glob("*.deb")}


async def test_a_dockerfile_begins_from_a_base_and_installs_prepared_wheels(workshop: Workshop, tmp_path: Path) -> None:
    index = tmp_path / "index"
    index.mkdir()
    wheel = index / "tiny-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("tiny.py", "VALUE = 1\n")
        archive.writestr("tiny-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: tiny\nVersion: 1.0\n")
        archive.writestr("tiny-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        archive.writestr("tiny-1.0.dist-info/RECORD", "")
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    pinned = f"--no-index\n--find-links {index}\ntiny==1.0 --hash=sha256:{digest}\n"
    dockerfile = f"FROM {ROOT.reference}\nCOPY . /ctx\nRUN ls -A /ctx /ctx/wheels > /listed\n"
    workshop.add(
        "web", dockerfile, **{"requirements.txt": pinned, ".dockerignore": "secret\nDockerfile\n", "secret": "x"}
    )
    workshop.wheels["web"] = Wheels("web", tmp_path / "web" / "requirements.txt")
    stamps = Stamps({LABEL_VERSION: "1.0"}, frozenset({LABEL_VERSION}))
    assert (await workshop.build(stamps=stamps))["web"] is Phase.READY
    listed = run_in(f"{NAME}/web", "cat", "/listed").split()
    assert listed == ["/ctx:", ".dockerignore", "requirements.txt", "wheels", "/ctx/wheels:", wheel.name]
    assert await workshop.build() == {"base": Phase.KEPT, "web": Phase.KEPT}
    image = (await workshop.engine.observe()).image(f"{NAME}/web")
    assert image is not None
    assert image.labels[LABEL_VERSION] == "1.0"


async def test_a_failed_build_leaves_nothing_behind_and_says_where_it_failed(workshop: Workshop) -> None:
    marker = uuid.uuid4().hex
    dockerfile = (
        f"FROM {ROOT.reference} AS one\nRUN echo {marker}\nFROM one\nRUN echo {marker}2\n\nRUN echo say >&2; exit 9\n"
    )
    workshop.services = {"base": Service("base", image=ROOT.reference)}
    await workshop.build()
    before = await workshop.engine.observe()
    workshop.add("web", dockerfile)
    with pytest.raises(BuildError, match=r"Dockerfile:6: step 5 of \d+ \(RUN echo say >&2; exit 9\)") as caught:
        await workshop.build()
    assert "say" in "\n".join(caught.value.output)
    after = await workshop.engine.observe()
    known = frozenset({image.id for image in before.images} | {box.id for box in before.containers})
    left = [image.id for image in after.images if image.id not in known and marker in history(image.id)]
    assert left == []
    assert [box.id for box in after.containers if box.id not in known and marker in command(box.id)] == []


def history(image: str) -> str:
    done = subprocess.run(
        ["docker", "history", "--no-trunc", image], capture_output=True, text=True, check=False, timeout=60
    )
    return done.stdout


def command(container: str) -> str:
    done = subprocess.run(["docker", "inspect", container], capture_output=True, text=True, check=False, timeout=60)
    return done.stdout


@pytest.mark.parametrize("moment", ["as tempdir", "downloading packages"])
async def test_a_cancelled_base_leaves_no_folder_and_no_entry(workshop: Workshop, tmp_path: Path, moment: str) -> None:
    # In the first of these moments mmdebstrap is not prepared yet to be ended, and leaves its tree.
    workshop.services = {"one": Service("one", image=ROOT.reference)}
    cache, said = tmp_path / "cache", list[str]()

    def hear(event: Event) -> None:
        if isinstance(event, ImageProgress):
            said.append(event.text)
            if moment in event.text:
                task.cancel()

    task = asyncio.ensure_future(workshop.build(cache_root=cache, tell=hear))
    with pytest.raises(asyncio.CancelledError):
        await task
    (folder,) = [Path(text.split()[1]) for text in said if "as tempdir" in text]
    assert not folder.exists()
    assert not folder.parent.exists()
    assert [path.name for path in (cache / "bases").iterdir() if path.is_dir()] == []


async def test_an_unknown_package_is_named(workshop: Workshop, tmp_path: Path) -> None:
    reference = f"{NAME}/wrong"
    wrong = {**BASES, reference: Base(reference, parent=ROOT.reference, packages=("no-such-package-xyz",))}
    made = Appliance(NAME, "1.0", tmp_path, services={"x": Service("x", image=reference)}, bases=wrong)
    with pytest.raises(BuildError, match="Unable to locate package no-such-package-xyz") as caught:
        await build_images(made, ("x",), workshop.engine, workshop.events.append)
    assert caught.value.image == reference
    assert "correct the names in packages" in caught.value.hint


async def test_a_context_is_composed_of_folders_and_what_is_deleted_there_does_not_linger(workshop: Workshop) -> None:
    lib = workshop.root / "lib"
    (lib / "deep").mkdir(parents=True)
    for name in ("kept.py", "gone.py", "deep/left-out.css"):
        (lib / name).write_text(name)
    dockerfile = f"FROM {ROOT.reference}\nCOPY . /ctx\n"
    workshop.add("web", dockerfile, **{"app.py": "", "site.ini": "the vendor's", ".dockerignore": ".dockerignore\n"})
    (workshop.root / "site.ini").write_text("the product's")
    workshop.contexts["web"] = (
        ContextPart(lib, "lib", without=("**/*.css",)),
        ContextPart(workshop.root / "site.ini", "site.ini"),
    )
    listing = ("sh", "-c", "cd /ctx; find . -type f | sort; cat site.ini")
    await workshop.build()
    assert run_in(f"{NAME}/web", *listing).split("\n") == [
        "./Dockerfile",
        "./app.py",
        "./lib/gone.py",
        "./lib/kept.py",
        "./site.ini",
        "the product's",
    ]
    assert await workshop.build() == {"base": Phase.KEPT, "web": Phase.KEPT}
    (lib / "gone.py").unlink()
    assert (await workshop.build())["web"] is Phase.READY
    assert "gone" not in run_in(f"{NAME}/web", *listing)


_BUILT_IN = Path("/usr/bin/docker")


@pytest.fixture
def buildkit(monkeypatch: pytest.MonkeyPatch) -> None:
    """The docker command that can use BuildKit comes first on the path."""
    found = asyncio.run(find_buildkit(os.environ))
    if found is None and _BUILT_IN.exists():
        monkeypatch.setenv("PATH", f"{_BUILT_IN.parent}:{os.environ['PATH']}")
        found = asyncio.run(find_buildkit(os.environ))
    if found is None:
        pytest.skip("no docker command here can use BuildKit")


@pytest.mark.usefixtures("buildkit")
async def test_a_secret_reaches_a_step_of_buildkit_and_not_the_image(workshop: Workshop) -> None:
    dockerfile = (
        f"FROM {ROOT.reference}\nARG WHO\nCOPY lib /lib-of-mine\n"
        "RUN --mount=type=secret,id=token wc -c < /run/secrets/token > /length && echo $WHO > /who\n"
    )
    workshop.services = {"base": Service("base", image=ROOT.reference)}
    await workshop.build()
    workshop.add("web", dockerfile)
    build = workshop.services["web"].build
    assert build is not None
    workshop.services["web"] = replace(
        workshop.services["web"], build=replace(build, secrets=(Grant("token"),), args={"WHO": "a vendor"})
    )
    workshop.secrets["token"] = SharedFile("token", "secret", value=Hidden("s3cret"))
    (workshop.root / "one.py").write_text("1")
    workshop.contexts["web"] = (ContextPart(workshop.root / "one.py", "lib/one.py"),)
    assert (await workshop.build())["web"] is Phase.READY
    assert run_in(f"{NAME}/web", "sh", "-c", "ls /lib-of-mine; cat /who /length").split("\n")[:3] == [
        "one.py",
        "a vendor",
        "6",
    ]
    assert "s3cret" not in history(f"{NAME}/web")
    assert (await workshop.build())["web"] is Phase.KEPT


@pytest.mark.usefixtures("buildkit")
async def test_a_failed_step_of_buildkit_is_named_by_its_line(workshop: Workshop) -> None:
    workshop.services = {"base": Service("base", image=ROOT.reference)}
    await workshop.build()
    workshop.add("web", f"FROM {ROOT.reference}\n\nRUN --mount=type=tmpfs,target=/t echo say >&2; exit 9\n")
    with pytest.raises(BuildError, match=r"Dockerfile:3: step 2 of 2 .*exit code: 9") as caught:
        await workshop.build()
    assert "say" in caught.value.output


async def test_rules_of_dockerignore_leave_out_what_dockers_own_do(workshop: Workshop) -> None:
    """The same context through docker's own reading of the rules, and through ours.

    Without an exception that begins with ``**``: docker before 23 doesn't look for those in folders that are left out.
    """
    rules = "# c\n*\n!src\n!docs/k*\nsrc/**/tmp?\nsrc/[ab].txt\n!src/deep/tmp1/k*\n**/*.bak\n/docs/../top\n"
    names = ("top", "src/a.txt", "src/c.txt", "src/deep/tmp1/keep.x", "src/deep/tmp1/x", "src/x.bak", "docs/keep.md")
    workshop.services = {"base": Service("base", image=ROOT.reference)}
    await workshop.build()
    workshop.add("web", f"FROM {ROOT.reference}\nCOPY . /ctx\n", **{".dockerignore": rules})
    for name in (*names, "docs/other", "node_modules/x/keep.js", "src/deep/tmp2"):
        (workshop.root / "web" / name).parent.mkdir(parents=True, exist_ok=True)
        (workshop.root / "web" / name).write_text(name)
    await workshop.build()
    theirs = f"{NAME}/theirs"
    command = ["docker", "build", "-q", "-t", theirs, str(workshop.root / "web")]
    environment = {**os.environ, "DOCKER_BUILDKIT": "0"}
    await asyncio.to_thread(subprocess.run, command, check=True, capture_output=True, timeout=120, env=environment)
    listing = ("sh", "-c", "cd /ctx; find . -type f | sort")
    assert run_in(f"{NAME}/web", *listing) == run_in(theirs, *listing)
