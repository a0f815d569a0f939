"""The modules: their names in any case, what scopes call them, and whose mail they gather."""

import pytest

from postroom.core.modules import (
    MODULES_WITH_EMAILS,
    MODULES_WITHOUT_EMAILS,
    RESERVED_NAMES,
    gathers_mail_of_contacts,
    module_key,
    scope_names,
)

ZOHOS = (*MODULES_WITH_EMAILS, *MODULES_WITHOUT_EMAILS)


@pytest.mark.parametrize("name", ["Sales_Orders", "sales_orders", "SALES_ORDERS"])
def test_a_name_is_one_in_any_case(name: str) -> None:
    assert module_key(name) == "sales_orders"


@pytest.mark.parametrize("name", ["", "1st", "_x", "a b", "a-b", "Größe", "ＬＥＡＤＳ", "Leads\n", "a\x00", "x" * 51])
def test_what_cannot_be_a_name_is_no_modules(name: str) -> None:
    assert module_key(name) == ""


def test_the_longest_name() -> None:
    assert module_key("X" * 50) == "x" * 50


@pytest.mark.parametrize("name", ["Leads", "Contacts"])
def test_leads_and_contacts_have_mail_of_their_own_alone(name: str) -> None:
    assert not gathers_mail_of_contacts(module_key(name))


@pytest.mark.parametrize("name", [*(name for name in MODULES_WITH_EMAILS if name not in ("Leads", "Contacts")), "Own"])
def test_every_other_module_gathers_the_mail_of_its_contacts(name: str) -> None:
    assert gathers_mail_of_contacts(module_key(name))


class TestScopeNames:
    def test_of_zohos_modules_are_without_underscores_and_never_custom(self) -> None:
        assert {name: scope_names(module_key(name)) for name in ZOHOS} == {
            name: (name.lower().replace("_", ""),) for name in ZOHOS
        }

    def test_of_a_custom_module_are_its_own_and_custom(self) -> None:
        assert scope_names(module_key("Machine_Parks")) == ("machineparks", "custom")

    @pytest.mark.parametrize("name", sorted(RESERVED_NAMES))
    def test_a_word_of_the_scopes_is_no_modules_name(self, name: str) -> None:
        assert scope_names(name) == ()
        assert scope_names(f"{name[0]}_{name[1:]}") == ()

    def test_no_two_of_zohos_modules_share_one_and_none_is_reserved(self) -> None:
        names = [name for module in ZOHOS for name in scope_names(module_key(module))]
        assert len(set(names)) == len(names)
        assert not RESERVED_NAMES & set(names)
