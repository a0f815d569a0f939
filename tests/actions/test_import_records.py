"""Importing records: what is good is kept, what is not is named with its line, and mail finds them at once."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path

import pytest

from postroom.actions.errors import ActionError, InvalidInput, NotFound
from postroom.actions.import_records import RecordsReport, import_records
from postroom.actions.organisation import NewUser, add_module, add_user
from postroom.actions.records import delete_record, restore_record
from postroom.core.model import Record
from postroom.storage.ids import FIRST_ID
from postroom.storage.mail import store_copies
from postroom.storage.organisation import find_module
from postroom.storage.people import find_user
from postroom.storage.records import ids_by_name, records_by_id
from tests.storage.conftest import LONG_ENOUGH_TO_SEE_THAT_IT_WAITS, SECONDS
from tests.storage.test_mail import incoming, source_of
from tests.team import NOW, OPERATOR, Team, email_of, message

HEADER = "Record Id,Last Name,Email,Owner"
BOB = email_of("Bob")
OTHERS = "1,Adams,adams@customer.example,bob@team.example\n3,Clark,clark@customer.example,bob@team.example\n"
on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)  # where the database does not matter


class Crm:
    """A team of Alice and Bob that imports files."""

    def __init__(self, team: Team, file: Path) -> None:
        self.team, self.file = team, file
        self.progress: list[int] = []
        team.user("Alice")
        team.user("Bob")

    def take(
        self,
        content: str | bytes,
        module: str = "Leads",
        owner: str | None = BOB,
        on_progress: Callable[..., None] | None = None,
    ) -> RecordsReport:
        """Import a file with this content."""
        self.file.write_bytes(content.encode() if isinstance(content, str) else content)
        return import_records(
            self.team.database, self.file, module, owner, on_progress or self.progress.append, by=OPERATOR, now=NOW
        )

    def leads(self, *rows: str) -> RecordsReport:
        """Import rows below a header of four columns."""
        return self.take("\n".join([HEADER, *rows]))

    def records(self, *ids: int) -> list[Record]:
        """Give stored records in the order of their ids."""
        with self.team.database.read() as connection:
            return [record for _, record in sorted(records_by_id(connection, ids).items())]

    def named(self, name: str, module: str = "Leads") -> Record:
        """Give the one record of that name."""
        with self.team.database.read() as connection:
            found = find_module(connection, module)
            assert found is not None
            (record_id,) = ids_by_name(connection, found.id, name)
        return self.records(record_id)[0]


@pytest.fixture
def crm(team: Team, tmp_path: Path) -> Crm:
    return Crm(team, tmp_path / "records.csv")


def counts(report: RecordsReport) -> tuple[int, int, int]:
    """Give how many were created, updated and unchanged; nothing was rejected."""
    assert report.rejected == []
    return report.created, report.updated, report.unchanged


def rejected(report: RecordsReport) -> dict[int, str]:
    return {each.row.line: each.reason for each in report.rejected}


@on_sqlite
class TestFile:
    """CSV as spreadsheets and other programs write it."""

    @pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le"])
    def test_in_unicode(self, crm: Crm, encoding: str) -> None:
        mark = "\ufeff" if encoding == "utf-16-le" else ""
        assert counts(crm.take(f"{mark}Last Name,Email\nGröße 李,g@customer.example\n".encode(encoding))) == (1, 0, 0)
        assert crm.named("Größe 李").addresses == {"g@customer.example"}

    @pytest.mark.parametrize("line_break", ["\n", "\r\n", "\r"])
    def test_with_any_line_breaks_and_empty_lines(self, crm: Crm, line_break: str) -> None:
        content = line_break.join([HEADER, "", "1,Adams,nobody,", "", "", "2,Brown,,", ""])
        report = crm.take(content)
        assert report.created == 1
        assert rejected(report) == {3: "Email: 'nobody' is not an e-mail address"}

    def test_with_quotes_and_values_of_several_lines(self, crm: Crm) -> None:
        report = crm.leads('1,"Adams, ""the"" great\r\nof Vienna",a@customer.example,', "2,Brown,nobody,")
        assert crm.named('Adams, "the" great\r\nof Vienna').id == 1
        assert list(rejected(report)) == [4]

    def test_values_lose_surrounding_space_and_empty_ones_are_no_fields(self, crm: Crm) -> None:
        crm.take("Last Name,Email, Company ,City\n Adams ,  a@customer.example,, \n")
        assert crm.named("Adams").fields == '{"Email": "a@customer.example", "Last Name": "Adams"}'

    @pytest.mark.parametrize(
        ("content", "sentence"),
        [
            ("", "the first line is to name the fields"),
            (" , ,\n1,2,3\n", "the first line is to name the fields"),
            ("Email,Name,email\n", "the header names 'email' more than once"),
            ("E-mail,Name,e mail\n", "the header names 'e_mail' more than once"),
            ("Email,,Name\n", "the header names '' more than once, or not at all"),
            ('Email,"Name', "not CSV up to line 1"),
            ("Größe,Email\n".encode("latin-1"), "the names of the fields in the first line are not UTF-8"),
            ("Name,Email".encode("utf-16")[:-1], "it is not UTF-16"),
        ],
    )
    def test_without_a_header_it_is_none(self, crm: Crm, content: str | bytes, sentence: str) -> None:
        with pytest.raises(InvalidInput, match=sentence):
            crm.take(content)

    @pytest.mark.parametrize(
        ("module", "owner", "refusal", "sentence"),
        [
            ("Nonsense", BOB, NotFound, "there is no module 'Nonsense'"),
            ("Leads", "zoe@team.example", NotFound, "there is no user zoe@team.example"),
            ("Leads", "zoe", InvalidInput, "'zoe' is not an e-mail address"),
            ("Leads", None, InvalidInput, "say whose the records are with --owner"),
        ],
    )
    def test_as_a_whole_it_needs_a_module_and_owners(
        self, crm: Crm, module: str, owner: str | None, refusal: type[ActionError], sentence: str
    ) -> None:
        with pytest.raises(refusal, match=sentence):
            crm.take("Last Name\nAdams\n", module, owner)

    def test_a_folder_is_none(self, crm: Crm) -> None:
        with pytest.raises(InvalidInput, match="cannot be read: Is a directory"):
            import_records(crm.team.database, crm.file.parent, "Leads", BOB, print, by=OPERATOR, now=NOW)


@on_sqlite
class TestBadRows:
    """A row that cannot be imported stops no other."""

    @pytest.mark.parametrize(
        ("bad", "reason"),
        [
            ("2,Brown", "2 values where the header has 4 names"),
            ("2,Brown,b@customer.example,bob@team.example,more", "5 values where the header has 4 names"),
            (",,,", "the row is empty"),
            ('" ","  ", ,', "the row is empty"),
            ("2,Bro\x00wn,b@customer.example,", "Last Name: contains a NUL"),
            ('2,"Bro"wn,b@customer.example,', "not CSV up to line 3: ',' expected after '\"'"),
            (f"2,{'x' * 140_000},b@customer.example,", "not CSV up to line 3: field larger than field limit (131072)"),
            ("2,Brown,b@customer@example,", "Email: 'b@customer@example' is not an e-mail address"),
            ("2,Brown,,zoe@team.example", "Owner: there is no user 'zoe@team.example'"),
            ("2,Brown,,Zoe", "Owner: there is no user 'Zoe'"),
            ("2,Brown,,bob", "Owner: there is no user 'bob'"),
            ("2,Brown,,7", "Owner: there is no user '7'"),
        ],
    )
    def test_are_named_with_line_and_reason(self, crm: Crm, bad: str, reason: str) -> None:
        first, last = OTHERS.splitlines()
        report = crm.leads(first, bad, last)
        assert rejected(report) == {3: reason}
        assert report.created == 2

    def test_bytes_that_are_not_utf_8_spoil_their_row_alone(self, crm: Crm) -> None:
        report = crm.take(f"{HEADER}\n2,M".encode() + b"\xfcller,m@customer.example,\n" + OTHERS.encode())
        assert rejected(report) == {2: "Last Name: is not UTF-8"}
        assert report.created == 2
        assert report.rejected[0].row.values[1].encode("utf-8", "surrogateescape") == b"M\xfcller"

    def test_what_is_cut_off_in_utf_16_is_named(self, crm: Crm) -> None:
        report = crm.take(f"{HEADER}\n{OTHERS}4,Davis".encode("utf-16")[:-1])
        assert report.created == 2
        assert rejected(report) == {4: "nothing from here on was read, it is not UTF-16: truncated data"}

    def test_a_quote_that_is_never_closed_swallows_nothing_in_silence(self, crm: Crm) -> None:
        first, last = OTHERS.splitlines()
        report = crm.leads(first, '2,"Brown,b@customer.example,', last)
        assert rejected(report) == {3: "not CSV up to line 4: unexpected end of data"}

    def test_are_listed_in_the_order_of_the_file(self, crm: Crm) -> None:
        crm.leads("1,Adams,,", "3,Clark,,")
        delete_record(crm.team.database, "Leads/3", now=NOW)
        assert list(rejected(crm.leads("2,,nobody,", "3,Clark,,", "4,,nobody,", "1,Adams,,"))) == [2, 3, 4]


class TestIdentity:
    """A row with an id is that record; a row without one is recognised by its content."""

    def test_a_second_import_changes_nothing(self, crm: Crm) -> None:
        content = "1,Adams,adams@customer.example,bob@team.example", ",Brown,brown@customer.example,"
        assert counts(crm.leads(*content)) == (2, 0, 0)
        before = crm.records(1, crm.named("Brown").id)
        assert counts(crm.leads(*reversed(content))) == (0, 0, 2)
        assert crm.records(1, crm.named("Brown").id) == before

    @on_sqlite
    @pytest.mark.parametrize("written", ["3652397000001790004", "zcrm_3652397000001790004", " 3652397000001790004 "])
    def test_an_id_of_another_crm_is_kept(self, crm: Crm, written: str) -> None:
        crm.leads(f"{written},Adams,,")
        assert crm.named("Adams").id == 3652397000001790004

    def test_an_id_that_postroom_gave_means_that_record(self, crm: Crm) -> None:
        crm.leads(",Adams,adams@customer.example,")
        given = crm.named("Adams").id
        assert given >= FIRST_ID
        assert counts(crm.leads(f"{given},Adams-Brown,adams@customer.example,")) == (0, 1, 0)
        assert crm.named("Adams-Brown").id == given

    @on_sqlite
    def test_the_order_of_columns_does_not_matter(self, crm: Crm) -> None:
        assert counts(crm.take("Last Name,City,Email\nAdams,Größe,adams@customer.example\n")) == (1, 0, 0)
        assert counts(crm.take("Email,Last Name,City\nadams@customer.example,Adams,Größe\n")) == (0, 0, 1)
        fields = '{"City": "Größe", "Email": "adams@customer.example", "Last Name": "Adams"}'
        assert crm.named("Adams").fields == fields

    def test_changed_rows_with_an_id_are_updates(self, crm: Crm) -> None:
        crm.leads(*OTHERS.splitlines())
        assert counts(
            crm.leads(
                "1,Adams,new@customer.example,alice@team.example", "3,Clark,clark@customer.example,bob@team.example"
            )
        ) == (0, 1, 1)
        changed, same = crm.records(1, 3)
        assert changed.addresses == {"new@customer.example"}
        assert changed.owner_id != same.owner_id

    @on_sqlite
    def test_changed_rows_without_one_are_other_records(self, crm: Crm) -> None:
        crm.leads(",Adams,adams@customer.example,")
        assert counts(crm.leads(",Adams,other@customer.example,")) == (1, 0, 0)

    @on_sqlite
    @pytest.mark.parametrize(
        "rows",
        [
            ("1,Adams,,", "1,Brown,,"),
            ("1,Adams,,", "zcrm_1,Brown,,"),
            (",Adams,a@customer.example,", ",Adams,a@customer.example,"),
        ],
    )
    def test_a_record_stands_in_a_file_once(self, crm: Crm, rows: tuple[str, ...]) -> None:
        report = crm.leads(*rows)
        assert report.created == 1
        assert rejected(report) == {3: "the same record as on line 2"}
        assert crm.named("Adams")

    @on_sqlite
    @pytest.mark.parametrize("written", ["0", "-1", "007", "1.0", "1e3", "１", "abc", str(2**63)])
    def test_what_is_no_id(self, crm: Crm, written: str) -> None:
        assert rejected(crm.leads(f"{written},Adams,,")) == {2: f"Record Id: {written!r} is not an id"}

    @on_sqlite
    def test_an_id_of_another_modules_record(self, crm: Crm) -> None:
        contact = crm.team.record("Contacts", "Bob", record_id=7)
        assert rejected(crm.leads("7,Adams,,")) == {2: "Record Id: 7 is a record of another module"}
        assert crm.records(contact)[0].name == "Contacts 7"

    @on_sqlite
    @pytest.mark.parametrize("record_id", [FIRST_ID, FIRST_ID + 1000])
    def test_an_id_that_postroom_will_give_one_day(self, crm: Crm, record_id: int) -> None:
        assert rejected(crm.leads(f"{record_id},Adams,,")) == {
            2: f"Record Id: {record_id} is not there yet, and ids from {FIRST_ID} on are given by Postroom"
        }

    @pytest.mark.parametrize("row", ["1,Adams,a@customer.example,", ",Adams,a@customer.example,"])
    def test_a_record_in_the_recycle_bin_stays_there_until_it_is_restored(self, crm: Crm, row: str) -> None:
        crm.leads(row)
        record = crm.named("Adams")
        delete_record(crm.team.database, f"Leads/{record.id}", now=NOW)
        assert rejected(crm.leads(row)) == {2: f"{record.id} is in the recycle bin; restore it first"}
        assert crm.records(record.id)[0].deleted_at == NOW
        restore_record(crm.team.database, f"Leads/{record.id}")
        assert counts(crm.leads(row)) == (0, 0, 1)

    @on_sqlite
    def test_equal_rows_of_two_modules_are_two_records(self, crm: Crm) -> None:
        add_module(crm.team.database, "Machines")
        assert counts(crm.take("Name\nAdams\n", "Machines")) == (1, 0, 0)
        assert counts(crm.take("Name\nAdams\n", "Leads")) == (1, 0, 0)


@on_sqlite
class TestOwnersAndAddresses:
    def test_each_row_may_have_an_owner_and_others_get_the_one_named(self, crm: Crm) -> None:
        crm.leads("1,Adams,,Alice@TEAM.example", "2,Brown,,")
        adams, brown = crm.records(1, 2)
        assert [adams.owner_id, brown.owner_id] == [_id_of(crm, "Alice"), _id_of(crm, "Bob")]

    def test_an_owner_is_named_by_address_id_or_full_name(self, crm: Crm) -> None:
        alice = _id_of(crm, "Alice")
        named = ("alice@team.example", "Alice", str(alice), f"zcrm_{alice}")
        assert counts(crm.leads(*(f"{number},Adams,,{name}" for number, name in enumerate(named, 1)))) == (4, 0, 0)
        assert {record.owner_id for record in crm.records(1, 2, 3, 4)} == {alice}

    def test_a_name_that_two_have_is_nobodys(self, crm: Crm) -> None:
        another = NewUser("alice2@team.example", "Alice")
        add_user(crm.team.database, another, by=OPERATOR, now=NOW)
        assert rejected(crm.leads("1,Adams,,Alice")) == {2: "Owner: more than one user 'Alice'"}

    @pytest.mark.parametrize("column", ["Owner", "Lead Owner", "Lead Owner.id", "Owner Email"])
    def test_the_column_has_several_names(self, crm: Crm, column: str) -> None:
        crm.take(f"Record Id,Last Name,{column}\n1,Adams,{_id_of(crm, 'Alice')}\n", owner=None)
        assert [record.owner_id for record in crm.records(1)] == [_id_of(crm, "Alice")]

    def test_without_either_the_row_is_refused(self, crm: Crm) -> None:
        report = crm.take(f"{HEADER}\n1,Adams,,\n2,Brown,,alice@team.example\n", owner=None)
        assert rejected(report) == {2: "Owner: is empty, and no --owner was given"}

    def test_every_column_of_an_address_counts_and_the_owners_does_not(self, crm: Crm) -> None:
        header = "Last Name,Email,Secondary Email,Work E-Mail,Owner Email,Email Opt Out"
        crm.take(f"{header}\nAdams,A@Customer.Example,b@größe.example,a@customer.example,bob@team.example,false\n")
        assert crm.named("Adams").addresses == {"a@customer.example", "b@xn--gre-6ka8i.example"}

    def test_without_a_name_it_is_named_by_its_address(self, crm: Crm) -> None:
        crm.take("Email,Owner\na@customer.example,bob@team.example\n")
        assert crm.named("a@customer.example")


class TestLinks:
    """Links are named by id, by an address or by a name; what is not found or not unique is refused."""

    @pytest.fixture
    def linked(self, crm: Crm) -> Crm:
        crm.take("Record Id,Account Name\n10,Acme\n11,Twice\n12,Twice\n", "Accounts")
        people = "20,Ada,Adams,ada@customer.example", "21,Ben,Brown,ben@customer.example", "22,Ben,Brown,both@x.example"
        crm.take("\n".join(["Record Id,First Name,Last Name,Email", *people, "23,Cleo,C,both@x.example"]), "Contacts")
        return crm

    @on_sqlite
    @pytest.mark.parametrize(
        ("text", "found"),
        [
            ("20", {20}),
            ("zcrm_20", {20}),
            ("Ada@Customer.Example", {20}),
            ("Ada Adams", {20}),
            ("20; ben@customer.example ;", {20, 21}),
            ("20;ada@customer.example", {20}),
            ("", set()),
        ],
    )
    def test_to_contacts(self, linked: Crm, text: str, found: set[int]) -> None:
        assert counts(linked.take(f"Deal Name,Contacts\nBig,{text}\n", "Deals")) == (1, 0, 0)
        assert linked.named("Big", "Deals").linked_ids == found

    @on_sqlite
    @pytest.mark.parametrize(
        ("text", "sentence"),
        [
            ("Zoe", "no record in Contacts is 'Zoe'"),
            ("99", "no record in Contacts is '99'"),
            ("10", "no record in Contacts is '10'"),
            ("Ben Brown", "more than one record in Contacts is 'Ben Brown'"),
            ("both@x.example", "more than one record in Contacts is 'both@x.example'"),
            ("20;Zoe", "no record in Contacts is 'Zoe'"),
        ],
    )
    def test_that_lead_nowhere(self, linked: Crm, text: str, sentence: str) -> None:
        assert rejected(linked.take(f"Deal Name,Contact Name\nBig,{text}\n", "Deals")) == {
            2: f"Contact Name: {sentence}"
        }

    @on_sqlite
    def test_to_accounts_and_contacts_at_once(self, linked: Crm) -> None:
        linked.take("Subject,Account Name,Contact Name.id\nOffer,Acme,21\n", "Quotes")
        assert linked.named("Offer", "Quotes").linked_ids == {10, 21}

    @on_sqlite
    def test_an_accounts_name_is_no_link(self, linked: Crm) -> None:
        assert linked.named("Acme", "Accounts").linked_ids == frozenset()

    def test_are_replaced_when_they_change(self, linked: Crm) -> None:
        linked.take("Record Id,Deal Name,Contacts\n1,Big,20;21\n", "Deals")
        linked.take("Record Id,Deal Name,Contacts\n1,Big,21\n", "Deals")
        assert linked.named("Big", "Deals").linked_ids == {21}


class TestOldMail:
    """Mail that is there already belongs to a record from the moment the record has the address."""

    @pytest.fixture
    def crm(self, crm: Crm) -> Crm:
        crm.team.permission("Alice", "public")
        crm.team.mail("Alice", "old@customer.example")
        crm.team.mail("Alice", "new@customer.example")
        return crm

    def test_finds_a_record_that_is_imported_later(self, crm: Crm) -> None:
        crm.leads("1,Adams,old@customer.example,")
        assert crm.team.shares("Bob", "Leads", 1) == ["Alice"]

    def test_leaves_a_record_whose_address_is_gone_and_comes_back_with_it(self, crm: Crm) -> None:
        shares = []
        for address in ("old@customer.example", "other@customer.example", "", "new@customer.example"):
            crm.leads(f"1,Adams,{address},")
            shares.append(crm.team.shares("Bob", "Leads", 1))
        assert shares == [["Alice"], [], [], ["Alice"]]

    def test_comes_through_a_contact_that_is_linked_later(self, crm: Crm) -> None:
        crm.take("Record Id,Last Name,Email\n20,Adams,old@customer.example\n", "Contacts")
        crm.take("Record Id,Deal Name,Contacts\n1,Big,\n", "Deals")
        assert crm.team.shares("Bob", "Deals", 1) == []
        crm.take("Record Id,Deal Name,Contacts\n1,Big,20\n", "Deals")
        assert crm.team.shares("Bob", "Deals", 1) == ["Alice"]

    def test_that_somebody_filed_by_hand_stays_where_it_is(self, crm: Crm) -> None:
        crm.leads("1,Adams,nobody@customer.example,")
        crm.team.mail("Alice", "else@customer.example", by_hand_on=1)
        crm.leads("1,Adams,other@customer.example,")
        assert crm.team.shares("Bob", "Leads", 1) == ["Alice"]

    @pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
    def test_that_comes_in_at_the_same_time_is_waited_for(self, crm: Crm) -> None:
        """Neither transaction sees what the other did not commit yet; SQLite has but one writer."""
        coming = incoming("coming", message("carol@customer.example", [email_of("Alice")], "<1@customer.example>"))
        with ThreadPoolExecutor(1) as pool:
            with crm.team.database.write() as connection:
                store_copies(connection, source_of(crm.team.database, "Alice"), [coming])
                importing = pool.submit(crm.leads, "1,Carol,carol@customer.example,")
                wait([importing], LONG_ENOUGH_TO_SEE_THAT_IT_WAITS)
            importing.result(SECONDS)
        assert crm.team.shares("Bob", "Leads", 1) == ["Alice"]


class Interrupted(Exception):
    """Somebody pressed Ctrl+C."""


class TestManyRows:
    ROWS = tuple(f"{number},Name {number},n{number}@customer.example," for number in range(1, 1101))

    def test_come_in_batches_and_say_so(self, crm: Crm) -> None:
        crm.team.mail("Alice", "n1@customer.example", "n1100@customer.example")
        crm.team.permission("Alice", "public")
        assert counts(crm.leads(*self.ROWS)) == (1100, 0, 0)
        assert crm.progress == [500, 500, 100]
        assert [crm.team.shares("Bob", "Leads", number) for number in (1, 2, 1100)] == [["Alice"], [], ["Alice"]]
        assert counts(crm.leads(*self.ROWS)) == (0, 0, 1100)

    @on_sqlite
    def test_are_one_file_all_the_same(self, crm: Crm) -> None:
        report = crm.leads(*self.ROWS, "1,Again,,")
        assert rejected(report) == {1102: "the same record as on line 2"}

    @on_sqlite
    def test_that_were_interrupted_are_completed_by_the_next_import(self, crm: Crm) -> None:
        def interrupt(_: int) -> None:
            raise Interrupted

        with pytest.raises(Interrupted):
            crm.take("\n".join([HEADER, *self.ROWS]), on_progress=interrupt)
        assert counts(crm.leads(*self.ROWS)) == (600, 0, 500)


def _id_of(crm: Crm, name: str) -> int:
    with crm.team.database.read() as connection:
        user = find_user(connection, email_of(name))
    assert user is not None
    return user.id
