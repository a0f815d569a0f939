"""Scopes: what a token may be used for, and that a scope more never takes anything away."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postroom.core.scopes import may_read_emails, parse_scopes

scopes = st.builds(
    "ZohoCRM.{}.{}".format,
    st.sampled_from(["modules", "modules.leads", "modules.emails", "modules.custom", "modules.deals", "settings"]),
    st.sampled_from(["ALL", "CREATE", "DELETE", "READ", "UPDATE", "WRITE"]),
)
keys = st.sampled_from(["leads", "deals", "sales_orders", "projects", "emails", "custom", ""])


class TestParsing:
    def test_a_list_is_kept_in_order_and_once_each(self) -> None:
        text = "ZohoCRM.modules.READ, ZohoCRM.modules.emails.READ,ZohoCRM.modules.READ"
        assert parse_scopes(text) == ("ZohoCRM.modules.READ", "ZohoCRM.modules.emails.READ")

    @pytest.mark.parametrize(
        "scope", ["ZohoCRM.settings.ALL", "ZohoCRM.a.b.c.WRITE", "ZohoCRM.modules.Sales_Orders.ALL"]
    )
    def test_families_that_we_do_not_know_are_kept(self, scope: str) -> None:
        assert parse_scopes(scope) == (scope,)

    @pytest.mark.parametrize(
        "text",
        [
            "",
            ",",
            "ZohoCRM.modules.ALL,",
            "nonsense",
            "ZohoCRM.ALL",
            "ZohoCRM.modules",
            "ZohoCRM.modules.all",
            "zohocrm.modules.ALL",
            "ZohoCRM..ALL",
            "ZohoCRM.a.b.c.d.ALL",
            "ZohoCRM.modules.ALL ZohoCRM.settings.ALL",
            "ZohoCRM.größe.ALL",
            "ZohoCRM.modules.ALL\nZohoCRM.settings.ALL",
        ],
    )
    def test_what_is_no_scope_is_named(self, text: str) -> None:
        with pytest.raises(ValueError, match=r"is not of the form ZohoCRM\.modules\.READ"):
            parse_scopes(text)

    def test_the_first_wrong_one_is_named(self) -> None:
        with pytest.raises(ValueError, match=r"scope 'first' is not"):
            parse_scopes("ZohoCRM.modules.ALL,first,second")


class TestReadingEmails:
    @pytest.mark.parametrize(
        "module", ["ZohoCRM.modules.READ", "ZohoCRM.modules.leads.READ", "ZohoCRM.modules.Leads.ALL"]
    )
    @pytest.mark.parametrize("emails", ["ZohoCRM.modules.emails.READ", "ZohoCRM.modules.emails.ALL"])
    def test_needs_the_module_and_emails(self, module: str, emails: str) -> None:
        assert may_read_emails(f"{module},{emails}", "leads")
        assert may_read_emails(f"{emails},{module}", "leads")
        assert not may_read_emails(module, "leads")
        assert not may_read_emails(emails, "leads")

    @pytest.mark.parametrize("key", ["leads", "sales_orders", "projects"])
    def test_all_of_modules_holds_both(self, key: str) -> None:
        assert may_read_emails("ZohoCRM.settings.READ,ZohoCRM.modules.ALL", key)

    @pytest.mark.parametrize("operation", ["CREATE", "DELETE", "UPDATE", "WRITE"])
    def test_no_other_operation_holds_reading(self, operation: str) -> None:
        assert not may_read_emails(f"ZohoCRM.modules.{operation},ZohoCRM.modules.emails.READ", "leads")
        assert not may_read_emails(f"ZohoCRM.modules.leads.READ,ZohoCRM.modules.emails.{operation}", "leads")

    @pytest.mark.parametrize("key", ["emails", "custom", "read", ""])
    def test_emails_is_no_module_whose_scope_could_stand_for_both(self, key: str) -> None:
        assert not may_read_emails("ZohoCRM.modules.emails.ALL,ZohoCRM.modules.settings.ALL", key)

    def test_custom_is_every_custom_module_and_no_other(self) -> None:
        held = "ZohoCRM.modules.custom.READ,ZohoCRM.modules.emails.READ"
        assert may_read_emails(held, "projects")
        assert not may_read_emails(held, "leads")

    @given(held=st.lists(scopes, max_size=4), more=scopes, key=keys)
    def test_a_scope_more_never_takes_away(self, held: list[str], more: str, key: str) -> None:
        if may_read_emails(",".join(held), key):
            assert may_read_emails(",".join([*held, more]), key)

    @given(held=st.lists(scopes, max_size=4), data=st.data(), key=keys)
    def test_order_and_case_do_not_matter(self, held: list[str], data: st.DataObject, key: str) -> None:
        shuffled = ",".join(data.draw(st.permutations(held))).upper()
        assert may_read_emails(shuffled, key) == may_read_emails(",".join(held), key)
