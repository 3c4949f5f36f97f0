"""Boxes on the real engine; each test gets a name of its own and what it made is removed by label."""

import asyncio
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from boxship.engine.docker import connect
from tests.contracts.images import ensure_test_image
from tests.integration.boxes import Box


@pytest.fixture(scope="session")
def test_image() -> str:
    async def ensure() -> str:
        engine = connect(None)
        try:
            return await ensure_test_image(engine)
        finally:
            await engine.close()

    return asyncio.run(ensure())


@pytest.fixture
def box(tmp_path: Path, test_image: str) -> Iterator[Box]:
    made = Box(f"bxtest-{uuid.uuid4().hex[:8]}", tmp_path, {"TEST_IMAGE": test_image})
    yield made
    made.remove()
