"""The demo organisation: what a visitor finds, and that it is there once and whole."""

import email
from collections.abc import Iterator
from datetime import timedelta
from email.message import EmailMessage
from email.policy import default
from itertools import chain, combinations
from pathlib import Path

import pytest
from sqlalchemy import create_engine, make_url, text

from postroom.actions.changes import make
from postroom.actions.demo import demo_access
from postroom.actions.errors import AlreadyThere, NotFound, TokenInvalid
from postroom.actions.initialising import initialise
from postroom.actions.mailboxes import disconnect_mailbox, list_mailboxes
from postroom.actions.organisation import SetUserStatus, list_modules, list_roles
from postroom.core.details import ShareFromUser, SharingDetails
from postroom.core.model import Permission, UserStatus
from postroom.demo.messages import LAST_DAY, Delivery, deliveries
from postroom.demo.people import ADMINISTRATOR, CALLER
from postroom.demo.records import CUSTOM_MODULE, MODULES
from postroom.mail.parse import parse_message
from tests.actions.installed_demo import NOW, Installed, Interrupted, all_records, email_of
from tests.team import OPERATOR

WEEK = 7 * 24 * 3600
SAMPLE_LEAD = "3652397000001790004"
SAMPLE_TYPES = ("emails_sent_from_crm", "all_contacts_emails", "all_imap_shared_users", "all_emails")
SAMPLE_USERS = (
    ShareFromUser(412463000001213019, "Will Grandon", "pop"),
    ShareFromUser(412463000000867017, "boyle", "imap"),
)


def parts_of_path(path: str) -> tuple[str, str]:
    start, version, module, record_id, end = path.removeprefix("/").split("/", 4)
    assert (start, version, end) == ("crm", "v8", "__emails_sharing_details")
    return module, record_id


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Installed]:
    """Give a database without anything in it, not even a schema."""
    installed = Installed(tmp_path)
    yield installed
    installed.database.close()


@pytest.fixture
def on_postgresql(postgres_url: str, tmp_path: Path) -> Iterator[Installed]:
    """Give an empty PostgreSQL database."""
    server = create_engine(make_url(postgres_url.format("postgres")).set(drivername="postgresql+psycopg"))
    with server.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("CREATE DATABASE demo TEMPLATE template0"))
    server.dispose()
    installed = Installed(tmp_path, postgres_url.format("demo"))
    yield installed
    installed.database.close()


@pytest.fixture(scope="module")
def delivered() -> list[Delivery]:
    """Give every message of the demo, once for each place."""
    return deliveries()


@pytest.fixture(scope="module")
def messages(delivered: list[Delivery]) -> dict[str, EmailMessage]:
    """Give each message of the demo once, by its Message-ID."""
    parsed = (email.message_from_bytes(delivery.raw, policy=default) for delivery in delivered)
    return {message["Message-ID"]: message for message in parsed}


class TestAnswers:
    def test_the_sample_of_the_api_page(self, demo: Installed) -> None:
        access = demo_access(demo.database, now=NOW)
        assert demo.ask(access.token, "Leads", SAMPLE_LEAD) == SharingDetails(SAMPLE_TYPES, SAMPLE_USERS)
        assert access.paths[0] == f"/crm/v8/Leads/{SAMPLE_LEAD}/__emails_sharing_details"
        assert access.user == CALLER.email

    def test_postgresql_answers_the_same_everywhere(self, demo: Installed, on_postgresql: Installed) -> None:
        assert on_postgresql.create()
        assert on_postgresql.answers(CALLER.email) == demo.answers(CALLER.email)

    def test_more_mail_lies_on_the_sample_than_the_caller_may_see(
        self, demo: Installed, delivered: list[Delivery]
    ) -> None:
        reference = f"Leads/{SAMPLE_LEAD}"
        held = {
            delivery.colleague.email: demo.explain(CALLER.email, delivery.colleague.email, reference)
            for delivery in delivered
            if not delivery.from_crm and b"<rowan@tidewater-roastery.example>" in delivery.raw
        }
        hidden = {user.partition("@")[0] for user, explained in held.items() if not explained.answers[0].allowed}
        assert hidden == {"gareth.pugh", "priya.natarajan"}

    def test_every_path_answers(self, demo: Installed) -> None:
        access = demo_access(demo.database, now=NOW)
        asked = [parts_of_path(path) for path in access.paths]
        assert {module for module, _ in asked} == set(MODULES)
        assert len(set(asked)) == len(asked)
        assert None not in [demo.ask(access.token, module, record_id) for module, record_id in asked]

    def test_the_paths_show_every_combination_of_types(self, demo: Installed) -> None:
        access = demo_access(demo.database, now=NOW)
        answers = [demo.ask(access.token, *parts_of_path(path)) for path in access.paths]
        *views, everything = SAMPLE_TYPES
        subsets = chain.from_iterable(combinations(views, size) for size in range(len(views) + 1))
        possible = {(), *((*subset, everything) for subset in subsets)}
        assert {answer.available_types for answer in answers if answer} == possible

    def test_some_records_are_not_for_the_caller(self, demo: Installed) -> None:
        hidden = {reference.partition("/")[0] for reference, answer in demo.answers(CALLER.email).items() if not answer}
        assert hidden == {"Leads", "Deals", "Quotes", "Invoices"}

    def test_the_administrator_sees_every_record_and_reads_no_private_mail(self, demo: Installed) -> None:
        answers = demo.answers(ADMINISTRATOR.email)
        assert None not in answers.values()
        shown = {user.name for answer in answers.values() if answer for user in answer.share_from_users}
        assert shown == {"Clara Whitlock", "Tomás Rivera", "Will Grandon", "boyle"}


class TestAccess:
    def test_the_token_is_fresh_and_good_for_a_week(self, demo: Installed) -> None:
        access = demo_access(demo.database, now=NOW)
        assert demo_access(demo.database, now=NOW).token != access.token
        assert demo.ask(access.token, "Leads", SAMPLE_LEAD, now=NOW + WEEK - 1) is not None
        with pytest.raises(TokenInvalid):
            demo.ask(access.token, "Leads", SAMPLE_LEAD, now=NOW + WEEK)

    def test_without_the_demo_there_is_none(self, fresh: Installed) -> None:
        with pytest.raises(NotFound, match="postroom demo"):
            demo_access(fresh.database, now=NOW)


class TestContent:
    def test_roles_are_a_tree_of_seven(self, demo: Installed) -> None:
        roles = list_roles(demo.database)
        assert len(roles) == 7
        assert [role.name for role in roles if role.parent_id is None] == ["Managing Director"]
        assert max(role.lineage.count("/") for role in roles) == 4

    def test_every_permission_is_in_use(self, demo: Installed) -> None:
        people = demo.people()
        assert {assigned for *_, assigned, _ in people} == {None, "private", "public", "custom"}
        assert {chosen for *_, assigned, chosen in people if assigned is None} == {None, "private", "public", "custom"}
        assert {role.email_permission for role in list_roles(demo.database)} == {
            None,
            Permission.PRIVATE,
            Permission.PUBLIC,
        }

    def test_custom_shares_on_some_records_and_not_on_others(self, demo: Installed) -> None:
        shared = demo.explain(CALLER.email, email_of("will.grandon"), f"Leads/{SAMPLE_LEAD}")
        not_shared = demo.explain(CALLER.email, email_of("will.grandon"), "Contacts/3652397000001792010")
        assert (shared.answers[0].allowed, not_shared.answers[0].allowed) == (True, False)
        assert any("2026-10-30" in step.text for step in shared.answers[0].steps)

    def test_mailboxes_of_both_protocols_and_people_without_one(self, demo: Installed) -> None:
        mailboxes = list_mailboxes(demo.database)
        assert {mailbox.protocol for mailbox, _, _ in mailboxes} == {"imap", "pop"}
        assert all(copies > 0 for _, _, copies in mailboxes)
        owners = {owner for _, owner, _ in mailboxes}
        without = {address for address, *_ in demo.people()} - owners
        assert {address.partition("@")[0] for address in without} == {
            "dana.petrescu",
            "nadia.haddad",
            "olivia.brandt",
        }

    def test_one_colleague_has_left_and_the_mail_is_still_there(self, demo: Installed) -> None:
        left = [address for address, _, status, *_ in demo.people() if status == UserStatus.INACTIVE]
        assert left == [email_of("gareth.pugh")]
        assert [copies > 0 for _, owner, copies in list_mailboxes(demo.database) if owner == left[0]] == [True]

    def test_every_module_has_records(self, demo: Installed) -> None:
        found = [module for module, _ in all_records()]
        assert set(found) == {module.api_name for module in list_modules(demo.database) if module.has_emails}
        assert [module.api_name for module in list_modules(demo.database) if module.is_custom] == [CUSTOM_MODULE]
        assert 60 <= len(found) <= 80


class TestMail:
    def test_a_few_hundred_messages_some_of_them_in_several_mailboxes(
        self, demo: Installed, delivered: list[Delivery], messages: dict[str, EmailMessage]
    ) -> None:
        copies, emails = demo.mail()
        assert emails == len(messages)
        assert 300 <= emails <= 400
        assert copies == len(delivered) > emails + 20

    def test_every_message_is_read_without_a_problem(self, delivered: list[Delivery]) -> None:
        assert [problem for delivery in delivered for problem in parse_message(delivery.raw).problems] == []

    def test_replies_name_what_they_answer(self, messages: dict[str, EmailMessage]) -> None:
        replies = {key: m for key, m in messages.items() if m["In-Reply-To"] is not None}
        assert len(replies) > len(messages) / 2
        for message in replies.values():
            assert message["Subject"].startswith("Re: ")
            assert message["References"].split()[-1] == message["In-Reply-To"]
            answered = messages.get(message["In-Reply-To"])
            if answered is not None:  # a customer's letter may have reached a colleague without a mailbox
                assert answered["Date"].datetime < message["Date"].datetime

    def test_dates_are_of_the_year_before_the_last_day(self, messages: dict[str, EmailMessage]) -> None:
        dates = [message["Date"].datetime for message in messages.values()]
        assert LAST_DAY - timedelta(days=366) < min(dates)
        assert max(dates) < LAST_DAY

    def test_texts_differ_and_no_brace_is_left(self, messages: dict[str, EmailMessage]) -> None:
        texts = [part.get_content() for message in messages.values() if (part := message.get_body(("plain",)))]
        assert len(texts) == len(messages)
        assert len(set(texts)) == len(texts)
        assert [text for text in texts if "{" in text or "}" in text] == []

    def test_html_attachments_and_names_in_other_scripts(
        self, delivered: list[Delivery], messages: dict[str, EmailMessage]
    ) -> None:
        assert sum(message.get_body(("html",)) is not None for message in messages.values()) > 20
        attached = {part.get_filename() for message in messages.values() for part in message.iter_attachments()}
        assert {"visit.ics", "parts-list.csv", "protocol.csv"} <= attached
        assert any("陽子" in message["From"] for message in messages.values())
        assert any(b"Subject: Re: Angebot 2618: =?utf-8?" in delivery.raw for delivery in delivered)
        assert any(b"@xn--cafe-zrisee-" in delivery.raw for delivery in delivered)

    def test_the_same_bytes_each_time(self, delivered: list[Delivery]) -> None:
        assert deliveries() == delivered


class TestCreation:
    def test_progress_goes_to_its_end(self, demo: Installed) -> None:
        total = demo.steps[0][1]
        assert demo.steps == [(done, total) for done in range(1, total + 1)]

    def test_created_twice_is_created_once(self, demo: Installed) -> None:
        before = demo.mail(), demo.people(), demo.answers(CALLER.email)
        assert not demo.create()
        assert (demo.mail(), demo.people(), demo.answers(CALLER.email)) == before

    def test_what_a_visitor_changed_stays(self, fresh: Installed) -> None:
        fresh.create()
        make(fresh.database, SetUserStatus(email_of("gareth.pugh"), UserStatus.ACTIVE), OPERATOR, now=NOW)
        disconnect_mailbox(fresh.database, CALLER.email, by=OPERATOR, now=NOW)
        changed = fresh.people(), fresh.mailboxes()
        assert not fresh.create()
        assert (fresh.people(), fresh.mailboxes()) == changed

    def test_interrupted_again_and_again_it_is_complete_in_the_end(self, demo: Installed, fresh: Installed) -> None:
        for step in (9, 31, 200, len(demo.steps)):  # one of them before somebody moved to another mailbox
            with pytest.raises(Interrupted):
                fresh.create(stop_at=step)
        assert fresh.create()
        assert not fresh.create()
        assert fresh.mail() == demo.mail()
        assert fresh.people() == demo.people()
        assert fresh.mailboxes() == demo.mailboxes()
        assert fresh.answers(CALLER.email) == demo.answers(CALLER.email)

    def test_another_organisation_is_left_alone(self, fresh: Installed) -> None:
        initialise(fresh.database, "Somebody's own")
        with pytest.raises(AlreadyThere, match=r"Somebody's own.*--data-dir"):
            fresh.create()
        assert fresh.people() == []
        assert list_roles(fresh.database) == []
        assert [module for module in list_modules(fresh.database) if module.is_custom or module.is_public] == []
        with pytest.raises(AlreadyThere, match="Somebody's own"):
            demo_access(fresh.database, now=NOW)
