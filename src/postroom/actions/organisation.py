"""The organisation, its modules, its roles and its users."""

from dataclasses import dataclass
from zoneinfo import ZoneInfo

from postroom.actions.actor import Actor, require_administrator
from postroom.actions.changes import Transaction
from postroom.actions.errors import AlreadyThere, InvalidInput, NotAllowed
from postroom.actions.lookups import get_organisation, get_role, get_user, valid_address, valid_name
from postroom.core.model import Module, Profile, Role, User, UserStatus
from postroom.core.modules import MODULE_NAME, MODULES_WITH_EMAILS, MODULES_WITHOUT_EMAILS, RESERVED_NAMES, module_key
from postroom.storage import organisation, people
from postroom.storage.database import Database, lock_matching
from postroom.storage.ids import FIRST_ID, take_id
from postroom.storage.withholding import refresh_user

_ROLE_DEPTH = 50


def time_zone_of(database: Database) -> ZoneInfo:
    """Give the organisation's time zone, in which times are shown to people."""
    with database.read() as connection:
        return ZoneInfo(get_organisation(connection)["time_zone"])


def name_and_time_zone(database: Database) -> tuple[str, str]:
    """Give what everybody may know of the organisation."""
    with database.read() as connection:
        settings = get_organisation(connection)
        return settings["name"], settings["time_zone"]


def add_role(database: Database, name: str, under: str | None = None, *, by: Actor, now: int) -> Role:
    """Add a role to the tree, below `under` or as a root. Raises NotAllowed, AlreadyThere, NotFound, InvalidInput."""
    require_administrator(by, "the roles")
    name = valid_name(name, "role")
    with database.write() as connection:
        if people.find_role(connection, name) is not None:
            raise AlreadyThere(f"there is a role {name!r} already")
        parent = None if under is None else get_role(connection, under)
        lineage = "/" if parent is None else parent.lineage
        if lineage.count("/") > _ROLE_DEPTH:
            raise InvalidInput(f"under: roles are at most {_ROLE_DEPTH} deep")
        role_id = take_id(connection)
        role = Role(role_id, name, parent.id if parent else None, f"{lineage}{role_id}/", None, None)
        people.insert_role(connection, role)
        Transaction(connection, by, now).write_down("role", f"role {name}", None, {"under": under}, role_id=role_id)
    return role


def list_roles(database: Database) -> list[Role]:
    """Give all roles, each after its parent."""
    with database.read() as connection:
        return people.list_roles(connection)


@dataclass(frozen=True, slots=True)
class NewUser:
    """A user to be added; `user_id` keeps the id that the user has in another CRM."""

    email: str
    full_name: str
    role: str | None = None
    profile: Profile = Profile.STANDARD
    user_id: int | None = None


def add_user(database: Database, new: NewUser, *, by: Actor, now: int) -> User:
    """Add an active user. Raises NotAllowed, AlreadyThere, NotFound, InvalidInput."""
    require_administrator(by, "the users")
    email, full_name = valid_address(new.email, "email"), valid_name(new.full_name, "name")
    if new.user_id is not None and not 0 < new.user_id < FIRST_ID:
        raise InvalidInput(f"id: expected a number from 1 to {FIRST_ID - 1}; the ids above are given by Postroom")
    with database.write() as connection:
        if people.find_user(connection, email) is not None:
            raise AlreadyThere(f"there is a user {email} already")
        if new.user_id is not None and people.id_is_taken(connection, new.user_id):
            raise AlreadyThere(f"id: another user has the id {new.user_id} already")
        role_id = None if new.role is None else get_role(connection, new.role).id
        user_id = new.user_id or take_id(connection)
        user = User(user_id, email, full_name, role_id, new.profile, UserStatus.ACTIVE, None, None, None, None)
        people.insert_user(connection, user)
        added = {"status": user.status, "role": new.role, "profile": new.profile}
        Transaction(connection, by, now).write_down("user", f"user {email}", None, added, owner_id=user_id)
    return user


def list_users(database: Database) -> list[tuple[User, str | None]]:
    """Give all users by name, each with the name of the role."""
    with database.read() as connection:
        roles = {role.id: role.name for role in people.list_roles(connection)}
        users = people.users_by_email(connection).values()
        return [(user, roles.get(user.role_id) if user.role_id else None) for user in users]


@dataclass(frozen=True, slots=True)
class SetUserStatus:
    """Enable, disable or delete a user, whose tokens stop working at once. An administrator's."""

    user: str
    status: UserStatus

    def apply(self, transaction: Transaction) -> None:
        """Make the change. Raises NotAllowed, NotFound."""
        require_administrator(transaction.by, "who is active")
        user = get_user(transaction.connection, self.user)
        if user.status == UserStatus.DELETED != self.status:
            raise NotAllowed(f"{user.email} was deleted, which is final; add a user with another address")
        people.set_status(transaction.connection, user.id, self.status)
        transaction.write_down("status", f"user {user.email}", user.status, self.status, owner_id=user.id)


@dataclass(frozen=True, slots=True)
class SetUserRole:
    """Move a user to another role, or to none. An administrator's."""

    user: str
    role: str | None

    def apply(self, transaction: Transaction) -> None:
        """Make the change; what the roles exclude follows within it. Raises NotAllowed, NotFound."""
        require_administrator(transaction.by, "the roles of users")
        connection = transaction.connection
        user = get_user(connection, self.user)
        role = None if self.role is None else get_role(connection, self.role)
        lock_matching(connection, exclusive=True)
        people.set_role(connection, user.id, None if role is None else role.id)
        refresh_user(connection, user.id)
        before = None if user.role_id is None else people.role_names(connection)[user.role_id]
        after = None if role is None else role.name
        transaction.write_down("role of a user", f"user {user.email}", before, after, owner_id=user.id)


def add_module(database: Database, api_name: str) -> Module:
    """Create a custom module. Raises AlreadyThere, InvalidInput."""
    if not MODULE_NAME.fullmatch(api_name) or module_key(api_name).replace("_", "") in _taken_names():
        raise InvalidInput(
            f"module: {api_name!r} is no name for a custom module; "
            "expected a letter, then letters, digits and underscores, and not a name that Zoho CRM uses"
        )
    with database.write() as connection:
        if organisation.find_module(connection, api_name) is not None:
            raise AlreadyThere(f"there is a module {api_name} already")
        return organisation.add_custom_module(connection, api_name)


def list_modules(database: Database) -> list[Module]:
    """Give all modules."""
    with database.read() as connection:
        return organisation.list_modules(connection)


def _taken_names() -> frozenset[str]:
    """Give the names that scopes could mistake for one of Zoho's modules or for a word of theirs."""
    known = (*MODULES_WITH_EMAILS, *MODULES_WITHOUT_EMAILS)
    return RESERVED_NAMES | {module_key(name).replace("_", "") for name in known}
