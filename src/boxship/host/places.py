"""Where a box keeps what is its own: what sail, the Loader and who installs them agree on.

The folder of state outlives every release: a Loader reads what the one after it has written, and the other way round.
"""

import os
from pathlib import Path

from msgspec import Struct

from boxship.errors import UsageError

THIS_HOST = Path("/")
STATE_ROOT = Path("/var/lib/boxship")
RUN_ROOT = Path("/run/boxship")
EMULATION_FOLDER = ".boxship"
"""Where an emulation has both, beside the appliance's files; git is told to overlook it."""
LOADER_IMAGE_VARIABLE = "BOXSHIP_LOADER_IMAGE"
"""In the Loader's environment, and in that of everything that is run in its container: the image id to report."""

HOST_FILES_VARIABLE = "BOXSHIP_HOST_FILES"
"""In the Loader's environment: the version of the host's files that sail is one of."""
MOUNTED_ROOT_VARIABLE = "BOXSHIP_MOUNTED_ROOT"
"""In the environment of an uninstall in a container: where the files of the very host are whose network it has."""


class Places(Struct, frozen=True):
    """The folders of one appliance on one box. Both have the same paths inside the Loader's container."""

    state: Path
    run: Path

    @property
    def loader(self) -> Path:
        """One line: the image id of the Loader that should run. ``record_loader`` writes it."""
        return self.state / "loader"

    @property
    def loader_previous(self) -> Path:
        """One line: the one before. Sail moves it to ``loader`` when that never reports."""
        return self.state / "loader.previous"

    @property
    def loader_failed(self) -> Path:
        """One line: the image that sail gave up. A Loader of that image removes it when it is well after all."""
        return self.state / "loader.failed"

    @property
    def loader_reported(self) -> Path:
        """One line, ``<boot id> <image id>``: the running Loader is well. Sail removes it before each start."""
        return self.state / "loader.reported"

    @property
    def loader_alive(self) -> Path:
        """One line that changes while the running Loader is well. Sail removes it before each start."""
        return self.run / "loader.alive"

    @property
    def starts(self) -> Path:
        """One line, ``<count> <image id>``: starts since one reported. Sail's own."""
        return self.state / "starts"

    @property
    def sail_lock(self) -> Path:
        """Held by the sail that runs."""
        return self.state / "sail.lock"

    @property
    def sail_socket(self) -> Path:
        """What the engine's socket was when the Loader was started. Sail's own."""
        return self.run / "sail.socket"

    @property
    def sail_host(self) -> Path:
        """Lines ``key=value``, which sail writes: the host's ``os``; what it ``can``; ``why`` it can't do more."""
        return self.run / "sail.host"

    @property
    def sail_requests(self) -> Path:
        """A pipe, while sail listens: one line each, ``<number> reboot``, ``shutdown`` or ``restart-engine``."""
        return self.run / "sail.requests"

    @property
    def sail_answer(self) -> Path:
        """One line, which sail writes: ``<number>`` of the last request, and how it was refused, if it was."""
        return self.run / "sail.answer"

    @property
    def of_sail(self) -> tuple[Path, ...]:
        """All by which a Loader and sail talk."""
        return (self.sail_host, self.sail_requests, self.sail_answer)

    @property
    def installed(self) -> Path:
        """What ``boxship install`` wrote on this host."""
        return self.state / "installed.json"

    @property
    def database(self) -> Path:
        """The Loader's own state."""
        return self.state / "state.db"

    @property
    def releases(self) -> Path:
        """The releases that are on this box."""
        return self.state / "releases"

    @property
    def records(self) -> Path:
        """Second copies of their records, and those of releases that are gone while their images are not."""
        return self.state / "records"

    @property
    def blobs(self) -> Path:
        """What is being fetched of others."""
        return self.state / "blobs"

    @property
    def tokens(self) -> Path:
        """One file for each service that may ask the Loader something."""
        return self.state / "tokens"

    @property
    def monitoring(self) -> Path:
        """The password for monitors that was made with the box; one that is made anew later is only shown."""
        return self.state / "monitoring.password"

    @property
    def tls(self) -> Path:
        """A folder that whoever runs the box makes: the certificate and key of its API and pages for the outside."""
        return self.state / "tls"

    @property
    def ports(self) -> Path:
        """One line, ``<page> <API>``: its ports of the host. ``boxship install`` writes it, and uninstall leaves it."""
        return self.state / "ports"

    @property
    def registry_ca(self) -> Path:
        """Authorities to believe for the registry of its releases, PEM. ``boxship install`` writes it."""
        return self.state / "registry-ca.crt"

    @property
    def docker_config(self) -> Path:
        """The folder with the login for that registry, as ``docker login`` keeps it."""
        return self.state / "docker"

    @property
    def registry_clients(self) -> Path:
        """Certificates with their keys, to be shown to registries: ``<host:port>/<name>.pem``, for root alone."""
        return self.state / "registry-clients"

    @property
    def socket(self) -> Path:
        """The Loader's API."""
        return self.run / "loader.sock"


def box_places(appliance: str, state: Path | None = None, run: Path | None = None) -> Places:
    """Those of an appliance: the usual ones, or others for an emulation."""
    return Places(state or STATE_ROOT / appliance, run or RUN_ROOT / appliance)


def emulated_places(appliance: str, folder: Path) -> Places:
    """Those of an emulation in ``folder``."""
    return box_places(appliance, folder / "state", folder / "run")


def find_socket(appliance: str | None, here: Path, run_root: Path = RUN_ROOT) -> Path:
    """The API of the box that is meant: of the appliance that is named, the one emulated ``here``, or the only one.

    Raises: UsageError when there are several.
    """
    emulated = emulated_places("", here / EMULATION_FOLDER).socket
    if emulated.exists():
        return emulated
    if appliance is not None:
        return box_places(appliance, run=run_root / appliance).socket
    found = sorted(run_root.glob("*/loader.sock"))
    if len(found) > 1:
        names = ", ".join(path.parent.name for path in found)
        raise UsageError(f"several boxes run on this host: {names}", hint="say which: boxship -p NAME box ...")
    return found[0] if found else run_root / "NAME" / "loader.sock"


def loader_arguments(appliance: str, places: Places) -> tuple[str, ...]:
    """What sail starts the platform image with; its entry point is ``boxship``."""
    options = ("--state", str(places.state), "--run", str(places.run))
    return ("--project-name", appliance, "loader", *options)


def record_loader(places: Places, image_id: str) -> bool:
    """Make an image the Loader that sail starts next; the one that was is the previous one then.

    Whether that is a change. At any moment a Loader is recorded, also when the power fails in the middle.
    """
    current = read_line(places.loader)
    if current == image_id:
        return False
    if current:
        write_line(places.loader_previous, current)
    write_line(places.loader, image_id)
    return True


def loader_images(places: Places) -> tuple[str, ...]:
    """The image ids of the Loaders that sail may start."""
    return tuple(filter(None, (read_line(places.loader), read_line(places.loader_previous))))


def report_loader(places: Places, boot_id: str, image_id: str) -> None:
    """Tell sail that this Loader is well: its starts are counted from 0 again."""
    write_line(places.loader_reported, f"{boot_id} {image_id}")


def read_line(path: Path) -> str:
    """The first line, "" when there is none."""
    try:
        return path.read_text(encoding="utf-8").partition("\n")[0].strip()
    except FileNotFoundError:
        return ""


def write_line(path: Path, text: str) -> None:
    """The whole line or none of it, and on the disk when this returns."""
    write_whole(path, f"{text}\n".encode())


def write_private(path: Path, content: bytes) -> None:
    """As ``write_whole``, and at no moment can anybody else than its owner read it."""
    write_whole(path, content, mode=0o600)


def write_whole(path: Path, content: bytes, *, mode: int = 0o666) -> None:
    """All of a file or none of it, and on the disk when this returns. ``mode`` is what umask is taken from."""
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode), "wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    draft.replace(path)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
