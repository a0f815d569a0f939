"""Mailboxes: one at a time for each user, with a password that opens nowhere else."""

from typing import Any

import pytest

from postroom.actions.errors import ActionError, AlreadyThere, InvalidInput, NotFound
from postroom.actions.mailboxes import NewMailbox, add_mailbox, disconnect_mailbox, list_mailboxes, password_context
from postroom.core.model import Mailbox, MailboxState
from postroom.mail.server import Security
from postroom.storage.secrets import SecretKeyError
from tests.storage.contents import contents
from tests.team import Team, email_of

LEAD = 1001
ADDRESS = "lead@customer.example"
on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def team(team: Team) -> Team:
    """Alice and Bob have no mailbox yet."""
    team.user("Alice", mailbox=None)
    team.user("Bob", mailbox=None)
    return team


def add(team: Team, name: str = "Alice", protocol: str = "imap", **values: Any) -> Mailbox:
    return add_mailbox(team.database, team.box, email_of(name), NewMailbox(protocol, **values))


def on_server(**values: Any) -> dict[str, Any]:
    return {"host": "imap.team.example", "password": "correct horse"} | values


class TestAdding:
    def test_it_is_listed_with_its_user_and_its_copies(self, team: Team) -> None:
        added = add(team, "Bob"), add(team, "Alice", "pop", address="Sales@Team.Example", **on_server())
        team.mail("Bob", ADDRESS)
        assert list_mailboxes(team.database) == [(added[0], email_of("Bob"), 1), (added[1], email_of("Alice"), 0)]
        assert [mailbox.address for mailbox in added] == ["bob@team.example", "sales@team.example"]

    @on_sqlite
    @pytest.mark.parametrize(
        ("protocol", "security", "port"),
        [
            ("imap", Security.TLS, 993),
            ("imap", Security.STARTTLS, 143),
            ("imap", Security.NONE, 143),
            ("pop", Security.TLS, 995),
            ("pop", Security.STARTTLS, 110),
            ("pop", Security.NONE, 110),
        ],
    )
    def test_each_protocol_has_its_port(self, team: Team, protocol: str, security: Security, port: int) -> None:
        mailbox = add(team, "Alice", protocol, **on_server(security=security))
        assert (mailbox.port, mailbox.security, mailbox.username) == (port, security, email_of("Alice"))
        other = add(team, "Bob", protocol, **on_server(security=security, port=65535, username="bob"))
        assert (other.port, other.username) == (65535, "bob")

    @on_sqlite
    def test_one_without_a_server_is_fed_by_import(self, team: Team) -> None:
        mailbox = add(team)
        assert (mailbox.host, mailbox.port, mailbox.security, mailbox.sealed_password) == (None, None, None, None)
        assert mailbox.state == MailboxState.ACTIVE

    @on_sqlite
    def test_its_password_opens_for_it_and_for_no_other(self, team: Team) -> None:
        alices, bobs = add(team, "Alice", **on_server()), add(team, "Bob", **on_server())
        assert alices.sealed_password is not None
        assert team.box.open(alices.sealed_password, password_context(alices.id)) == "correct horse"
        with pytest.raises(SecretKeyError):
            team.box.open(alices.sealed_password, password_context(bobs.id))


class TestRefusals:
    @on_sqlite
    @pytest.mark.parametrize(
        ("values", "sentence"),
        [
            ({"protocol": "smtp"}, "protocol: expected imap or pop, not 'smtp'"),
            ({"protocol": "IMAP"}, "protocol: expected imap or pop"),
            ({"port": 993}, "host: is missing"),
            ({"username": "alice"}, "host: is missing"),
            ({"password": "secret"}, "host: is missing"),
            ({"host": "imap.team.example"}, "password: is missing"),
            (on_server(host=""), "host: expected one line"),
            (on_server(host="imap\r\n.team.example"), "host: expected one line"),
            (on_server(username="a\nb"), "username: expected one line"),
            (on_server(port=0), "port: expected a number from 1 to 65535"),
            (on_server(port=65536), "port: expected a number from 1 to 65535"),
            (on_server(port=-1), "port: expected a number from 1 to 65535"),
            (on_server(address="alice"), "address: 'alice' is not an e-mail address"),
        ],
        ids=str,
    )
    def test_what_is_no_mailbox(self, team: Team, values: dict[str, Any], sentence: str) -> None:
        with pytest.raises(InvalidInput, match=sentence):
            add(team, **values)
        assert list_mailboxes(team.database) == []

    @pytest.mark.parametrize(
        ("name", "values", "refusal", "sentence"),
        [
            ("Alice", {"address": "second@team.example"}, AlreadyThere, "has a mailbox already"),
            ("Bob", {"address": "ALICE@team.example"}, AlreadyThere, "alice@team.example is connected already"),
            ("Zoe", {}, NotFound, "there is no user zoe@team.example"),
        ],
    )
    def test_one_user_has_one_and_one_address_is_one_users(
        self, team: Team, name: str, values: dict[str, Any], refusal: type[ActionError], sentence: str
    ) -> None:
        add(team)
        before = contents(team.database)["mailboxes"]
        with pytest.raises(refusal, match=sentence):
            add(team, name, **values)
        assert contents(team.database)["mailboxes"] == before

    @on_sqlite
    @pytest.mark.parametrize(("address", "refusal"), [("zoe@team.example", NotFound), ("zoe", InvalidInput)])
    def test_what_is_not_there_is_not_disconnected(self, team: Team, address: str, refusal: type[ActionError]) -> None:
        with pytest.raises(refusal):
            disconnect_mailbox(team.database, address)

    def test_nothing_is_disconnected_twice(self, team: Team) -> None:
        mailbox = add(team)
        assert disconnect_mailbox(team.database, "ALICE@team.example") == mailbox
        with pytest.raises(NotFound, match="there is no connected mailbox"):
            disconnect_mailbox(team.database, email_of("Alice"))


class TestDisconnecting:
    """Mail of a disconnected mailbox stays under the same law."""

    @pytest.fixture
    def office(self, team: Team) -> Team:
        """Alice shares her IMAP mail, then disconnects; Bob owns the lead."""
        add(team)
        team.permission("Alice", "public")
        team.record("Leads", "Bob", ADDRESS, record_id=LEAD)
        team.mail("Alice", ADDRESS)
        disconnect_mailbox(team.database, email_of("Alice"))
        return team

    def test_the_mail_stays_and_so_does_the_last_protocol(self, office: Team) -> None:
        assert protocols(office) == [("Alice", "imap")]
        office.permission("Alice", "private")
        assert protocols(office) == []

    def test_another_mailbox_may_follow_whose_protocol_counts(self, office: Team) -> None:
        add(office, "Alice", "pop")
        assert protocols(office) == [("Alice", "pop")]
        disconnect_mailbox(office.database, email_of("Alice"))
        assert protocols(office) == [("Alice", "pop")]
        assert [(mailbox.state, copies) for mailbox, _, copies in list_mailboxes(office.database)] == [
            (MailboxState.DISCONNECTED, 1),
            (MailboxState.DISCONNECTED, 0),
        ]

    def test_the_address_is_free_for_a_colleague(self, office: Team) -> None:
        assert add(office, "Bob", address=email_of("Alice")).address == email_of("Alice")


def protocols(team: Team) -> list[tuple[str, str | None]]:
    users = team.details("Bob", "Leads", LEAD).share_from_users
    return [(user.name, user.mailbox_protocol) for user in users]
