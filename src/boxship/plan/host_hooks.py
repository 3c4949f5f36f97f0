"""The vendor's own commands on this machine (``hooks:``), put between the steps of a finished plan.

They are obeyed only by a verb that read them from the files itself; nothing about them is kept in the engine. A step
that fails fails what follows it, as everywhere: a container whose ``pre-start`` fails isn't started, and who depends on
it waits for its ``post-start``.
"""

from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from boxship.plan.action import Plan, RenameContainer, RunHostHook, StartContainer, Step, StopContainer
from boxship.spec.model import HostHooks

HOOKED = ("BOXSHIP_HOOKED_CONTAINER", "CRANE_HOOKED_CONTAINER")
WITHIN_S = 600.0
"""A hook may pull, fill or copy something; one that takes longer has got stuck."""


def with_host_hooks(plan: Plan, hooks: Mapping[str, HostHooks], directory: Path) -> Plan:
    """The plan with the hooks of the containers that it starts and stops; they run in ``directory``."""
    return _Insertion(plan, hooks, directory).insert() if hooks else plan


def hook_environment(container: str) -> dict[str, str]:
    return dict.fromkeys(HOOKED, container)


def hook_step(argv: tuple[str, ...], event: str, service: str, container: str, directory: Path) -> RunHostHook:
    """The action: the container's name stands in its environment, and in place of the variable in its arguments."""
    words = argv
    for name in HOOKED:
        words = tuple(word.replace(f"${{{name}}}", container) for word in words)
    return RunHostHook(words, f"{event} hook of {service}", str(directory), hook_environment(container), WITHIN_S)


class _Hooked(Struct, frozen=True):
    """The hook behind a start or stop."""

    id: int
    subject: str
    is_start: bool


class _Insertion:
    """One plan: each step gets a new id, as hooks come between."""

    def __init__(self, plan: Plan, hooks: Mapping[str, HostHooks], directory: Path) -> None:
        self._plan = plan
        self._hooks = hooks
        self._directory = directory
        self._ids: dict[int, int] = {}
        self._steps: list[Step] = []
        self._hooked: dict[int, _Hooked] = {}
        """Old id of a start or stop -> the hook that follows it."""

    def insert(self) -> Plan:
        for step in self._plan.steps:
            match step.action:
                case StartContainer(name):
                    self._add_hooked(step, name, "pre-start", "post-start")
                case StopContainer(name):
                    self._add_hooked(step, name, "pre-stop", "post-stop")
                case _:
                    self._add(step)
        return replace(self._plan, steps=tuple(self._steps))

    def _next_id(self) -> int:
        return len(self._steps) + 1

    def _add(self, step: Step, *, also_after: tuple[int, ...] = ()) -> int:
        """The step under a new id, after the hooks of the steps that it follows."""
        number = self._next_id()
        self._ids[step.id] = number
        after, after_ended = set(also_after), set[int]()
        for old in step.after:
            after.add(self._ids[old])
            after.update(self._hooks_after(old, step))
        for old in step.after_ended:
            after_ended.add(self._ids[old])
            after_ended.update(self._hooks_after(old, step))
        self._steps.append(
            replace(step, id=number, after=tuple(sorted(after)), after_ended=tuple(sorted(after_ended - after)))
        )
        return number

    def _hooks_after(self, old: int, step: Step) -> tuple[int, ...]:
        """The hook behind a step, for who must wait for it: other services, and what changes the container's name."""
        hooked = self._hooked.get(old)
        if hooked is None or (hooked.subject == step.subject and not isinstance(step.action, RenameContainer)):
            return self._hooks_behind_wait(old, step)
        return (hooked.id,)

    def _hooks_behind_wait(self, old: int, step: Step) -> tuple[int, ...]:
        """Who waits until another service is ready waits for the hook behind its start, too."""
        waited = next((each for each in self._plan.steps if each.id == old), None)
        if waited is None or waited.subject == step.subject:
            return ()
        return tuple(
            hooked.id for hooked in self._hooked.values() if hooked.subject == waited.subject and hooked.is_start
        )

    def _add_hooked(self, step: Step, container: str, before: str, behind: str) -> None:
        service = self._service(step.subject)
        hooks = self._hooks.get(service, HostHooks())
        first = getattr(hooks, before.replace("-", "_"))
        also_after: tuple[int, ...] = ()
        if first:
            number = self._add(replace(step, action=hook_step(first, before, service, container, self._directory)))
            also_after = (number,)
        number = self._add(step, also_after=also_after)
        last = getattr(hooks, behind.replace("-", "_"))
        if last:
            hook = hook_step(last, behind, service, container, self._directory)
            after = Step(self._next_id(), hook, step.subject, step.cause, after=(number,), rank=step.rank)
            self._hooked[step.id] = _Hooked(after.id, step.subject, isinstance(step.action, StartContainer))
            self._steps.append(after)

    def _service(self, subject: str) -> str:
        """The service of a container's subject: ``service:web``, ``service:web.2``."""
        name = subject.partition(":")[2]
        if name in self._hooks:
            return name
        service, _, number = name.rpartition(".")
        return service if number.isdecimal() else name
