"""Commands that run around a container's life, and what a developer's machine watches."""

from boxship.spec.command import split_command
from boxship.spec.environment import resolve_environment
from boxship.spec.fields import Fields
from boxship.spec.model_hooks import Develop, LifecycleHook, WatchRule
from boxship.spec.tree import Items


def build_hooks(fields: Fields, key: str) -> tuple[LifecycleHook, ...]:
    return tuple(_hook(each) for each in fields.tables(key))


def _hook(fields: Fields) -> LifecycleHook:
    # As with docker compose, a name without a value doesn't ask the shell here.
    environment = resolve_environment(fields.node("environment"), {}, {})
    return LifecycleHook(
        command=_command(fields),
        user=fields.filled("user"),
        privileged=fields.flag("privileged"),
        working_dir=fields.filled("working_dir"),
        environment=environment.values,
        unset_environment=environment.unset,
    )


def _command(fields: Fields) -> tuple[str, ...]:
    if isinstance(fields.node("command"), Items):
        return fields.texts("command")
    text = fields.text("command")
    try:
        argv = split_command(text or "").argv
    except ValueError as err:
        fields.complain("command", f"the command {err}", "write it as a list of arguments")
        return ()
    if not argv:
        fields.complain("command", "the command is empty", "say what to run, or remove the hook")
    return argv


def build_develop(fields: Fields) -> Develop | None:
    if not fields.has("develop") or fields.is_null("develop"):
        return None
    return Develop(tuple(_watch(each) for each in fields.table("develop").tables("watch")))


def _watch(fields: Fields) -> WatchRule:
    return WatchRule(
        path=fields.text("path") or "",
        action=fields.text("action") or "",
        target=fields.filled("target"),
        ignore=fields.texts("ignore"),
        include=fields.texts("include"),
        exec=_hook(fields.table("exec")) if fields.has("exec") else None,
        initial_sync=fields.flag("initial_sync"),
    )
