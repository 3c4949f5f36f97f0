"""What a release looks like in a registry or a layout: media types, annotations and repositories.

The release is a manifest under the version's tag, at the place's own repository. Its configuration is the record, its
one layer the files. Each image is a manifest of its own in a repository below, called like its service. The digests of
those belong to this transport, so they stand in the release's annotations and not in its record.
"""

from boxship.registry.oci import CREATED, REVISION, TITLE, VERSION
from boxship.spec.release import Release

RECORD = "application/vnd.boxship.release.v1+json"
FILES = "application/vnd.boxship.release.files.v1.tar+gzip"
RELEASE_REPOSITORY = ""
IMAGE_PREFIX = "boxship.image."
"""Annotation: + the image's name -> the digest of its manifest."""
RECORD_BYTES = 4 * 1024 * 1024
FILES_BYTES = 256 * 1024 * 1024
"""Of the files, compressed or not: a release's content is in its images."""


def annotations_of(release: Release, images: dict[str, str]) -> dict[str, str]:
    """Of the release's manifest. ``images``: name -> digest of its manifest."""
    said = {
        TITLE: release.appliance,
        VERSION: release.version,
        CREATED: release.created_at,
        REVISION: release.revision,
    }
    found = {key: value for key, value in said.items() if value}
    return found | {f"{IMAGE_PREFIX}{name}": digest for name, digest in images.items()}
