"""From changed files to what the services need."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from boxship.build.ignore import IgnoreRules
from boxship.errors import SpecError
from boxship.operate.watch_rules import Reaction, Rule, at_first, react, rules_of
from boxship.spec.model import Appliance, Build, Service
from boxship.spec.model_hooks import Develop, LifecycleHook, WatchRule
from tests.unit.plan.given import appliance, service

HOOK = LifecycleHook(("reload",))
SYNC = Rule("web", "/p/src", "sync", target="/app")


def only(*changed: str, rules: tuple[Rule, ...] = (SYNC,), gone: tuple[str, ...] = ()) -> Reaction:
    (reaction,) = react(changed, gone, rules)
    return reaction


def test_files_are_copied_to_their_place_and_deleted_there() -> None:
    reaction = only("/p/src/a.py", "/p/src/lib/b.py", gone=("/p/src/old",))
    assert reaction.copies == (("/p/src/a.py", "/app/a.py"), ("/p/src/lib/b.py", "/app/lib/b.py"))
    assert reaction.removals == ("/app/old",)
    assert reaction.causes == ("a.py", "lib/b.py", "old")
    assert not reaction.restart


def test_a_rule_for_one_file_is_about_that_file() -> None:
    exact = replace(SYNC, path="/p/conf.ini", is_file=True, target="/etc/conf.ini")
    assert only("/p/conf.ini", rules=(exact,)).copies == (("/p/conf.ini", "/etc/conf.ini"),)
    into = replace(exact, target="/etc/")
    assert only("/p/conf.ini", rules=(into,)).copies == (("/p/conf.ini", "/etc/conf.ini"),)
    assert react(["/p/conf.ini.bak", "/p/conf"], (), (exact,)) == ()
    assert only(gone=("/p/conf.ini",), rules=(exact,)).removals == ("/etc/conf.ini",)


def test_the_target_itself_is_never_deleted() -> None:
    assert only(gone=("/p/src",)).removals == ()


@pytest.mark.parametrize(
    "path",
    [
        *("/p/src/.git/HEAD", "/p/src/a.py~", "/p/src/.a.py.swp", "/p/src/4913", "/p/src/x/__pycache__/a.pyc"),
        *("/p/src/debug.log", "/p/src/node_modules/x/y.js", "/p/other/a.py", "/p/srcs/a.py"),
    ],
)
def test_what_is_ignored_or_elsewhere_asks_for_nothing(path: str) -> None:
    rule = replace(SYNC, ignore=IgnoreRules.parse("*.log\nnode_modules/"))
    assert react([path], (), (rule,)) == ()


def test_only_what_is_included_counts_by_its_path_or_name() -> None:
    rule = replace(SYNC, include=IgnoreRules.parse("*.py\ndoc/*.md"))
    changed = ("/p/src/lib/a.py", "/p/src/doc/x.md", "/p/src/x.md", "/p/src/a.js")
    assert only(*changed, rules=(rule,)).causes == ("doc/x.md", "lib/a.py")


def test_what_its_image_leaves_out_is_left_out_here() -> None:
    rule = Rule("web", "/p/src", "rebuild", home="/p", at_home=IgnoreRules.parse("src/tests\n**/*.md"))
    assert react(["/p/src/tests/a.py", "/p/src/x/README.md"], (), (rule,)) == ()
    assert only("/p/src/a.py", rules=(rule,)).rebuild


def test_a_rebuild_makes_all_else_needless() -> None:
    rules = (SYNC, Rule("web", "/p/src/setup.py", "rebuild", is_file=True))
    assert only("/p/src/a.py", "/p/src/setup.py", rules=rules) == Reaction("web", ("a.py", "setup.py"), rebuild=True)


@pytest.mark.parametrize(("action", "restart", "copies"), [("restart", True, 0), ("sync+restart", True, 1)])
def test_restarts(action: str, restart: bool, copies: int) -> None:
    reaction = only("/p/src/a", rules=(replace(SYNC, action=action),))
    assert (reaction.restart, len(reaction.copies)) == (restart, copies)


def test_a_command_runs_once_for_all_that_changed() -> None:
    rules = (replace(SYNC, action="sync+exec", hook=HOOK), replace(SYNC, action="sync+exec", hook=HOOK, path="/p"))
    assert only("/p/src/a", "/p/src/b", rules=rules).hooks == (HOOK,)


def test_services_are_told_apart_in_the_order_of_their_names() -> None:
    rules = (SYNC, replace(SYNC, service="api", action="restart"))
    assert [each.service for each in react(["/p/src/a"], (), rules)] == ["api", "web"]


def watched(folder: Path, rule: WatchRule, *, build: bool = True) -> tuple[Appliance, tuple[Service, ...]]:
    made = service("web", develop=Develop((rule,)), build=Build(folder) if build else None)
    return replace(appliance(made), directory=folder), (made,)


def test_what_is_there_at_first_is_synced_when_asked_for(tmp_path: Path) -> None:
    (tmp_path / "src" / "lib").mkdir(parents=True)
    for name in ("a.py", "lib/b.py", "x.log"):
        (tmp_path / "src" / name).write_text("x")
    rule = WatchRule("src", "sync+restart", "/app", ignore=("*.log",), initial_sync=True)
    rules = rules_of(*watched(tmp_path, rule))
    (reaction,) = at_first(rules)
    assert [place for _, place in reaction.copies] == ["/app/a.py", "/app/lib/b.py"]
    assert not reaction.restart
    assert at_first([replace(rules[0], initial_sync=False)]) == ()


@pytest.mark.parametrize(
    ("rule", "build", "reason"),
    [
        (WatchRule("none", "sync", "/app"), True, "does not exist on this host"),
        (WatchRule(".", "sync"), True, "sync needs a target"),
        (WatchRule(".", "rebuild"), False, "nothing to rebuild"),
        (WatchRule(".", "sync+exec", "/app"), True, "needs an exec"),
    ],
)
def test_a_rule_that_cannot_be_followed_is_told(tmp_path: Path, rule: WatchRule, build: bool, reason: str) -> None:
    with pytest.raises(SpecError, match=reason) as caught:
        rules_of(*watched(tmp_path, rule, build=build))
    assert caught.value.problems[0].path == "services.web.develop.watch[0]"


def test_the_dockerignore_of_the_context_is_heeded(tmp_path: Path) -> None:
    (tmp_path / ".dockerignore").write_text("*.md\n")
    (rule,) = rules_of(*watched(tmp_path, WatchRule(".", "rebuild")))
    assert react([f"{tmp_path}/README.md"], (), (rule,)) == ()
    assert react([f"{tmp_path}/a.py"], (), (rule,)) != ()
