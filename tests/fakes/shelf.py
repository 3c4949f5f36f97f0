"""The fake engine's images: building, loading, tagging and removing them."""

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Collection, Iterator
from string import Template

from boxship.engine.faults import refusal
from boxship.engine.port import BuildRequest, HistoryItem, ImageHistory, PullProgress
from boxship.errors import EngineError, ImageMissingError
from boxship.plan.observed import with_default_tag
from boxship.spec.model import Healthcheck
from tests.fakes.behaviour import run_command
from tests.fakes.world import FakeImage, World

LAYER_BYTES = 1000


class Shelf:
    """The images of one world."""

    def __init__(self, world: World) -> None:
        self._world = world

    def add(
        self, reference: str, content: str, *, volumes: tuple[str, ...] = (), healthcheck: Healthcheck | None = None
    ) -> str:
        config = json.dumps(
            {"comment": f"{reference} {content}", "rootfs": {"type": "layers", "diff_ids": []}}
        ).encode()
        image_id = _digest(config)
        made = FakeImage(image_id, volumes=volumes, healthcheck=healthcheck, config=config)
        image = self._world.images.setdefault(image_id, made)
        self._put_tag(image, reference)
        return image_id

    def build(self, request: BuildRequest, context: bytes, name: str) -> Iterator[str]:
        """Lines of output, the last one the image's id."""
        made = FakeImage("")
        for number, written in enumerate(_instructions(context, request.dockerfile, name), 1):
            yield f"Step {number} : {written}"
            is_from = written.startswith("FROM ")
            instruction = Template(written).safe_substitute(request.args) if is_from else written
            self._check(instruction, name)
            self._add_layer(made, instruction)
        made.id = image_id = _digest(context + repr(request).encode())
        made.labels = dict(request.labels)
        image = self._world.images.setdefault(image_id, made)
        for tag in request.tags:
            self._put_tag(image, tag)
        yield image_id

    def history(self, reference: str) -> ImageHistory:
        image = self._world.find_image(reference)
        if image is None:
            raise refusal(f"look up image {reference}", 404, f"No such image: {with_default_tag(reference)}")
        return ImageHistory(image.id, image.size_bytes, image.items, image.diff_ids)

    def _add_layer(self, made: FakeImage, instruction: str) -> None:
        """Every RUN, COPY and ADD makes a layer of ``LAYER_BYTES``."""
        word, _, rest = instruction.partition(" ")
        below = self._world.find_image(rest) if word == "FROM" else None
        if word == "FROM":
            made.items, made.diff_ids = (below.items, below.diff_ids) if below is not None else ((), ())
        elif word in ("RUN", "COPY", "ADD"):
            made.items += (HistoryItem(instruction, LAYER_BYTES),)
            made.diff_ids += (_digest(f"{made.diff_ids} {instruction}".encode()),)
        else:
            made.items += (HistoryItem(instruction, 0),)

    def _check(self, instruction: str, name: str) -> None:
        word, _, rest = instruction.partition(" ")
        if word == "FROM" and rest != "scratch" and self._world.find_image(rest) is None:
            raise EngineError(f"cannot build {name}: pull access denied for {rest}")
        if word == "RUN" and (code := run_command(("sh", "-c", rest)).exit_code):
            raise EngineError(f"cannot build {name}: The command '/bin/sh -c {rest}' returned a non-zero code: {code}")

    def load(self, archive: bytes, what: str) -> list[PullProgress]:
        """What it says of the layers that weren't here.

        Raises: EngineError when it is no docker-archive, or its layers aren't those of its images.
        """
        try:
            with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
                names = set(tar.getnames())
                entries = json.loads(_read(tar, "manifest.json"))
                configs = [_read(tar, entry["Config"]) for entry in entries]
                layers = [[_read(tar, name) if name in names else None for name in each["Layers"]] for each in entries]
        except (tarfile.TarError, KeyError, ValueError) as err:
            raise EngineError(f"cannot load {what}: {err}") from err
        said: list[PullProgress] = []
        for entry, config, contents in zip(entries, configs, layers, strict=True):
            diff_ids = tuple(json.loads(config)["rootfs"]["diff_ids"])
            said += self._load_layers(diff_ids, contents, what)
            image_id = _digest(config)
            items = tuple(HistoryItem("", len(self._world.layers[each])) for each in diff_ids)
            made = FakeImage(image_id, diff_ids=diff_ids, config=config, items=items)
            image = self._world.images.setdefault(image_id, made)
            for tag in entry["RepoTags"] or []:
                self._put_tag(image, tag)
        return said

    def _load_layers(self, diff_ids: tuple[str, ...], contents: list[bytes | None], what: str) -> list[PullProgress]:
        said: list[PullProgress] = []
        found: dict[str, bytes] = {}
        for index, (diff_id, data) in enumerate(zip(diff_ids, contents, strict=True)):
            if data is None:
                lower = diff_ids[: index + 1]
                is_known = any(image.diff_ids[: index + 1] == lower for image in self._world.images.values())
                if not is_known or self._world.wants_whole_archives:
                    raise EngineError(f"cannot load {what}: open layer.tar: no such file or directory")
                continue
            plain = gzip.decompress(data) if data.startswith(b"\x1f\x8b") else data
            if _digest(plain) != diff_id:
                raise EngineError(f"cannot load {what}: invalid diffID for layer {index}")
            if diff_id not in self._world.layers:
                sizes = (len(data) // 2, len(data))
                said += [PullProgress(diff_id[7:19], "Loading layer", size, len(data)) for size in sizes]
            found[diff_id] = plain
        self._world.layers.update(found)
        return said

    def save(self, references: Collection[str]) -> bytes:
        images = [self._world.find_image(each) for each in references]
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w") as tar:
            entries = []
            for reference, image in zip(references, images, strict=True):
                if image is None:
                    raise ImageMissingError(f"cannot save {reference}: there is no such image")
                assert image.config, "the fake keeps no content of what it built"
                config = f"{image.id.removeprefix('sha256:')}.json"
                _add(tar, config, image.config)
                layers = [f"{each.removeprefix('sha256:')}/layer.tar" for each in image.diff_ids]
                for name, diff_id in zip(layers, image.diff_ids, strict=True):
                    if name not in tar.getnames():
                        _add(tar, name, self._world.layers[diff_id])
                entries.append({"Config": config, "RepoTags": [reference], "Layers": layers})
            _add(tar, "manifest.json", json.dumps(entries).encode())
        return buffer.getvalue()

    def tag(self, reference: str, new_reference: str) -> None:
        image = self._world.find_image(reference)
        if image is None:
            what = f"tag {reference} as {new_reference}"
            raise refusal(what, 404, f"No such image: {with_default_tag(reference)}")
        self._put_tag(image, new_reference)

    def remove(self, reference: str) -> None:
        image = self._world.find_image(reference)
        if image is None:
            return
        is_by_id = reference == image.id
        if is_by_id and len(image.tags) > 1:
            message = f"conflict: unable to delete {image.id[7:19]} (must be forced) - image is referenced in multiple"
            raise refusal(f"remove image {reference}", 409, f"{message} repositories")
        others = set() if is_by_id else image.tags - {with_default_tag(reference)}
        users = [each for each in self._world.containers.values() if each.image_id == image.id]
        if users and not others:
            message = f"conflict: unable to remove repository reference: container {users[0].id[:12]} is using it"
            raise refusal(f"remove image {reference}", 409, message)
        image.tags = others
        if not others:
            del self._world.images[image.id]

    def _put_tag(self, image: FakeImage, reference: str) -> None:
        tag = with_default_tag(reference)
        for other in self._world.images.values():
            other.tags.discard(tag)
        image.tags.add(tag)


def _digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def _add(tar: tarfile.TarFile, name: str, data: bytes) -> None:
    info = tarfile.TarInfo(name)
    info.size = len(data)
    tar.addfile(info, io.BytesIO(data))


def _read(tar: tarfile.TarFile, name: str) -> bytes:
    file = tar.extractfile(name)
    return file.read() if file else b""


def _instructions(context: bytes, dockerfile: str, name: str) -> list[str]:
    with tarfile.open(fileobj=io.BytesIO(context)) as tar:
        try:
            text = _read(tar, dockerfile).decode()
        except KeyError:
            raise EngineError(f"cannot build {name}: Cannot locate specified Dockerfile: {dockerfile}") from None
    return [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]
