"""Changes drawn at random, each of them twice: as the product makes it, and as the reference model does.

Beside the changes of settings there is what happens of itself: mail comes in, records are edited.
"""

import inspect
import pkgutil
from collections.abc import Callable
from copy import deepcopy
from importlib import import_module
from itertools import product
from typing import Any, NamedTuple

from hypothesis import strategies as st
from sqlalchemy import Connection

from postroom import actions
from postroom.actions.actor import Actor
from postroom.actions.change_sharing import (
    SetCrmAccess,
    SetModuleAccess,
    ShareEmails,
    ShareRecord,
    UnshareEmails,
    UnshareRecord,
)
from postroom.actions.changes import Change, Transaction
from postroom.actions.clients import DeleteClient
from postroom.actions.errors import ActionError
from postroom.actions.exclusions import SetExcludedDomains, SetInternalDomains
from postroom.actions.grants import EndGrant, EndGrantOfToken, EndGrantsOf
from postroom.actions.organisation import SetUserRole, SetUserStatus
from postroom.actions.permissions import (
    KEEP,
    AssignPermission,
    Audience,
    ChoosePermission,
    Keep,
    Member,
    SetDefaultPermission,
    SetRolePreference,
)
from postroom.actions.sign_in import SetPassword
from postroom.actions.withhold import WithholdEmail, WithholdThread, email_id
from postroom.core.model import CrmAccess, MailboxState, Permission, UserStatus
from postroom.storage import mailboxes, organisation, records
from tests import reference_changes
from tests.reference_changes import NewAudience, NewDomains, NewPermission, Refused
from tests.reference_model import Copy, Grantee, World, email_of
from tests.team import NOW, OPERATOR
from tests.worlds import (
    CRM_ACCESSES,
    DOMAINS,
    MODULES,
    NAMES,
    Organisation,
    build_mailboxes,
    copies_of,
    copy_row,
    email_address,
    file_by_hand,
    grantees,
    letters,
    names,
    permissions,
    roles,
    some_addresses,
    spelled,
    store_mail,
    stored_record,
)

Draw = Callable[[st.SearchStrategy[Any]], Any]


class Stage(NamedTuple):
    """Where changes are drawn: the organisation, and the database in which it is stored."""

    drawn: Organisation
    connection: Connection

    @property
    def world(self) -> World:
        return self.drawn.world

    def address(self, name: str) -> str:
        return email_address(self.world.users[name])

    def reference(self, record_id: int) -> str:
        return f"{self.world.records[record_id].module}/{record_id}"

    def some_record(self, draw: Draw) -> int:
        return draw(st.sampled_from(sorted(self.world.records)))

    def some_copy(self, draw: Draw) -> tuple[int, str]:
        """Draw a copy, and a user to whom it mostly belongs."""
        index = draw(st.integers(0, len(self.world.copies) - 1))
        owner = self.world.copies[index].owner
        return index, draw(st.sampled_from((owner, owner, owner, *NAMES)))

    def audience(self, audience: NewAudience) -> Audience | Keep:
        if audience is reference_changes.KEEP:
            return KEEP
        return None if audience is None else tuple(map(self.member, audience))

    def member(self, grantee: Grantee) -> Member:
        user = None if grantee.user is None else self.address(grantee.user)
        return Member(user, grantee.role, grantee.and_subordinates)


class Drawn(NamedTuple):
    """A change as the product makes it, and as the reference model does."""

    change: Change
    on_model: Callable[[World, str | None], None]

    def is_made(self, stage: Stage, by: str | None) -> bool:
        """Make it in the product, and say whether it was not refused."""
        try:
            with stage.connection.begin_nested():
                self.change.apply(Transaction(stage.connection, actor_of(stage.world, by), NOW))
        except ActionError:
            return False
        return True

    def is_followed(self, world: World, by: str | None) -> bool:
        """Make it in the reference model, and say whether it was not refused."""
        try:
            self.on_model(world, by)
        except Refused:
            return False
        return True


def actors(world: World) -> st.SearchStrategy[str | None]:
    """Draw who makes a change: whoever has the command line, or an active user."""
    active = [user.name for user in world.users.values() if user.status == "active"]
    return st.none() | st.sampled_from([None, *active])


def actor_of(world: World, by: str | None) -> Actor:
    """Give the product's actor."""
    if by is None:
        return OPERATOR
    return Actor(world.users[by].id, world.users[by].profile == "Administrator", f"token of {by}")


_kept = st.just(reference_changes.KEEP)
_new_permissions = permissions | permissions | _kept | st.none()
_new_audiences = st.none() | st.lists(grantees, max_size=3).map(tuple) | _kept | _kept
_domains = st.frozensets(st.sampled_from(tuple(DOMAINS)), max_size=2)


def _permission(permission: NewPermission) -> Permission | Keep | None:
    if permission is reference_changes.KEEP:
        return KEEP
    return None if permission is None else Permission(str(permission))


def _draw_default(draw: Draw, stage: Stage) -> Drawn:
    permission, audience = draw(_new_permissions), draw(_new_audiences)
    return Drawn(
        SetDefaultPermission(_permission(permission), stage.audience(audience)),
        lambda world, by: reference_changes.set_default(world, by, permission, audience),
    )


def _draw_preference(draw: Draw, stage: Stage) -> Drawn:
    role, permission, audience = draw(roles), draw(_new_permissions), draw(_new_audiences)
    return Drawn(
        SetRolePreference(role, _permission(permission), stage.audience(audience)),
        lambda world, by: reference_changes.set_preference(world, by, role, permission, audience),
    )


def _draw_assignment(draw: Draw, stage: Stage) -> Drawn:
    name, permission, audience = draw(names), draw(_new_permissions), draw(_new_audiences)
    return Drawn(
        AssignPermission(stage.address(name), _permission(permission), stage.audience(audience)),
        lambda world, by: reference_changes.assign(world, by, name, permission, audience),
    )


def _draw_choice(draw: Draw, stage: Stage) -> Drawn:
    name, permission, audience = draw(names), draw(_new_permissions), draw(_new_audiences)
    return Drawn(
        ChoosePermission(stage.address(name), _permission(permission), stage.audience(audience)),
        lambda world, by: reference_changes.choose(world, by, name, permission, audience),
    )


def _draw_crm_access(draw: Draw, _stage: Stage) -> Drawn:
    access = draw(st.sampled_from(CRM_ACCESSES))
    return Drawn(SetCrmAccess(CrmAccess(access)), lambda world, by: reference_changes.set_crm_access(world, by, access))


def _draw_module_access(draw: Draw, _stage: Stage) -> Drawn:
    module, public = draw(st.sampled_from(MODULES)), draw(st.booleans())
    return Drawn(
        SetModuleAccess(module, public),
        lambda world, by: reference_changes.set_module_access(world, by, module, is_public=public),
    )


def _draw_share_emails(draw: Draw, stage: Stage) -> Drawn:
    anywhere = (draw(names), stage.some_record(draw))
    name, record_id = draw(st.sampled_from([anywhere, *where_somebody_may_share(stage.world)]))
    return Drawn(
        ShareEmails(stage.address(name), stage.reference(record_id)),
        lambda world, by: reference_changes.share_emails(world, by, name, record_id),
    )


def where_somebody_may_share(world: World) -> list[tuple[str, int]]:
    """Give who could share mail on which record: drawn blindly, hardly ever anybody could."""
    return [pair for pair in product(NAMES, sorted(world.records)) if _may_share(world, *pair)]


def _may_share(world: World, name: str, record_id: int) -> bool:
    try:
        reference_changes.share_emails(deepcopy(world), None, name, record_id)
    except Refused:
        return False
    return True


def _draw_unshare_emails(draw: Draw, stage: Stage) -> Drawn:
    anywhere = (draw(names), stage.some_record(draw))
    name, record_id = draw(st.sampled_from([anywhere, *sorted(stage.world.email_shares)]))
    return Drawn(
        UnshareEmails(stage.address(name), stage.reference(record_id)),
        lambda world, by: reference_changes.unshare_emails(world, by, name, record_id),
    )


def _draw_share_record(draw: Draw, stage: Stage) -> Drawn:
    record_id, grantee = stage.some_record(draw), draw(grantees)
    return Drawn(
        ShareRecord(stage.reference(record_id), *stage.member(grantee)),
        lambda world, by: reference_changes.share_record(world, by, record_id, grantee),
    )


def _draw_unshare_record(draw: Draw, stage: Stage) -> Drawn:
    anywhere = (stage.some_record(draw), draw(grantees))
    shared = [(record.id, share) for record in stage.world.records.values() for share in record.shares]
    record_id, grantee = draw(st.sampled_from([anywhere, *shared]))
    user, role, _ = stage.member(grantee)
    return Drawn(
        UnshareRecord(stage.reference(record_id), user, role),
        lambda world, by: reference_changes.unshare_record(world, by, record_id, grantee),
    )


def _draw_domains(draw: Draw) -> tuple[NewDomains, dict[str, Any]]:
    """Draw other domains, and the same as the product's changes take them: spelled in one way or another."""
    new = NewDomains(draw(st.none() | _domains), draw(_domains))
    new = NewDomains(new.domains, new.add, draw(st.just(frozenset()) | _domains) - new.add)
    number = draw(st.integers(0, 1))
    given = {part: getattr(new, part) for part in ("domains", "add", "remove")}
    return new, {
        part: None if domains is None else tuple(spelled(d, number) for d in sorted(domains))
        for part, domains in given.items()
    }


def _draw_excluded(draw: Draw, stage: Stage) -> Drawn:
    new, given = _draw_domains(draw)
    scope = draw(st.sampled_from(("organisation", "role", "user")))
    if scope == "organisation":
        return Drawn(SetExcludedDomains(**given), lambda world, by: reference_changes.exclude(world, by, new))
    if scope == "role":
        role = draw(st.sampled_from([*stage.world.preferences, draw(roles)]))
        return Drawn(
            SetExcludedDomains(**given, role=role),
            lambda world, by: reference_changes.exclude_for_role(world, by, role, new),
        )
    name = draw(names)
    return Drawn(
        SetExcludedDomains(**given, user=stage.address(name)),
        lambda world, by: reference_changes.exclude_for_user(world, by, name, new),
    )


def _draw_internal(draw: Draw, _stage: Stage) -> Drawn:
    new, given = _draw_domains(draw)
    return Drawn(SetInternalDomains(**given), lambda world, by: reference_changes.set_internal(world, by, new))


def _draw_withheld_email(draw: Draw, stage: Stage) -> Drawn:
    (index, name), withheld = stage.some_copy(draw), draw(st.booleans())
    email = email_of(stage.world, index)
    return Drawn(
        WithholdEmail(stage.address(name), email_id(copy_row(stage.connection, index).email_key), withheld),
        lambda world, by: reference_changes.withhold_email(world, by, name, email, withheld=withheld),
    )


def _draw_withheld_thread(draw: Draw, stage: Stage) -> Drawn:
    (index, name), withheld = stage.some_copy(draw), draw(st.booleans())
    return Drawn(
        WithholdThread(stage.address(name), str(copy_row(stage.connection, index).thread_id), withheld),
        lambda world, by: reference_changes.withhold_thread(world, by, name, index, withheld=withheld),
    )


def _draw_status(draw: Draw, stage: Stage) -> Drawn:
    name, status = draw(names), draw(st.sampled_from(tuple(UserStatus)))
    return Drawn(
        SetUserStatus(stage.address(name), status),
        lambda world, by: reference_changes.set_status(world, by, name, str(status)),
    )


def _draw_role(draw: Draw, stage: Stage) -> Drawn:
    name, role = draw(names), draw(st.none() | roles)
    return Drawn(
        SetUserRole(stage.address(name), role),
        lambda world, by: reference_changes.set_role(world, by, name, role),
    )


KINDS: dict[type[Change], Callable[[Draw, Stage], Drawn]] = {
    SetDefaultPermission: _draw_default,
    SetRolePreference: _draw_preference,
    AssignPermission: _draw_assignment,
    ChoosePermission: _draw_choice,
    SetCrmAccess: _draw_crm_access,
    SetModuleAccess: _draw_module_access,
    ShareEmails: _draw_share_emails,
    UnshareEmails: _draw_unshare_emails,
    ShareRecord: _draw_share_record,
    UnshareRecord: _draw_unshare_record,
    SetExcludedDomains: _draw_excluded,
    SetInternalDomains: _draw_internal,
    WithholdEmail: _draw_withheld_email,
    WithholdThread: _draw_withheld_thread,
    SetUserStatus: _draw_status,
    SetUserRole: _draw_role,
}


# Changes of who may sign in, and through which client: not of who sees what.
SIGNING_IN = {DeleteClient, EndGrant, EndGrantOfToken, EndGrantsOf, SetPassword}


def change_classes() -> set[type[Change]]:
    """Find every class in postroom.actions that is a change of who sees what."""
    modules = [import_module(f"{actions.__name__}.{found.name}") for found in pkgutil.iter_modules(actions.__path__)]
    classes = {value for module in modules for _, value in inspect.getmembers(module, inspect.isclass)}
    changes = {value for value in classes if value is not Change and callable(getattr(value, "apply", None))}
    return changes - SIGNING_IN


def _mail_comes_in(draw: Draw, stage: Stage) -> None:
    new = draw(st.lists(_new_copies(stage), min_size=1, max_size=2))
    before = len(stage.world.copies)
    stage.world.copies += new
    arrived = range(before, len(stage.world.copies))
    store_mail(stage.connection, stage.world, arrived, in_batches=draw(st.booleans()))
    file_by_hand(stage.connection, stage.world, arrived)


def _new_copies(stage: Stage) -> st.SearchStrategy[Copy]:
    """Draw copies of a message that is there already, or of a new one."""
    some_letters = st.sampled_from(stage.world.copies) | letters()
    return some_letters.flatmap(lambda letter: copies_of([letter], stage.drawn.protocols, sorted(stage.world.records)))


def _mail_is_filed_by_hand(draw: Draw, stage: Stage) -> None:
    index, _ = stage.some_copy(draw)
    stage.world.copies[index].by_hand_on.add(stage.some_record(draw))
    file_by_hand(stage.connection, stage.world, range(index, index + 1))


def _a_record_is_edited(draw: Draw, stage: Stage) -> None:
    record = stage.world.records[stage.some_record(draw)]
    record.addresses = draw(some_addresses)
    record.owner = draw(names)
    record.links = draw(st.sets(st.sampled_from(sorted(stage.world.records)), max_size=2))
    modules = {module.api_name: module.id for module in organisation.list_modules(stage.connection)}
    records.save_records(stage.connection, [], [stored_record(stage.world, record, modules)], records.Stamp(NOW))


def _a_record_is_deleted_or_restored(draw: Draw, stage: Stage) -> None:
    record = stage.world.records[stage.some_record(draw)]
    record.deleted = not record.deleted
    records.set_deleted(stage.connection, record.id, NOW if record.deleted else None)


def _a_mailbox_is_connected_or_disconnected(draw: Draw, stage: Stage) -> None:
    user = stage.world.users[draw(names)]
    box = mailboxes.mailbox_of(stage.connection, user.id)
    user.connected = box is None
    if box is not None:
        mailboxes.set_mailbox_state(stage.connection, box.id, MailboxState.DISCONNECTED)
        return
    user.mailbox = draw(st.sampled_from(("imap", "pop")))
    stage.drawn.protocols[user.name] += (user.mailbox,)
    build_mailboxes(stage.connection, user, (user.mailbox,))


HAPPENINGS = (
    _mail_comes_in,
    _mail_is_filed_by_hand,
    _a_record_is_edited,
    _a_record_is_deleted_or_restored,
    _a_mailbox_is_connected_or_disconnected,
)
