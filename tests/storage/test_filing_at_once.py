"""Filing by hand at the very moment at which the mail goes, or is taken from another place: no count is ever wrong."""

from typing import NamedTuple

import pytest
from sqlalchemy import func, select, update

from postroom.actions.associate_email import EmailToAssociate, associate_email, link_to_deal, unlink_from_deals
from postroom.actions.errors import FieldRefused
from postroom.actions.withhold import email_id, list_own_emails
from postroom.core.model import Module, Person
from postroom.storage.associations import dissociate_by_hand
from postroom.storage.mail import hold_mail_of
from postroom.storage.organisation import find_module
from postroom.storage.places import lose_copies, purge_copies
from postroom.storage.schema import associations, copies, record_mail
from tests.storage.conftest import SECONDS, Background, source_of
from tests.team import NOW, OPERATOR, Team, email_of

CONTACT = "contact@customer.example"
LETTER, OTHER = "<letter@customer.example>", "<other@customer.example>"


class Office(NamedTuple):
    """Alice has a letter with a Contact; she would file it on a Deal."""

    team: Team
    alice: int
    contact: int
    deal: int
    email: str

    def copy_id(self, message_id: str = LETTER) -> int:
        with self.team.database.read() as connection:
            found = select(copies.c.id).where(copies.c.message_id == message_id.strip("<>"))
            copy_id: int = connection.execute(found).scalar_one()
        return copy_id

    def link(self) -> None:
        link_to_deal(self.team.database, self.contact, self.deal, self.email, self.alice, user_id=self.alice)

    def unlink(self) -> None:
        unlink_from_deals(self.team.database, self.contact, self.email, self.alice, user_id=self.alice)

    def associate(self) -> str:
        people = (Person(CONTACT), (Person(email_of("Alice")),))
        email = EmailToAssociate(LETTER, NOW, *people, subject="Hello", content="Hello")
        return associate_email(self.team.database, self.module("Deals"), self.deal, email, user_id=self.alice)

    def module(self, name: str) -> Module:
        with self.team.database.read() as connection:
            found = find_module(connection, name)
        assert found is not None
        return found

    def on_deal(self) -> list[int]:
        """Give the copies on the Deal, of which the counts must speak."""
        with self.team.database.read() as connection:
            there = select(associations.c.copy_id).where(associations.c.record_id == self.deal)
            counted = select(func.sum(record_mail.c.copies)).where(record_mail.c.record_id == self.deal)
            found = list(connection.execute(there.order_by(associations.c.copy_id)).scalars())
            assert (connection.execute(counted).scalar() or 0) == len(found)
        return found

    def purge(self) -> int:
        mailbox_id = source_of(self.team.database, "Alice").mailbox_id
        assert mailbox_id is not None
        with self.team.database.write() as connection:
            return purge_copies(connection, mailbox_id, NOW, 1000)


@pytest.fixture
def office(team: Team) -> Office:
    alice = team.user("Alice").id
    contact, deal = team.record("Contacts", "Alice", CONTACT), team.record("Deals", "Alice")
    team.mail("Alice", CONTACT, message_id=LETTER)
    (letter,) = list_own_emails(team.database, email_of("Alice"), by=OPERATOR, limit=1)
    return Office(team, alice, contact, deal, email_id(letter.email_key))


def test_a_letter_that_goes_is_linked_to_nothing(office: Office, background: Background) -> None:
    with office.team.database.write() as connection:
        lose_copies(connection, office.alice, [office.copy_id()], NOW)
        linking = background.start(office.link)
    with pytest.raises(FieldRefused, match="invalid data"):
        linking.result(SECONDS)
    assert office.on_deal() == []
    assert office.purge() == 1


def test_a_letter_that_goes_is_filed_anew_as_it_is_described(office: Office, background: Background) -> None:
    gone = office.copy_id()
    with office.team.database.write() as connection:
        lose_copies(connection, office.alice, [gone], NOW)
        associating = background.start(office.associate)
    assert len(associating.result(SECONDS)) == len(office.email)
    (filed,) = office.on_deal()
    assert filed != gone
    assert office.purge() == 1
    assert office.on_deal() == [filed]


def test_what_is_taken_from_a_record_twice_is_counted_off_once(office: Office, background: Background) -> None:
    office.link()
    office.team.mail("Alice", "somebody@customer.example", message_id=OTHER, by_hand_on=office.deal)
    with office.team.database.write() as connection:
        hold_mail_of(connection, office.alice)
        dissociate_by_hand(connection, office.deal, [office.copy_id()])
        unlinking = background.start(office.unlink)
    unlinking.result(SECONDS)
    assert office.on_deal() == [office.copy_id(OTHER)]


def test_one_that_is_gone_and_still_on_a_record_stops_no_other_from_being_deleted(office: Office) -> None:
    """As an earlier version could leave it."""
    office.link()
    office.team.mail("Alice", "somebody@customer.example", message_id=OTHER, by_hand_on=office.deal)
    gone, other = office.copy_id(), office.copy_id(OTHER)
    with office.team.database.write() as connection:
        connection.execute(update(copies).where(copies.c.id == gone).values(gone_at=NOW))
    assert office.on_deal() == [gone, other]
    assert office.purge() == 1
    assert office.on_deal() == [other]
