"""Who is logged in, and who failed to, in Redis."""

from dataclasses import dataclass
from uuid import UUID

from redis.asyncio import Redis

from share_web.lockout import FORGET_AFTER_S, PER_ACCOUNT, PER_CLIENT, Policy
from share_web.people import User
from share_web.tokens import equal, fingerprint, new_token

LASTS_S = 12 * 3600
"""A session ends this long after its last request."""


@dataclass(frozen=True, slots=True)
class Session:
    """``seal`` ties the session to the password it began with, so that a new password ends all others."""

    user_id: UUID
    seal: str

    def fits(self, user: User) -> bool:
        return equal(self.seal, seal_of(user))


def seal_of(user: User) -> str:
    """Sixteen characters that change with the password and tell nothing about it."""
    return fingerprint(user.password)[:16]


@dataclass(frozen=True, slots=True)
class Sessions:
    """Sessions by the cookie's fingerprint. Every method raises redis.RedisError when Redis is away."""

    redis: Redis

    async def begin(self, user: User) -> str:
        """The cookie's value for a new session."""
        cookie = new_token()
        await self.redis.set(f"session:{fingerprint(cookie)}", f"{user.id} {seal_of(user)}", ex=LASTS_S)
        return cookie

    async def find(self, cookie: str) -> Session | None:
        value = await self.redis.getex(f"session:{fingerprint(cookie)}", ex=LASTS_S)
        if value is None:
            return None
        user_id, seal = str(value).split()
        return Session(UUID(user_id), seal)

    async def end(self, cookie: str) -> None:
        await self.redis.delete(f"session:{fingerprint(cookie)}")


@dataclass(frozen=True, slots=True)
class Attempts:
    """Failed log-ins by account and by client address."""

    redis: Redis

    async def admit(self, email: str, client: str) -> int:
        """Counts an attempt as failed before its password is looked at, so that parallel ones gain nothing.

        Returns:
            0 when the password may be tried, otherwise the seconds to wait.
        """
        account_wait_s = await self._admit(_account_key(email), PER_ACCOUNT)
        return max(account_wait_s, await self._admit(_client_key(client), PER_CLIENT))

    async def forgive(self, email: str, client: str) -> None:
        """Forgets the failures after a success."""
        for key in (_account_key(email), _client_key(client)):
            await self.redis.delete(key, f"{key}:wait")

    async def _admit(self, key: str, policy: Policy) -> int:
        left_s = int(await self.redis.ttl(f"{key}:wait"))
        if left_s > 0:
            return left_s
        failures = int(await self.redis.incr(key))
        await self.redis.expire(key, FORGET_AFTER_S)
        wait_s = policy.wait_s(failures)
        if wait_s:
            await self.redis.set(f"{key}:wait", "1", ex=wait_s)
        return 0


def _account_key(email: str) -> str:
    return f"login:account:{fingerprint(email)}"


def _client_key(client: str) -> str:
    return f"login:client:{fingerprint(client)}"
