"""What engines save, taken apart: as Docker 20.10 writes it, and as it does since 25."""

import gzip
import hashlib
import json
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from boxship.bundle.saved import take_apart
from boxship.errors import EngineError
from boxship.registry.layout import Layout
from boxship.registry.oci import MANIFEST, Descriptor, digest_of, make_manifest
from boxship.registry.port import Blob
from tests.contracts.images import image_config, tar_of

LOWER = tar_of({"{looks": b"like JSON"})
UPPER = tar_of({"upper": b"x" * 5_000_000})
CONFIG = image_config([LOWER, UPPER])


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout(tmp_path)


async def chunks(data: bytes, fails_at: int | None = None) -> AsyncGenerator[bytes, None]:
    for start in range(0, len(data), 65_536):
        if fails_at is not None and start >= fails_at:
            raise EngineError("the engine hung up")
        yield data[start : start + 65_536]


def manifest(config: str, *layers: str, tags: tuple[str, ...] = ("share/web:1",)) -> dict[str, object]:
    return {"Config": config, "RepoTags": list(tags), "Layers": list(layers)}


async def check(archive: bytes, layout: Layout) -> None:
    image = (await take_apart(chunks(archive), layout))["share/web:1"]
    assert (image.id, image.config) == (digest_of(CONFIG), CONFIG)
    assert image.diff_ids == (digest_of(LOWER), digest_of(UPPER))
    for blob, plain in zip(image.layers, (LOWER, UPPER), strict=True):
        data = layout.blob_path(blob.digest).read_bytes()
        assert (digest_of(data), len(data)) == (blob.digest, blob.size_bytes)
        assert gzip.decompress(data) == plain


async def test_an_archive_of_docker_20_with_a_layer_that_is_a_link(layout: Layout) -> None:
    listed = json.dumps([manifest("config.json", "two/layer.tar", "three/layer.tar")]).encode()
    files = {"config.json": CONFIG, "one/layer.tar": LOWER, "three/layer.tar": UPPER, "manifest.json": listed}
    await check(tar_of(files, links={"two/layer.tar": "../one/layer.tar"}), layout)


async def test_an_archive_of_docker_25_is_an_oci_layout_and_small_layers_are_no_manifests(layout: Layout) -> None:
    names = {data: f"blobs/sha256/{hashlib.sha256(data).hexdigest()}" for data in (CONFIG, LOWER, UPPER)}
    listed = json.dumps([manifest(names[CONFIG], names[LOWER], names[UPPER])]).encode()
    more = {"oci-layout": b"{}", "index.json": b"{}", "manifest.json": listed}
    await check(tar_of({name: data for data, name in names.items()} | more), layout)


async def test_two_names_of_one_image_are_both_found(layout: Layout) -> None:
    listed = json.dumps([manifest("c.json", "a/layer.tar", "b/layer.tar", tags=("share/web:1", "share/worker:1"))])
    files = {"c.json": CONFIG, "a/layer.tar": LOWER, "b/layer.tar": UPPER, "manifest.json": listed.encode()}
    found = await take_apart(chunks(tar_of(files)), layout)
    assert found["share/web:1"] == found["share/worker:1"]


@pytest.mark.parametrize(
    "archive",
    [
        b"no archive" * 200,
        tar_of({"manifest.json": b"[1]"}),
        tar_of({"manifest.json": json.dumps([manifest("c.json", "gone/layer.tar")]).encode(), "c.json": CONFIG}),
        tar_of({"layer.tar": UPPER})[:100_000],
    ],
    ids=["garbage", "another-manifest", "without-a-layer", "cut-off"],
)
async def test_what_is_no_such_archive_is_told(archive: bytes, layout: Layout) -> None:
    with pytest.raises(EngineError, match="what the engine saved can't be"):
        await take_apart(chunks(archive), layout)


async def test_an_engine_that_hangs_up_in_the_middle_is_what_is_told(layout: Layout) -> None:
    with pytest.raises(EngineError, match="hung up"):
        await take_apart(chunks(tar_of({"a/layer.tar": UPPER}), fails_at=1_000_000), layout)
    assert list((layout.blob_path(digest_of(b"")).parent).iterdir()) == []


async def test_a_layer_that_an_earlier_release_has_is_not_compressed_again(layout: Layout) -> None:
    """It is taken as it lies there: packed in another way, it would be another blob for every box to fetch."""
    listed = json.dumps([manifest("config.json", "one/layer.tar", "two/layer.tar")]).encode()
    archive = tar_of({"config.json": CONFIG, "one/layer.tar": LOWER, "two/layer.tar": UPPER, "manifest.json": listed})
    packed = gzip.compress(UPPER, compresslevel=1)
    kept = []
    for data in (CONFIG, gzip.compress(LOWER, compresslevel=1), packed):
        kept.append(Blob("web", digest_of(data), len(data)))
        layout.blob_path(kept[-1].digest).parent.mkdir(parents=True, exist_ok=True)
        layout.blob_path(kept[-1].digest).write_bytes(data)
    described = [Descriptor("any/type", blob.digest, blob.size_bytes) for blob in kept]
    await layout.put_manifest("web", "0.9", make_manifest(described[0], tuple(described[1:]), {}), MANIFEST)
    image = (await take_apart(chunks(archive), layout))["share/web:1"]
    assert [blob.digest for blob in image.layers] == [blob.digest for blob in kept[1:]]
    # One that is listed and gone is made anew.
    layout.blob_path(kept[2].digest).unlink()
    again = (await take_apart(chunks(archive), layout))["share/web:1"]
    assert again.layers[1].digest != kept[2].digest
    assert gzip.decompress(layout.blob_path(again.layers[1].digest).read_bytes()) == UPPER
