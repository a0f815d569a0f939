"""Dead letters follow the server: what is not there any more is no letter either, and comes back into no view."""

import uuid
from pathlib import Path

import pytest

from postroom.actions.dead_letters import list_dead_letters, replay_dead_letters
from postroom.actions.import_mail import Destination, import_mail
from postroom.actions.mailboxes import disconnect_mailbox
from postroom.core.model import FolderState
from tests.storage.poison import POISON, refusing_poison
from tests.sync.accounts import CUSTOMER, Account
from tests.team import NOW, OPERATOR, message

pytestmark = pytest.mark.parametrize(
    ("database_url", "mail_server"),
    [("sqlite", "dovecot"), ("postgresql", "dovecot"), ("sqlite", "cyrus")],
    indirect=True,
)


def poison(address: str) -> bytes:
    raw = message(CUSTOMER, [address], f"<{uuid.uuid4()}@x>")
    return raw.replace(b"Subject: Offer", f"Subject: {POISON}".encode())


def letters(account: Account) -> list[str]:
    """Give the folders of the letters."""
    listed = list_dead_letters(account.team.database, by=OPERATOR, limit=9)
    return [account.server.plain(each.letter.folder) for each in listed]


def replay(account: Account) -> int:
    return replay_dead_letters(account.team.database, by=OPERATOR, now=NOW).stored


@pytest.fixture
def dead(account: Account) -> int:
    """Give the UID of a message that is a letter, in a folder with one that is stored."""
    uid = account.server.append(account.address, "Offers", poison(account.address))
    account.put("Offers")
    with refusing_poison(account.team.database):
        account.sync()
    assert (letters(account), account.mail_on_lead()) == (["Offers"], 1)
    return uid


def make_anew(account: Account, name: str) -> None:
    """Delete the folder, and put its messages into a new one."""
    folder, target = account.named("Offers"), account.named(name)
    with account.client() as client:
        client.select_folder(folder)
        uids = client.search()
        raws = [client.fetch([uid], ["BODY.PEEK[]"])[uid][b"BODY[]"] for uid in uids]
        client.select_folder("INBOX")
        client.delete_folder(folder)
        client.create_folder(target)
        for raw in reversed(raws):
            client.append(target, raw)


def test_of_what_is_expunged_there_is_no_letter(account: Account, dead: int) -> None:
    account.expunge("Offers", [dead])
    account.sync()
    account.sync()
    assert (letters(account), replay(account), account.mail_on_lead()) == ([], 0, 1)
    assert account.folder("Offers").state == FolderState.FOLLOWING


def test_what_is_expunged_and_replayed_is_in_no_view_after_the_next_pass(account: Account, dead: int) -> None:
    account.expunge("Offers", [dead])
    assert (replay(account), letters(account)) == (1, [])
    account.sync()
    assert account.mail_on_lead() == 1


@pytest.mark.usefixtures("dead")
def test_what_is_there_and_replayed_stays(account: Account) -> None:
    assert replay(account) == 1
    for _ in range(2):
        account.sync()
        assert (len(account.there()), account.mail_on_lead()) == (2, 2)


@pytest.mark.usefixtures("dead")
@pytest.mark.parametrize("name", ["Offers", "Sold"], ids=["UIDVALIDITY", "name"])
@pytest.mark.parametrize("is_replayed_first", [True, False])
def test_a_folder_that_is_another_now_brings_one_copy(account: Account, name: str, *, is_replayed_first: bool) -> None:
    make_anew(account, name)
    assert not is_replayed_first or replay(account) == 1
    for _ in range(2):
        account.sync()
        assert (letters(account), replay(account)) == ([], 0)
        assert (len(account.there()), account.mail_on_lead()) == (2, 2)


def test_what_is_moved_is_one_letter_and_one_copy(account: Account, dead: int) -> None:
    account.move([dead], "Offers", "Sold")
    with refusing_poison(account.team.database):
        account.sync()
    assert "Sold" in letters(account)
    replay(account)
    account.sync()
    assert (letters(account), len(account.there()), account.mail_on_lead()) == ([], 2, 2)


@pytest.mark.usefixtures("dead")
@pytest.mark.parametrize("is_replayed_first", [True, False])
def test_a_folder_that_is_not_there_any_more_has_no_letters(account: Account, *, is_replayed_first: bool) -> None:
    with account.client() as client:
        client.delete_folder(account.named("Offers"))
    assert not is_replayed_first or replay(account) == 1
    account.sync()
    assert (letters(account), replay(account), account.mail_on_lead()) == ([], 0, 0)


@pytest.mark.usefixtures("dead")
def test_a_letter_of_a_folder_that_nobody_knows_any_more_is_in_view_for_one_pass(account: Account) -> None:
    """So it is with those that were kept before folders took their letters along."""
    with account.team.database.write() as connection:
        connection.exec_driver_sql("UPDATE dead_letters SET folder = 'Once'")
    assert replay(account) == 1
    account.expunge("Offers", [1])
    account.sync()
    assert account.mail_on_lead() == 1


def test_letters_of_archives_and_of_what_is_disconnected_stay(account: Account, dead: int, tmp_path: Path) -> None:
    (tmp_path / "1.eml").write_bytes(poison(account.address))
    with refusing_poison(account.team.database):
        import_mail(account.team.database, tmp_path, Destination(mailbox=account.address), id, now=NOW)
    account.expunge("Offers", [dead])
    account.sync()
    account.sync()
    (folder,) = letters(account)
    assert folder != "Offers"
    disconnect_mailbox(account.team.database, account.address, by=OPERATOR, now=NOW)
    assert (letters(account), replay(account)) == ([folder], 1)
