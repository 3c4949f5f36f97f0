"""Being attached to a container's own process, from before its start to its end."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

from boxship.engine.api import Api, Body
from boxship.engine.calls import Call, path_of
from boxship.engine.fields import read_object
from boxship.engine.port import AttachRequest
from boxship.engine.raw import RawConnection
from boxship.errors import EngineError


async def attach_container(api: Api, name: str, request: AttachRequest) -> "DockerAttach":
    """See ``Engine.attach_container``."""
    what = f"attach to {name}"
    stack = AsyncExitStack()
    try:
        # Asked before the start: one that removes itself at its end would be gone when it is asked for afterwards.
        wait = Call(
            "POST", path_of("containers", name, "wait"), what, api.deadlines.quick_s, {"condition": "next-exit"}
        )
        end = await stack.enter_async_context(api.stream(wait, idle_s=None))
        query = {"stream": "1", "stdout": "1", "stderr": "1"}
        query |= {"stdin": "1"} if request.interactive else {}
        query |= {"detachKeys": request.detach_keys} if request.detach_keys else {}
        call = Call("POST", path_of("containers", name, "attach"), what, api.deadlines.quick_s, query, upgrade=True)
        connection = RawConnection(await api.hijack(call), what, tty=request.tty)
        stack.push_async_callback(connection.close)
    except BaseException:
        await stack.aclose()
        raise
    return DockerAttach(api, name, connection, end, stack)


class DockerAttach:
    """Implements ``Session`` with a container's own process."""

    def __init__(self, api: Api, name: str, connection: RawConnection, end: Body, stack: AsyncExitStack) -> None:
        self._api = api
        self._name = name
        self._connection = connection
        self._end = end
        self._stack = stack

    def output(self) -> AsyncIterator[tuple[str, bytes]]:
        """Chunks as they come. Raises: EngineUnreachableError when the connection breaks."""
        return self._connection.output()

    async def write(self, data: bytes) -> None:
        """Raises: EngineUnreachableError when the connection breaks."""
        await self._connection.write(data)

    async def close_stdin(self) -> None:
        """End its input, as ^D would."""
        await self._connection.close_stdin()

    async def resize(self, rows: int, columns: int) -> None:
        """Only with a terminal, and only while it runs."""
        query = {"h": str(rows), "w": str(columns)}
        path = path_of("containers", self._name, "resize")
        await self._api.call(Call("POST", path, f"resize {self._name}", self._api.deadlines.quick_s, query))

    async def exit_code(self) -> int:
        """Waits for its end, for however long it takes."""
        what = f"wait for {self._name}"
        result = read_object(await self._end.whole(), what)
        if failure := result.child("Error").text("Message"):
            raise EngineError(f"cannot {what}: {failure}")
        return result.number("StatusCode")

    async def close(self) -> None:
        """Hang up; the container goes on."""
        await self._stack.aclose()
