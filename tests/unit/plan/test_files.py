"""Secrets and configs in plans: mounted or copied before the start, never shown, and their change recreates."""

import json
from typing import TypeVar

import pytest
from msgspec.structs import replace

from boxship import names
from boxship.errors import SpecError
from boxship.plan.action import CopyFiles, CreateContainer, EngineMount, Plan
from boxship.plan.observed import ContainerState
from boxship.plan.resolve import Desired, resolve
from boxship.plan.verbs import plan_start
from boxship.spec.model import Mount, Service
from boxship.spec.model_files import Grant, Hidden, SharedFile
from boxship.spec.model_outside import Provider
from tests.unit.plan.given import appliance, plan_of, running, service

T = TypeVar("T")
VALUE = "hunter2"
TOKEN = SharedFile("token", "secret", environment="TOKEN", value=Hidden(VALUE), fingerprint="f1")
FILE = SharedFile("cert", "secret", file="/x/cert.pem", fingerprint="f2")
TEXT = SharedFile("motd", "config", content=VALUE, value=Hidden(VALUE), fingerprint="f3")


def wanted(web: Service, *shared: SharedFile) -> Desired:
    made = replace(
        appliance(web),
        secrets={each.key: each for each in shared if each.kind == "secret"},
        configs={each.key: each for each in shared if each.kind == "config"},
    )
    return resolve(made)


def with_token(**changes: object) -> Desired:
    grant = replace(Grant("token"), **changes)
    return wanted(service("web", secrets=(grant,)), TOKEN)


def only(plan: Plan, kind: type[T]) -> T:
    (found,) = [step.action for step in plan.steps if isinstance(step.action, kind)]
    return found


def test_a_file_of_the_host_is_mounted_read_only_where_the_secret_belongs() -> None:
    web = service("web", secrets=(Grant("cert"), Grant("cert", "tls/own.pem"), Grant("cert", "/etc/cert")))
    spec = only(plan_of(wanted(web, FILE)), CreateContainer).spec
    assert spec.mounts == tuple(
        EngineMount("bind", target, "/x/cert.pem", read_only=True, create_host_path=False)
        for target in ("/run/secrets/cert", "/run/secrets/tls/own.pem", "/etc/cert")
    )
    assert spec.files == ()


def test_what_is_no_file_is_copied_between_creation_and_start() -> None:
    plan = plan_of(with_token(target="key", uid="33", gid="44", mode="0400"))
    kinds = [type(step.action).__name__ for step in plan.steps]
    assert kinds[1:4] == ["CreateContainer", "CopyFiles", "StartContainer"]
    copy = only(plan, CopyFiles)
    (file,) = copy.files
    assert (copy.name, file.target) == ("app.web", "/run/secrets/key")
    assert (file.content.reveal(), file.uid, file.gid, file.mode) == (VALUE, 33, 44, 0o400)


def test_a_config_appears_at_the_root_and_is_readable_by_all() -> None:
    (file,) = only(plan_of(wanted(service("web", configs=(Grant("motd"),)), TEXT)), CopyFiles).files
    assert (file.target, file.uid, file.gid, file.mode) == ("/motd", 0, 0, 0o444)


def test_the_old_container_runs_on_until_the_new_one_has_its_files() -> None:
    before = with_token()
    after = wanted(service("web", secrets=(Grant("token"),), user="nobody"), TOKEN)
    plan = plan_of(after, running(before))
    order = [type(step.action).__name__ for step in plan.steps]
    assert order.index("CopyFiles") < order.index("StopContainer") < order.index("StartContainer")


@pytest.mark.parametrize(
    ("changed", "part"),
    [
        (replace(TOKEN, fingerprint="f9"), "secrets"),
        (replace(FILE, fingerprint="f9"), "secrets"),
        (replace(TEXT, fingerprint="f9"), "configs"),
    ],
    ids=lambda value: value.key if isinstance(value, SharedFile) else "",
)
def test_another_content_makes_another_container_and_is_named(changed: SharedFile, part: str) -> None:
    web = service("web", secrets=(Grant("token"), Grant("cert")), configs=(Grant("motd"),))
    shared = {each.key: each for each in (TOKEN, FILE, TEXT)}
    before = wanted(web, *shared.values())
    after = wanted(web, *{**shared, changed.key: changed}.values())
    assert plan_of(before, running(before)).steps == ()
    (create,) = [step for step in plan_of(after, running(before)).steps if isinstance(step.action, CreateContainer)]
    assert create.cause == f"{part} changed"


def test_owner_and_mode_count_for_what_is_copied_and_not_for_what_the_host_owns() -> None:
    assert plan_of(with_token(mode="0400"), running(with_token())).steps != ()
    before = wanted(service("web", secrets=(Grant("cert"),)), FILE)
    after = wanted(service("web", secrets=(Grant("cert", mode="0400"),)), FILE)
    assert plan_of(after, running(before)).steps == ()


def test_a_secret_is_in_no_text_label_or_representation_of_a_plan() -> None:
    plan = plan_of(with_token())
    spec = only(plan, CreateContainer).spec
    said = [str(plan), repr(plan), json.dumps(dict(spec.labels)), repr(spec.files)]
    assert not [text for text in said if VALUE in text]
    assert "(hidden)" in repr(plan)


@pytest.mark.parametrize("starter", ["up", "start"])
def test_a_container_that_was_cut_off_before_its_files_gets_them_before_it_starts(starter: str) -> None:
    desired = with_token()
    cut = running(desired, web={"state": ContainerState.CREATED})
    plan = plan_of(desired, cut) if starter == "up" else plan_start(desired, cut)
    assert [type(step.action).__name__ for step in plan.steps][:2] == ["CopyFiles", "StartContainer"]


def test_a_container_that_ran_keeps_the_files_it_has() -> None:
    desired = with_token()
    ended = running(desired, web={"state": ContainerState.EXITED, "exit_code": 1})
    assert "CopyFiles" not in {type(step.action).__name__ for step in plan_of(desired, ended).steps}


@pytest.mark.parametrize(
    ("web", "shared", "reason"),
    [
        (
            service("web", secrets=(Grant("token"),)),
            SharedFile("token", "secret", external=True, name="real"),
            "the secret 'real' is external, and an engine without swarm keeps none",
        ),
        (
            service("web", configs=(Grant("motd"),)),
            SharedFile("motd", "config", external=True),
            "the config 'motd' is external, and an engine without swarm keeps none",
        ),
        (
            service("web", secrets=(Grant("token"),)),
            SharedFile("token", "secret", environment="TOKEN"),
            "the secret 'token' needs the variable TOKEN, which is not set",
        ),
        (service("web", secrets=(Grant("token", uid="root"),)), TOKEN, "the uid 'root' of 'token' is no number"),
        (service("web", mounts=(Mount("npipe", "/p", "x"),)), TOKEN, "/p is of type npipe, and only Windows has"),
        (service("web", mounts=(Mount("cluster", "/c", "x"),)), TOKEN, "/c is of type cluster, and only a swarm has"),
    ],
)
def test_what_no_single_engine_has_is_refused_before_anything_is_done(
    web: Service, shared: SharedFile, reason: str
) -> None:
    with pytest.raises(SpecError, match=reason):
        plan_of(wanted(web, shared))
    # It only matters where a container is made of it.
    assert plan_of(wanted(replace(web, scale=0), shared)).kept == {}


def test_a_service_that_another_program_provides_is_no_container_and_waited_for_by_nobody() -> None:
    desired = resolve(appliance(service("db", provider=Provider("cloud")), service("web", "db")))
    assert [each.name for each in desired.services] == ["web"]
    created = [step.subject for step in plan_of(desired).steps if isinstance(step.action, CreateContainer)]
    assert created == ["service:web"]


def test_the_label_of_parts_names_secrets_by_fingerprint_only() -> None:
    labels = only(plan_of(with_token()), CreateContainer).spec.labels
    parts = dict(part.split("=") for part in labels[names.LABEL_PARTS].split(","))
    assert len(parts["secrets"]) == 8
