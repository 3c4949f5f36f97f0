"""A build context: the files that go to the builder, found once, then fingerprinted or streamed.

It may be composed of several folders and files: the service's own build folder first, then the parts that
``appliance.yaml`` lays over it, then what Boxship itself prepares. Nothing is copied to compose it, and the rules of
``.dockerignore`` hold for all of it, as if it had been.
"""

import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from msgspec import Struct, field

from boxship.build.ignore import IgnoreRules, Sieve, Verdict
from boxship.errors import BuildError
from boxship.spec.model import Build
from boxship.spec.model_build import ContextPart

HIDDEN_DOCKERFILE = ".boxship.Dockerfile"
"""The Dockerfile's name in the tar when the context itself doesn't show it; no build step sees this file."""
_IGNORE_NAME = ".dockerignore"


class Entry(Struct, frozen=True):
    """One path of a context. ``source`` is the file to read; ``content`` replaces it when there is none."""

    path: str
    source: Path | None
    mode: int
    size_bytes: int = 0
    mtime_ns: int = 0
    ctime_ns: int = 0
    inode: int = 0
    link: str = ""
    content: bytes = b""

    @property
    def is_file(self) -> bool:
        """A regular file, from disk or not."""
        return stat.S_ISREG(self.mode)


class Root(Struct, frozen=True):
    """A folder or file, and where it goes: what is in it at ``prefix`` ("" or with a slash), a file as ``prefix``."""

    path: Path
    prefix: str
    sieve: Sieve
    address: str
    is_file: bool = False


class Source(Struct, frozen=True):
    """What a context is made of, before any of it was looked at.

    ``dockerfile_name`` is how a person knows the Dockerfile. ``inside``: its path in the context, None when it isn't
    in it. ``extra``: further files by their path in the context; they replace what is there.
    """

    roots: tuple[Root, ...]
    address: str
    dockerfile_text: str
    dockerfile_name: str
    inside: str | None
    ignore_text: str = ""
    extra: Mapping[str, Path] = field(default_factory=dict)


class Context(Struct, frozen=True):
    """A found context. ``dockerfile`` is the Dockerfile's path in the tar, ``dockerfile_text`` what it says.

    ``dockerfile_name`` is how a person knows the Dockerfile; ``notices``: what was left out though nobody asked for it.
    """

    entries: tuple[Entry, ...]
    dockerfile: str
    dockerfile_text: str
    dockerfile_name: str
    notices: tuple[str, ...] = ()


def read_dockerfile(build: Build, address: str) -> tuple[str, str]:
    """The Dockerfile's text, and the name to show for it. ``address`` begins the messages.

    Raises:
        BuildError: The context or the Dockerfile isn't there, or can't be read as text.
    """
    if not build.context.is_dir():
        raise BuildError(f"{address}: no build context {build.context}", hint="build.context must be a folder")
    if build.dockerfile_inline is not None:
        return build.dockerfile_inline, "dockerfile_inline"
    path = build.context / build.dockerfile
    try:
        return path.read_text(encoding="utf-8"), str(path)
    except FileNotFoundError as err:
        raise BuildError(
            f"{address}: no Dockerfile {path}", hint="create it, or name another in build.dockerfile"
        ) from err
    except (OSError, UnicodeDecodeError) as err:
        reason = err.strerror if isinstance(err, OSError) else "it is not UTF-8 text"
        raise BuildError(f"{address}: can't read {path}: {reason}", hint="check the file") from err


def open_source(
    build: Build, address: str, parts: Sequence[ContextPart] = (), extra: Mapping[str, Path] | None = None
) -> Source:
    """Read what decides about a context: the Dockerfile and the ignore rules, and whether every part is there.

    Args:
        build: What the service says.
        address: Where it says so; begins the messages.
        parts: What is laid over the build folder, in this order.
        extra: Further files by their path in the context (wheels); they replace what is there.

    Raises:
        BuildError: The context, a part or the Dockerfile is missing, or an ignore rule is wrong.
    """
    text, name = read_dockerfile(build, address)
    rules, ignore_text = _read_ignore(build, address)
    own = Root(build.context, "", Sieve(rules), address)
    roots = (own, *(_part_root(part, rules) for part in parts))
    return Source(roots, address, text, name, _inside(build), ignore_text, extra or {})


def find_context(
    build: Build, address: str, extra: Mapping[str, Path] | None = None, parts: Sequence[ContextPart] = ()
) -> Context:
    """``find_entries`` of ``open_source``."""
    return find_entries(open_source(build, address, parts, extra))


def find_entries(source: Source) -> Context:
    """Look through all of a source once.

    Raises:
        BuildError: A file can't be looked at, or two parts of the context can't be at one place.
    """
    notices: list[str] = []
    own, *parts = source.roots
    found = {entry.path: entry for entry in _walk(own, notices)}
    dockerfile = source.inside if source.inside is not None and source.inside in found else HIDDEN_DOCKERFILE
    for part in parts:
        laid = list(_walk(part, notices))
        if not any(entry.is_file for entry in laid):
            notices.append(f"{part.address}: no file of {part.path} gets into the build context")
        _lay_over(found, laid, part)
        if dockerfile in {entry.path for entry in laid}:
            dockerfile = HIDDEN_DOCKERFILE
    for path, file in source.extra.items():
        found |= {parent.path: parent for parent in _parents(path) if parent.path not in found}
        found[path] = _entry(path, file, file.stat())
    if dockerfile == HIDDEN_DOCKERFILE:
        hidden = _hide_dockerfile(source.dockerfile_text, source.ignore_text, _IGNORE_NAME in found)
        found |= {entry.path: entry for entry in hidden}
    entries = tuple(found[path] for path in sorted(found))
    return Context(entries, dockerfile, source.dockerfile_text, source.dockerfile_name, tuple(notices))


def hint_to_read(path: Path) -> str:
    """The next step after a file couldn't be read."""
    return f"make it readable, or list it in {_IGNORE_NAME}: {path.name}"


def _part_root(part: ContextPart, rules: IgnoreRules) -> Root:
    address = f"{part.where}: build.contexts" if part.where is not None else "build.contexts"
    try:
        is_file = not stat.S_ISDIR(part.source.stat().st_mode)
    except (OSError, ValueError) as err:
        raise BuildError(
            f"{address}: can't lay {part.source} into the build context: {getattr(err, 'strerror', err)}",
            hint="correct the path; it begins at the folder of appliance.yaml",
        ) from err
    into = part.into.removesuffix("/")
    if is_file:
        # As cp does it: into a folder when that ends with a slash or is the context itself.
        named = f"{into}/{part.source.name}" if into else part.source.name
        prefix = named if part.into.endswith("/") or not into else into
    else:
        prefix = f"{into}/" if into else ""
    return Root(part.source, prefix, Sieve(rules, _filter(part, address), prefix), address, is_file)


def _filter(part: ContextPart, address: str) -> IgnoreRules:
    lines = [*(("**", *(f"!{pattern}" for pattern in part.only)) if part.only else ()), *part.without]
    try:
        return IgnoreRules.parse("\n".join(lines))
    except ValueError as err:
        raise BuildError(f"{address}: wrong pattern '{err}'", hint="check its brackets") from err


def _lay_over(found: dict[str, Entry], laid: Sequence[Entry], part: Root) -> None:
    for entry in laid:
        below = found.get(entry.path)
        is_folder = stat.S_ISDIR(entry.mode)
        if below is not None and stat.S_ISDIR(below.mode) != is_folder:
            kinds = ("a folder", "a file") if is_folder else ("a file", "a folder")
            raise BuildError(
                f"{part.address}: {entry.path} of the build context would be {kinds[0]} of {part.path}, "
                f"and already is {kinds[1]}",
                hint="lay it somewhere else with 'into'",
            )
        for parent in _parents(entry.path):
            if not stat.S_ISDIR(found.setdefault(parent.path, parent).mode):
                raise BuildError(
                    f"{part.address}: {entry.path} can't be laid below {parent.path}, which is a file",
                    hint="lay it somewhere else with 'into'",
                )
        found[entry.path] = entry


def _inside(build: Build) -> str | None:
    """The Dockerfile's path in the context, None when it isn't in it."""
    if build.dockerfile_inline is not None:
        return None
    full = os.path.normpath(build.context / build.dockerfile)
    relative = os.path.relpath(full, build.context)
    return None if relative.startswith("..") else relative


def _read_ignore(build: Build, address: str) -> tuple[IgnoreRules, str]:
    candidates = [build.context / _IGNORE_NAME]
    if build.dockerfile_inline is None:
        candidates.insert(0, Path(f"{build.context / build.dockerfile}{_IGNORE_NAME}"))
    for path in candidates:
        try:
            text = path.read_text(encoding="utf-8")
            return IgnoreRules.parse(text), text
        except FileNotFoundError:
            continue
        except OSError as err:
            raise BuildError(f"{address}: can't read {path}: {err.strerror}", hint=hint_to_read(path)) from err
        except UnicodeDecodeError as err:
            raise BuildError(f"{address}: {path} is not UTF-8 text", hint="save it as UTF-8") from err
        except ValueError as err:
            raise BuildError(f"{address}: {path}: wrong pattern '{err}'", hint="check its brackets") from err
    return IgnoreRules(), ""


def _walk(root: Root, notices: list[str]) -> Iterator[Entry]:
    if not root.is_file:
        yield from _walk_folder(root, root.path, "", root.sieve.above(), notices)
    elif not root.sieve.is_out(root.sieve.judge("", root.sieve.above())):
        yield _entry(root.prefix, root.path, root.path.stat())


def _walk_folder(root: Root, folder: Path, inner: str, above: Verdict, notices: list[str]) -> Iterator[Entry]:
    try:
        with os.scandir(folder) as scan:
            children = sorted(scan, key=lambda child: child.name)
    except OSError as err:
        raise BuildError(f"{root.address}: can't read {folder}: {err.strerror}", hint=hint_to_read(folder)) from err
    for child in children:
        path = f"{inner}{child.name}"
        verdict = root.sieve.judge(path, above)
        is_out = root.sieve.is_out(verdict)
        if child.is_dir(follow_symlinks=False):
            if not is_out:
                yield _entry(f"{root.prefix}{path}", Path(child.path), child.stat(follow_symlinks=False))
            if not is_out or root.sieve.may_let_through_below(path, verdict):
                yield from _walk_folder(root, Path(child.path), f"{path}/", verdict, notices)
        elif not is_out:
            yield from _leaf(child, f"{root.prefix}{path}", notices)


def _leaf(child: os.DirEntry[str], path: str, notices: list[str]) -> Iterator[Entry]:
    try:
        status = child.stat(follow_symlinks=False)
    except FileNotFoundError:
        return  # removed since the folder was listed
    if stat.S_ISREG(status.st_mode) or stat.S_ISLNK(status.st_mode):
        yield _entry(path, Path(child.path), status)
    else:
        notices.append(f"{child.path} is left out of the build context: it is a {_special(status.st_mode)}")


def _entry(path: str, source: Path, status: os.stat_result) -> Entry:
    is_link = stat.S_ISLNK(status.st_mode)
    return Entry(
        path=path,
        source=source,
        mode=status.st_mode,
        size_bytes=status.st_size if stat.S_ISREG(status.st_mode) else 0,
        mtime_ns=status.st_mtime_ns,
        ctime_ns=status.st_ctime_ns,
        inode=status.st_ino,
        link=str(source.readlink()) if is_link else "",
    )


def _parents(path: str) -> Iterator[Entry]:
    while path := path.rpartition("/")[0]:
        yield Entry(path, None, stat.S_IFDIR | 0o755)


def _hide_dockerfile(text: str, ignore_text: str, is_ignore_visible: bool) -> Iterator[Entry]:
    """The Dockerfile under a reserved name, and rules that make the engine drop it before any step runs.

    Source: the builder reads ``.dockerignore`` from the tar, and removes that file and the Dockerfile if they match.
    """
    rules = f"{ignore_text.rstrip()}\n" if is_ignore_visible else f"{_IGNORE_NAME}\n"
    for path, content in ((HIDDEN_DOCKERFILE, text), (_IGNORE_NAME, f"{rules}{HIDDEN_DOCKERFILE}\n")):
        data = content.encode()
        yield Entry(path, None, stat.S_IFREG | 0o644, size_bytes=len(data), content=data)


def _special(mode: int) -> str:
    if stat.S_ISSOCK(mode):
        return "socket"
    return "named pipe" if stat.S_ISFIFO(mode) else "device"
