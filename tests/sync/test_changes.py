"""What happens on the server happens here: mail moves, goes, comes back, is flagged; folders are renamed and made anew.

A copy that only moved keeps its id, its records and what was filed by hand.
"""

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest

from postroom.actions.grace_period import GRACE_SECONDS
from postroom.actions.mailbox_pass import DOUBT_SECONDS, DOUBTED_FROM
from postroom.actions.sync_imap import MOST_RESETS, RECONCILE_SECONDS
from postroom.core.model import FolderState
from postroom.storage.associations import associate_by_hand
from tests.servers.dovecot import Dovecot
from tests.servers.fault_proxy import SAYS_WHAT_IT_CAN, Fault, FaultProxy, fault_proxy, replace
from tests.sync.accounts import CUSTOMER, LEAD, Account
from tests.team import NOW, Team, message

MANY = DOUBTED_FROM + 2
on_each_server = pytest.mark.parametrize(
    ("database_url", "mail_server"),
    [("sqlite", "dovecot"), ("postgresql", "dovecot"), ("sqlite", "cyrus")],
    indirect=True,
)


def file_by_hand(account: Account, copy_id: int) -> int:
    """Associate a copy by hand with a record that knows nothing of it; give the record's id."""
    record_id = account.team.record("Leads", "Bob")
    with account.team.database.write() as connection:
        associate_by_hand(connection, record_id, [copy_id])
    return record_id


def make_anew(account: Account, folder: str, meanwhile: Callable[[], object] = lambda: None) -> None:
    """Make a folder anew with the same messages, as a server does that was restored or moved."""
    folder = account.named(folder)
    with account.client() as client:
        client.select_folder(folder)
        uids = client.search()
        raws = [client.fetch([uid], ["BODY.PEEK[]"])[uid][b"BODY[]"] for uid in uids]
        client.select_folder("INBOX")
        client.delete_folder(folder)
        meanwhile()
        client.create_folder(folder)
        for raw in raws[1:] + raws[:1]:
            client.append(folder, raw)


@on_each_server
class TestMoves:
    @pytest.mark.parametrize("target", ["Archive", "Zoo"])
    def test_a_message_that_moves_is_the_same_copy(self, account: Account, target: str) -> None:
        """The name of a folder comes before the other's or after it."""
        uid = account.put("INBOX")
        account.sync()
        (before,) = account.stored()
        by_hand_on = file_by_hand(account, before.id)
        account.move([uid], "INBOX", target)
        report = account.sync()
        (after,) = account.stored()
        assert (report[target].moved, report[target].stored, report["INBOX"].gone) == (1, 0, 0)
        assert (after.id, after.folder, after.gone_at) == (before.id, target, None)
        assert account.team.shares("Bob", "Leads", by_hand_on) == account.team.shares("Bob", "Leads", LEAD) == ["Alice"]

    def test_into_a_folder_that_is_not_read_it_is_gone_and_out_of_it_the_same_copy_again(
        self, account: Account
    ) -> None:
        uid = account.put("INBOX")
        account.sync()
        (before,) = account.stored()
        by_hand_on = file_by_hand(account, before.id)
        account.move([uid], "INBOX", "Trash")
        assert account.sync()["INBOX"].gone == 1
        assert account.team.shares("Bob", "Leads", LEAD) == account.team.shares("Bob", "Leads", by_hand_on) == []
        account.move([1], "Trash", "INBOX")
        assert account.sync()["INBOX"].moved == 1
        (after,) = account.stored()
        assert (after.id, after.gone_at) == (before.id, None)
        assert account.team.shares("Bob", "Leads", by_hand_on) == account.team.shares("Bob", "Leads", LEAD) == ["Alice"]

    def test_a_message_that_is_copied_is_two_copies_and_one_that_is_left_has_what_was_filed(
        self, account: Account
    ) -> None:
        uid = account.put("INBOX")
        account.sync()
        by_hand_on = file_by_hand(account, account.stored()[0].id)
        with account.client() as client:
            client.select_folder("INBOX")
            client.copy([uid], account.named("Sent"))
        account.sync()
        assert account.there() == {("INBOX", "1"), ("Sent", "1")}
        account.expunge("INBOX", [uid])
        account.sync()
        assert account.there() == {("Sent", "1")}
        assert account.team.shares("Bob", "Leads", by_hand_on) == ["Alice"]

    @pytest.mark.parametrize("other", ["Archive", "Zoo"])
    def test_one_that_is_in_two_folders_instead_of_one_is_two_copies(self, account: Account, other: str) -> None:
        uids = [account.put("Customers"), account.put("Customers")]
        account.sync()
        with account.client() as client:
            client.create_folder(account.named(other))
            client.select_folder(account.named("Customers"))
            client.copy(uids, account.named(other))
        account.move(uids, "Customers", "Customers")  # and they get other UIDs
        account.sync()
        assert [folder for folder, _ in sorted(account.there())] == sorted([other] * 2 + ["Customers"] * 2)

    def test_a_folder_that_is_renamed_keeps_its_copies(self, account: Account) -> None:
        for _ in range(MANY):
            account.put("Offers")
        account.sync()
        before = [copy.id for copy in account.stored()]
        with account.client() as client:
            client.rename_folder(account.named("Offers"), account.named("Sold"))
        report = account.sync()
        assert (report["Sold"].moved, report["Offers"].gone) == (MANY, 0)
        assert {(copy.id, copy.folder) for copy in account.stored()} == {(copy_id, "Sold") for copy_id in before}
        assert "Offers" not in account.sync()


@on_each_server
class TestGone:
    def test_what_is_expunged_is_in_no_view_at_once(self, account: Account) -> None:
        first, second = account.put("INBOX"), account.put("INBOX")
        account.sync()
        account.expunge("INBOX", [first])
        assert account.sync()["INBOX"].gone == 1
        assert account.mail_on_lead() == 1
        account.expunge("INBOX", [second])
        account.sync()
        assert account.mail_on_lead() == 0
        assert account.team.shares("Bob", "Leads", LEAD) == []

    def test_it_is_deleted_for_good_after_the_grace_period(self, account: Account) -> None:
        uid = account.put("INBOX")
        account.sync()
        file_by_hand(account, account.stored()[0].id)
        account.expunge("INBOX", [uid])
        account.sync(after=1)
        assert account.pass_over(after=GRACE_SECONDS).purged == 0
        assert len(account.stored()) == 1
        assert account.pass_over(after=GRACE_SECONDS + 1).purged == 1
        assert account.stored() == []

    def test_a_record_that_gets_the_address_later_does_not_get_what_is_gone(self, account: Account) -> None:
        uid = account.put("INBOX")
        account.sync()
        account.expunge("INBOX", [uid])
        account.sync()
        later = account.team.record("Leads", "Bob", "lead@customer.example")
        assert account.team.shares("Bob", "Leads", later) == []

    def test_a_folder_that_is_deleted_takes_its_few_messages_with_it(self, account: Account) -> None:
        account.put("Offers")
        account.sync()
        with account.client() as client:
            client.delete_folder(account.named("Offers"))
        assert account.sync()["Offers"].gone == 1
        assert account.there() == set()


@on_each_server
class TestDoubt:
    def test_a_folder_that_suddenly_lists_nothing_is_believed_after_an_hour(self, account: Account) -> None:
        uids = [account.put("INBOX") for _ in range(MANY)]
        account.sync()
        account.expunge("INBOX", uids)
        report = account.sync(after=1)["INBOX"]
        assert (report.gone, report.doubted) == (
            0,
            f"it lists nothing, and {MANY} messages were there: believed in an hour",
        )
        assert account.folder("INBOX").state == FolderState.DOUBTED
        assert account.mail_on_lead() == MANY
        assert account.sync(after=DOUBT_SECONDS)["INBOX"].doubted
        assert account.sync(after=DOUBT_SECONDS + 1)["INBOX"].gone == MANY
        assert account.folder("INBOX").state == FolderState.FOLLOWING
        assert account.mail_on_lead() == 0

    def test_one_that_is_deleted_is_doubted_too(self, account: Account) -> None:
        for _ in range(MANY):
            account.put("Offers")
        account.sync()
        with account.client() as client:
            client.delete_folder(account.named("Offers"))
        report = account.sync(after=1)["Offers"]
        assert (report.gone, report.doubted is not None) == (0, True)
        assert account.mail_on_lead() == MANY
        assert account.sync(after=DOUBT_SECONDS)["Offers"].doubted
        assert account.sync(after=DOUBT_SECONDS + 1)["Offers"].gone == MANY
        assert account.mail_on_lead() == 0

    def test_one_that_comes_back_within_the_hour_has_lost_nothing(self, account: Account) -> None:
        for _ in range(MANY):
            account.put("Offers")
        account.sync()
        before = account.stored()
        by_hand_on = file_by_hand(account, before[0].id)
        make_anew(account, "Offers", meanwhile=account.sync)
        report = account.sync()["Offers"]
        assert (report.moved, report.stored, report.gone, report.doubted) == (MANY, 0, 0, None)
        assert [copy.id for copy in account.stored()] == [copy.id for copy in before]
        assert account.team.shares("Bob", "Leads", by_hand_on) == ["Alice"]

    def test_one_that_is_emptied_into_another_is_not(self, account: Account) -> None:
        uids = [account.put("INBOX") for _ in range(MANY)]
        account.sync()
        account.move(uids, "INBOX", "Archive")
        report = account.sync()
        assert (report["Archive"].moved, report["INBOX"].doubted) == (MANY, None)
        assert account.folder("INBOX").state == FolderState.FOLLOWING

    def test_one_that_lists_mail_again_is_followed_again(self, account: Account) -> None:
        uids = [account.put("INBOX") for _ in range(MANY)]
        account.sync()
        account.expunge("INBOX", uids)
        account.sync()
        account.put("INBOX")
        report = account.sync()["INBOX"]
        assert (report.stored, report.gone, report.doubted) == (1, MANY, None)
        assert account.folder("INBOX").doubted_since is None


@on_each_server
class TestFlags:
    def test_they_follow(self, account: Account) -> None:
        uid = account.put("INBOX")
        account.put("INBOX")
        account.sync()
        with account.client() as client:
            client.select_folder("INBOX")
            client.add_flags([uid], ["\\Seen", "$Important"])
        account.sync()
        assert [copy.flags for copy in account.stored()] == ["", "$Important \\Seen"]
        with account.client() as client:
            client.select_folder("INBOX")
            client.remove_flags([uid], ["\\Seen"])
        account.put("INBOX")
        account.sync()
        assert [copy.flags for copy in account.stored()] == ["", "$Important", ""]


class TestVanished:
    """A server with QRESYNC (RFC 7162) says which messages are gone, so that not all of them are listed."""

    @pytest.fixture
    def proxy(self, dovecot: Dovecot) -> Iterator[FaultProxy]:
        with fault_proxy(dovecot.imap_port) as proxy:
            yield proxy

    @pytest.fixture
    def account(self, team: Team, dovecot: Dovecot, proxy: FaultProxy) -> Account:
        return Account(team, dovecot, port=proxy.port)

    def assert_nothing_is_listed_after(self, proxy: FaultProxy, first: int) -> None:
        """Only the first pass lists everything, in so many folders."""
        assert len([line for line in proxy.lines if re.search(rb"UID SEARCH [\d:]+\r", line)]) == first

    def test_what_is_gone_is_named(self, account: Account, proxy: FaultProxy) -> None:
        for _ in range(3):
            account.put("INBOX")
        account.sync(since=0)
        account.expunge("INBOX", [1])
        account.put("INBOX")
        with account.client() as client:
            client.select_folder("INBOX")
            client.add_flags([2], ["\\Seen"])
        report = account.sync()["INBOX"]
        assert (report.gone, report.stored, report.known) == (1, 1, 2)
        assert [(copy.uid, copy.flags) for copy in account.stored() if copy.gone_at is None] == [
            ("3", ""),
            ("2", "\\Seen"),
            ("4", ""),
        ]
        self.assert_nothing_is_listed_after(proxy, 1)

    def test_what_moved_is_the_same_copy(self, account: Account, proxy: FaultProxy) -> None:
        account.put("Sent")
        account.put("INBOX")
        account.sync(since=0)
        before = {copy.id for copy in account.stored()}
        account.move([1], "INBOX", "Sent")
        assert account.sync()["Sent"].moved == 1
        assert account.there() == {("Sent", "1"), ("Sent", "2")}
        assert {copy.id for copy in account.stored()} == before
        self.assert_nothing_is_listed_after(proxy, 2)

    def test_a_server_that_does_not_say_it_is_asked_for_everything(self, account: Account, proxy: FaultProxy) -> None:
        proxy.fault = Fault(SAYS_WHAT_IT_CAN, replace(rb" QRESYNC", b""))
        for _ in range(2):
            account.put("INBOX")
        account.sync(since=0)
        account.expunge("INBOX", [1])
        assert account.sync()["INBOX"].gone == 1
        assert account.there() == {("INBOX", "2")}
        self.assert_nothing_is_listed_after(proxy, 2)

    def test_old_mail_that_was_never_stored_may_go(self, account: Account, proxy: FaultProxy) -> None:
        put_old(account, {1: 500, 2: 100})
        account.sync()
        account.expunge("INBOX", [1])
        assert account.sync()["INBOX"].gone == 0
        assert account.there() == {("INBOX", "2")}
        self.assert_nothing_is_listed_after(proxy, 1)


@on_each_server
class TestUidvalidity:
    def test_a_change_deletes_no_copy_and_makes_none(self, account: Account) -> None:
        for _ in range(MANY):
            account.put("Offers")
        account.sync()
        before = account.stored()
        by_hand_on = file_by_hand(account, before[0].id)
        make_anew(account, "Offers")
        report = account.sync()["Offers"]
        after = account.stored()
        assert (report.moved, report.stored, report.gone) == (MANY, 0, 0)
        assert [copy.id for copy in after] == [copy.id for copy in before]
        assert {copy.uidvalidity for copy in after}.isdisjoint(copy.uidvalidity for copy in before)
        assert account.team.shares("Bob", "Leads", by_hand_on) == ["Alice"]
        assert (account.folder("Offers").state, account.folder("Offers").resets) == (FolderState.FOLLOWING, 1)

    def test_one_that_changes_again_and_again_is_not_read_anew_each_time(self, account: Account) -> None:
        account.put("Offers")
        account.sync()

        def interrupt(*_: object) -> None:
            raise InterruptedError

        for _ in range(MOST_RESETS):
            make_anew(account, "Offers")
            with pytest.raises(InterruptedError):
                account.sync(interrupt)
        make_anew(account, "Offers")
        assert "changes again and again" in str(account.sync()["Offers"].failed)
        assert account.sync()["Offers"].failed is None
        assert account.folder("Offers").resets == 0  # it stayed


@on_each_server
class TestReconciliation:
    def test_as_many_messages_go_as_came_before_a_pass_broke_off(self, account: Account) -> None:
        for _ in range(2):
            account.put("INBOX")
        account.sync()
        account.put("INBOX")

        def break_off(*_: object) -> None:
            raise InterruptedError

        with pytest.raises(InterruptedError):
            account.sync(break_off)
        account.expunge("INBOX", [1])
        assert account.sync()["INBOX"].gone == 1
        assert account.there() == {("INBOX", "2"), ("INBOX", "3")}

    def test_what_was_lost_here_is_found_when_everything_is_compared(self, account: Account) -> None:
        for _ in range(3):
            account.put("INBOX")
        account.sync()
        with account.team.database.write() as connection:
            connection.exec_driver_sql("UPDATE copies SET folder = 'Elsewhere' WHERE uid = '2'")
        assert account.sync(after=1)["INBOX"].stored == 0
        assert account.sync(after=RECONCILE_SECONDS)["INBOX"].stored == 1
        assert account.folder("INBOX").reconciled_at is not None

    def test_a_folder_that_was_read_has_a_watermark_and_agrees(self, account: Account) -> None:
        account.put("INBOX")
        account.put("INBOX")
        account.sync()
        folder = account.folder("INBOX")
        assert (folder.state, folder.watermark, folder.messages, folder.error) == (FolderState.FOLLOWING, 2, 2, None)


@on_each_server
class TestHistory:
    def test_mail_is_stored_since_a_year_newest_first_and_older_mail_when_it_is_asked_for(
        self, account: Account
    ) -> None:
        ages = {1: 500, 2: 100, 3: 10}  # days by UID
        put_old(account, ages)
        account.sync()
        assert account.there() == {("INBOX", "2"), ("INBOX", "3")}
        assert [copy.uid for copy in account.stored()] == ["3", "2"]
        account.put("INBOX")
        assert account.sync()["INBOX"].stored == 1
        assert account.sync(since=0)["INBOX"].stored == 1
        assert account.there() == {("INBOX", str(uid)) for uid in (1, 2, 3, 4)}

    def test_a_later_beginning_takes_nothing_away(self, account: Account) -> None:
        put_old(account, {1: 100, 2: 10})
        account.sync(since=0)
        account.sync(since=NOW - 30 * 86400, after=RECONCILE_SECONDS)
        assert account.there() == {("INBOX", "1"), ("INBOX", "2")}


def put_old(account: Account, ages: dict[int, int]) -> None:
    """Put messages into the INBOX that came days ago."""
    with account.client() as client:
        for uid, days in ages.items():
            raw = message(CUSTOMER, [account.address], f"<{uid}@x>")
            client.append("INBOX", raw, msg_time=datetime.fromtimestamp(NOW, UTC) - timedelta(days=days))
