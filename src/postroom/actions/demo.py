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
from postroom.actions.exclusions import SetExcludedDomains, SetInternalDomains
from postroom.actions.import_mail import Destination, import_mail
from postroom.actions.import_records import import_records
from postroom.actions.initialising import initialise, require_initialised
from postroom.actions.mailboxes import NewMailbox, add_mailbox, disconnect_mailbox, list_mailboxes
from postroom.actions.organisation import NewUser, SetUserStatus, add_module, add_role, add_user
from postroom.actions.permissions import AssignPermission, Audience, ChoosePermission, Member, SetRolePreference
from postroom.actions.tokens import create_token
from postroom.actions.withhold import WithholdEmail, WithholdThread, email_id, list_own_emails
from postroom.core.matching import email_key
from postroom.core.model import MailboxState, UserStatus
from postroom.demo.messages import LAST_DAY, Delivery, Withheld, deliveries
from postroom.demo.people import (
    ADMINISTRATOR,
    CALLER,
    COLLEAGUES,
    DOMAIN,
    EXCLUDED_DOMAINS,
    ORGANISATION,
    ROLES,
    TIME_ZONE,
    Person,
)
from postroom.demo.records import (
    CUSTOM_MODULE,
    MAIL_SHARES,
    MODULES,
    PUBLIC_MODULES,
    RECORD_SHARES,
    SHOWN,
    table,
)
from postroom.mail.parse import parse_message
from postroom.storage import organisation, people
from postroom.storage.database import Database
from postroom.storage.migrations import schema_version
from postroom.storage.secrets import SecretBox

_BY = Actor(None, is_administrator=True, channel="demo")
_NOW = int(LAST_DAY.timestamp())
_TOKEN_LIFE = 7 * 24 * 3600
_SCOPES = "ZohoCRM.modules.ALL"
_NO_COPY = 0  # only messages without a Message-ID are told apart by their copies
_ALL = 10_000


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
    _set_permissions(database)
    _create_records(database, progress)
    _share(database)
    _deliver_all(database, box, mail, progress)
    _set_domains(database)
    _withhold(database, mail)
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


def _create_person(database: Database, box: SecretBox, person: Person) -> None:
    _add_user(database, person)
    first_mailbox = person.earlier_mailbox or person.mailbox
    if first_mailbox is not None and person.email not in {email for _, email, _ in list_mailboxes(database)}:
        add_mailbox(database, box, person.email, NewMailbox(first_mailbox), by=_BY, now=_NOW)
    if person.chosen is not None:
        with suppress(NotAllowed):  # made already, before an administrator decided otherwise
            _make(database, ChoosePermission(person.email, person.chosen))


def _set_permissions(database: Database) -> None:
    for person in COLLEAGUES:
        if person.assigned is not None:
            _make(database, AssignPermission(person.email, person.assigned, _audience(person.audience)))
    for role in ROLES:
        if role.preference is not None:
            _make(database, SetRolePreference(role.name, role.preference, _audience(role.audience)))


def _audience(roles: tuple[str, ...]) -> Audience:
    return tuple(Member(role=name, and_subordinates=True) for name in roles) or None


def _set_domains(database: Database) -> None:
    _make(database, SetInternalDomains((DOMAIN,)))
    _make(database, SetExcludedDomains(EXCLUDED_DOMAINS))
    for role in ROLES:
        _make(database, SetExcludedDomains(role.excluded_domains, role=role.name))
    for person in COLLEAGUES:
        _make(database, SetExcludedDomains(person.excluded_domains, user=person.email))


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
            import_records(database, path, module, None, progress.step, by=_BY, now=_NOW)


def _share(database: Database) -> None:
    for share in RECORD_SHARES:
        user = None if share.user is None else _email(share.user)
        _make(database, ShareRecord(share.reference, user, share.role, share.and_subordinates))
    for mail_share in MAIL_SHARES:
        with suppress(AlreadyThere):
            _make(database, ShareEmails(_email(mail_share.user), mail_share.reference))


def _deliver_all(database: Database, box: SecretBox, mail: list[Delivery], progress: _Progress) -> None:
    """Deliver to earlier mailboxes, let their owners move to another, and deliver the rest."""
    for person in COLLEAGUES:
        if person.earlier_mailbox is not None:
            earlier = [delivery for delivery in mail if delivery.earlier and delivery.colleague == person]
            _deliver_and_move(database, box, person, earlier, progress)
    _deliver(database, [delivery for delivery in mail if not delivery.earlier], progress)


def _deliver_and_move(
    database: Database, box: SecretBox, person: Person, earlier: list[Delivery], progress: _Progress
) -> None:
    if _connected_mailbox(database, person) == person.earlier_mailbox:
        _deliver(database, earlier, progress)
        disconnect_mailbox(database, person.email, by=_BY, now=_NOW)
    else:  # a creation that was interrupted had come as far
        for _ in earlier:
            progress.step()
    with suppress(AlreadyThere):
        add_mailbox(database, box, person.email, NewMailbox(str(person.mailbox)), by=_BY, now=_NOW)


def _connected_mailbox(database: Database, person: Person) -> str | None:
    connected = (each for each, _, _ in list_mailboxes(database) if each.state != MailboxState.DISCONNECTED)
    return next((each.protocol for each in connected if each.address == person.email), None)


def _deliver(database: Database, mail: list[Delivery], progress: _Progress) -> None:
    by_destination: dict[Destination, list[bytes]] = defaultdict(list)
    for delivery in mail:
        by_destination[_destination(delivery)].append(delivery.raw)
    for destination, messages in by_destination.items():
        with tempfile.TemporaryDirectory(prefix="postroom-demo-") as folder:
            for number, raw in enumerate(messages):
                (Path(folder) / f"{number:04}.eml").write_bytes(raw)
            import_mail(database, Path(folder), destination, progress.step, now=_NOW)


def _destination(delivery: Delivery) -> Destination:
    email = delivery.colleague.email
    if delivery.from_crm:
        return Destination(sent_by=email, record=delivery.filed_on)
    return Destination(mailbox=email, record=delivery.filed_on)


def _withhold(database: Database, mail: list[Delivery]) -> None:
    for delivery in mail:
        if delivery.withheld is not None:
            _make(database, _withholding(database, delivery))


def _withholding(database: Database, delivery: Delivery) -> Change:
    email, key = delivery.colleague.email, email_key(parse_message(delivery.raw), _NO_COPY)
    if delivery.withheld is Withheld.EMAIL:
        return WithholdEmail(email, email_id(key))
    own = list_own_emails(database, email, by=_BY, limit=_ALL)
    return WithholdThread(email, next(str(each.thread_id) for each in own if each.email_key == key))


def _finish(database: Database) -> None:
    """Let those leave who do, then add the administrator, by whom `_is_complete` knows that all is there."""
    for person in COLLEAGUES:
        if person.status != UserStatus.ACTIVE:
            _make(database, SetUserStatus(person.email, person.status))
    _add_user(database, ADMINISTRATOR)


def _email(local: str) -> str:
    return f"{local}@{DOMAIN}"
