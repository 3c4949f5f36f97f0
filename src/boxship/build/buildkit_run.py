"""Builds through BuildKit: the docker command that is run for one.

Nothing that may be secret stands on a command line, where every user of the machine could read it: secrets go by file
or by environment, and so do the values of build arguments.
"""

import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from msgspec import Struct

from boxship.build.buildkit import Extras
from boxship.build.context import Context, Source
from boxship.build.stream import write_folder
from boxship.build.transcript import BuildKitTranscript
from boxship.engine.port import BuildRequest
from boxship.errors import BuildError, EngineError, HostError
from boxship.host import proc
from boxship.host.docker_cli import DockerCli
from boxship.spec.model import Build

_DEADLINE_S = 6 * 3600.0
_SECRET_VARIABLE = "BOXSHIP_BUILD_SECRET_"  # noqa: S105  # a variable's name
_OBEYED = ("DOCKER_", "BUILDX_", "BUILDKIT_", "COMPOSE_", "XDG_", "SSH_", "LC_", "LD_")
"""Variables that the docker command obeys itself; build arguments of such names stand on the command line."""
_OBEYED_NAMES = frozenset({"PATH", "HOME", "TMPDIR", "LANG", "NO_COLOR", "USER"})


class Command(Struct, frozen=True):
    """A docker command line, and what is added to its environment."""

    argv: tuple[str, ...]
    environment: Mapping[str, str]


def build_command(
    cli: DockerCli, request: BuildRequest, extras: Extras, dockerfile: Path, folder: Path, id_file: Path
) -> Command:
    """The command line of one build.

    Args:
        cli: Whose it is.
        request: What the engine's own builder would be asked, too.
        extras: What only BuildKit is given.
        dockerfile: The Dockerfile's path.
        folder: The context.
        id_file: Where the image's id is to be written.
    """
    environment = {"DOCKER_BUILDKIT": "1", "BUILDX_NO_DEFAULT_ATTESTATIONS": "1"}
    options = [f"--file={dockerfile}", f"--iidfile={id_file}", "--progress=plain", *_plain_options(request)]
    for name, value in request.args.items():
        is_plain = value is not None and (name in _OBEYED_NAMES or name.upper().startswith(_OBEYED))
        options.append(f"--build-arg={name}={value}" if is_plain else f"--build-arg={name}")
        if value is not None and not is_plain:
            environment[name] = value
    for number, (key, secret) in enumerate(extras.secrets.items()):
        if secret.file is not None:
            options.append(f"--secret=id={key},src={secret.file}")
        elif secret.value is not None:
            variable = f"{_SECRET_VARIABLE}{number}"
            environment[variable] = secret.value.reveal()
            options.append(f"--secret=id={key},env={variable}")
    options += [f"--ssh={key}={path}" if path else f"--ssh={key}" for key, path in extras.ssh.items()]
    options += [f"--build-context={name}={source}" for name, source in extras.contexts.items()]
    options += [f"--cache-to={target}" for target in extras.cache_to]
    options += [f"--allow={name}" for name in extras.entitlements]
    return Command((*cli.argv, *options, str(folder)), environment)


async def run_buildkit(
    command: Command, environ: Mapping[str, str], transcript: BuildKitTranscript, tell: Callable[[str], None]
) -> None:
    """Run it to its end.

    Raises:
        EngineError: The build failed; the message is BuildKit's reason.
        HostError: The docker command can't be started or takes longer than six hours.
    """

    def hear(line: str) -> None:
        if shown := transcript.add(line):
            tell(shown)

    finished = await proc.run(command.argv, timeout_s=_DEADLINE_S, env={**environ, **command.environment}, on_line=hear)
    if finished.status != 0:
        said = [line for line in finished.stderr_tail.splitlines() if line.strip()]
        last = said[-1] if said else f"docker {proc.describe_status(finished.status)}"
        raise EngineError(transcript.reason or last)


@contextmanager
def laid_out(source: Source, context: Context, build: Build) -> Iterator[tuple[Path, Path]]:
    """The Dockerfile and the folder that BuildKit reads: the vendor's own, where the context is one folder.

    A composed context is copied into a folder of its own, which is gone at the end. Raises: BuildError, HostError.
    """
    is_plain = len(source.roots) == 1 and not source.extra
    dockerfile = build.context / build.dockerfile
    if is_plain and build.dockerfile_inline is None:
        yield dockerfile, build.context
        return
    try:
        staging = Path(tempfile.mkdtemp(prefix="boxship-build-"))
    except OSError as err:
        raise HostError(f"no folder for the build context can be made: {err}", hint="is the disk full?") from err
    try:
        if build.dockerfile_inline is not None or not is_plain:
            dockerfile = staging / "Dockerfile"
            dockerfile.write_text(source.dockerfile_text)
        if is_plain:
            yield dockerfile, build.context
            return
        # What is to be left out is left out already.
        dockerfile.with_name("Dockerfile.dockerignore").write_text("")
        folder = staging / "context"
        write_folder(context.entries, folder, source.address)
        yield dockerfile, folder
    except OSError as err:
        raise BuildError(
            f"{source.address}: the build context can't be laid out in {staging}: {err.strerror}",
            hint="is the disk full? TMPDIR may name another",
        ) from err
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _plain_options(request: BuildRequest) -> Iterator[str]:
    yield from (f"--tag={tag}" for tag in request.tags)
    yield from (f"--label={name}={value}" for name, value in request.labels.items())
    yield from (f"--add-host={host}" for host in request.extra_hosts)
    yield from (f"--cache-from={reference}" for reference in request.cache_from)
    yield from (f"--ulimit={name}={limit.soft}:{limit.hard}" for name, limit in request.ulimits.items())
    if request.target:
        yield f"--target={request.target}"
    if request.network:
        yield f"--network={request.network}"
    if request.platform:
        yield f"--platform={request.platform}"
    if request.shm_size_bytes:
        yield f"--shm-size={request.shm_size_bytes}"
    if request.no_cache:
        yield "--no-cache"
    if request.pull:
        yield "--pull"
