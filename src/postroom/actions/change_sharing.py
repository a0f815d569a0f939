"""Who sees what: the settings of administrators and owners."""

from sqlalchemy import Connection

from postroom.actions.errors import AlreadyThere, InvalidInput, NotAllowed, NotFound
from postroom.actions.lookups import get_record, get_role, get_user, shares_by_record
from postroom.core.model import CrmAccess, Permission, User
from postroom.core.sharing import Organisation, Owner, effective_permission
from postroom.storage import email_shares, mailboxes, organisation, people, records
from postroom.storage.database import Database


def set_default_permission(database: Database, permission: Permission) -> None:
    """Set the organisation's default permission."""
    with database.write() as connection:
        organisation.set_organisation(connection, "default_permission", permission)


def set_crm_access(database: Database, access: CrmAccess) -> None:
    """Set the access type for mail sent from the CRM."""
    with database.write() as connection:
        organisation.set_organisation(connection, "crm_access", access)


def set_role_permission(database: Database, role_name: str, permission: Permission | None) -> None:
    """Set or clear the e-mail preference of a role. Raises NotFound."""
    with database.write() as connection:
        people.set_role_permission(connection, get_role(connection, role_name).id, permission)


def assign_permission(database: Database, email: str, permission: Permission | None) -> None:
    """Assign a permission to a user as an administrator does, or clear it. Raises NotFound."""
    with database.write() as connection:
        people.set_user(connection, get_user(connection, email).id, "assigned_permission", permission)


def choose_permission(database: Database, email: str, permission: Permission) -> None:
    """Make a user's own choice, which holds where `users_choice` is in effect. Raises NotFound, InvalidInput."""
    if permission == Permission.USERS_CHOICE:
        raise InvalidInput("choice: expected private, public or custom")
    with database.write() as connection:
        people.set_user(connection, get_user(connection, email).id, "chosen_permission", permission)


def share_emails(database: Database, email: str, reference: str, *, now: int) -> None:
    """Share a user's mail on one record with everyone who sees it (API page, "Share Emails").

    Raises NotFound, NotAllowed, AlreadyThere, InvalidInput.
    """
    with database.write() as connection:
        user = get_user(connection, email)
        module, record = get_record(connection, reference)
        if not shares_by_record(module):
            raise NotAllowed(
                f"mail is shared record by record in Leads, Contacts and custom modules, not in {module.api_name}"
            )
        _require_custom_sharing(connection, user)
        if not email_shares.share_emails(connection, record.id, user.id, now):
            raise AlreadyThere(f"{user.email} shares on {reference} already")


def unshare_emails(database: Database, email: str, reference: str) -> None:
    """Take back what `share_emails` did. Raises NotFound, InvalidInput."""
    with database.write() as connection:
        user = get_user(connection, email)
        _, record = get_record(connection, reference)
        if not email_shares.unshare_emails(connection, record.id, user.id):
            raise NotFound(f"{user.email} does not share on {reference}")


def share_record(
    database: Database, reference: str, *, user: str | None, role: str | None, and_subordinates: bool = False
) -> None:
    """Let a user, or a role and perhaps the roles below it, see a record. Raises NotFound, InvalidInput."""
    with database.write() as connection:
        _, record = get_record(connection, reference)
        user_id, role_id = _grantee(connection, user, role)
        if and_subordinates and role_id is None:
            raise InvalidInput("and-subordinates: goes with a role")
        records.share_record(connection, record.id, user_id=user_id, role_id=role_id, and_subordinates=and_subordinates)


def unshare_record(database: Database, reference: str, *, user: str | None, role: str | None) -> None:
    """Take back what `share_record` did. Raises NotFound, InvalidInput."""
    with database.write() as connection:
        _, record = get_record(connection, reference)
        user_id, role_id = _grantee(connection, user, role)
        if not records.unshare_record(connection, record.id, user_id=user_id, role_id=role_id):
            raise NotFound(f"{reference} is not shared with {user or role}")


def _grantee(connection: Connection, user: str | None, role: str | None) -> tuple[int | None, int | None]:
    if (user is None) == (role is None):
        raise InvalidInput("name either a user or a role")
    if user is not None:
        return get_user(connection, user).id, None
    return None, get_role(connection, str(role)).id


def _require_custom_sharing(connection: Connection, user: User) -> None:
    """Refuse in the API's own words where the owner's permission is not `custom` (section 3)."""
    if mailboxes.mailbox_of(connection, user.id) is None:
        raise NotAllowed(f"Email Configuration does not exist: {user.email} has no connected mailbox")
    roles = {role.id: role.email_permission for role in people.list_roles(connection)}
    by_role = None if user.role_id is None else roles[user.role_id]
    owner = Owner(user.id, user.status, by_role, user.assigned_permission, user.chosen_permission, False, None)
    settings = organisation.organisation_settings(connection)
    if settings is None:
        raise NotFound("there is no organisation yet; run 'postroom init'")
    permission, _ = effective_permission(owner, Organisation(settings["default_permission"], settings["crm_access"]))
    if permission != Permission.CUSTOM:
        raise NotAllowed(f"User did not enable custom sharing: the permission of {user.email} is {permission}")
