"""The way to PostgreSQL: one small pool that outlives the database's restarts."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from psycopg import AsyncConnection
from psycopg.conninfo import make_conninfo
from psycopg.rows import TupleRow
from psycopg_pool import AsyncConnectionPool

_WAIT_S = 5.0
"""How long a request waits for a connection before it answers that the service is unavailable."""

Pool = AsyncConnectionPool[AsyncConnection[TupleRow]]


@asynccontextmanager
async def open_pool(conninfo: str, password: str) -> AsyncIterator[Pool]:
    """A pool that needs no database to open: connections are made and made again as it comes and goes."""
    pool: Pool = AsyncConnectionPool(
        make_conninfo(conninfo, password=password, connect_timeout=3, application_name="share-web"),
        min_size=1,
        max_size=8,
        timeout=_WAIT_S,
        reconnect_timeout=2.0,
        check=AsyncConnectionPool.check_connection,
        open=False,
    )
    await pool.open()
    try:
        yield pool
    finally:
        await pool.close(timeout=5.0)
