"""Hints say when to ask; they are looked at on this machine's own sockets."""

import asyncio
import os

from boxship.execute.hints import ListenHint, PortHint


async def serve() -> tuple[asyncio.Server, int]:
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
    return server, int(server.sockets[0].getsockname()[1])


async def test_a_port_that_opens_is_news_once() -> None:
    server, port = await serve()
    server.close()
    await server.wait_closed()
    hint = PortHint("127.0.0.1", ("nc", "-z", "127.0.0.1", str(port)))
    assert not await hint.has_news()
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", port)
    async with server:
        assert await hint.has_news()
        assert not await hint.has_news()


async def test_what_names_no_port_or_has_no_address_is_never_news() -> None:
    server, port = await serve()
    async with server:
        assert not await PortHint("127.0.0.1", ("pg_isready", "-t", "5")).has_news()
        assert not await PortHint("", ("nc", str(port))).has_news()
        # An address's own numbers and versions are no ports.
        assert not await PortHint("127.0.0.1", ("ask", "10.0.0.22", "v1.8080")).has_news()


async def test_a_url_and_a_shell_redirection_name_their_port() -> None:
    server, port = await serve()
    async with server:
        for argv in (("wget", f"http://127.0.0.1:{port}/"), ("bash", "-c", f"</dev/tcp/127.0.0.1/{port}")):
            assert await PortHint("127.0.0.1", argv).has_news()


async def test_a_socket_that_begins_to_listen_is_news_once() -> None:
    hint = ListenHint(os.getpid())
    assert hint.is_readable
    hint.has_news()
    server, _ = await serve()
    async with server:
        assert hint.has_news()
        assert not hint.has_news()
        assert hint.cost_s > 0


def test_a_process_that_is_not_here_gives_no_hint() -> None:
    assert not ListenHint(0).is_readable
    assert not ListenHint(1 << 30).is_readable
