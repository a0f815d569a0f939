"""People's passwords, the browsers in which they are signed in, and attempts to sign in."""

from sqlalchemy import Connection, case, delete, insert, select

from postroom.core.model import User
from postroom.storage.database import upsert
from postroom.storage.schema import passwords, sessions, sign_in_attempts, users


def find_password(connection: Connection, user_id: int) -> str | None:
    """Give the hash of a user's password."""
    return connection.execute(select(passwords.c.hash).where(passwords.c.user_id == user_id)).scalar()


def lock_password(connection: Connection, user_id: int) -> str | None:
    """Give the same; whoever sets another one waits until this transaction ends."""
    found = select(passwords.c.hash).where(passwords.c.user_id == user_id).with_for_update()
    return connection.execute(found).scalar()


def set_password(connection: Connection, user_id: int, password_hash: str) -> None:
    """Store the hash of a password in place of an earlier one."""
    new = upsert(connection, passwords).values(user_id=user_id, hash=password_hash)
    connection.execute(new.on_conflict_do_update(index_elements=["user_id"], set_={"hash": password_hash}))


def insert_session(connection: Connection, session_hash: bytes, user_id: int, expires_at: int) -> None:
    """Sign a user in, until a moment (epoch seconds)."""
    connection.execute(insert(sessions).values(session_hash=session_hash, user_id=user_id, expires_at=expires_at))


def find_session(connection: Connection, session_hash: bytes, now: int) -> User | None:
    """Give the user of a session that lasts at `now` (epoch seconds)."""
    session = select(users).join(sessions, sessions.c.user_id == users.c.id)
    found = session.where(sessions.c.session_hash == session_hash, sessions.c.expires_at > now)
    row = connection.execute(found).mappings().first()
    return None if row is None else User(**row)


def delete_session(connection: Connection, session_hash: bytes) -> None:
    """End a session."""
    connection.execute(delete(sessions).where(sessions.c.session_hash == session_hash))


def delete_sessions_of(connection: Connection, user_id: int) -> None:
    """End every session of a user."""
    connection.execute(delete(sessions).where(sessions.c.user_id == user_id))


def delete_expired_sessions(connection: Connection, now: int, most: int) -> None:
    """Delete some of the sessions that ended before `now` (epoch seconds)."""
    ended = select(sessions.c.session_hash).where(sessions.c.expires_at <= now).order_by(sessions.c.expires_at)
    some = connection.execute(ended.limit(most).with_for_update(skip_locked=True)).scalars().all()
    connection.execute(delete(sessions).where(sessions.c.session_hash.in_(some)))


def count_attempt(connection: Connection, address_hash: bytes, *, now: int, window: int) -> int:
    """Count an attempt to sign in under an address; give how many there were within `window` seconds, with this one."""
    attempt = sign_in_attempts.c
    is_recent = attempt.since > now - window
    again = {
        "attempts": case((is_recent, attempt.attempts + 1), else_=1),
        "since": case((is_recent, attempt.since), else_=now),
    }
    first = upsert(connection, sign_in_attempts).values(address_hash=address_hash, attempts=1, since=now)
    counted = first.on_conflict_do_update(index_elements=["address_hash"], set_=again)
    return int(connection.execute(counted.returning(attempt.attempts)).scalar_one())


def forget_attempts(connection: Connection, address_hash: bytes) -> None:
    """Begin counting anew under an address."""
    connection.execute(delete(sign_in_attempts).where(sign_in_attempts.c.address_hash == address_hash))


def delete_old_attempts(connection: Connection, before: int, most: int) -> None:
    """Delete some of the counts that began before a moment (epoch seconds)."""
    attempt = sign_in_attempts.c
    old = select(attempt.address_hash).where(attempt.since <= before).order_by(attempt.since).limit(most)
    some = connection.execute(old.with_for_update(skip_locked=True)).scalars().all()
    connection.execute(delete(sign_in_attempts).where(attempt.address_hash.in_(some)))
