"""Mailboxes: one at a time for each user, with a password that opens nowhere else."""

from typing import Any

import pytest

from postroom.actions.audit import read_audit
from postroom.actions.errors import ActionError, AlreadyThere, InvalidInput, LoginFailed, NotAllowed, NotFound
from postroom.actions.mailboxes import (
    NewMailbox,
    add_mailbox,
    connect_mailbox,
    disconnect_mailbox,
    list_mailboxes,
    mailbox_login,
)
from postroom.actions.smtp_servers import NewSmtpServer, set_mailbox_smtp
from postroom.core.model import Mailbox, MailboxState, Security
from postroom.storage.sealed import MAILBOX_PASSWORD, open_all
from postroom.storage.secrets import SecretKeyError
from tests.servers.dovecot import Dovecot
from tests.storage.contents import contents
from tests.team import NOW, OPERATOR, Team, email_of

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
    return add_mailbox(team.database, team.box, email_of(name), NewMailbox(protocol, **values), by=OPERATOR, now=NOW)


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
        assert MAILBOX_PASSWORD.open(team.box, alices.id, alices.sealed_password) == "correct horse"
        with pytest.raises(SecretKeyError):
            MAILBOX_PASSWORD.open(team.box, bobs.id, alices.sealed_password)


def in_audit(team: Team) -> list[tuple[str, object, object, str | None]]:
    """Give subject, what was before and after, and whose mail it concerns, of each change of a mailbox."""
    entries = read_audit(team.database, by=OPERATOR, limit=100).entries
    return [(each.subject, each.before, each.after, each.owner) for each in entries if each.change == "mailbox"]


@on_sqlite
class TestTheAudit:
    def test_says_which_mailbox_was_connected_and_disconnected(self, team: Team) -> None:
        add(team, **on_server(username="alice"))
        disconnect_mailbox(team.database, email_of("Alice"), by=OPERATOR, now=NOW)
        mailbox = {
            "user": email_of("Alice"),
            "protocol": "imap",
            "server": "imap.team.example:993 tls",
            "username": "alice",
        }
        subject = f"mailbox {email_of('Alice')}"
        assert in_audit(team) == [
            (subject, mailbox, None, email_of("Alice")),
            (subject, None, mailbox, email_of("Alice")),
        ]


@pytest.mark.parametrize("protocol", ["imap", "pop"])
@on_sqlite
class TestConnecting:
    """The server has the last word, before anything is stored."""

    def new(self, dovecot: Dovecot, protocol: str, **values: Any) -> NewMailbox:
        port = dovecot.imaps_port if protocol == "imap" else dovecot.pops_port
        known = {"host": dovecot.host, "port": port, "password": "secret", "username": "alice@test.example"}
        return NewMailbox(protocol, **known | {"ca_certificates": dovecot.ca_file.read_text()} | values)

    def test_a_mailbox_that_lets_us_in_is_connected_and_its_authority_kept(
        self, team: Team, dovecot: Dovecot, protocol: str
    ) -> None:
        new = self.new(dovecot, protocol)
        added = connect_mailbox(team.database, team.box, email_of("Alice"), new, by=OPERATOR, now=NOW)
        assert (added.address, added.username) == (email_of("Alice"), "alice@test.example")
        assert list_mailboxes(team.database) == [(added, email_of("Alice"), 0)]
        server, login = mailbox_login(team.database, team.box, added, now=NOW)
        assert (server.ca_certificates, login.password) == (new.ca_certificates, "secret")

    @pytest.mark.parametrize(
        ("values", "sentence"),
        [
            ({"password": "wrong"}, "refused the user name or the password of alice@test.example: check both"),
            ({"ca_certificates": None}, "certificate .* was refused"),
            ({"host": "no-such-host.invalid"}, "was not found: check its name"),
            ({"security": Security.STARTTLS, "port": 9}, "cannot be reached"),
            ({"password": "secret\r\nX"}, "The password holds a line break"),
        ],
        ids=str,
    )
    def test_one_that_does_not_is_not(
        self,
        team: Team,
        dovecot: Dovecot,
        monkeypatch: pytest.MonkeyPatch,
        protocol: str,
        values: dict[str, Any],
        sentence: str,
    ) -> None:
        monkeypatch.delenv("SSL_CERT_FILE", raising=False)
        new, before = self.new(dovecot, protocol, **values), contents(team.database)
        with pytest.raises(LoginFailed, match=sentence):
            connect_mailbox(team.database, team.box, email_of("Alice"), new, by=OPERATOR, now=NOW)
        assert contents(team.database) == before

    def test_what_cannot_be_connected_is_not_tried(self, team: Team, dovecot: Dovecot, protocol: str) -> None:
        add(team)
        new = self.new(dovecot, protocol)
        for name, refusal in (("Alice", AlreadyThere), ("Zoe", NotFound)):
            with pytest.raises(refusal):
                connect_mailbox(team.database, team.box, email_of(name), new, by=OPERATOR, now=NOW)


@on_sqlite
class TestWhoMayConnect:
    """Users connect their own mailboxes, at servers that an administrator chose, under addresses that are theirs."""

    def connect(self, team: Team, by: str, whose: str = "Alice", **values: Any) -> Mailbox:
        new = NewMailbox("imap", **on_server(**values))
        return add_mailbox(team.database, team.box, email_of(whose), new, by=team.actor(by), now=NOW)

    @pytest.fixture
    def with_root(self, team: Team) -> Team:
        team.user("Root", profile="Administrator", mailbox=None)
        team.user("Dora", mailbox=None)
        return team

    def test_an_administrator_connects_anybodys(self, with_root: Team) -> None:
        assert self.connect(with_root, "Root", address="sales@team.example").address == "sales@team.example"

    def test_a_user_connects_the_own_where_the_organisation_has_one(self, with_root: Team) -> None:
        self.connect(with_root, "Root", "Bob")
        assert self.connect(with_root, "Alice").address == email_of("Alice")
        own = self.connect(with_root, "Dora", "Dora", address="Other@team.example", username="other@team.example")
        assert own.address == "other@team.example"

    @pytest.mark.parametrize(
        "values",
        [
            {"host": "10.0.0.1"},
            {"port": 25},
            {"security": Security.NONE, "port": 993},
            {"address": "ceo@team.example", "username": "alice@team.example"},
            {"address": "ceo@team.example", "username": "alice"},
        ],
        ids=["host", "port", "security", "address", "name"],
    )
    def test_a_user_names_no_other_server_and_no_others_address(self, with_root: Team, values: dict[str, Any]) -> None:
        self.connect(with_root, "Root", "Bob")
        with pytest.raises(NotAllowed):
            self.connect(with_root, "Alice", **values)
        assert len(list_mailboxes(with_root.database)) == 1

    def test_a_user_brings_no_authority_along(self, with_root: Team, dovecot: Dovecot) -> None:
        self.connect(with_root, "Root", "Bob")
        with pytest.raises(NotAllowed):
            self.connect(with_root, "Alice", ca_certificates=dovecot.ca_file.read_text())

    def test_a_server_whose_mailbox_was_disconnected_is_known_no_longer(self, with_root: Team) -> None:
        self.connect(with_root, "Root", "Bob")
        disconnect_mailbox(with_root.database, email_of("Bob"), by=with_root.actor("Root"), now=NOW)
        with pytest.raises(NotAllowed, match="an administrator connects the first one"):
            self.connect(with_root, "Alice")

    def test_a_user_connects_and_disconnects_nobody_elses(self, with_root: Team) -> None:
        self.connect(with_root, "Root", "Bob")
        with pytest.raises(NotAllowed, match="only the user or an administrator"):
            self.connect(with_root, "Dora")
        with pytest.raises(NotAllowed, match="only the user or an administrator"):
            disconnect_mailbox(with_root.database, email_of("Bob"), by=with_root.actor("Dora"), now=NOW)

    def test_a_user_makes_no_mailbox_that_is_fed_by_import(self, with_root: Team) -> None:
        by, new = with_root.actor("Alice"), NewMailbox("imap")
        with pytest.raises(NotAllowed, match="fed by import"):
            add_mailbox(with_root.database, with_root.box, email_of("Alice"), new, by=by, now=NOW)


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
            ({"ca_certificates": "x"}, "host: is missing"),
            (on_server(ca_certificates="no certificate"), "ca_certificates: expected certificates in PEM form"),
            (on_server(ca_certificates="ä\0"), "ca_certificates: expected certificates in PEM form"),
            (on_server(ca_certificates=""), "ca_certificates: expected certificates in PEM form"),
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
            disconnect_mailbox(team.database, address, by=OPERATOR, now=NOW)

    def test_nothing_is_disconnected_twice(self, team: Team) -> None:
        mailbox = add(team)
        assert disconnect_mailbox(team.database, "ALICE@team.example", by=OPERATOR, now=NOW) == mailbox
        with pytest.raises(NotFound, match="there is no connected mailbox"):
            disconnect_mailbox(team.database, email_of("Alice"), by=OPERATOR, now=NOW)


class TestDisconnecting:
    """Mail of a disconnected mailbox stays under the same law."""

    @pytest.fixture
    def office(self, team: Team) -> Team:
        """Alice shares her IMAP mail, then disconnects; Bob owns the lead."""
        add(team)
        team.permission("Alice", "public")
        team.record("Leads", "Bob", ADDRESS, record_id=LEAD)
        team.mail("Alice", ADDRESS)
        disconnect_mailbox(team.database, email_of("Alice"), by=OPERATOR, now=NOW)
        return team

    def test_the_mail_stays_and_so_does_the_last_protocol(self, office: Team) -> None:
        assert protocols(office) == [("Alice", "imap")]
        office.permission("Alice", "private")
        assert protocols(office) == []

    def test_no_secret_of_it_stays(self, team: Team) -> None:
        ids = {add(team, name, **on_server()).id for name in ("Alice", "Bob")}
        smtp = NewSmtpServer("smtp.team.example", username="sender", password="battery staple")
        for name in ("Alice", "Bob"):
            set_mailbox_smtp(team.database, team.box, email_of(name), smtp)
        assert sealed_for(team) == sorted([*ids, *ids])
        gone = disconnect_mailbox(team.database, email_of("Alice"), by=OPERATOR, now=NOW)
        assert sealed_for(team) == [*(ids - {gone.id})] * 2

    def test_another_mailbox_may_follow_whose_protocol_counts(self, office: Team) -> None:
        add(office, "Alice", "pop")
        assert protocols(office) == [("Alice", "pop")]
        disconnect_mailbox(office.database, email_of("Alice"), by=OPERATOR, now=NOW)
        assert protocols(office) == [("Alice", "pop")]
        assert [(mailbox.state, copies) for mailbox, _, copies in list_mailboxes(office.database)] == [
            (MailboxState.DISCONNECTED, 1),
            (MailboxState.DISCONNECTED, 0),
        ]

    def test_the_address_is_free_for_a_colleague(self, office: Team) -> None:
        assert add(office, "Bob", address=email_of("Alice")).address == email_of("Alice")


def sealed_for(team: Team) -> list[int]:
    """Give of which mailboxes there are secrets, once for each."""
    with team.database.read() as connection:
        return sorted(row_id for _, row_id, _ in open_all(connection, team.box))


def protocols(team: Team) -> list[tuple[str, str | None]]:
    users = team.details("Bob", "Leads", LEAD).share_from_users
    return [(user.name, user.mailbox_protocol) for user in users]
