from typing import Any

from sqlalchemy import Row, bindparam, func, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from service.infra.database import Database
from service.users.errors import EmailTaken
from service.users.models import UserRecord
from service.users.schemas import Profile

_PROFILE = (UserRecord.id, UserRecord.email, UserRecord.name, UserRecord.scopes, UserRecord.created_at)
_BY_ID = select(*_PROFILE).where(UserRecord.id == bindparam("user_id"))
_CREDENTIALS = select(UserRecord.id, UserRecord.password_hash, UserRecord.scopes).where(
    UserRecord.email == bindparam("email")
)
_SEEN = (
    update(UserRecord)
    .where(UserRecord.email == bindparam("address"))
    .values(last_seen_at=func.now())
    .execution_options(synchronize_session=False)
)


class UserRepository:
    """Accounts in PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def profile(self, user_id: int) -> Profile | None:
        row = await self._database.fetch_one(_BY_ID, {"user_id": user_id})
        return Profile.model_validate(row) if row else None

    async def credentials(self, email: str) -> Row[Any] | None:
        """The id, password_hash and scopes of an account."""
        return await self._database.fetch_one(_CREDENTIALS, {"email": email})

    async def add(self, session: AsyncSession, *, email: str, name: str, password_hash: str) -> Profile:
        """Raises EmailTaken when there is one with this e-mail address."""
        values = {"email": email, "name": name, "password_hash": password_hash}
        try:
            rows = await session.execute(insert(UserRecord).values(values).returning(*_PROFILE))
        except IntegrityError as error:
            raise EmailTaken from error
        return Profile.model_validate(rows.one())

    async def mark_seen(self, session: AsyncSession, email: str) -> None:
        await session.execute(_SEEN, {"address": email})
