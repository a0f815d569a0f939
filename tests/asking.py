"""What the product answers, in the reference model's form."""

from collections.abc import Mapping

from postroom.actions.errors import RecordInvalid, TokenInvalid
from postroom.actions.read_emails import FIRST_INDEX, EmailReader
from postroom.actions.read_sharing_details import read_sharing_details
from postroom.core.details import Wanted, wanted_emails
from postroom.core.emails import ListedEmail
from tests import reference_model
from tests.reference_model import Answer, Email, Record, User, World
from tests.team import NOW, Team
from tests.worlds import copy_row, token_of

PAGE_SIZE = 2  # small, so that a list has pages


def reference_of(record: Record) -> str:
    """Give a record's reference, as the command line and the audit write it."""
    return f"{record.module}/{record.id}"


def answered(team: Team, viewer: User, record: Record) -> Answer:
    """Give the answer of the endpoint, or the code of the refusal."""
    try:
        details = read_sharing_details(team.reader, token_of(viewer.name), record.module, str(record.id), now=NOW)
    except RecordInvalid:
        return "INVALID_DATA"
    except TokenInvalid:
        return "INVALID_TOKEN"
    users = [(user.user_id, user.name, user.mailbox_protocol) for user in details.share_from_users]
    return list(details.available_types), users


def email_reader(team: Team) -> EmailReader:
    """Give what reads e-mails, in small pages."""
    return EmailReader(team.database, team.box, PAGE_SIZE)


def pages_of(reader: EmailReader, viewer: User, record: Record, wanted: Wanted) -> list[tuple[ListedEmail, ...]]:
    """Give every page of a list; the one before each is the one that came before."""
    pages: list[tuple[ListedEmail, ...]] = []
    index: str | None = FIRST_INDEX
    with reader.open_record(token_of(viewer.name), record.module, str(record.id), now=NOW) as opened:
        while index is not None:
            page = opened.list_emails(wanted, index=index)
            if pages:
                assert opened.list_emails(wanted, index=page.prev_index).emails == pages[-1]
            pages.append(page.emails)
            index = page.next_index
    return pages


def listed(
    reader: EmailReader, named: Mapping[bytes, Email], viewer: User, record: Record, view: str, owner: User | None
) -> list[Email] | str:
    """Give the e-mails of a list as the reference model names them, or the code of the refusal."""
    try:
        owner_id = None if owner is None else owner.id
        pages = pages_of(reader, viewer, record, wanted_emails(view, owner_id, viewer.id))
    except RecordInvalid:
        return "INVALID_DATA"
    except TokenInvalid:
        return "INVALID_TOKEN"
    found = [email for page in pages for email in page]
    assert [email.place for email in found] == sorted((email.place for email in found), reverse=True)
    return [named[email.place.email_key] for email in found]


def is_read(reader: EmailReader, viewer: User, record: Record, key: bytes) -> bool:
    """Say whether a viewer can read an e-mail by itself, with what it says and its files."""
    try:
        with reader.open_record(token_of(viewer.name), record.module, str(record.id), now=NOW) as opened:
            found = opened.read_email(key.hex(), Wanted("all_emails", None))
    except (RecordInvalid, TokenInvalid):
        return False
    assert found is None or (found.email.place.email_key == key and found.content().text and not [*found.files()])
    return found is not None


def emails_by_key(team: Team, world: World) -> dict[bytes, Email]:
    """Give what the reference model calls each e-mail that is stored."""
    with team.database.read() as connection:
        return {
            bytes(copy_row(connection, index).email_key): reference_model.email_of(world, index)
            for index in range(len(world.copies))
        }


def assert_lists_never_lie(team: Team, world: World) -> None:
    """Check the lists of every caller for every record, and that the answer names those that hold something."""
    reader, named = email_reader(team), emails_by_key(team, world)
    for viewer in world.users.values():
        for record in world.records.values():
            answer = answered(team, viewer, record)
            lists = {
                (view, owner): listed(reader, named, viewer, record, view, world.users.get(owner or ""))
                for view, owner in reference_model.lists(world)
            }
            if isinstance(answer, str):
                assert set(map(str, lists.values())) == {answer}
                continue
            for wanted, emails in lists.items():
                expected = reference_model.emails_list(world, viewer, record, *wanted)
                assert (len(emails), set(emails)) == (len(expected), expected), (viewer, record, wanted)
            types, users = answer
            assert types == [view for view in reference_model.TYPES if lists[view, None]]
            others = [user for user in world.users.values() if user != viewer]
            assert {user_id for user_id, _, _ in users} == {u.id for u in others if lists["user_emails", u.name]}


def assert_never_lies(team: Team, world: World) -> None:
    """Check the answer to every caller about every record."""
    for viewer in world.users.values():
        for record in world.records.values():
            assert answered(team, viewer, record) == reference_model.answer(world, viewer, record), (viewer, record)
