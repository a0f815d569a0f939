"""The answer: which views Bob can open on a record, and who shares with him there."""

from itertools import permutations
from typing import Any

import pytest

from postroom.core.details import (
    VIEWS_OF_UNSENT,
    Holding,
    ShareFromUser,
    SharingDetails,
    holdings_wanted,
    sharing_details,
    wanted_emails,
)
from postroom.core.model import AssociatedBy, CrmAccess, Kind
from tests.core.facts import ALICE, BOB, CHARLIE, SEES_NOTHING, SEES_RECORD, bob, organisation, owner

NAMES = {ALICE: "Alice", BOB: "Bob", CHARLIE: "Charlie"}
CRM, CONTACTS, IMAP, ALL = "emails_sent_from_crm", "all_contacts_emails", "all_imap_shared_users", "all_emails"
ON_LEAD, ON_DEAL = False, True  # whether the record gathers its Contacts' mail


def holds(user_id: int = ALICE, kind: str = Kind.IMAP, permission: str = "public", **facts: Any) -> Holding:
    """Give mail that a colleague holds on the record, by default a public mailbox's by the record's own address."""
    standard = {
        "kind": kind,
        "associated_by": AssociatedBy.ADDRESS,
        "shareable": 1,
        "through_contact": False,
        "grounds": SEES_RECORD,
        "owner": owner(user_id, assigned=permission),
        "owner_name": NAMES.get(user_id, ""),
        "mailbox_protocol": kind,
        "record_id": 1,
    }
    return Holding(**standard | facts)


def answer(*holdings: Holding, gathers: bool = ON_LEAD, crm: str = CrmAccess.PUBLIC_READ_ONLY) -> SharingDetails:
    return sharing_details(bob, organisation(crm=crm), holdings, gathers_contacts=gathers)


def types(*holdings: Holding, gathers: bool = ON_LEAD) -> tuple[str, ...]:
    return answer(*holdings, gathers=gathers).available_types


def names(*holdings: Holding) -> list[str]:
    return [user.name for user in answer(*holdings).share_from_users]


class TestNothing:
    def test_without_mail_nothing_is_open(self) -> None:
        assert answer() == SharingDetails((), ())

    def test_nor_where_all_mail_is_hidden(self) -> None:
        hidden = [
            holds(shareable=0),
            holds(permission="private"),
            holds(CHARLIE, permission="custom"),
            holds(grounds=SEES_NOTHING),
        ]
        assert answer(*hidden) == SharingDetails((), ())


class TestViews:
    def test_they_come_in_the_order_of_the_law(self) -> None:
        for holdings in permutations([holds(), holds(CHARLIE, Kind.POP), holds(kind=Kind.CRM)]):
            assert types(*holdings) == (CRM, CONTACTS, IMAP, ALL)

    def test_a_colleagues_imap_mail(self) -> None:
        assert types(holds()) == (CONTACTS, IMAP, ALL)

    def test_a_colleagues_pop_mail_is_not_imap(self) -> None:
        assert types(holds(kind=Kind.POP)) == (CONTACTS, ALL)

    @pytest.mark.parametrize("kind", [Kind.IMAP, Kind.POP])
    def test_own_synced_mail_is_not_another_users(self, kind: Kind) -> None:
        assert types(holds(BOB, kind, "private")) == (CONTACTS, ALL)

    @pytest.mark.parametrize("sender", [ALICE, BOB])
    def test_mail_sent_from_the_crm(self, sender: int) -> None:
        assert types(holds(sender, Kind.CRM, "private")) == (CRM, CONTACTS, ALL)

    @pytest.mark.parametrize("kind", Kind)
    def test_what_is_withheld_is_there_for_its_owner(self, kind: Kind) -> None:
        assert types(holds(BOB, kind, shareable=0)) == types(holds(BOB, kind))

    def test_what_is_hidden_opens_no_view(self) -> None:
        assert types(holds(permission="private"), holds(BOB, Kind.POP)) == (CONTACTS, ALL)
        assert types(holds(shareable=0), holds(kind=Kind.CRM, shareable=0), holds(BOB, Kind.POP)) == (CONTACTS, ALL)
        private_crm = answer(holds(kind=Kind.CRM), holds(), crm=CrmAccess.PRIVATE)
        assert private_crm.available_types == (CONTACTS, IMAP, ALL)


class TestPeopleOfTheRecord:
    """`all_contacts_emails`: by a Lead's or Contact's own address, else through linked Contacts."""

    def test_on_a_lead_mail_by_hand_is_with_other_people(self) -> None:
        assert types(holds(associated_by=AssociatedBy.HAND)) == (IMAP, ALL)
        assert types(holds(associated_by=AssociatedBy.HAND), holds(CHARLIE)) == (CONTACTS, IMAP, ALL)

    def test_on_a_deal_only_mail_through_a_contact_counts(self) -> None:
        assert types(holds(), gathers=ON_DEAL) == (IMAP, ALL)
        assert types(holds(), holds(CHARLIE, through_contact=True), gathers=ON_DEAL) == (CONTACTS, IMAP, ALL)

    @pytest.mark.parametrize("associated_by", AssociatedBy)
    def test_through_a_contact_it_counts_however_it_came_there(self, associated_by: AssociatedBy) -> None:
        through = holds(through_contact=True, associated_by=associated_by)
        assert types(through, gathers=ON_DEAL) == (CONTACTS, IMAP, ALL)

    def test_each_contact_is_seen_on_grounds_of_its_own(self) -> None:
        seen, hidden = holds(BOB), holds(through_contact=True, grounds=SEES_NOTHING)
        assert answer(seen, hidden, gathers=ON_DEAL) == SharingDetails((ALL,), ())


class TestUsers:
    def test_a_colleague_is_listed_once_with_the_protocol_of_the_mailbox(self) -> None:
        several = [holds(), holds(associated_by=AssociatedBy.HAND), holds(through_contact=True)]
        assert answer(*several).share_from_users == (ShareFromUser(ALICE, "Alice", "imap"),)

    def test_the_mailbox_may_have_changed_since_the_mail_came(self) -> None:
        moved = [holds(kind=kind, mailbox_protocol="pop") for kind in (Kind.IMAP, Kind.POP)]
        assert answer(*moved).share_from_users == (ShareFromUser(ALICE, "Alice", "pop"),)

    def test_the_viewer_is_not_listed(self) -> None:
        assert names(holds(BOB), holds()) == ["Alice"]

    def test_who_only_sent_from_the_crm_is_not_listed(self) -> None:
        assert names(holds(kind=Kind.CRM), holds(CHARLIE)) == ["Charlie"]

    def test_who_shares_nothing_is_not_listed(self) -> None:
        assert names(holds(permission="private"), holds(kind=Kind.CRM), holds(CHARLIE)) == ["Charlie"]

    def test_who_withholds_every_copy_is_not_listed(self) -> None:
        assert names(holds(shareable=0), holds(CHARLIE, shareable=0), holds(CHARLIE, Kind.POP)) == ["Charlie"]

    def test_names_are_in_code_point_order(self) -> None:
        expected = ["Will Grandon", "Zoe", "alice", "boyle", "Émile", "Ω", "李", "𐍈"]
        held = [holds(10 + index, owner_name=name) for index, name in enumerate(sorted(expected, reverse=True))]
        assert names(*held) == expected

    def test_of_one_name_the_smaller_number_comes_first(self) -> None:
        found = answer(*(holds(user_id, owner_name="Alex") for user_id in (100, 9, 20))).share_from_users
        assert [user.user_id for user in found] == [9, 20, 100]


class TestLists:
    """A list of e-mails holds what a view shows, of what the viewer sees."""

    own = holds(BOB, shareable=0)
    shared, hidden = holds(record_id=7), holds(permission="private")
    popped, sent = holds(CHARLIE, Kind.POP), holds(kind=Kind.CRM)
    by_hand = holds(associated_by=AssociatedBy.HAND, kind=Kind.CRM)

    def wanted(self, view: str | None = None, owner_id: int | None = None) -> list[Holding]:
        holdings = [self.own, self.shared, self.hidden, self.popped, self.sent, self.by_hand]
        wanted = wanted_emails(view, owner_id, BOB)
        return holdings_wanted(wanted, bob, organisation(), holdings, gathers_contacts=ON_LEAD)

    def test_all_is_what_is_seen(self) -> None:
        expected = [self.own, self.shared, self.popped, self.sent, self.by_hand]
        assert self.wanted() == self.wanted(ALL) == expected

    def test_views_share_their_rules_with_the_answer(self) -> None:
        assert self.wanted(CRM) == self.wanted("sent_from_crm") == [self.sent, self.by_hand]
        assert self.wanted(CONTACTS) == [self.own, self.shared, self.popped, self.sent]
        assert self.wanted("all_contacts_sent_crm_emails") == [self.sent]
        assert self.wanted(IMAP) == [self.shared]

    def test_mailboxes_are_the_viewers_own_unless_an_owner_is_named(self) -> None:
        assert self.wanted("user_emails") == self.wanted("user_emails", BOB) == [self.own]
        assert self.wanted("user_emails", ALICE) == [self.shared]
        assert self.wanted("user_emails", 404) == []

    def test_an_owner_narrows_any_view(self) -> None:
        assert self.wanted(owner_id=ALICE) == [self.shared, self.sent, self.by_hand]
        assert self.wanted(CRM, CHARLIE) == []

    @pytest.mark.parametrize("view", sorted(VIEWS_OF_UNSENT))
    def test_what_is_not_sent_yet_is_no_email(self, view: str) -> None:
        assert self.wanted(view) == []

    def test_where_contacts_are_gathered_they_are_the_people(self) -> None:
        through = holds(kind=Kind.CRM, through_contact=True)
        wanted = wanted_emails("all_contacts_sent_crm_emails", None, BOB)
        found = holdings_wanted(wanted, bob, organisation(), [through, self.sent], gathers_contacts=ON_DEAL)
        assert found == [through]
