"""People's passwords, and signing in with one in a browser."""

from dataclasses import dataclass

from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError

from postroom.actions.actor import Actor, require_administrator
from postroom.actions.changes import Transaction, make
from postroom.actions.errors import InvalidInput, NotAllowed
from postroom.actions.lookups import get_user
from postroom.actions.random_secrets import SecretKind, new_secret
from postroom.actions.tokens import hash_token
from postroom.core.addresses import normalise_address
from postroom.core.model import User, UserStatus
from postroom.storage import people, sign_in
from postroom.storage.database import Database

SESSION_LIFE = 3600  # seconds
SHORTEST_PASSWORD, LONGEST_PASSWORD = 12, 200  # characters
MOST_ATTEMPTS = 5
ATTEMPTS_WINDOW = 900  # seconds
_PURGED_AT_ONCE = 100
# Argon2id with 19 MiB, two passes and one lane: what OWASP's Password Storage Cheat Sheet asks for. More would keep the
# one thread of a worker from answering for longer, whoever guesses.
_HASHER = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)


class SignInRefused(NotAllowed):
    """Somebody could not sign in; the sentence tells nothing of whether there is such a user."""


class TooManyAttempts(SignInRefused):
    """Somebody tried too often."""


@dataclass(frozen=True, slots=True)
class SetPassword:
    """Set the hash of a user's password, and sign the user out everywhere. An administrator's."""

    user: str
    password_hash: str

    def apply(self, transaction: Transaction) -> None:
        """Make the change. Raises NotAllowed, NotFound, InvalidInput."""
        require_administrator(transaction.by, "the passwords of users")
        connection = transaction.connection
        user = get_user(connection, self.user)
        before = sign_in.find_password(connection, user.id)
        sign_in.set_password(connection, user.id, self.password_hash)
        sign_in.delete_sessions_of(connection, user.id)
        sign_in.forget_attempts(connection, _address_hash(user.email))
        words = (None, "set") if before is None else ("set", "set anew")
        transaction.write_down("password", f"user {user.email}", *words, owner_id=user.id)


def set_password(database: Database, email: str, password: str, *, by: Actor, now: int) -> None:
    """Set a user's password, of which only the hash is stored. Raises NotAllowed, NotFound, InvalidInput."""
    if not SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD:
        raise InvalidInput(f"password: expected {SHORTEST_PASSWORD} to {LONGEST_PASSWORD} characters")
    make(database, SetPassword(email, _HASHER.hash(password)), by, now=now)


def start_session(database: Database, email: str, password: str, *, now: int) -> str:
    """Sign a user in at `now` (epoch seconds); give the secret by which the browser is known. Raises SignInRefused.

    An attempt is counted before the password is looked at, so that many at once are counted too. An address that is
    no user's is answered like a wrong password, and after the same work.
    """
    address = normalise_address(email)
    key = _address_hash(address or email)
    _count_attempt(database, key, now)
    with database.read() as connection:
        user = None if address is None else people.find_user(connection, address)
        stored = None if user is None else sign_in.find_password(connection, user.id)
    if not _is_password(password, stored) or user is None or stored is None or user.status != UserStatus.ACTIVE:
        raise SignInRefused("This address and this password do not belong together.")
    session = new_secret(SecretKind.SESSION)
    with database.write() as connection:
        if sign_in.lock_password(connection, user.id) != stored:  # it was set anew at this moment
            raise SignInRefused("This address and this password do not belong together.")
        sign_in.insert_session(connection, hash_token(session), user.id, now + SESSION_LIFE)
        sign_in.forget_attempts(connection, key)
        sign_in.delete_expired_sessions(connection, now, _PURGED_AT_ONCE)
    return session


def user_of_session(database: Database, session: str, *, now: int) -> User | None:
    """Give the active user whom a browser's secret signs in at `now` (epoch seconds)."""
    with database.read() as connection:
        user = sign_in.find_session(connection, hash_token(session), now)
    return user if user is not None and user.status == UserStatus.ACTIVE else None


def end_session(database: Database, session: str) -> None:
    """Sign a browser out."""
    with database.write() as connection:
        sign_in.delete_session(connection, hash_token(session))


def _count_attempt(database: Database, key: bytes, now: int) -> None:
    with database.write() as connection:
        sign_in.delete_old_attempts(connection, now - ATTEMPTS_WINDOW, _PURGED_AT_ONCE)
        attempts = sign_in.count_attempt(connection, key, now=now, window=ATTEMPTS_WINDOW)
    if attempts > MOST_ATTEMPTS:
        raise TooManyAttempts(
            f"There were too many attempts with this address. Try again in {ATTEMPTS_WINDOW // 60} minutes."
        )


def _is_password(password: str, stored: str | None) -> bool:
    """Compare with the stored hash; where there is none, work as long all the same."""
    if len(password) > LONGEST_PASSWORD:
        return False
    if stored is None:
        _HASHER.hash(password)
        return False
    try:
        return _HASHER.verify(stored, password)
    except VerifyMismatchError:
        return False


def _address_hash(address: str) -> bytes:
    return hash_token(address)
