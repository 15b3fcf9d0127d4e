"""Argon2id, off the event loop and never more at once than memory and cores allow."""

from anyio import CapacityLimiter, to_thread
from pwdlib import PasswordHash

from observability.tracing.spans import span


class Passwords:
    """Hashes and checks passwords in a bounded number of threads."""

    def __init__(self, *, concurrency: int) -> None:
        self._hasher = PasswordHash.recommended()
        self._limiter = CapacityLimiter(concurrency)
        self._absent = self._hasher.hash("no such user")

    async def hash(self, password: str) -> str:
        with span("hash a password"):
            return await to_thread.run_sync(self._hasher.hash, password, limiter=self._limiter)

    async def matches(self, password: str, password_hash: str | None) -> bool:
        """Whether the password is right; takes as long when there is no such user (None) as when there is."""
        with span("check a password"):
            matches = await to_thread.run_sync(
                self._hasher.verify, password, password_hash or self._absent, limiter=self._limiter
            )
        return matches and password_hash is not None
