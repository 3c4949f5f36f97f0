"""What a change of files asks for: the rules of ``develop.watch``, and what follows from them. Pure but for reading.

Source: the Compose Specification, "develop"; where it leaves things open, what docker compose 2.40 does.
"""

import fnmatch
import os
import posixpath
from collections.abc import Iterable, Iterator
from pathlib import Path

from msgspec import Struct

from boxship.build.ignore import IgnoreRules
from boxship.errors import SpecError
from boxship.spec.model import Appliance, Build, Service
from boxship.spec.model_hooks import LifecycleHook, WatchRule
from boxship.where import Problem, Where

_SYNCS = frozenset({"sync", "sync+restart", "sync+exec"})
_RESTARTS = frozenset({"restart", "sync+restart"})
# What editors write beside the file that a person means, and what belongs to version control.
_PASSING_NAMES = ("*~", ".*.sw?", ".*.sw??", "4913", ".#*", "#*#", "*___jb_*___", ".goutputstream-*", ".~lock.*#")
_PASSING_FOLDERS = frozenset({".git", ".hg", ".svn", ".idea", "__pycache__"})


class Rule(Struct, frozen=True):
    """One rule of one service; ``path`` is absolute. ``at_home``: what its image's build leaves out, below ``home``."""

    service: str
    path: str
    action: str
    is_file: bool = False
    target: str = ""
    ignore: IgnoreRules = IgnoreRules()
    include: IgnoreRules | None = None
    home: str = ""
    at_home: IgnoreRules = IgnoreRules()
    hook: LifecycleHook | None = None
    initial_sync: bool = False

    def covers(self, path: str) -> str | None:
        """The path of a changed file below the rule's own ("" for that itself); None when the rule isn't about it."""
        below = _below(path, self.path)
        if below is None or (self.is_file and below):
            return None
        return None if below and self._is_left_out(path, below) else below

    def _is_left_out(self, path: str, below: str) -> bool:
        *folders, name = below.split("/")
        if not _PASSING_FOLDERS.isdisjoint(folders) or any(fnmatch.fnmatchcase(name, each) for each in _PASSING_NAMES):
            return True
        if self.ignore.excludes(below):
            return True
        in_context = _below(path, self.home) if self.home else None
        if in_context and self.at_home.excludes(in_context):
            return True
        return self.include is not None and not (self.include.excludes(below) or self.include.excludes(name))

    def place_of(self, below: str) -> str:
        """Where in the container the file goes."""
        if self.is_file:
            name = posixpath.basename(self.path)
            return posixpath.join(self.target, name) if self.target.endswith("/") else self.target
        return posixpath.join(self.target, below)


class Reaction(Struct, frozen=True):
    """What one service needs after a change. With ``rebuild`` nothing else does, as the new image holds it all.

    ``copies``: file of this host -> place in the container. ``removals``: places in the container. ``causes``: the
    changed files, as a person knows them.
    """

    service: str
    causes: tuple[str, ...]
    rebuild: bool = False
    restart: bool = False
    copies: tuple[tuple[str, str], ...] = ()
    removals: tuple[str, ...] = ()
    hooks: tuple[LifecycleHook, ...] = ()


def rules_of(appliance: Appliance, services: Iterable[Service]) -> tuple[Rule, ...]:
    """The rules of the services. Raises: SpecError with all that can't be watched."""
    rules: list[Rule] = []
    problems: list[Problem] = []
    for service in services:
        for number, rule in enumerate(service.develop.watch if service.develop else ()):
            path = os.path.normpath(appliance.directory / rule.path)
            if reason := _impossible(service, rule, path):
                where = service.where.get("develop", service.where.get("", Where("")))
                at = f"services.{service.name}.develop.watch[{number}]"
                problems.append(Problem(where, at, *reason, code="invalid-value"))
            else:
                rules.append(_rule(service, rule, path))
    if problems:
        raise SpecError(problems)
    return tuple(rules)


def _impossible(service: Service, rule: WatchRule, path: str) -> tuple[str, str] | None:
    """The reason and the next step."""
    if not Path(path).exists():
        return f"path: {path} does not exist on this host", "create it, or correct the path"
    if rule.action in _SYNCS and not rule.target:
        return f"{rule.action} needs a target", "name the place in the container"
    if rule.action == "rebuild" and service.build is None:
        return f"{service.name} has no build, so there is nothing to rebuild", "give it one, or use sync"
    if rule.action == "sync+exec" and (rule.exec is None or not rule.exec.command):
        return "sync+exec needs an exec with a command", "say what to run, or use sync"
    return None


def _rule(service: Service, rule: WatchRule, path: str) -> Rule:
    return Rule(
        service=service.name,
        path=path,
        action=rule.action,
        is_file=not Path(path).is_dir(),
        target=rule.target or "",
        ignore=IgnoreRules.parse("\n".join(rule.ignore)),
        include=IgnoreRules.parse("\n".join(rule.include)) if rule.include else None,
        home=os.path.normpath(service.build.context) if service.build else "",
        at_home=_left_at_home(service.build),
        hook=rule.exec if rule.action == "sync+exec" else None,
        initial_sync=rule.initial_sync,
    )


def _left_at_home(build: Build | None) -> IgnoreRules:
    """The image's ``.dockerignore``. What is wrong with it, the build tells."""
    if build is None:
        return IgnoreRules()
    for path in (Path(f"{build.context / build.dockerfile}.dockerignore"), build.context / ".dockerignore"):
        try:
            return IgnoreRules.parse(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
    return IgnoreRules()


def react(changed: Iterable[str], gone: Iterable[str], rules: Iterable[Rule]) -> tuple[Reaction, ...]:
    """What the services need when files ``changed`` and others are ``gone``, one reaction each, by name."""
    drafts: dict[str, _Draft] = {}
    for is_gone, paths in ((False, sorted(set(changed))), (True, sorted(set(gone)))):
        for path in paths:
            for rule in rules:
                below = rule.covers(path)
                if below is not None:
                    drafts.setdefault(rule.service, _Draft()).add(rule, path, below, is_gone=is_gone)
    return tuple(draft.finish(service) for service, draft in sorted(drafts.items()))


class _Draft:
    def __init__(self) -> None:
        self._causes: dict[str, None] = {}
        self._copies: dict[str, str] = {}
        self._removals: dict[str, None] = {}
        self._hooks: list[LifecycleHook] = []
        self._actions: set[str] = set()

    def add(self, rule: Rule, path: str, below: str, *, is_gone: bool) -> None:
        self._actions.add(rule.action)
        self._causes[below or posixpath.basename(path)] = None
        if rule.action in _SYNCS:
            place = rule.place_of(below)
            if not is_gone:
                self._copies[place] = path
            elif below or rule.is_file:
                # Never the target as a whole: its folder here may just be on its way to another name.
                self._removals[place] = None
        if rule.hook is not None and rule.hook not in self._hooks:
            self._hooks.append(rule.hook)

    def finish(self, service: str) -> Reaction:
        causes = tuple(self._causes)
        if "rebuild" in self._actions:
            return Reaction(service, causes, rebuild=True)
        return Reaction(
            service,
            causes,
            restart=not _RESTARTS.isdisjoint(self._actions),
            copies=tuple((source, place) for place, source in sorted(self._copies.items())),
            removals=tuple(sorted(self._removals)),
            hooks=tuple(self._hooks),
        )


def at_first(rules: Iterable[Rule]) -> tuple[Reaction, ...]:
    """What ``initial_sync`` asks for when watching begins."""
    rules = tuple(rule for rule in rules if rule.initial_sync and rule.action in _SYNCS)
    found = (path for rule in rules for path in files_below(rule.path))
    made = react(found, (), rules)
    return tuple(Reaction(each.service, each.causes, copies=each.copies) for each in made)


def files_below(path: str) -> Iterator[str]:
    """The file itself, or all in the folder; in it, links to folders are files."""
    if not Path(path).is_dir():
        yield path
        return
    for folder, folders, names in os.walk(path):
        links = (each for each in folders if Path(folder, each).is_symlink())
        yield from (f"{folder}/{name}" for name in (*names, *links))


def _below(path: str, folder: str) -> str | None:
    """``/a/b/c`` below ``/a`` -> ``b/c``; "" for the same, None for elsewhere."""
    if path == folder:
        return ""
    prefix = folder.rstrip("/") + "/"
    return path[len(prefix) :] if path.startswith(prefix) else None
