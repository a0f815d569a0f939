"""The demo shows the whole law: what there is is in use somewhere, and makes a difference there."""

from collections import Counter

import pytest

from postroom.actions.demo import demo_access
from postroom.actions.exclusions import SetExcludedDomains, list_domains
from postroom.actions.explain import Explanation
from postroom.actions.mailboxes import list_mailboxes
from postroom.actions.withhold import WithholdEmail, WithholdThread, email_id
from postroom.core.model import UserStatus
from postroom.core.sharing import Rule
from postroom.demo.people import CALLER, DOMAIN
from tests.actions.installed_demo import NOW, Installed, email_of
from tests.team import OPERATOR


def rules(explanation: Explanation) -> list[str]:
    """Give the rules of the first decision, which is about mail in a mailbox."""
    return [step.rule for step in explanation.answers[0].steps]


@pytest.mark.parametrize(
    ("list_of", "domain", "owner"),
    [
        ({}, "larchandpike.example", "tomas.rivera"),
        ({"role": "Service Engineer"}, "gasinspectorate.example", "marek.zielinski"),
        ({"user": email_of("boyle")}, "whitbyrowing.example", "boyle"),
    ],
)
def test_an_excluded_domain_holds_mail_back(demo: Installed, list_of: dict[str, str], domain: str, owner: str) -> None:
    included = demo.preview(SetExcludedDomains(remove=(domain,), **list_of))
    assert included.opened.emails == 3
    assert (CALLER.email, email_of(owner)) in {(each.viewer, each.owner) for each in included.differences}


def test_a_conversation_and_an_e_mail_are_withheld_by_hand(demo: Installed) -> None:
    (email,) = [each for each in demo.own_emails(CALLER.email) if each.withheld]
    released = demo.preview(WithholdEmail(CALLER.email, email_id(email.email_key), withheld=False))
    assert released.opened.emails == 1
    threads = Counter(str(each.thread_id) for each in demo.own_emails(email_of("boyle")) if each.withheld)
    opened = [demo.preview(WithholdThread(email_of("boyle"), each, withheld=False)).opened for each in threads]
    assert sorted((count, effect.emails) for count, effect in zip(threads.values(), opened, strict=True)) == [
        (3, 0),  # of the domain that boyle excludes
        (4, 4),
    ]


def test_the_companys_own_domain_in_cc_hides_nothing(demo: Installed) -> None:
    assert list_domains(demo.database, by=OPERATOR).internal == [DOMAIN]
    assert demo.preview(SetExcludedDomains(add=(DOMAIN,))).closed.emails == 0


@pytest.mark.parametrize("owner", ["ines.duarte", "marek.zielinski"])
def test_an_audience_admits_some_and_not_others(demo: Installed, owner: str) -> None:
    """Both opened their mail to Sales, one by an assignment and one by the preference of a role."""
    record = "Installations/3652397000001798001"
    assert Rule.IN_AUDIENCE_BY_ROLE_ABOVE in rules(demo.explain(CALLER.email, email_of(owner), record))
    assert rules(demo.explain(email_of("samuel.okafor"), email_of(owner), record))[-1] == Rule.NOT_IN_AUDIENCE


def test_one_colleague_moved_from_pop_to_imap_and_both_mailboxes_are_seen(demo: Installed) -> None:
    tomas = email_of("tomas.rivera")
    mailboxes = [each for each, owner, copies in list_mailboxes(demo.database) if owner == tomas and copies]
    assert [(each.protocol, each.state) for each in mailboxes] == [("pop", "disconnected"), ("imap", "active")]
    token = demo_access(demo.database, now=NOW).token
    answer = demo.ask(token, "Contacts", "3652397000001792009")
    assert answer is not None
    assert [(each.name, each.mailbox_protocol) for each in answer.share_from_users] == [("Tomás Rivera", "imap")]


def test_what_a_deleted_colleague_sent_from_the_crm_is_still_there(demo: Installed) -> None:
    (deleted,) = [address for address, _, status, *_ in demo.people() if status == UserStatus.DELETED]
    explanation = demo.explain(CALLER.email, deleted, "Leads/3652397000001790015")
    assert (explanation.sees_mailbox, explanation.sees_crm) == (False, True)
    assert deleted.startswith("nadia.haddad@")
