"""The demo organisation: made through the same actions that people use."""

import tempfile
from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from postroom.actions.actor import Actor
from postroom.actions.change_sharing import SetModuleAccess, ShareEmails, ShareRecord
from postroom.actions.changes import Change, make
from postroom.actions.errors import AlreadyThere, NotAllowed, NotFound
from postroom.actions.import_mail import Destination, import_mail
from postroom.actions.import_records import import_records
from postroom.actions.mailboxes import NewMailbox, add_mailbox
from postroom.actions.organisation import (
    NewUser,
    SetUserStatus,
    add_module,
    add_role,
    add_user,
    initialise,
    require_initialised,
)
from postroom.actions.permissions import AssignPermission, ChoosePermission, SetRolePreference
from postroom.actions.tokens import create_token
from postroom.core.model import UserStatus
from postroom.demo.messages import LAST_DAY, Delivery, deliveries
from postroom.demo.people import ADMINISTRATOR, CALLER, COLLEAGUES, DOMAIN, ORGANISATION, ROLES, TIME_ZONE, Person
from postroom.demo.records import (
    CUSTOM_MODULE,
    MAIL_SHARES,
    MODULES,
    PUBLIC_MODULES,
    RECORD_SHARES,
    SHOWN,
    table,
)
from postroom.storage import organisation, people
from postroom.storage.database import Database
from postroom.storage.migrations import schema_version
from postroom.storage.secrets import SecretBox

_BY = Actor(None, is_administrator=True, channel="demo")
_NOW = int(LAST_DAY.timestamp())
_TOKEN_LIFE = 7 * 24 * 3600
_SCOPES = "ZohoCRM.modules.ALL"


@dataclass(frozen=True, slots=True)
class DemoAccess:
    """A token for the demo's caller, the caller's e-mail address, and API paths to try with it."""

    token: str
    user: str
    paths: list[str]


def create_demo(database: Database, box: SecretBox, on_progress: Callable[[int, int], None]) -> bool:
    """Create the demo organisation; give False where this database holds it already.

    `on_progress` hears the steps done and the steps to do. A creation that was interrupted is completed by
    the next call. Raises AlreadyThere, and changes nothing, where the database holds another organisation;
    NotInitialised where it has the schema of another version.
    """
    if _is_complete(database):
        return False
    mail = deliveries()
    progress = _Progress(on_progress, total=len(ROLES) + len(COLLEAGUES) + len(MODULES) + len(mail))
    initialise(database, ORGANISATION, TIME_ZONE)
    _create_people(database, box, progress)
    _create_records(database, progress)
    _share(database)
    _deliver(database, mail, progress)
    _finish(database)
    return True


def demo_access(database: Database, *, now: int) -> DemoAccess:
    """Make a token for the demo's caller, valid for seven days from `now` (epoch seconds).

    Raises NotFound where the demo is not there or not whole, AlreadyThere where another organisation is.
    """
    if not _is_complete(database):
        raise NotFound("the demo organisation is not there yet; run 'postroom demo'")
    token = create_token(database, CALLER.email, _SCOPES, now=now, expires_in=_TOKEN_LIFE)
    return DemoAccess(token, CALLER.email, [f"/crm/v8/{reference}/__emails_sharing_details" for reference in SHOWN])


class _Progress:
    """Counts steps and says so."""

    def __init__(self, on_progress: Callable[[int, int], None], total: int) -> None:
        self._on_progress, self._done, self._total = on_progress, 0, total

    def step(self, _size: int = 0) -> None:
        """Count one step; an import says how large it was, which does not matter here."""
        self._done += 1
        self._on_progress(self._done, self._total)


def _is_complete(database: Database) -> bool:
    """Say whether the whole demo is there. Raises AlreadyThere where another organisation is."""
    with database.read() as connection:
        if schema_version(connection) is None:
            return False
    require_initialised(database)
    with database.read() as connection:
        settings = organisation.organisation_settings(connection)
        if settings is None:
            return False
        if settings["name"] != ORGANISATION:
            raise AlreadyThere(
                f"this database holds the organisation {settings['name']!r}; "
                "give the demo a folder of its own with --data-dir"
            )
        return people.find_user(connection, ADMINISTRATOR.email) is not None


def _create_people(database: Database, box: SecretBox, progress: _Progress) -> None:
    for role in ROLES:
        with suppress(AlreadyThere):
            add_role(database, role.name, role.under, by=_BY, now=_NOW)
        progress.step()
    for person in COLLEAGUES:
        _create_person(database, box, person)
        progress.step()
    for role in ROLES:
        _make(database, SetRolePreference(role.name, role.preference))


def _create_person(database: Database, box: SecretBox, person: Person) -> None:
    _add_user(database, person)
    if person.mailbox is not None:
        with suppress(AlreadyThere):
            add_mailbox(database, box, person.email, NewMailbox(person.mailbox))
    if person.chosen is not None:
        with suppress(NotAllowed):  # made already, before an administrator decided otherwise
            _make(database, ChoosePermission(person.email, person.chosen))
    _make(database, AssignPermission(person.email, person.assigned))


def _add_user(database: Database, person: Person) -> None:
    new = NewUser(person.email, person.name, person.role, person.profile, person.user_id)
    with suppress(AlreadyThere):
        add_user(database, new, by=_BY, now=_NOW)


def _make(database: Database, change: Change) -> None:
    make(database, change, _BY, now=_NOW)


def _create_records(database: Database, progress: _Progress) -> None:
    with suppress(AlreadyThere):
        add_module(database, CUSTOM_MODULE)
    for module in MODULES:
        _make(database, SetModuleAccess(module, is_public=module in PUBLIC_MODULES))
        with table(module) as path:
            import_records(database, path, module, None, progress.step)


def _share(database: Database) -> None:
    for share in RECORD_SHARES:
        user = None if share.user is None else _email(share.user)
        _make(database, ShareRecord(share.reference, user, share.role, share.and_subordinates))
    for mail_share in MAIL_SHARES:
        with suppress(AlreadyThere):
            _make(database, ShareEmails(_email(mail_share.user), mail_share.reference))


def _deliver(database: Database, mail: list[Delivery], progress: _Progress) -> None:
    by_destination: dict[Destination, list[bytes]] = defaultdict(list)
    for delivery in mail:
        by_destination[_destination(delivery)].append(delivery.raw)
    for destination, messages in by_destination.items():
        with tempfile.TemporaryDirectory(prefix="postroom-demo-") as folder:
            for number, raw in enumerate(messages):
                (Path(folder) / f"{number:04}.eml").write_bytes(raw)
            import_mail(database, Path(folder), destination, progress.step)


def _destination(delivery: Delivery) -> Destination:
    email = delivery.colleague.email
    if delivery.from_crm:
        return Destination(sent_by=email, record=delivery.filed_on)
    return Destination(mailbox=email, record=delivery.filed_on)


def _finish(database: Database) -> None:
    """Let those leave who do, then add the administrator, by whom `_is_complete` knows that all is there."""
    for person in COLLEAGUES:
        if person.leaves:
            _make(database, SetUserStatus(person.email, UserStatus.INACTIVE))
    _add_user(database, ADMINISTRATOR)


def _email(local: str) -> str:
    return f"{local}@{DOMAIN}"
