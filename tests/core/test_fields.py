"""What fields mean: in files, in Zoho's API, and in whatever spelling."""

import pytest

from postroom.core.fields import api_name_of, fields_of, is_address, links_to, name_choices, owner_names
from postroom.core.listing import Place, Wanted
from postroom.core.modules import MODULES_WITH_EMAILS, module_key


@pytest.mark.parametrize("key", [*map(module_key, MODULES_WITH_EMAILS), "machine_parks"])
def test_every_module_has_a_name_an_owner_and_times(key: str) -> None:
    fields = {field.api_name: field for field in fields_of(key)}
    assert len(fields) == len(fields_of(key))
    (mandatory,) = [name for name, field in fields.items() if field.is_mandatory]
    assert any(mandatory.lower() in choice for choice in name_choices(key))
    assert fields["Owner"].data_type == "ownerlookup"
    read_only = {name for name, field in fields.items() if field.is_read_only}
    assert read_only >= {"Created_By", "Created_Time", "Modified_By", "Modified_Time"}
    assert fields["Owner"].label == "Owner"
    assert fields["Created_Time"].label == "Created Time"


@pytest.mark.parametrize(
    ("name", "key", "api_name"),
    [
        ("Record Id", "leads", "id"),
        ("Lead Owner", "leads", "Owner"),
        ("owner.id", "leads", "Owner"),
        ("LAST-NAME", "leads", "Last_Name"),
        ("Account", "contacts", "Account_Name"),
        ("Account Name", "accounts", "Account_Name"),
        ("Account", "accounts", "Account"),
        ("Contacts", "deals", "Contact_Name"),
        ("Zip Code", "leads", "Zip_Code"),
    ],
)
def test_api_names(name: str, key: str, api_name: str) -> None:
    assert api_name_of(name, key) == api_name


@pytest.mark.parametrize("key", [*map(module_key, MODULES_WITH_EMAILS), "machine_parks"])
def test_every_field_that_links_is_a_lookup(key: str) -> None:
    fields = {field.api_name: field.links_to for field in fields_of(key)}
    for name in ("account", "account_name", "contact", "contacts", "contact_name.id"):
        if links_to(name, key) is not None:
            assert fields[api_name_of(name, key)] == links_to(name, key)


def test_which_fields_link_hold_addresses_and_say_whose_it_is() -> None:
    assert links_to("account", "deals") == "Accounts"
    assert links_to("account_name", "accounts") is None
    assert links_to("colour", "deals") is None
    assert [name for name in ("email", "work_e_mail", "email_opt_out", "mail") if is_address(name)] == [
        "email",
        "work_e_mail",
        "mail",
    ]
    assert "deal_owner" in owner_names("deals")


def test_a_list_starts_with_the_newest() -> None:
    wanted = Wanted(1)
    assert (wanted.sorted_by, wanted.descending, wanted.after, wanted.skipped) == ("id", True, None, 0)
    assert Place(2, 1) > Place(1, 2)
