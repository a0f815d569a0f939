"""Which folders are read, by choice: mail of one that is left out is in no view, and comes back with its copies."""

from contextlib import AbstractContextManager
from typing import Any

import pytest

from postroom.actions.audit import read_audit
from postroom.actions.errors import InvalidInput, NotFound
from postroom.actions.mailbox_folders import FolderChoices, choose_folders, list_folders
from postroom.actions.sync import sync_mailbox
from postroom.core.model import FolderState
from postroom.mail.imap import Session, open_session
from tests.sync.accounts import LEAD, Account
from tests.team import NOW, OPERATOR

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def choose(account: Account, **choices: tuple[str, ...]) -> None:
    choose_folders(account.team.database, account.address, FolderChoices(**choices), by=OPERATOR, now=NOW)


def test_a_folder_that_is_left_out_is_in_no_view_until_it_is_read_again(account: Account) -> None:
    for _ in range(12):  # as many as would be doubted if they were missing
        account.put("Offers")
    account.sync()
    before = [copy.id for copy in account.stored()]
    choose(account, leave=("Offers",))
    report = account.sync()["Offers"]
    assert (report.gone, report.skipped, report.doubted) == (12, "left out by choice", None)
    assert account.team.shares("Bob", "Leads", LEAD) == []
    account.put("Offers")
    assert account.sync()["Offers"].stored == 0
    choose(account, by_use=("Offers",))
    assert account.sync()["Offers"].stored == 1
    assert [copy.id for copy in account.stored()][:-1] == before
    assert account.mail_on_lead() == 13


def test_one_that_would_not_be_read_is_by_choice(account: Account) -> None:
    account.put("Spam")
    assert account.sync()["Spam"].skipped == "\\Junk"
    choose(account, read=("Spam",))
    assert account.sync()["Spam"].stored == 1
    choose(account, by_use=("Spam",))
    assert account.sync()["Spam"].gone == 1
    assert [folder.name for folder in list_folders(account.team.database, account.address, by=OPERATOR)] == [
        "INBOX",
        "Sent",
    ]


@pytest.mark.parametrize("mail_server", ["cyrus"], indirect=True)
def test_a_folder_of_another_user_is_read_by_choice_alone(account: Account) -> None:
    """Charlie lets Alice read a folder of his: it is not her mail that she would share."""
    charlie = Account(account.team, account.server, "Charlie")
    charlie.put("Offers")
    his, her = (each.address.partition("@")[0] for each in (charlie, account))  # names in the server's own domain
    with charlie.client() as client:
        client.setacl(charlie.named("Offers"), her, "lrs")
    name = f"user/{his}/Offers"
    assert account.sync()[name].skipped == "it is not the user's own"
    assert account.there() == set()
    choose(account, read=(name.replace("/", "."),))
    assert account.sync()[name].stored == 1


def test_a_choice_holds_for_a_folder_that_is_not_there_yet(account: Account) -> None:
    choose(account, leave=("Later",))
    account.sync()
    account.put("Later")
    assert account.sync()["Later"].skipped == "left out by choice"
    later = account.folder("Later")
    assert (later.state, later.is_read) == (FolderState.NEW, False)


def test_one_that_is_made_during_a_pass_is_not_undone_by_it(account: Account) -> None:
    account.put("INBOX")
    account.put("Offers")
    account.sync(lambda *_: choose(account, leave=(account.named("Offers"),)))
    assert account.folder("Offers").is_read is False
    assert account.sync()["Offers"].skipped == "left out by choice"


def test_one_that_is_made_before_a_pass_comes_to_its_folder_holds_for_that_pass(account: Account) -> None:
    for folder in ("INBOX", "Offers"):
        account.put(folder)

    def connect(*to: Any) -> AbstractContextManager[Session]:
        choose(account, read=("INBOX",), leave=("Offers",))
        return open_session(*to)

    report = sync_mailbox(account.team.database, account.team.box, account.mailbox_id, NOW, connect=connect)
    skipped = {folder.name: folder.skipped for folder in report.folders}
    assert (skipped["INBOX"], skipped["Offers"]) == (None, "left out by choice")
    assert {folder for folder, _ in account.there()} == {"INBOX"}
    assert (account.folder("INBOX").is_read, account.folder("Offers").is_read) == (True, False)


def test_one_about_a_folder_that_goes_meanwhile_is_kept(account: Account) -> None:
    account.put("Offers")
    account.sync()
    with account.client() as client:
        client.delete_folder(account.named("Offers"))
    account.put("INBOX")
    account.sync(lambda *_: choose(account, leave=(account.named("Offers"),)))
    offers = account.folder("Offers")
    assert (offers.state, offers.is_read) == (FolderState.NEW, False)


def test_it_survives_a_change_of_uidvalidity(account: Account) -> None:
    account.put("Spam")
    choose(account, read=("Spam",))
    account.sync()
    with account.client() as client:
        client.delete_folder("Spam")
    account.put("Spam")
    account.sync()
    assert account.folder("Spam").is_read is True


def test_it_is_the_users_or_an_administrators_and_written_down(account: Account) -> None:
    team, choices = account.team, FolderChoices(leave=("Offers",))
    with pytest.raises(NotFound, match="there is no connected mailbox"):
        choose_folders(team.database, account.address, choices, by=team.actor("Bob"), now=NOW)
    choose_folders(team.database, account.address, choices, by=team.actor("Alice"), now=NOW)
    newest = read_audit(team.database, by=OPERATOR, limit=1).entries[0]
    assert (newest.change, newest.after) == ("mailbox", {"folders": {"Offers": "left out"}})


@pytest.mark.parametrize(
    "choices",
    [{"read": ("a\r\nb",)}, {"read": ("",)}, {"leave": ("x" * 501,)}, {"read": ("a",), "leave": ("a",)}],
)
def test_what_is_no_name_is_refused(account: Account, choices: dict[str, tuple[str, ...]]) -> None:
    with pytest.raises(InvalidInput, match="folder: "):
        choose(account, **choices)


def test_a_mailbox_that_is_not_there(account: Account) -> None:
    with pytest.raises(NotFound):
        list_folders(account.team.database, "zoe@team.example", by=OPERATOR)
