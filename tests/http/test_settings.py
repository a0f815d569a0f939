"""What administrators set: each setting, what is refused to others, and what the audit says of it."""

from typing import Any

import pytest

from tests.http.own_api import ALICE, BOB, CHARLIE, CUSTOMER, LEAD, OwnApi

EVERYONE = "everyone"
AUDIENCE = [{"user": CHARLIE}, {"role": "Management", "and_subordinates": True}]
SHARES = f"/records/{LEAD}/shares"
DOMAIN = CUSTOMER.partition("@")[2]

# method, path, body, and what of it only an administrator may do
ADMINISTRATORS: list[tuple[str, str, object, str]] = [
    ("GET", "/organisation", None, "read the settings of the organisation"),
    ("PUT", "/organisation/default_permission", {"permission": "public"}, "set the organisation's default permission"),
    (
        "PUT",
        "/organisation/crm_access",
        {"access": "private"},
        "set the access type for mail sent from the CRM",
    ),
    ("PUT", "/organisation/excluded_domains", {"domains": []}, "set excluded domains of others"),
    ("PUT", "/organisation/internal_domains", {"domains": []}, "set the organisation's own domains"),
    ("PUT", "/modules/Leads/access", {"access": "public"}, "set who sees the records of a module"),
    ("POST", "/roles", {"name": "New"}, "set the roles"),
    ("PUT", "/roles/Sales/email_preference", {"permission": "public"}, "set the e-mail preference of a role"),
    ("DELETE", "/roles/Sales/email_preference", None, "set the e-mail preference of a role"),
    ("PUT", "/roles/Sales/excluded_domains", {"domains": []}, "set excluded domains of others"),
    ("POST", "/users", {"name": "New", "email": "new@team.example"}, "set the users"),
    ("PUT", f"/users/{BOB}/status", {"status": "inactive"}, "set who is active"),
    ("PUT", f"/users/{ALICE}/role", {"role": "Management"}, "set the roles of users"),
    ("PUT", f"/users/{ALICE}/permission", {"permission": "public"}, "set the permission assigned to a user"),
    ("DELETE", f"/users/{ALICE}/permission", None, "set the permission assigned to a user"),
]


@pytest.mark.parametrize("shared_team", ["sqlite"], indirect=True)
class TestOthers:
    @pytest.mark.parametrize(("method", "path", "body", "what"), ADMINISTRATORS)
    def test_may_not(self, unchanged_api: OwnApi, method: str, path: str, body: object, what: str) -> None:
        before = unchanged_api.get("Root", "/audit")
        for name in ("Alice", "Bob", "Charlie"):
            reason = f"only an administrator may {what}"
            assert unchanged_api.refused(name, method, path, body) == (403, "NO_PERMISSION", reason)
        assert unchanged_api.get("Root", "/audit") == before


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
class TestOrganisation:
    def test_begins_as_the_law_says(self, own_api: OwnApi) -> None:
        assert own_api.get("Root", "/organisation") == {
            "name": "My organisation",
            "time_zone": "UTC",
            "default_permission": {"permission": "users_choice", "audience": EVERYONE},
            "crm_access": "public_read_only",
            "excluded_domains": [],
            "internal_domains": [],
        }

    def test_default_permission_and_its_audience(self, own_api: OwnApi) -> None:
        path, subject = "/organisation/default_permission", "the organisation"
        states: list[dict[str, Any]] = [{"permission": "users_choice", "audience": EVERYONE}]
        for new in ({"permission": "public"}, {"audience": AUDIENCE}, {"permission": "custom"}, {"audience": EVERYONE}):
            own_api.do("Root", "PUT", path, new)
            states.append(states[-1] | new)
            assert own_api.get("Root", "/organisation")["default_permission"] == states[-1]
            own_api.assert_audited("Root", "default permission", subject, states[-2], states[-1])

    def test_an_empty_audience_lists_nobody(self, own_api: OwnApi) -> None:
        own_api.do("Root", "PUT", "/organisation/default_permission", {"audience": []})
        assert own_api.get("Root", "/organisation")["default_permission"]["audience"] == []

    def test_what_stays_as_it_is_is_no_change(self, own_api: OwnApi) -> None:
        before = own_api.get("Root", "/audit")
        own_api.do("Root", "PUT", "/organisation/default_permission", {})
        own_api.do("Root", "PUT", "/organisation/crm_access", {"access": "public_read_only"})
        assert own_api.get("Root", "/audit") == before

    def test_audience_of_somebody_who_is_not_there(self, own_api: OwnApi) -> None:
        path = "/organisation/default_permission"
        refused = own_api.refused("Root", "PUT", path, {"audience": [{"user": "nobody@team.example"}]})
        assert refused == (404, "NOT_FOUND", "there is no user nobody@team.example")
        refused = own_api.refused("Root", "PUT", path, {"audience": [{"role": "Nobody"}]})
        assert refused == (404, "NOT_FOUND", "there is no role 'Nobody'")

    def test_access_to_crm_mail(self, own_api: OwnApi) -> None:
        own_api.do("Root", "PUT", "/organisation/crm_access", {"access": "private"})
        assert own_api.get("Root", "/organisation")["crm_access"] == "private"
        change = "access to mail sent from the CRM"
        own_api.assert_audited("Root", change, "the organisation", "public_read_only", "private")

    @pytest.mark.parametrize(
        ("name", "change"), [("excluded_domains", "excluded domains"), ("internal_domains", "internal domains")]
    )
    def test_domains(self, own_api: OwnApi, name: str, change: str) -> None:
        own_api.do("Root", "PUT", f"/organisation/{name}", {"domains": ["B.example.", "a.example", "bücher.example"]})
        expected = ["a.example", "b.example", "xn--bcher-kva.example"]
        assert own_api.get("Root", "/organisation")[name] == expected
        own_api.assert_audited("Root", change, "the organisation", [], expected)
        own_api.do("Root", "PUT", f"/organisation/{name}", {"domains": []})
        assert own_api.get("Root", "/organisation")[name] == []

    @pytest.mark.parametrize("domain", ["", "a b", "@team.example", "x" * 254, "ß" * 300, "a..b"])
    def test_no_domain(self, own_api: OwnApi, domain: str) -> None:
        for name in ("excluded_domains", "internal_domains"):
            field = own_api.wrong_field("Root", "PUT", f"/organisation/{name}", {"domains": ["a.example", domain]})
            assert field == ("domains[1]" if len(domain) > 253 else "domains")

    def test_as_many_domains_as_there_may_be(self, own_api: OwnApi) -> None:
        path = "/organisation/excluded_domains"
        own_api.do("Root", "PUT", path, {"domains": [f"a{number}.example" for number in range(1000)]})
        own_api.do("Root", "PUT", path, {"domains": ["b.example"]})
        own_api.do("Root", "PUT", "/organisation/internal_domains", {"domains": [f"c{n}.example" for n in range(500)]})
        domains = {"domains": [f"{number}.example" for number in range(1001)]}
        assert own_api.wrong_field("Root", "PUT", path, domains) == "domains"


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
class TestModules:
    def test_access(self, own_api: OwnApi) -> None:
        own_api.do("Root", "PUT", "/modules/leads/access", {"access": "public"})
        own_api.assert_audited("Root", "module access", "module Leads", "private", "public")
        modules = own_api.get("Charlie", "/modules")["modules"]
        assert {module["api_name"] for module in modules if module["access"] == "public"} == {"Leads"}
        assert {"api_name": "Tasks", "has_emails": False, "is_custom": False, "access": "private"}.items() <= next(
            module for module in modules if module["api_name"] == "Tasks"
        ).items()

    @pytest.mark.parametrize("module", ["Nonsense", "a%00", "Lead%20s"])
    def test_unknown(self, own_api: OwnApi, module: str) -> None:
        refused = own_api.refused("Root", "PUT", f"/modules/{module}/access", {"access": "public"})
        assert refused[:2] == (404, "NOT_FOUND")


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
class TestRecordShares:
    def test_of_the_owner_and_of_administrators(self, own_api: OwnApi) -> None:
        own_api.do("Alice", "PUT", SHARES, {"user": CHARLIE})
        entry = own_api.newest_entry()
        assert (entry["change"], entry["subject"], entry["after"]) == ("record share", LEAD, {"user": CHARLIE})
        assert (entry["actor"], entry["channel"]) == (ALICE, f"token {own_api.token_hash('Alice')[:12]}")
        assert own_api.get("Charlie", f"/me/emails?record={LEAD}")["emails"] == []
        own_api.do("Root", "DELETE", f"{SHARES}?user={CHARLIE}")
        own_api.assert_audited("Root", "record share", LEAD, {"user": CHARLIE}, None)
        own_api.do("Root", "PUT", SHARES, {"role": "Management"})
        own_api.do("Alice", "PUT", SHARES, {"role": "Management", "and_subordinates": True})
        own_api.do("Alice", "DELETE", f"{SHARES}?role=Management")

    def test_of_a_role_in_another_script(self, own_api: OwnApi) -> None:
        own_api.do("Root", "POST", "/roles", {"name": "Büro & Co"})
        own_api.do("Alice", "PUT", SHARES, {"role": "Büro & Co"})
        own_api.do("Alice", "DELETE", f"{SHARES}?role=B%C3%BCro+%26%20Co")

    def test_of_nobody_else(self, own_api: OwnApi) -> None:
        reason = "only the record's owner or an administrator may share the record"
        assert own_api.refused("Bob", "PUT", SHARES, {"user": BOB}) == (403, "NO_PERMISSION", reason)
        assert own_api.refused("Bob", "DELETE", f"{SHARES}?user={BOB}") == (403, "NO_PERMISSION", reason)

    def test_that_is_not_there(self, own_api: OwnApi) -> None:
        refused = own_api.refused("Alice", "DELETE", f"{SHARES}?user={CHARLIE}")
        assert refused == (404, "NOT_FOUND", f"{LEAD} is not shared with {CHARLIE}")
        assert own_api.refused("Alice", "PUT", SHARES, {"user": "nobody@team.example"})[:2] == (404, "NOT_FOUND")

    @pytest.mark.parametrize(
        ("body", "field"),
        [
            ({}, "user"),
            ({"user": ALICE, "role": "Sales"}, "user"),
            ({"user": ALICE, "and_subordinates": True}, "and_subordinates"),
            ({"user": None}, "user"),
            ({"role": 1}, "role"),
        ],
    )
    def test_that_is_not_acceptable(self, own_api: OwnApi, body: object, field: str) -> None:
        assert own_api.wrong_field("Alice", "PUT", SHARES, body) == field
        assert own_api.wrong_field("Alice", "DELETE", SHARES) == "user"
