"""A door is made of some of uvicorn, and loads no more of it."""

import subprocess
import sys

# Serves one request over a socket file, as a Loader does, in a process that has imported nothing else.
_SERVE_ONE = """
import asyncio, sys, tempfile
from starlette.responses import PlainTextResponse
from boxship.serve.closing import Closing
from boxship.serve.listeners import Listeners, Unix

async def main(path):
    listeners = Listeners(Closing())
    assert not await listeners.listen({Unix(path): PlainTextResponse("served")})
    reader, writer = await asyncio.open_unix_connection(path)
    writer.write(b"GET / HTTP/1.1\\r\\nHost: box\\r\\nConnection: close\\r\\n\\r\\n")
    print((await reader.read()).decode().splitlines()[-1])
    writer.close()
    await listeners.close()

with tempfile.TemporaryDirectory() as folder:
    asyncio.run(main(folder + "/door.sock"))
print(sorted({"click", "multiprocessing", "uvicorn", "uvicorn.main", "uvicorn.supervisors"} & set(sys.modules)))
import uvicorn
print(uvicorn.Server.__name__, uvicorn.Config is Listeners.__init__.__globals__["Config"])
"""


def test_a_door_serves_without_uvicorns_command_line_and_who_wants_all_of_uvicorn_has_it() -> None:
    ran = subprocess.run([sys.executable, "-c", _SERVE_ONE], capture_output=True, text=True, timeout=60, check=False)
    assert ran.stderr == ""
    assert ran.stdout.splitlines() == ["served", "[]", "Server True"]
