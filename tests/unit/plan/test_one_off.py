"""A container that a person asks for: like the service's own, without what there is only once."""

import pytest
from msgspec.structs import replace

from boxship.errors import ImageMissingError, NotFoundError
from boxship.names import LABEL_ONE_OFF, LABEL_SERVICE
from boxship.plan.action import ContainerSpec, CreateContainer
from boxship.plan.observed import Observed
from boxship.plan.one_off import OneOff, plan_one_off, with_one_off
from boxship.plan.reconcile import reconcile
from boxship.plan.resolve import resolve
from boxship.plan.verdict import Options
from boxship.spec.model import Attachment, Mount, Restart, Service
from boxship.spec.model_hooks import LifecycleHook
from tests.unit.plan.given import IMAGE, appliance, desired, plan_of, port, running, service

WEB = replace(
    service("web", "db"),
    command=("serve",),
    environment={"A": "1", "B": "2"},
    ports=(port(80),),
    restart=Restart("always"),
    container_name="the-web",
    networks={"default": Attachment(aliases=("www",), ipv4_address="10.9.0.7", mac_address="02:00:00:00:00:01")},
    post_start=(LifecycleHook(("true",)),),
    mounts=(Mount("volume", "/data", "data"),),
)
RUN = OneOff("web", "4f2a")


def made(one_off: OneOff = RUN, web: Service = WEB, observed: Observed | None = None) -> ContainerSpec:
    shop = with_one_off(appliance(service("db"), web), one_off)
    plan = plan_one_off(resolve(shop, names=["web"]), observed or Observed(images=(IMAGE,)), one_off)
    (spec,) = [step.action.spec for step in plan.steps if isinstance(step.action, CreateContainer)]
    return spec


def test_it_has_what_the_service_has_and_a_name_of_its_own() -> None:
    spec = made()
    assert (spec.name, spec.image, spec.service.command) == ("app.web.run-4f2a", "img:1", ("serve",))
    assert spec.service.environment == {"A": "1", "B": "2"}
    assert [mount.source for mount in spec.mounts] == ["app.data"]
    assert (spec.labels[LABEL_ONE_OFF], spec.labels[LABEL_SERVICE]) == ("4f2a", "web")


def test_it_has_nothing_that_there_is_only_once() -> None:
    spec = made()
    (end,) = spec.endpoints
    assert (end.network, end.aliases, end.ipv4_address, end.mac_address) == ("app.default", (), None, None)
    assert (spec.service.ports, spec.service.restart, spec.service.post_start) == ((), None, ())
    assert spec.name != "the-web"


def test_it_answers_to_the_service_s_names_and_publishes_its_ports_only_when_asked() -> None:
    spec = made(replace(RUN, with_aliases=True, with_service_ports=True, ports=(port(99),)))
    assert spec.endpoints[0].aliases == ("web", "web.service", "www")
    assert [each.target for each in spec.service.ports] == [80, 99]


def test_what_was_typed_comes_on_top_of_the_service() -> None:
    typed = OneOff(
        "web",
        "4f2a",
        command=("env", "-0"),
        environment={"B": "3", "C": "4"},
        user="nobody",
        working_dir="/srv",
        labels={"x": "y"},
        name="mine",
        mounts=(Mount("bind", "/data", "/here"),),
        tty=True,
        interactive=True,
        auto_remove=True,
    )
    spec = made(typed)
    assert (spec.name, spec.service.command) == ("mine", ("env", "-0"))
    assert spec.service.environment == {"A": "1", "B": "3", "C": "4"}
    assert (spec.service.user, spec.service.working_dir, spec.labels["x"]) == ("nobody", "/srv", "y")
    assert [(mount.kind, mount.source) for mount in spec.mounts] == [("bind", "/here")]
    assert (spec.service.tty, spec.service.stdin_open, spec.stdin_once, spec.auto_remove) == (True, True, True, True)


def test_another_entrypoint_does_not_get_the_words_of_the_usual_one() -> None:
    assert made(replace(RUN, entrypoint=("sh",))).service.command == ()
    assert made(replace(RUN, entrypoint=("sh",), command=("-c", "x"))).service.command == ("-c", "x")


def test_a_detached_one_is_started_by_the_plan_and_goes_when_it_can_not_start() -> None:
    one_off = replace(RUN, starts=True)
    shop = with_one_off(appliance(service("db"), WEB), one_off)
    plan = plan_one_off(resolve(shop, names=["web"]), Observed(images=(IMAGE,)), one_off)
    assert str(plan).splitlines() == [
        "[] -> #1 service:web.run-4f2a, CreateContainer, run web",
        "[1] -> #2 service:web.run-4f2a, StartContainer, run web",
    ]


def test_a_missing_image_is_pulled_unless_that_is_forbidden() -> None:
    shop = with_one_off(appliance(service("db"), WEB), RUN)
    wanted = resolve(shop, names=["web"])
    assert str(plan_one_off(wanted, Observed(), RUN)).splitlines()[0] == "[] -> #1 image:img:1, PullImage, web needs it"
    never = with_one_off(appliance(service("db"), replace(WEB, pull_policy="never")), RUN)
    with pytest.raises(ImageMissingError, match="must not be pulled"):
        plan_one_off(resolve(never, names=["web"]), Observed(), RUN)


def test_a_volume_that_the_files_do_not_have_is_refused() -> None:
    typed = replace(RUN, mounts=(Mount("volume", "/x", "dta"),))
    with pytest.raises(NotFoundError, match="no volume 'dta' in app") as caught:
        with_one_off(appliance(WEB), typed)
    assert "its volumes: data" in caught.value.hint


def test_what_it_needs_is_started_and_the_service_itself_stays_as_it_is() -> None:
    shop = appliance(service("db"), service("web", "db"))
    before = running(resolve(shop))
    only_web = replace(before, containers=tuple(each for each in before.containers if each.service == "web"))
    wanted = resolve(with_one_off(shop, RUN), names=["web"])
    plan = reconcile(wanted, only_web, Options(untouched=frozenset({"web"})))
    assert {step.subject for step in plan.steps} == {"service:db"}
    assert reconcile(wanted, before, Options(untouched=frozenset({"web"}))).steps == ()


def test_up_leaves_it_alone_and_keeps_the_service_s_address() -> None:
    wanted = desired(service("web"))
    before = running(wanted)
    (web,) = before.containers
    extra = replace(
        web,
        id="id-extra",
        name="app.web.run-4f2a",
        addresses={},
        networks={"app.default": "10.213.0.99"},
        labels={**web.labels, LABEL_ONE_OFF: "4f2a"},
    )
    both = replace(before, containers=(extra, web))
    assert plan_of(wanted, both).steps == ()
    assert plan_of(desired(), both).steps == ()
