"""What services may ask of their box: a token each, for as long as their generation is there."""

import os
import stat
from pathlib import Path

import pytest
from msgspec.structs import replace

from boxship.checks.text import redactor_for
from boxship.errors import HostError
from boxship.loader.service_tokens import ServiceTokens
from boxship.loader.tokens import StoreTokens
from boxship.plan.resolve import resolve
from boxship.spec.model import Appliance
from boxship.state.operation import Operation, OperationStatus
from boxship.store.port import Token
from tests.fakes.clock import FakeClock
from tests.fakes.store import MemoryStore
from tests.unit.loader.bench import Bench, version

API = {"web": ("heartbeat", "status"), "page": ()}


@pytest.fixture
def known() -> StoreTokens:
    return StoreTokens(MemoryStore(), FakeClock())


@pytest.fixture
def tokens(known: StoreTokens, tmp_path: Path) -> ServiceTokens:
    return ServiceTokens(known, tmp_path / "tokens", 8481)


def asking(**api: tuple[str, ...]) -> Appliance:
    return replace(version("1.0"), api=api or API)


def secret(tokens: ServiceTokens, generation: int = 1, service: str = "web") -> str:
    return file(tokens, generation, service).read_text().strip()


def file(tokens: ServiceTokens, generation: int = 1, service: str = "web") -> Path:
    return Path(tokens.access(asking(), generation)[service].folder) / "token"


def valid(known: StoreTokens) -> list[tuple[str, str]]:
    return sorted((each.service, each.name) for each in known.tokens() if each.revoked_at is None)


def test_only_who_may_ask_has_a_token_and_it_can_do_no_more_than_it_may(
    tokens: ServiceTokens, known: StoreTokens
) -> None:
    tokens.provide(asking(), 1)
    assert set(tokens.access(asking(), 1)) == {"web"}
    found = known.recognise(secret(tokens))
    assert found is not None
    assert found.scopes == ("heartbeat:web", "status")
    assert valid(known) == [("web", "generation 1")]


def test_nobody_but_its_owner_can_read_the_file_and_the_box_keeps_a_hash(
    tokens: ServiceTokens, known: StoreTokens
) -> None:
    tokens.provide(asking(), 1)
    assert stat.S_IMODE(file(tokens).stat().st_mode) == 0o400
    assert all(each.stat().st_mode & 0o077 == 0 for each in file(tokens).parents[:3])
    assert secret(tokens) not in repr(known.tokens())


def test_one_that_is_there_is_kept(tokens: ServiceTokens, known: StoreTokens) -> None:
    tokens.provide(asking(), 1)
    first = secret(tokens)
    tokens.provide(asking(), 1)
    assert secret(tokens) == first
    assert len(known.tokens()) == 1


def _lost(tokens: ServiceTokens, known: StoreTokens) -> None:
    file(tokens).unlink()


def _revoked(tokens: ServiceTokens, known: StoreTokens) -> None:
    known.revoke(known.tokens()[0].id)


def _damaged(tokens: ServiceTokens, known: StoreTokens) -> None:
    file(tokens).chmod(0o600)
    file(tokens).write_bytes(b"\xff" * 1000)


@pytest.mark.parametrize("harm", [_lost, _revoked, _damaged])
def test_one_that_is_of_no_use_is_made_anew_and_the_one_before_is_nothing(
    tokens: ServiceTokens, known: StoreTokens, harm: object
) -> None:
    tokens.provide(asking(), 1)
    first = secret(tokens)
    assert callable(harm)
    harm(tokens, known)
    tokens.provide(asking(), 1)
    assert secret(tokens) != first
    assert known.recognise(first) is None
    assert known.recognise(secret(tokens)) is not None
    assert valid(known) == [("web", "generation 1")]


def test_other_scopes_are_another_token(tokens: ServiceTokens, known: StoreTokens) -> None:
    tokens.provide(asking(), 1)
    tokens.provide(asking(web=("logs",)), 1)
    found = known.recognise(secret(tokens))
    assert found is not None
    assert found.scopes == ("logs:web",)
    assert valid(known) == [("web", "generation 1")]


def test_a_token_that_nobody_could_read_is_none(known: StoreTokens, tmp_path: Path) -> None:
    (tmp_path / "tokens").touch()
    with pytest.raises(HostError, match="cannot write the token of web"):
        ServiceTokens(known, tmp_path / "tokens", 8481).provide(asking(), 1)
    assert valid(known) == []


def test_those_of_a_generation_that_is_gone_are_withdrawn_and_no_others(
    tokens: ServiceTokens, known: StoreTokens
) -> None:
    mine = known.issue("anna", ["read"]).token
    for generation in (1, 2, 3):
        tokens.provide(asking(), generation)
    gone = secret(tokens, 2)
    tokens.withdraw(2)
    assert known.recognise(gone) is None
    assert not file(tokens, 2).parent.parent.exists()
    tokens.withdraw_others([3])
    assert valid(known) == [("", "anna"), ("web", "generation 3")]
    assert known.recognise(secret(tokens, 3)) is not None
    assert [each.id for each in known.tokens() if not each.service] == [mine.id]


def test_a_service_named_like_a_folder_stays_in_its_own(tokens: ServiceTokens, tmp_path: Path) -> None:
    tokens.provide(asking(**{"..": ("status",)}), 1)
    (made,) = [each for each in tmp_path.rglob("token") if each.is_file()]
    assert made.parent.parent == tmp_path / "tokens" / "1"


def test_it_is_masked_wherever_a_service_shows_it(tokens: ServiceTokens) -> None:
    tokens.provide(asking(), 1)
    wanted = replace(resolve(asking()), access=tokens.access(asking(), 1))
    assert redactor_for(wanted).clean(f"uses {secret(tokens)}") == "uses ****"


# -- on a box


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    made = Bench()
    made.world.tokens_folder = tmp_path / "tokens"
    for number in ("1.0", "1.1", "1.2"):
        web, written = f"app/web:{number}", version(number)
        # Whoever runs the tests may give files to itself.
        own = {name: replace(each, user=f"{os.getuid()}:{os.getgid()}") for name, each in written.services.items()}
        made.world.publish(replace(written, services=own, api=API), db=f"app/db:{number}", web=web, page=web)
    return made


def of_box(bench: Bench) -> dict[str, Token]:
    """Name -> the valid token of a service."""
    return {each.name: each for each in bench.world.store.tokens() if each.service and each.revoked_at is None}


def shown(bench: Bench, generation: int) -> str:
    """What the container of web is shown."""
    (web,) = [each for each in bench.world.engine.world.containers.values() if each.name == f"app.web.g{generation}"]
    (mount,) = [each for each in web.spec.mounts if each.target == "/run/boxship"]
    return (Path(mount.source) / "token").read_text().strip()


async def test_a_service_is_shown_a_token_that_its_box_knows_across_starts_of_the_loader(bench: Bench) -> None:
    async with bench.loader() as box:
        await bench.to(box, "1.0")
        before = shown(bench, 1)
    async with bench.loader() as box:
        await bench.booted(box)
        assert shown(bench, 1) == before
        found = StoreTokens(bench.world.store, bench.world.clock).recognise(before)
        assert found is not None
        assert found.scopes == ("heartbeat:web", "status")
        assert before not in repr(bench.heard)


async def test_each_generation_has_its_own_and_they_end_with_it(bench: Bench) -> None:
    async with bench.loader() as box:
        for number in ("1.0", "1.1", "1.2"):
            await bench.to(box, number)
        assert set(of_box(bench)) == {"generation 1", "generation 2", "generation 3"}
        operation = await box.gc(by="test")
        assert isinstance(operation, Operation)
        await bench.over(box, operation)
        assert set(of_box(bench)) == {"generation 2", "generation 3"}
        assert shown(bench, 3) != shown(bench, 2)


async def test_a_trial_that_failed_leaves_no_token(bench: Bench) -> None:
    async with bench.loader() as box:
        await bench.to(box, "1.0")
        bench.break_image("app/web:1.1")
        assert (await bench.to(box, "1.1")).status is OperationStatus.FAILED
        assert set(of_box(bench)) == {"generation 1"}
        assert [each.name for each in bench.world.tokens_folder.iterdir()] == ["1"]
