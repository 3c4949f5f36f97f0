"""The fake engine's images: building, loading, tagging and removing them."""

import hashlib
import io
import json
import tarfile
from collections.abc import Iterator
from pathlib import Path
from string import Template

from boxship.engine.faults import refusal
from boxship.engine.port import BuildRequest, HistoryItem, ImageHistory
from boxship.errors import EngineError
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
        image_id = _digest(f"{reference} {content}".encode())
        image = self._world.images.setdefault(image_id, FakeImage(image_id, volumes=volumes, healthcheck=healthcheck))
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

    def load(self, archive: Path) -> None:
        """Raises: EngineError when it is no docker-archive."""
        try:
            with tarfile.open(archive) as tar:
                manifest = tar.extractfile("manifest.json")
                entries = json.load(manifest) if manifest else []
                configs = {entry["Config"]: _read(tar, entry["Config"]) for entry in entries}
        except (tarfile.TarError, KeyError) as err:
            raise EngineError(f"cannot load {archive.name}: {err}") from err
        for entry in entries:
            image_id = _digest(configs[entry["Config"]])
            image = self._world.images.setdefault(image_id, FakeImage(image_id))
            for tag in entry["RepoTags"] or []:
                self._put_tag(image, tag)

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
        others = image.tags - {with_default_tag(reference)}
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
