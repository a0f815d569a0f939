"""Explanations as people read them: why Bob sees Alice's mail, and Charlie does not."""

from tests.cli.conftest import ALICE, BOB, CHARLIE, LEAD, Terminal


def explained(office: Terminal, viewer: str, *options: str) -> list[str]:
    asked = ("--viewer", viewer, "--owner", ALICE, "--record", LEAD)
    return office.do("explain", *asked, *options).out.splitlines()


def test_bob_sees_it_step_by_step(open_office: Terminal) -> None:
    assert explained(open_office, BOB) == [
        f"{BOB} asks about mail of {ALICE} on {LEAD}.",
        "  Sees mail in the owner's mailbox: yes",
        "  Sees mail that the owner sent from the CRM: no",
        "",
        f"May see mail in the owner's mailbox, on {LEAD}:",
        "  - The viewer sees the record: the viewer owns it.",
        "  - Permission users_choice, the organisation's default.",
        "    Changed by an administrator, with 'postroom sharing set --default'.",
        "  - The owner chose public.",
        "    Changed by the owner, with 'postroom sharing set --choice'.",
        "  - Public mail is seen by everyone in the audience who sees the record.",
        "  - The audience is everyone.",
        "    Changed by whoever sets that permission, with the --to options of 'postroom sharing set'.",
        "",
        f"May see mail that the owner sent from the CRM, on {LEAD}:",
        "  - The viewer sees the record: the viewer owns it.",
        "  - Access type public_read_only: everyone who sees the record sees mail sent from the CRM.",
        "    Changed by an administrator, with 'postroom sharing set --crm-access'.",
    ]


def test_charlie_is_a_stranger(open_office: Terminal) -> None:
    lines = explained(open_office, CHARLIE)
    assert lines[1] == "  Sees mail in the owner's mailbox: no"
    assert lines[4:7] == [
        f"May not see mail in the owner's mailbox, on {LEAD}:",
        "  - The viewer may not see the record, so none of its mail either.",
        "    Changed by the record's owner or an administrator, with 'postroom record share' and 'unshare'.",
    ]


def test_one_e_mail(open_office: Terminal) -> None:
    (email,) = open_office.do("mail", "list", ALICE, "--json").json["emails"]
    open_office.do("domain", "exclude", "customer.example")
    open_office.do("mail", "withhold", ALICE, "--email", email["id"])
    lines = explained(open_office, BOB, "--email", email["id"])
    assert lines[-4:] == [
        "  - A participant is at customer.example, which the organisation excludes.",
        "    Changed by an administrator, with 'postroom domain exclude' and 'include'.",
        "  - The owner withholds this e-mail.",
        "    Changed by the owner, with 'postroom mail withhold' and 'release'.",
    ]
    assert f"May not see mail in the owner's mailbox, on {LEAD}:" in lines


def test_an_e_mail_that_is_not_there(open_office: Terminal) -> None:
    unknown = "0" * 64
    assert explained(open_office, BOB, "--email", unknown)[-1] == f"{ALICE} has no e-mail {unknown} on this record."
