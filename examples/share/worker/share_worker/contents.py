"""Contents of files, through web's internal door: the worker sees none of web's disk."""

import http.client
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from typing import BinaryIO
from uuid import UUID

_TIMEOUT_S = 30.0
_PIECE_BYTES = 1 << 20


class AbsentError(Exception):
    """Web has no such content: the file was deleted meanwhile."""


class DoorError(Exception):
    """Web is away or answered something unexpected; worth trying again later."""


@dataclass(frozen=True, slots=True)
class Contents:
    """Web's REST door for one worker."""

    host: str
    port: int
    token: str

    def read(self, file_id: UUID, copy: BinaryIO | None, on_piece: Callable[[], None]) -> tuple[str, int]:
        """Streams a content once.

        Args:
            file_id: whose content.
            copy: also gets every byte, when given.
            on_piece: called after each piece, to say that work goes on.

        Returns:
            The SHA-256 in hexadecimal, and the number of bytes.

        Raises:
            AbsentError: there is no such content.
            DoorError: web is away, or the stream was cut.
        """
        digest, size_bytes = sha256(), 0
        with self._answer("GET", f"/internal/files/{file_id}/content", None) as answer:
            while piece := answer.read(_PIECE_BYTES):
                digest.update(piece)
                size_bytes += len(piece)
                if copy is not None:
                    copy.write(piece)
                on_piece()
            if answer.length:
                raise DoorError(f"web closed the stream {answer.length} bytes early")
        return digest.hexdigest(), size_bytes

    def put_thumbnail(self, file_id: UUID, webp: bytes) -> None:
        """Raises AbsentError or DoorError, as ``read`` does."""
        with self._answer("PUT", f"/internal/files/{file_id}/thumbnail", webp) as answer:
            answer.read()

    @contextmanager
    def _answer(self, method: str, path: str, body: bytes | None) -> Iterator[http.client.HTTPResponse]:
        connection = http.client.HTTPConnection(self.host, self.port, timeout=_TIMEOUT_S)
        try:
            connection.request(method, path, body, {"Authorization": f"Bearer {self.token}"})
            answer = connection.getresponse()
            if answer.status == 404:
                raise AbsentError
            if answer.status >= 300:
                raise DoorError(f"web answered {answer.status} to {method} {path}")
            yield answer
        except (OSError, http.client.HTTPException) as error:
            raise DoorError(f"web is away: {type(error).__name__}") from error
        finally:
            connection.close()
