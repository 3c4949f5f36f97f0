"""Names of files that came from somewhere else: cleaned for display, safe in a header."""

import unicodedata
from urllib.parse import quote

MAX_BYTES = 200
"""Leaves room below the 255 bytes that common file systems allow."""

_RESERVED = {"con", "prn", "aux", "nul", *(f"com{n}" for n in range(1, 10)), *(f"lpt{n}" for n in range(1, 10))}
_FORBIDDEN = set('<>:"/\\|?*')


def clean(name: str) -> str:
    """A name that every system can save: no folders, control or direction characters, never empty.

    Browsers send a bare name; others may send a path with either slash, of which the last part is meant.
    """
    last = unicodedata.normalize("NFC", name).replace("\\", "/").rsplit("/", 1)[-1]
    kept = "".join("_" if char in _FORBIDDEN else char for char in last if unicodedata.category(char)[0] != "C")
    trimmed = " ".join(kept.split()).strip(". ")
    if not trimmed:
        return "file"
    if trimmed.split(".", 1)[0].casefold() in _RESERVED:
        trimmed = f"_{trimmed}"
    return _shorten(trimmed)


def _shorten(name: str) -> str:
    if len(name.encode()) <= MAX_BYTES:
        return name
    stem, dot, ending = name.rpartition(".")
    if not stem or len(ending.encode()) > 20:
        stem, dot, ending = name, "", ""
    room = MAX_BYTES - len((dot + ending).encode())
    return stem.encode()[:room].decode(errors="ignore").rstrip() + dot + ending


def attachment(name: str) -> str:
    """A Content-Disposition that makes any browser save the file under its name and never show it (RFC 6266)."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    fallback = "".join("_" if char in '"\\%;' else char for char in plain) or "file"
    return f"attachment; filename=\"{fallback}\"; filename*=UTF-8''{quote(name, safe='')}"


_KINDS = {
    "image": "png jpg jpeg gif webp bmp tif tiff svg heic avif",
    "film": "mp4 mov mkv webm avi m4v",
    "sound": "mp3 ogg oga opus flac wav m4a aac",
    "archive": "zip gz tgz bz2 xz zst 7z rar tar iso deb",
    "document": "pdf txt md rtf doc docx odt pages html epub",
    "table": "csv xls xlsx ods tsv",
}
_KIND_OF_ENDING = {ending: kind for kind, endings in _KINDS.items() for ending in endings.split()}


def kind(name: str) -> str:
    """Which icon stands for the file: image, film, sound, archive, document, table or file."""
    return _KIND_OF_ENDING.get(name.rpartition(".")[2].casefold(), "file")
