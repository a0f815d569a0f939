"""Adding and editing users who are named by their ids, as clients of Zoho CRM name them."""

from dataclasses import dataclass

from sqlalchemy import Connection

from postroom.actions.actor import Actor, require_administrator
from postroom.actions.changes import Transaction
from postroom.actions.errors import AlreadyThere, FieldMissing, FieldRefused, FieldTaken, InvalidInput, NotAllowed
from postroom.actions.lookups import valid_address, valid_name
from postroom.actions.organisation import NewUser, SetUserRole, SetUserStatus, add_user
from postroom.core.model import Profile, User, UserStatus
from postroom.storage import people
from postroom.storage.database import Database, lock_matching

_UNKNOWN_ID = "the id given seems to be invalid"


@dataclass(frozen=True, slots=True)
class NewMember:
    """A user to be added."""

    email: str
    full_name: str
    role_id: int | None
    profile: Profile


@dataclass(frozen=True, slots=True)
class UserEdit:
    """What shall change of a user; what is None stays, and so does the role unless one is given, or none."""

    first_name: str | None = None
    last_name: str | None = None
    email: str | None = None
    is_role_given: bool = False
    role_id: int | None = None
    profile: Profile | None = None
    status: UserStatus | None = None


def add_member(database: Database, new: NewMember, *, by: Actor, now: int) -> User:
    """Add an active user. Raises NotAllowed, FieldRefused."""
    require_administrator(by, "the users")
    if not new.full_name:
        raise FieldMissing(api_name="last_name")
    with database.read() as connection:
        role = None if new.role_id is None else _role_name(connection, new.role_id)
    try:
        return add_user(database, NewUser(new.email, new.full_name, role, new.profile), by=by, now=now)
    except AlreadyThere as error:
        raise FieldTaken("Failed to add user since same email id is already present", api_name="email") from error
    except InvalidInput as error:
        raise _refused(error) from error


def edit_user(database: Database, user_id: int, edit: UserEdit, *, by: Actor, now: int) -> None:
    """Change what `edit` gives of a user, all of it or nothing. Raises NotAllowed, FieldRefused."""
    require_administrator(by, "the users")
    with database.write() as connection:
        if edit.is_role_given:
            lock_matching(connection, exclusive=True)  # before the user's row is changed: new mail takes it after, too
        user = people.user_by_id(connection, user_id)
        if user is None:
            raise FieldRefused(_UNKNOWN_ID, api_name="id")
        if user_id == by.user_id and edit.status not in (None, UserStatus.ACTIVE):
            raise NotAllowed("nobody may disable or delete the own user")
        transaction = Transaction(connection, by, now)
        _keep_what_is_fixed(user, edit)
        _rename(transaction, user, edit)
        if edit.is_role_given:
            role = None if edit.role_id is None else _role_name(connection, edit.role_id)
            SetUserRole(user.email, role).apply(transaction)
        if edit.status is not None:
            SetUserStatus(user.email, edit.status).apply(transaction)


def _keep_what_is_fixed(user: User, edit: UserEdit) -> None:
    try:
        same_address = edit.email is None or valid_address(edit.email, "email") == user.email
    except InvalidInput as error:
        raise _refused(error) from error
    if not same_address:
        raise FieldRefused("the address of a user stays; add a user with the other one", api_name="email")
    if edit.profile not in (None, user.profile):
        raise FieldRefused("the profile of a user stays; add a user with the other one", api_name="profile")


def _rename(transaction: Transaction, user: User, edit: UserEdit) -> None:
    first, _, last = user.full_name.rpartition(" ")
    names = (first if edit.first_name is None else edit.first_name, last if edit.last_name is None else edit.last_name)
    full_name = " ".join(name.strip() for name in names if name.strip())
    if not full_name:
        raise FieldMissing(api_name="last_name")
    try:
        people.set_full_name(transaction.connection, user.id, valid_name(full_name, "last_name"))
    except InvalidInput as error:
        raise _refused(error) from error
    transaction.write_down("name of a user", f"user {user.email}", user.full_name, full_name, owner_id=user.id)


def _role_name(connection: Connection, role_id: int) -> str:
    name = people.role_names(connection).get(role_id)
    if name is None:
        raise FieldRefused(_UNKNOWN_ID, api_name="role")
    return name


def _refused(error: InvalidInput) -> FieldRefused:
    field, _, reason = str(error).partition(": ")
    return FieldRefused(reason, api_name="last_name" if field == "name" else field)
