"""What is wrong with keeping the state is seen by whoever monitors."""

from boxship.checks.report import Severity
from tests.fakes.store import MemoryStore
from tests.unit.loader.bench import Bench


async def test_a_state_without_a_copy_is_a_doubt_of_the_status() -> None:
    bench, store = Bench(), MemoryStore()
    bench.world.store = store
    async with bench.loader() as box:
        await bench.to(box, "1.0")
        assert "loader.state" not in {each.code for each in (await box.status()).issues}
        store.said = "the copy can't be written"
        (issue,) = [each for each in (await box.status()).issues if each.code == "loader.state"]
        assert (issue.text, issue.severity) == ("the copy can't be written", Severity.WARNING)
