"""Idempotency keys: a request that is sent twice has its effect once, and the same answer twice.

The key is kept in the transaction that has the effect, so one never exists without the other. While that
transaction runs, an advisory lock marks the key as in flight; PostgreSQL releases it with the transaction,
whatever becomes of the process.
"""

from dataclasses import dataclass

from sqlalchemy import bindparam, func, insert, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from service.infra.tokens import AccountGone
from service.items.errors import IdempotencyKeyReused, RequestInFlight
from service.items.models import IdempotencyRecord

# 64 bits of key, seeded with the user: a collision costs a needless "in flight", never a wrong answer.
_LOCK = select(func.pg_try_advisory_xact_lock(func.hashtextextended(bindparam("key"), bindparam("user_id"))))
_KEPT = select(IdempotencyRecord.request_digest, IdempotencyRecord.answer).where(
    IdempotencyRecord.user_id == bindparam("user_id"), IdempotencyRecord.key == bindparam("key")
)


@dataclass(frozen=True, slots=True)
class IdempotencyKey:
    """The key of a caller, and the digest of the request that it stands for."""

    user_id: int
    key: str
    request_digest: bytes

    async def claim(self, session: AsyncSession) -> bytes | None:
        """The answer that was given to this key, or None: then the request is ours to do.

        Raises:
            RequestInFlight: Another transaction is handling the key.
            IdempotencyKeyReused: The key stands for another request.
        """
        identity = {"user_id": self.user_id, "key": self.key}
        if not await session.scalar(_LOCK, identity):
            raise RequestInFlight
        kept = (await session.execute(_KEPT, identity)).one_or_none()
        if kept is None:
            return None
        if kept.request_digest != self.request_digest:
            raise IdempotencyKeyReused
        answer: bytes = kept.answer
        return answer

    async def keep(self, session: AsyncSession, answer: bytes) -> None:
        """Remember the answer, in the transaction that had the effect.

        Raises:
            AccountGone: There is no caller any more whose key it could be.
        """
        statement = insert(IdempotencyRecord).values(
            user_id=self.user_id, key=self.key, request_digest=self.request_digest, answer=answer
        )
        try:
            await session.execute(statement)
        except IntegrityError as error:
            raise AccountGone from error
