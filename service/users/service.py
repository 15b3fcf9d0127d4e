from service.infra.database import Database
from service.infra.jobs.queue import enqueue
from service.infra.passwords import Passwords
from service.infra.tokens import AccountGone, Caller, Tokens
from service.users.errors import WrongCredentials
from service.users.jobs import SendWelcomeEmail
from service.users.repository import UserRepository
from service.users.schemas import Profile, Registration, Token, TokenRequest


class UserService:
    """Accounts and how they prove who they are."""

    def __init__(
        self, database: Database, users: UserRepository, passwords: Passwords, tokens: Tokens
    ) -> None:
        self._database = database
        self._users = users
        self._passwords = passwords
        self._tokens = tokens

    async def register(self, registration: Registration) -> Profile:
        # Hashing takes tens of milliseconds: do it before a connection is held.
        password_hash = await self._passwords.hash(registration.password.get_secret_value())
        async with self._database.transaction() as session:
            profile = await self._users.add(
                session, email=registration.email, name=registration.name, password_hash=password_hash
            )
            await enqueue(session, SendWelcomeEmail(user_id=profile.id))
            return profile

    async def token(self, request: TokenRequest) -> Token:
        account = await self._users.credentials(request.username)
        password_hash = account.password_hash if account else None
        if (
            not await self._passwords.matches(request.password.get_secret_value(), password_hash)
            or not account
        ):
            raise WrongCredentials
        asked = set(request.scope.split()) or set(account.scopes)
        granted = [scope for scope in account.scopes if scope in asked]
        return Token(
            access_token=self._tokens.issue(account.id, granted),
            expires_in=int(self._tokens.lifetime.total_seconds()),
            scope=" ".join(granted),
        )

    async def profile(self, caller: Caller) -> Profile:
        profile = await self._users.profile(caller.user_id)
        if profile is None:
            raise AccountGone
        return profile

    async def mark_seen(self, email: str) -> None:
        """Note that the user was here just now."""
        async with self._database.transaction() as session:
            await self._users.mark_seen(session, email)
