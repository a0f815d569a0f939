"""What columns mean, by the names of Zoho's exports and of its API."""

import pytest

from postroom.actions.csv_layout import read_layout


@pytest.mark.parametrize(
    ("key", "header", "names"),
    [
        ("leads", "First Name,Last Name,Full Name", ("Full Name",)),
        ("leads", "Last Name,First Name", ("First Name", "Last Name")),
        ("leads", "Last_Name,Name", ("Last_Name",)),
        ("contacts", "FULL NAME", ("FULL NAME",)),
        ("accounts", "Account Name,Name", ("Account Name",)),
        ("deals", "Name,Deal_Name", ("Deal_Name",)),
        ("quotes", "Name,Subject", ("Subject",)),
        ("machines", "Name", ("Name",)),
        ("leads", "Company", ()),
    ],
)
def test_names_of_each_module(key: str, header: str, names: tuple[str, ...]) -> None:
    assert read_layout(header.split(","), key).names == names


@pytest.mark.parametrize("name", ["Email", "E-mail", "e_mail", "Secondary Email", "WORK_EMAIL", "Mail"])
def test_columns_of_addresses(name: str) -> None:
    assert read_layout(["Name", name], "leads").addresses == (name,)


@pytest.mark.parametrize(
    "name", ["Owner", "Owner Email", "Email Opt Out", "Emails", "Mailing City", "Gmail", "Mail Count"]
)
def test_columns_of_no_addresses(name: str) -> None:
    assert read_layout(["Name", name], "leads").addresses == ()


@pytest.mark.parametrize(
    ("key", "links"),
    [
        ("deals", {"Account Name": "Accounts", "Contact Name.id": "Contacts", "contacts": "Contacts"}),
        ("accounts", {"Contact Name.id": "Contacts", "contacts": "Contacts"}),
        ("contacts", {"Account Name": "Accounts"}),
    ],
)
def test_links_lead_to_other_modules(key: str, links: dict[str, str]) -> None:
    assert read_layout(["Account Name", "Contact Name.id", "contacts", "Campaign"], key).links == links


@pytest.mark.parametrize(("header", "found"), [("Record Id", "Record Id"), ("ID,Record Id", "ID"), ("Lead Id", None)])
def test_the_id(header: str, found: str | None) -> None:
    assert read_layout([*header.split(","), "Name"], "leads").id == found


def test_a_name_is_put_together_from_what_there_is() -> None:
    layout = read_layout(["First Name", "Last Name", "Email", "Work Email"], "leads")
    assert layout.name_of({"First Name": "Ada", "Last Name": "Adams"}) == "Ada Adams"
    assert layout.name_of({"Last Name": "Adams", "Email": "a@x.example"}) == "Adams"
    assert layout.name_of({"Work Email": "a@x.example"}) == "a@x.example"
    assert layout.name_of({}) == ""
