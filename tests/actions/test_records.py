"""The recycle bin: hidden from everyone, with all its mail, until it is taken out."""

from collections.abc import Callable

import pytest

from postroom.actions.change_sharing import ShareRecord
from postroom.actions.errors import ActionError, InvalidInput, NotFound, RecordInvalid
from postroom.actions.records import delete_record, restore_record
from postroom.storage.database import Database
from tests.storage.contents import contents
from tests.team import NOW, Team, email_of

LEAD, REFERENCE = 1001, "Leads/1001"
ADDRESS = "lead@customer.example"
on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def office(team: Team) -> Team:
    """Alice has mail of Bob's lead, which is shared with Charlie; Root administers."""
    for name in ("Alice", "Bob", "Charlie"):
        team.user(name)
    team.user("Root", profile="Administrator")
    team.permission("Alice", "public")
    team.record("Leads", "Bob", ADDRESS, record_id=LEAD)
    team.make(ShareRecord(REFERENCE, user=email_of("Charlie")))
    team.mail("Alice", ADDRESS)
    return team


def delete(database: Database, reference: str) -> None:
    delete_record(database, reference, now=NOW)


def test_a_deleted_record_is_there_for_nobody(office: Team) -> None:
    delete(office.database, REFERENCE)
    for name in ("Alice", "Bob", "Charlie", "Root"):
        with pytest.raises(RecordInvalid):
            office.details(name, "Leads", LEAD)


def test_a_restored_one_has_its_shares_and_its_mail_and_what_came_meanwhile(office: Team) -> None:
    before = contents(office.database)
    delete(office.database, REFERENCE)
    restore_record(office.database, REFERENCE)
    assert contents(office.database) == before
    delete(office.database, REFERENCE)
    office.permission("Charlie", "public")
    office.mail("Charlie", ADDRESS)
    restore_record(office.database, REFERENCE)
    assert office.shares("Bob", "Leads", LEAD) == ["Alice", "Charlie"]


def test_a_deleted_contact_brings_no_mail_to_a_deal(office: Team) -> None:
    contact = office.record("Contacts", "Bob", ADDRESS)
    deal = office.record("Deals", "Bob", links=[contact])
    seen = [office.shares("Bob", "Deals", deal)]
    for change in (delete, restore_record):
        change(office.database, f"Contacts/{contact}")
        seen.append(office.shares("Bob", "Deals", deal))
    assert seen == [["Alice"], [], ["Alice"]]


@on_sqlite
@pytest.mark.parametrize("change", [delete, restore_record])
def test_twice_is_once(office: Team, change: Callable[[Database, str], None]) -> None:
    change(office.database, REFERENCE)
    before = contents(office.database)
    change(office.database, REFERENCE)
    assert contents(office.database) == before


@on_sqlite
@pytest.mark.parametrize("change", [delete, restore_record])
@pytest.mark.parametrize(
    ("reference", "refusal", "sentence"),
    [
        ("Leads/7", NotFound, "there is no record 7 in Leads"),
        ("contacts/1001", NotFound, "there is no record 1001 in Contacts"),
        ("Nonsense/1001", NotFound, "there is no module 'Nonsense'"),
        ("Leads", InvalidInput, "'Leads' is not of the form Leads/3652397000001790004"),
        ("Leads/1001/", InvalidInput, "is not of the form"),
        (f"Leads/{2**63}", InvalidInput, "is not of the form"),
    ],
)
def test_what_is_not_there(
    office: Team,
    change: Callable[[Database, str], None],
    reference: str,
    refusal: type[ActionError],
    sentence: str,
) -> None:
    with pytest.raises(refusal, match=sentence):
        change(office.database, reference)
