"""Roles and users."""

from sqlalchemy import Connection, insert, select, update

from postroom.core.model import Role, User
from postroom.storage.schema import roles, users


def insert_role(connection: Connection, role: Role) -> None:
    """Add a role below its parent."""
    connection.execute(insert(roles).values(**_columns(role)))


def find_role(connection: Connection, name: str) -> Role | None:
    """Give the role of exactly that name."""
    rows = connection.execute(select(roles).where(roles.c.name == name)).mappings()
    return next((Role(**row) for row in rows), None)


def list_roles(connection: Connection) -> list[Role]:
    """Give all roles, each after its parent."""
    rows = connection.execute(select(roles)).mappings()
    return sorted((Role(**row) for row in rows), key=lambda role: [int(i) for i in role.lineage.split("/")[1:-1]])


def set_role_preference(connection: Connection, role_id: int, permission: str | None, audience_id: int | None) -> None:
    """Set or clear a role's e-mail preference."""
    values = {"email_permission": permission, "audience_id": audience_id}
    connection.execute(update(roles).where(roles.c.id == role_id).values(values))


def insert_user(connection: Connection, user: User) -> None:
    """Add a user."""
    connection.execute(insert(users).values(**_columns(user)))


def find_user(connection: Connection, email: str) -> User | None:
    """Give the user of that e-mail address (normalised)."""
    rows = connection.execute(select(users).where(users.c.email == email)).mappings()
    return next((User(**row) for row in rows), None)


def status_of(connection: Connection, user_id: int) -> str | None:
    """Give whether a user is active, inactive or deleted."""
    return connection.execute(select(users.c.status).where(users.c.id == user_id)).scalar()


def user_by_id(connection: Connection, user_id: int) -> User | None:
    """Give the user of that id."""
    rows = connection.execute(select(users).where(users.c.id == user_id)).mappings()
    return next((User(**row) for row in rows), None)


def users_by_id(connection: Connection) -> dict[int, User]:
    """Give every user by id."""
    return {row["id"]: User(**row) for row in connection.execute(select(users)).mappings()}


def users_by_email(connection: Connection) -> dict[str, User]:
    """Give every user by e-mail address, in the order of names."""
    found = [User(**row) for row in connection.execute(select(users)).mappings()]
    return {user.email: user for user in sorted(found, key=lambda user: (user.full_name, user.id))}


def id_is_taken(connection: Connection, user_id: int) -> bool:
    """Say whether a user has that id."""
    return connection.execute(select(users.c.id).where(users.c.id == user_id)).first() is not None


def emails_by_id(connection: Connection) -> dict[int, str]:
    """Give every user's e-mail address."""
    return {row.id: row.email for row in connection.execute(select(users.c.id, users.c.email))}


def role_names(connection: Connection) -> dict[int, str]:
    """Give every role's name."""
    return {row.id: row.name for row in connection.execute(select(roles.c.id, roles.c.name))}


def set_full_name(connection: Connection, user_id: int, full_name: str) -> None:
    """Rename a user."""
    _set_user(connection, user_id, full_name=full_name)


def set_status(connection: Connection, user_id: int, status: str) -> None:
    """Set whether a user is active, inactive or deleted."""
    _set_user(connection, user_id, status=status)


def set_role(connection: Connection, user_id: int, role_id: int | None) -> None:
    """Move a user to another role, or to none."""
    _set_user(connection, user_id, role_id=role_id)


def set_assigned(connection: Connection, user_id: int, permission: str | None, audience_id: int | None) -> None:
    """Set or clear the permission that an administrator assigned."""
    _set_user(connection, user_id, assigned_permission=permission, assigned_audience_id=audience_id)


def set_chosen(connection: Connection, user_id: int, permission: str | None, audience_id: int | None) -> None:
    """Set or clear the user's own choice."""
    _set_user(connection, user_id, chosen_permission=permission, chosen_audience_id=audience_id)


def _set_user(connection: Connection, user_id: int, **values: str | int | None) -> None:
    connection.execute(update(users).where(users.c.id == user_id).values(values))


def _columns(thing: Role | User) -> dict[str, object]:
    return {name: getattr(thing, name) for name in thing.__slots__}
