"""One pass over a real mailbox: everything is read, nothing is changed, no secret is told."""

import logging
import re
import socket
import traceback
import uuid
from collections.abc import Iterator

import pytest
from imapclient import IMAPClient, imap_utf7

from postroom.core.model import Security, Trouble
from postroom.mail import imap, imap_connection
from postroom.mail.imap import Changes, FetchedMessage, FolderFailed, ListedFolder, Session, open_session
from postroom.mail.server import (
    AuthenticationFailed,
    CertificateRejected,
    ConnectionFailed,
    GuardError,
    Login,
    MailServerError,
    Server,
    Throttled,
)
from tests.mail.loopback import loopback
from tests.servers.dovecot import Dovecot

MAIL = b"From: lead@customer.example\r\nTo: alice@test.example\r\nSubject: Offer\r\n\r\nHello\r\n"
INJECTED = ["\r\nX1 DELETE INBOX", "\nX1 DELETE INBOX", "\rX1 DELETE INBOX", "\x00"]


@pytest.fixture
def alice() -> str:
    """Alice has a fresh mailbox in each test."""
    return f"alice-{uuid.uuid4().hex}@test.example"


@pytest.fixture
def trusted(dovecot: Dovecot, monkeypatch: pytest.MonkeyPatch) -> Server:
    """A server whose certificate Alice's machine trusts."""
    monkeypatch.setenv("SSL_CERT_FILE", str(dovecot.ca_file))
    return Server(dovecot.host, dovecot.imaps_port, Security.TLS)


@pytest.fixture
def session(trusted: Server, alice: str) -> Iterator[Session]:
    with open_session(trusted, Login(alice, "secret"), timeout=10) as opened:
        yield opened


def read_all(session: Session, folder: str) -> list[bytes | None]:
    session.select(folder)
    return [message.raw for message in session.fetch(session.uids())]


def read_account(server: Server, username: str) -> dict[str, list[bytes | None]]:
    with open_session(server, Login(username, "secret"), timeout=2) as session:
        return {folder.name: read_all(session, folder.name) for folder in session.folders()}


def test_mail_comes_from_every_folder_as_the_server_has_it(dovecot, trusted, alice):
    names = ["INBOX", "Sent", "Projects/Lead", "Entwürfe & Büro", "受信", "2026", "007", 'a"b\\c', "with blank"]
    for name in names:
        dovecot.append(alice, name, MAIL.replace(b"Offer", name.encode()))
    assert read_account(trusted, alice) == {name: [MAIL.replace(b"Offer", name.encode())] for name in names}


def test_a_delivered_message_is_in_the_inbox(dovecot, session, alice):
    dovecot.deliver(alice, MAIL)
    [raw] = read_all(session, "INBOX")
    assert raw is not None
    assert raw.endswith(MAIL)


def test_a_parent_that_is_no_folder_is_not_listed(dovecot, session, alice):
    dovecot.append(alice, "Projects/Lead", MAIL)
    assert {folder.name for folder in session.folders()} == {"INBOX", "Sent", "Projects/Lead"}


def test_unsent_and_unwanted_mail_is_marked_by_its_special_use(dovecot, session, alice):
    for name in ("Drafts", "Spam", "Trash", "Kept/Drafts"):
        dovecot.append(alice, name, MAIL)
    skipped = {folder.name: folder.skipped for folder in session.folders()}
    assert skipped == {
        "INBOX": None,
        "Sent": None,
        "Kept/Drafts": None,
        "Drafts": "\\Drafts",
        "Spam": "\\Junk",
        "Trash": "\\Trash",
    }


def test_reading_changes_no_flag(dovecot, session, alice):
    uid = dovecot.append(alice, "INBOX", MAIL)
    assert read_all(session, "INBOX") == [MAIL]
    with dovecot.client(alice) as client:
        client.select_folder("INBOX", readonly=True)
        assert b"\\Seen" not in client.get_flags([uid])[uid]


def test_a_folder_opened_by_us_cannot_be_changed(dovecot, session, alice):
    uid = dovecot.append(alice, "INBOX", MAIL)
    session.select("INBOX")
    session._client.add_flags([uid], [b"\\Seen"])
    with dovecot.client(alice) as client:
        client.select_folder("INBOX", readonly=True)
        assert b"\\Seen" not in client.get_flags([uid])[uid]


def test_many_messages_come_in_the_order_asked_for(dovecot, session, alice, monkeypatch):
    for name, value in (("_SEARCH_WINDOW", 4), ("_AT_ONCE", 6), ("MOST_AT_ONCE", 3), ("_BATCH_BYTES", 200)):
        monkeypatch.setattr(imap, name, value)
    with dovecot.client(alice) as client:
        for number in range(25):
            client.append("INBOX", MAIL + b"%d\r\n" % number)
    session.select("INBOX")
    uids = session.uids()
    assert list(session.fetch(uids)) == [
        FetchedMessage(uid, MAIL + b"%d\r\n" % number, truncated=False) for number, uid in enumerate(uids)
    ]
    assert len(uids) == 25
    assert [message.uid for message in session.fetch(uids[20:])] == uids[20:]
    assert session.uids(above=uids[20]) == uids[21:]
    assert session.uids(above=uids[-1]) == []


def test_uids_hold_under_one_uidvalidity(dovecot, session, alice):
    uid = dovecot.append(alice, "Old", MAIL)
    before = session.select("Old")
    assert session.uids() == [uid]
    with dovecot.client(alice) as client:
        client.delete_folder("Old")
    dovecot.append(alice, "Old", MAIL)
    assert session.select("Old").uidvalidity != before.uidvalidity


def test_a_message_deleted_meanwhile_is_reported_as_gone(dovecot, session, alice):
    for _ in range(3):
        dovecot.append(alice, "INBOX", MAIL)
    session.select("INBOX")
    uids = session.uids()
    with dovecot.client(alice) as client:
        client.select_folder("INBOX")
        client.delete_messages(uids[1])
        client.expunge()
    assert [message.raw for message in session.fetch(uids)] == [MAIL, None, MAIL]


def test_of_a_message_that_is_too_large_the_headers_come(dovecot, session, alice, monkeypatch):
    monkeypatch.setattr(imap, "MAX_MESSAGE_BYTES", 1000)
    monkeypatch.setattr(imap, "_BATCH_BYTES", 500)
    dovecot.append(alice, "INBOX", MAIL)
    dovecot.append(alice, "INBOX", MAIL + b"x" * 2000)
    dovecot.append(alice, "INBOX", MAIL)
    session.select("INBOX")
    found = [(m.raw, m.truncated) for m in session.fetch(session.uids())]
    assert found == [(MAIL, False), (MAIL.removesuffix(b"Hello\r\n"), True), (MAIL, False)]


@pytest.mark.parametrize("security", [Security.STARTTLS, Security.NONE])
def test_the_port_without_tls(dovecot, trusted, alice, security):
    dovecot.append(alice, "INBOX", MAIL)
    server = Server(trusted.host, dovecot.imap_port, security)
    with open_session(server, Login(alice, "secret"), timeout=10) as session:
        assert read_all(session, "INBOX") == [MAIL]
        assert session._client._starttls_done is (security is Security.STARTTLS)


@pytest.mark.parametrize("security", [Security.TLS, Security.STARTTLS])
def test_a_certificate_of_an_unknown_authority_is_refused(dovecot, alice, monkeypatch, security):
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    port = dovecot.imaps_port if security is Security.TLS else dovecot.imap_port
    with (
        pytest.raises(CertificateRejected, match="SSL_CERT_FILE"),
        open_session(Server(dovecot.host, port, security), Login(alice, "secret"), timeout=10),
    ):
        pass


def test_a_certificate_for_another_name_is_refused(trusted, alice):
    same_place_by_another_name = Server("127.1", trusted.port, Security.TLS)
    with (
        pytest.raises(CertificateRejected, match="check the host name"),
        open_session(same_place_by_another_name, Login(alice, "secret"), timeout=10),
    ):
        pass


def refusal(server: Server, username: str, password: str, timeout: float = 5) -> MailServerError:
    with pytest.raises(MailServerError) as caught, open_session(server, Login(username, password), timeout):
        pass
    return caught.value


def test_a_wrong_password_is_refused_and_told_nowhere(trusted, alice, caplog):
    caplog.set_level(logging.DEBUG)
    password = uuid.uuid4().hex
    error = refusal(trusted, alice, password)
    assert isinstance(error, AuthenticationFailed)
    assert alice in str(error)
    assert caplog.records
    assert password not in caplog.text + "".join(traceback.format_exception(error))


def test_a_server_that_repeats_the_password_is_not_quoted(caplog):
    caplog.set_level(logging.INFO)
    password = uuid.uuid4().hex
    with loopback({b"LOGIN": b"NO no such password: " + password.encode()}) as server:
        error = refusal(Server("127.0.0.1", server.port, Security.NONE), "alice", password)
    assert isinstance(error, AuthenticationFailed)
    assert password not in caplog.text + "".join(traceback.format_exception(error))


@pytest.mark.parametrize("password", ['with blank and "quotes" and \\', "Straße", "pässword"])
@pytest.mark.parametrize("capabilities", [b"IMAP4rev1 AUTH=PLAIN", b"IMAP4rev1"])
def test_any_name_and_password_reach_the_server_whole(password, capabilities):
    name = 'al "ice" \\'
    with loopback({b"CAPABILITY": b"* CAPABILITY " + capabilities + b"\r\n"}) as server:
        here = Server("127.0.0.1", server.port, Security.NONE)
        if not password.isascii() and b"AUTH=PLAIN" not in capabilities:
            assert isinstance(refusal(here, name, password), AuthenticationFailed)
            return
        with open_session(here, Login(name, password), timeout=2):
            pass
    assert server.credentials == [(name, password)]


@pytest.mark.parametrize(
    ("port_of", "security", "sentence"),
    [
        ("imap_port", Security.TLS, "does not speak TLS as expected"),
        ("imaps_port", Security.NONE, "did not answer in time"),
        ("nobody", Security.TLS, "cannot be reached \\(Connection refused\\)"),
    ],
)
def test_a_wrong_port_or_security_says_what_to_check(dovecot, alice, port_of, security, sentence):
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        free = nobody.getsockname()[1]
    error = refusal(Server("localhost", getattr(dovecot, port_of, free), security), alice, "secret", timeout=0.5)
    assert isinstance(error, ConnectionFailed)
    assert re.search(sentence + ".*: check .*port", str(error))


@pytest.mark.parametrize("host", ["no-such-host.invalid", "é" * 100 + ".example"])
def test_a_host_that_does_not_exist(host):
    error = refusal(Server(host, 993, Security.TLS), "alice", "secret")
    assert isinstance(error, ConnectionFailed)
    assert "was not found" in str(error)


def test_a_server_without_starttls_gets_no_password():
    with loopback({}) as server:
        error = refusal(Server("127.0.0.1", server.port, Security.STARTTLS), "alice", "secret")
    assert isinstance(error, ConnectionFailed)
    assert "STARTTLS" in str(error)
    assert not [line for line in server.lines if b"LOGIN" in line or b"AUTHENTICATE" in line]


def test_a_server_that_wants_encryption_gets_no_password_without():
    with loopback({b"CAPABILITY": b"* CAPABILITY IMAP4rev1 AUTH=PLAIN LOGINDISABLED\r\n"}) as server:
        error = refusal(Server("127.0.0.1", server.port, Security.NONE), "alice", "secret")
    assert isinstance(error, AuthenticationFailed)
    assert not [line for line in server.lines if b"LOGIN" in line or b"AUTHENTICATE" in line]


@pytest.mark.parametrize("command", [b"LIST", b"EXAMINE", b"UID SEARCH", b"UID FETCH"])
def test_a_connection_that_breaks_is_an_error_that_says_so(command):
    answers = {
        b"LIST": b'* LIST () "/" INBOX\r\n',
        b"EXAMINE": b"* 1 EXISTS\r\n* OK [UIDVALIDITY 1] ok\r\n",
        b"UID SEARCH": b"* SEARCH 1\r\n",
        command: b"hang up",
    }
    with loopback(answers) as server, pytest.raises(ConnectionFailed, match="ended the connection"):
        read_account(Server("127.0.0.1", server.port, Security.NONE), "alice")


ONE_MESSAGE = {
    b"LIST": b'* LIST () "/" INBOX\r\n',
    b"EXAMINE": b"* 1 EXISTS\r\n* OK [UIDVALIDITY 1] ok\r\n",
    b"UID SEARCH": b"* SEARCH 1\r\n",
}
TELLS_CHANGES = {
    b"CAPABILITY": b"* CAPABILITY IMAP4rev1 ENABLE QRESYNC\r\n",
    b"ENABLE": b"* ENABLED QRESYNC\r\n",
    b"EXAMINE": b"* 1 EXISTS\r\n* OK [UIDVALIDITY 1] ok\r\n",
    b"UID SEARCH": b"* SEARCH 7\r\n",
}


def test_a_very_long_line_of_what_vanished_leaves_the_connection_good():
    every_second = b",".join(b"%d" % uid for uid in range(1, 400_000, 2))
    answers = TELLS_CHANGES | {b"UID FETCH": b"* VANISHED (EARLIER) " + every_second + b"\r\n"}
    with (
        loopback(answers) as server,
        open_session(Server("127.0.0.1", server.port, Security.NONE), Login("alice", "secret"), timeout=5) as session,
    ):
        session.select("INBOX")
        assert session.changes(400_000, 1) == Changes({}, None)
        assert session.uids() == [7]


def test_a_literal_that_is_too_long_ends_the_connection_at_once():
    answers = ONE_MESSAGE | {b"UID FETCH": b"* 1 FETCH (UID 1 BODY[] {1073741824}\r\nabc"}
    with loopback(answers) as server, pytest.raises(ConnectionFailed) as caught:
        read_account(Server("127.0.0.1", server.port, Security.NONE), "alice")
    assert type(caught.value) is ConnectionFailed  # and nothing was waited for


def test_a_line_without_an_end_ends_the_connection(monkeypatch):
    monkeypatch.setattr(imap_connection, "_LONGEST_LINE", 10_000)
    answers = TELLS_CHANGES | {b"UID FETCH": b"* VANISHED (EARLIER) " + b"1," * 10_000}
    with (
        loopback(answers) as server,
        open_session(Server("127.0.0.1", server.port, Security.NONE), Login("alice", "secret"), timeout=5) as session,
    ):
        session.select("INBOX")
        with pytest.raises(ConnectionFailed, match="ended the connection"):
            session.changes(20_000, 1)


def test_the_last_messages_are_listed_first_so_that_what_is_expunged_meanwhile_hides_none(monkeypatch):
    """An expunge moves messages to lower numbers, and so into what is still to be listed."""
    monkeypatch.setattr(imap, "_SEARCH_WINDOW", 2)
    answers = {
        b"EXAMINE": b"* 3 EXISTS\r\n* OK [UIDVALIDITY 1] ok\r\n",
        b"UID SEARCH 3:3": b"* SEARCH 30\r\n* 1 EXPUNGE\r\n",
        b"UID SEARCH 1:2": b"* SEARCH 20 30\r\n",
    }
    with (
        loopback(answers) as server,
        open_session(Server("127.0.0.1", server.port, Security.NONE), Login("alice", "secret"), timeout=2) as session,
    ):
        session.select("INBOX")
        assert session.uids() == [20, 30]
    asked = [re.search(rb"\d:\d", line)[0] for line in server.lines if b"SEARCH" in line]
    assert asked == [b"3:3", b"1:2"]


def test_a_server_that_gives_no_uidvalidity_cannot_be_read():
    with (
        loopback({b"EXAMINE": b"* 0 EXISTS\r\n"}) as server,
        open_session(Server("127.0.0.1", server.port, Security.NONE), Login("alice", "secret"), timeout=2) as session,
        pytest.raises(FolderFailed, match="UIDVALIDITY"),
    ):
        session.select("INBOX")


LISTING = (
    b'* LIST (\\HasNoChildren) "/" INBOX\r\n'
    b'* LIST () "/" INBOX/Drafts\r\n'
    b'* LIST () "/" "Deleted Items"\r\n'
    b'* LIST () "/" "R&-D"\r\n'
    b'* LIST () "/" "&bad"\r\n'
    b'* LIST () "/" "\xe9t\xe9"\r\n'
    b'* LIST (\\NonExistent) "/" Gone\r\n'
    b"* LIST () NIL 2026\r\n"
    b'* LIST (\\All) "/" Everything\r\n'
)


def test_a_server_without_special_use_is_understood_by_names_and_damaged_names_hide_no_folder():
    with (
        loopback({b"LIST": LISTING}) as server,
        open_session(Server("127.0.0.1", server.port, Security.NONE), Login("alice", "secret"), timeout=2) as session,
    ):
        listed = session.folders()
        with pytest.raises(FolderFailed):
            session.select("été")
    assert listed == [
        ListedFolder("INBOX", None),
        ListedFolder("INBOX/Drafts", "\\Drafts"),
        ListedFolder("Deleted Items", "\\Trash"),
        ListedFolder("R&D", None),
        ListedFolder("&bad", None),
        ListedFolder("été", None),
        ListedFolder("2026", None),
        ListedFolder("Everything", "\\All"),
    ]


def listed_by(answers: dict[bytes, bytes]) -> dict[str, str | None]:
    with (
        loopback(answers) as server,
        open_session(Server("127.0.0.1", server.port, Security.NONE), Login("alice", "secret"), timeout=2) as session,
    ):
        return {folder.name: folder.skipped for folder in session.folders()}


@pytest.mark.parametrize(
    ("namespace", "own"),
    [
        (b'(("INBOX." ".")) (("user." ".")) (("" "."))', {"INBOX", "INBOX.Offers"}),
        (b'(("" "/")) (("user." "/")) NIL', {"INBOX", "INBOX.Offers", "Lists"}),
        (
            b'(("" "." "X-PARAM" ("FLAG1" "FLAG2"))) NIL (("Lists" NIL) ("elsewhere" "."))',
            {"INBOX", "INBOX.Offers", "user.bob"},
        ),
        (b"NIL NIL NIL", {"INBOX", "INBOX.Offers", "user.bob", "Lists"}),
    ],
)
def test_folders_of_others_are_not_read(namespace, own):
    answers = {
        b"CAPABILITY": b"* CAPABILITY IMAP4rev1 NAMESPACE\r\n",
        b"NAMESPACE": b"* NAMESPACE " + namespace + b"\r\n",
        b"LIST": b"".join(
            b'* LIST () "." %s\r\n' % name for name in (b"INBOX", b"INBOX.Offers", b"user.bob", b"Lists")
        ),
    }
    assert {name for name, skipped in listed_by(answers).items() if skipped is None} == own


def test_a_mark_on_a_folder_of_another_does_not_count():
    answers = {
        b"CAPABILITY": b"* CAPABILITY IMAP4rev1 NAMESPACE\r\n",
        b"NAMESPACE": b'* NAMESPACE (("" ".")) (("user." ".")) NIL\r\n',
        b"LIST": b'* LIST (\\Trash) "." user.bob.Bin\r\n* LIST () "." Trash\r\n',
    }
    assert listed_by(answers) == {"user.bob.Bin": "it is not the user's own", "Trash": "\\Trash"}


@pytest.mark.parametrize("server", ["dovecot", "cyrus"])
def test_figures_of_all_folders_come_along_with_the_list(server, alice, request):
    there = request.getfixturevalue(server)
    for name in ("INBOX", "7", 'a"b' if server == "dovecot" else "ab", "Ü & Co"):
        there.append(alice, name, MAIL)
    plain = Server("127.0.0.1", there.imap_port, Security.NONE)
    with open_session(plain, Login(alice, there.password), timeout=10) as session:
        listed = session.folders()
        assert {folder.name: folder.figures for folder in listed} == {
            folder.name: session.figures(folder.name) for folder in listed
        }
    assert sum(folder.figures.messages for folder in listed if folder.figures) == 4


LIST_STATUS = b"* CAPABILITY IMAP4rev1 LIST-EXTENDED LIST-STATUS SPECIAL-USE"
RETURN = b'LIST "" "*" RETURN (SPECIAL-USE STATUS (MESSAGES UIDVALIDITY UIDNEXT))'


def listed_with_figures(answers: dict[bytes, bytes]) -> dict[str, int | None]:
    with (
        loopback({b"CAPABILITY": LIST_STATUS + b"\r\n"} | answers) as server,
        open_session(Server("127.0.0.1", server.port, Security.NONE), Login("alice", "secret"), timeout=2) as session,
    ):
        return {folder.name: folder.figures and folder.figures.messages for folder in session.folders()}


def test_figures_belong_to_the_folder_whose_name_they_bear():
    told = b"(MESSAGES %d UIDVALIDITY 1 UIDNEXT 9)"
    names = [b"INBOX", b"12", b'"b c"', b'{3}\r\nd"e', b"f", b"g"]
    figures = [b"* STATUS %s %s\r\n" % (name, told % number) for number, name in enumerate(names[:4])]
    lines = [b'* LIST () "/" %s\r\n' % name for name in names]
    answers = {RETURN: b"".join([*lines, *figures, b"* STATUS f (MESSAGES 1)\r\n"])}
    assert listed_with_figures(answers) == {"INBOX": 0, "12": 1, "b c": 2, 'd"e': 3, "f": None, "g": None}


@pytest.mark.parametrize(
    "answer",
    [
        b"NO [CANNOT] not so",
        b'* LIST () "/" INBOX\r\n* STATUS INBOX\r\n',
        b'* LIST () "/" INBOX\r\n* STATUS INBOX (MESSAGES)\r\n',
        b'* LIST () "/" INBOX\r\n* STATUS (MESSAGES 1) INBOX\r\n',
    ],
)
def test_a_server_that_fails_to_give_figures_along_is_asked_for_the_list_alone(answer):
    assert listed_with_figures({RETURN: answer, b"LIST": b'* LIST () "/" INBOX\r\n'}) == {"INBOX": None}


def test_a_busy_server_is_not_asked_for_the_list_once_more():
    answers = {RETURN: b"NO [THROTTLED] wait", b"LIST": b'* LIST () "/" INBOX\r\n'}
    with pytest.raises(Throttled):
        listed_with_figures(answers)


@pytest.mark.parametrize("capabilities", [b"* CAPABILITY IMAP4rev1 LIST-STATUS", LIST_STATUS + b" X-GM-EXT-1"])
def test_figures_are_asked_for_where_uses_come_along_and_all_folders_are_read(capabilities):
    answers = {b"CAPABILITY": capabilities + b"\r\n", RETURN: b"NO no", b"LIST": b'* LIST () "/" INBOX\r\n'}
    with (
        loopback(answers) as server,
        open_session(Server("127.0.0.1", server.port, Security.NONE), Login("alice", "secret"), timeout=2) as session,
    ):
        assert [folder.figures for folder in session.folders()] == [None]
        assert not [line for line in server.lines if b"RETURN" in line]


def test_names_count_only_for_a_use_for_which_no_folder_is_marked():
    marked = b'* LIST (\\Trash) "/" Bin\r\n* LIST () "/" Trash\r\n* LIST () "/" Drafts\r\n'
    assert listed_by({b"LIST": marked}) == {"Bin": "\\Trash", "Trash": None, "Drafts": "\\Drafts"}


@pytest.mark.parametrize(
    ("name", "use"),
    [
        ("Entwürfe", "\\Drafts"),
        ("ÉLÉMENTS SUPPRIMÉS", "\\Trash"),
        ("Correo no deseado", "\\Junk"),
        ("Корзина", "\\Trash"),
        ("迷惑メール", "\\Junk"),
        ("Kunden", None),
    ],
)
def test_names_are_known_in_many_languages(name, use):
    listing = b'* LIST () "/" "INBOX/' + imap_utf7.encode(name) + b'"\r\n'
    assert listed_by({b"LIST": listing}) == {f"INBOX/{name}": use}


def test_of_gmail_one_folder_is_read_that_has_every_message_once():
    gmail = {
        b"CAPABILITY": b"* CAPABILITY IMAP4rev1 X-GM-EXT-1\r\n",
        b"LIST": b'* LIST () "/" INBOX\r\n* LIST (\\All) "/" "[Gmail]/All Mail"\r\n'
        b'* LIST (\\Sent) "/" "[Gmail]/Sent"\r\n',
    }
    assert [name for name, skipped in listed_by(gmail).items() if skipped is None] == ["[Gmail]/All Mail"]
    hidden = gmail | {b"LIST": b'* LIST () "/" INBOX\r\n* LIST (\\Sent) "/" "[Gmail]/Sent"\r\n'}
    assert set(listed_by(hidden).values()) == {None}


def test_a_draft_among_gmails_mail_is_not_fetched():
    """A label that a user calls so is another."""
    answers = {
        b"CAPABILITY": b"* CAPABILITY IMAP4rev1 X-GM-EXT-1\r\n",
        b"UID FETCH 1,2,3 (RFC822.SIZE X-GM-LABELS)": (
            b'* 1 FETCH (UID 1 RFC822.SIZE 5 X-GM-LABELS ("\\\\Draft" Work))\r\n'
            b"* 2 FETCH (UID 2 RFC822.SIZE 5 X-GM-LABELS (Draft 2026))\r\n"
            b"* 3 FETCH (UID 3 RFC822.SIZE 5 X-GM-LABELS ())\r\n"
        ),
        b"UID FETCH 2,3 (BODY.PEEK[] FLAGS)": b"* 2 FETCH (UID 2 FLAGS () BODY[] {5}\r\nHello)\r\n"
        b"* 3 FETCH (UID 3 FLAGS () BODY[] {5}\r\nHello)\r\n",
    }
    with (
        loopback(answers | {b"EXAMINE": b"* 3 EXISTS\r\n* OK [UIDVALIDITY 1] ok\r\n"}) as server,
        open_session(Server("127.0.0.1", server.port, Security.NONE), Login("alice", "secret"), timeout=2) as session,
    ):
        session.select("[Gmail]/All Mail")
        fetched = list(session.fetch([1, 2, 3]))
    assert fetched == [
        FetchedMessage(1, None, truncated=False),
        FetchedMessage(2, b"Hello", truncated=False),
        FetchedMessage(3, b"Hello", truncated=False),
    ]


def test_a_name_that_could_end_a_command_is_passed_over():
    literal = b'* LIST () "/" {8}\r\nevil\r\nX1\r\n* LIST () "/" INBOX\r\n'
    assert listed_by({b"LIST": literal}) == {"evil\r\nX1": "its name holds a line break", "INBOX": None}


def select(server: Server, username: str, password: str, folder: str) -> None:
    with open_session(server, Login(username, password), timeout=2) as session:
        session.select(folder)


@pytest.mark.parametrize("text", INJECTED)
@pytest.mark.parametrize("place", ["host", "username", "password", "folder"])
def test_no_argument_can_carry_a_second_command(text, place):
    with loopback({}) as server:
        values = {"host": "127.0.0.1", "username": "alice", "password": "secret", "folder": "INBOX"}
        values[place] += text
        here = Server(values["host"], server.port, Security.NONE)
        with pytest.raises(GuardError, match="holds a line break or a NUL") as caught:
            select(here, values["username"], values["password"], values["folder"])
    assert "secret" not in str(caught.value)
    assert not [line for line in server.lines if b"X1" in line or b"\x00" in line or b"EXAMINE" in line]


def test_the_loopback_server_would_see_a_second_command():
    with loopback({}) as server, IMAPClient("127.0.0.1", server.port, ssl=False, timeout=2) as client:
        client.search(["HEADER", "Message-ID", "x" + INJECTED[0]])
    assert [line for line in server.lines if line.startswith(b"X1 DELETE INBOX")]


@pytest.mark.parametrize(
    ("server", "username", "password"),
    [
        (Server("", 993, Security.TLS), "alice", "secret"),
        (Server("localhost", 0, Security.TLS), "alice", "secret"),
        (Server("localhost", 65536, Security.TLS), "alice", "secret"),
        (Server("localhost", 993, Security.TLS), "", "secret"),
        (Server("localhost", 993, Security.TLS), "alice", ""),
    ],
)
def test_what_is_missing_is_asked_for(server, username, password):
    error = refusal(server, username, password)
    assert isinstance(error, GuardError)
    assert "give one" in str(error)


def test_a_folder_that_does_not_exist(session):
    with pytest.raises(FolderFailed, match="the folder Nowhere"):
        session.select("Nowhere")
    assert session.select("INBOX").messages == 0
    assert session.uids() == []


def test_after_an_error_the_session_is_still_good_for_other_folders(dovecot, session, alice):
    dovecot.append(alice, "INBOX", MAIL)
    with pytest.raises(FolderFailed):
        session.select("Nowhere")
    assert read_all(session, "INBOX") == [MAIL]


BUSY = [
    *(
        (b"LOGIN", code)
        for code in ("INUSE", "LIMIT", "OVERQUOTA", "SERVERBUG", "THROTTLED", "UNAVAILABLE", "throttled")
    ),
    *(
        (command, code)
        for command in (b"LIST", b"EXAMINE", b"UID FETCH")
        for code in ("LIMIT", "OVERQUOTA", "THROTTLED")
    ),
]


@pytest.mark.parametrize(("command", "code"), BUSY)
def test_a_server_that_is_busy_is_not_one_that_refuses(command, code):
    answers = ONE_MESSAGE | {command: f"NO [{code}] alice, wait".encode()}
    with loopback(answers) as server, pytest.raises(Throttled, match=f"{code.upper()}.*: wait") as caught:
        read_account(Server("127.0.0.1", server.port, Security.NONE), "alice")
    assert "alice" not in str(caught.value)


@pytest.mark.parametrize(
    "says", ["[SERVERBUG] damaged", "[UNAVAILABLE] later", "[INUSE] locked", "there is no x[LIMIT]"]
)
@pytest.mark.parametrize("command", [b"EXAMINE", b"UID FETCH"])
def test_what_is_wrong_with_a_folder_is_not_said_of_the_server(command, says):
    answers = ONE_MESSAGE | {command: f"NO {says}".encode()}
    with loopback(answers) as server, pytest.raises(FolderFailed):
        read_account(Server("127.0.0.1", server.port, Security.NONE), "alice")


def test_a_message_without_text_that_is_there_is_not_called_gone():
    answers = ONE_MESSAGE | {
        b"UID FETCH 1 (BODY": b"* 1 FETCH (UID 1 BODY[] NIL FLAGS ())\r\n",
        b"UID FETCH 1 (FLAGS": b"* 1 FETCH (UID 1 FLAGS ())\r\n",
    }
    with loopback(answers) as server, pytest.raises(FolderFailed, match="no text of message 1, which is there"):
        read_account(Server("127.0.0.1", server.port, Security.NONE), "alice")


def test_a_server_that_does_not_say_which_uid_is_next_says_too_little():
    answers = {b"STATUS": b'* STATUS "INBOX" (MESSAGES 1 UIDVALIDITY 1)\r\n'}
    with (
        loopback(answers) as server,
        open_session(Server("127.0.0.1", server.port, Security.NONE), Login("alice", "secret"), timeout=2) as session,
    ):
        assert session.figures("INBOX") is None


@pytest.mark.parametrize(
    ("greeting", "kind"),
    [
        (b"* BYE [UNAVAILABLE] too many connections\r\n", Throttled),
        (b"* BYE go away\r\n", ConnectionFailed),
        (b"* NO what is this\r\n", ConnectionFailed),
    ],
)
def test_a_greeting_that_sends_us_away_says_why(greeting, kind):
    with loopback({b"greeting": greeting}) as server:
        error = refusal(Server("127.0.0.1", server.port, Security.NONE), "alice", "secret")
    assert type(error) is kind


@pytest.mark.parametrize("code", ["AUTHENTICATIONFAILED", "EXPIRED", "PRIVACYREQUIRED"])
def test_other_codes_refuse_the_login(code):
    with loopback({b"LOGIN": f"NO [{code}] no".encode()}) as server:
        error = refusal(Server("127.0.0.1", server.port, Security.NONE), "alice", "secret")
    assert error.trouble is Trouble.AUTHENTICATION
