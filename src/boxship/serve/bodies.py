"""A request's body, as a whole, bounded in size and in time."""

import asyncio

from starlette.requests import ClientDisconnect, Request

from boxship.errors import SlowBodyError, TooLargeError

_BODY_S = 10.0


async def read_whole(request: Request, most_bytes: int) -> bytes:
    """Raises: TooLargeError; SlowBodyError when it doesn't come in time, or breaks off."""
    too_large = TooLargeError(f"the body is longer than {most_bytes} bytes")
    declared = request.headers.get("content-length", "0")
    if declared.isdecimal() and int(declared[:20]) > most_bytes:
        raise too_large
    read = bytearray()
    try:
        async with asyncio.timeout(_BODY_S):
            async for chunk in request.stream():
                read += chunk
                if len(read) > most_bytes:
                    raise too_large
    except TimeoutError as err:
        raise SlowBodyError(f"the body did not come within {_BODY_S:g} s") from err
    except ClientDisconnect as err:
        raise SlowBodyError("the connection broke before the body was there") from err
    return bytes(read)
