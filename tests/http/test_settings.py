"""What administrators set: each setting, what is refused to others, and what the audit says of it."""

from typing import Any

import pytest

from tests.http.own_api import ALICE, BOB, CHARLIE, CUSTOMER, LEAD, ROOT, OwnApi

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

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


@pytest.mark.parametrize(("method", "path", "body", "what"), ADMINISTRATORS)
def test_is_an_administrators(own_api: OwnApi, method: str, path: str, body: object, what: str) -> None:
    before = own_api.get("Root", "/audit")
    for name in ("Alice", "Bob", "Charlie"):
        reason = f"only an administrator may {what}"
        assert own_api.refused(name, method, path, body) == (403, "NO_PERMISSION", reason)
    assert own_api.get("Root", "/audit") == before


def assert_audited(own_api: OwnApi, change: str, subject: str, before: object, after: object) -> None:
    """Check that the newest entry is this change, made with Root's token."""
    entry = own_api.newest_entry()
    assert (entry["change"], entry["subject"]) == (change, subject)
    assert (entry["before"], entry["after"]) == (before, after)
    assert (entry["actor"], entry["channel"]) == (ROOT, f"token {own_api.token_hash('Root')[:12]}")


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
            assert_audited(own_api, "default permission", subject, states[-2], states[-1])

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
        assert_audited(own_api, change, "the organisation", "public_read_only", "private")

    @pytest.mark.parametrize(
        ("name", "change"), [("excluded_domains", "excluded domains"), ("internal_domains", "internal domains")]
    )
    def test_domains(self, own_api: OwnApi, name: str, change: str) -> None:
        own_api.do("Root", "PUT", f"/organisation/{name}", {"domains": ["B.example.", "a.example", "bücher.example"]})
        expected = ["a.example", "b.example", "xn--bcher-kva.example"]
        assert own_api.get("Root", "/organisation")[name] == expected
        assert_audited(own_api, change, "the organisation", [], expected)
        own_api.do("Root", "PUT", f"/organisation/{name}", {"domains": []})
        assert own_api.get("Root", "/organisation")[name] == []

    @pytest.mark.parametrize("domain", ["", "a b", "@team.example", "x" * 254, "ß" * 300, "a..b"])
    def test_no_domain(self, own_api: OwnApi, domain: str) -> None:
        for name in ("excluded_domains", "internal_domains"):
            field = own_api.wrong_field("Root", "PUT", f"/organisation/{name}", {"domains": ["a.example", domain]})
            assert field == ("domains[1]" if len(domain) > 253 else "domains")

    def test_as_many_domains_as_there_may_be(self, own_api: OwnApi) -> None:
        path = "/organisation/excluded_domains"
        for letter in "ab":
            own_api.do("Root", "PUT", path, {"domains": [f"{letter}{number}.example" for number in range(1000)]})
        own_api.do("Root", "PUT", "/organisation/internal_domains", {"domains": [f"c{n}.example" for n in range(1000)]})
        domains = {"domains": [f"{number}.example" for number in range(1001)]}
        assert own_api.wrong_field("Root", "PUT", path, domains) == "domains"


class TestModules:
    def test_access(self, own_api: OwnApi) -> None:
        own_api.do("Root", "PUT", "/modules/leads/access", {"access": "public"})
        assert_audited(own_api, "module access", "module Leads", "private", "public")
        modules = own_api.get("Charlie", "/modules")["modules"]
        assert {module["api_name"] for module in modules if module["access"] == "public"} == {"Leads"}
        assert {"api_name": "Tasks", "has_emails": False, "is_custom": False, "access": "private"}.items() <= next(
            module for module in modules if module["api_name"] == "Tasks"
        ).items()

    @pytest.mark.parametrize("module", ["Nonsense", "a%00", "Lead%20s"])
    def test_unknown(self, own_api: OwnApi, module: str) -> None:
        refused = own_api.refused("Root", "PUT", f"/modules/{module}/access", {"access": "public"})
        assert refused[:2] == (404, "NOT_FOUND")


class TestRoles:
    def test_everybody_knows_them_and_administrators_what_is_set(self, own_api: OwnApi) -> None:
        own_api.do("Root", "PUT", "/roles/Sales/email_preference", {"permission": "custom", "audience": AUDIENCE})
        own_api.do("Root", "PUT", "/roles/Sales/excluded_domains", {"domains": ["bank.example"]})
        management, sales = own_api.get("Charlie", "/roles")["roles"]
        assert (management["name"], management["under"]) == ("Management", None)
        assert set(sales) == {"id", "name", "under"}
        assert (sales["name"], sales["under"]) == ("Sales", "Management")
        nothing = {"email_preference": None, "excluded_domains": []}
        given = {"permission": "custom", "audience": AUDIENCE}
        assert own_api.get("Root", "/roles")["roles"] == [
            management | {"settings": nothing},
            sales | {"settings": {"email_preference": given, "excluded_domains": ["bank.example"]}},
        ]

    def test_adding(self, own_api: OwnApi) -> None:
        added = own_api.do("Root", "POST", "/roles", {"name": " Interns ", "under": "Sales"})
        assert (added["name"], added["under"]) == ("Interns", "Sales")
        assert added in own_api.get("Charlie", "/roles")["roles"]
        assert_audited(own_api, "role", "role Interns", None, {"under": "Sales"})
        root = own_api.ask("Root", "POST", "/roles", {"name": "Board"})
        assert (root.status_code, root.json["under"]) == (201, None)

    def test_adding_what_is_there_or_below_what_is_not(self, own_api: OwnApi) -> None:
        refused = own_api.refused("Root", "POST", "/roles", {"name": "Sales"})
        assert refused == (409, "ALREADY_THERE", "there is a role 'Sales' already")
        refused = own_api.refused("Root", "POST", "/roles", {"name": "New", "under": "Nobody"})
        assert refused == (404, "NOT_FOUND", "there is no role 'Nobody'")
        assert own_api.wrong_field("Root", "POST", "/roles", {"name": "x" * 251}) == "role"

    def test_preference(self, own_api: OwnApi) -> None:
        path, domains = "/roles/Sales/email_preference", "/roles/Sales/excluded_domains"
        assert own_api.wrong_field("Root", "PUT", path, {"audience": EVERYONE}) == "audience"
        assert own_api.wrong_field("Root", "PUT", domains, {"domains": ["a.example"]}) == "role"
        own_api.do("Root", "PUT", path, {"permission": "public"})
        public = {"permission": "public", "audience": EVERYONE}
        assert_audited(own_api, "e-mail preference", "role Sales", None, public)
        own_api.do("Root", "PUT", domains, {"domains": ["a.example"]})
        assert_audited(own_api, "excluded domains", "role Sales", [], ["a.example"])
        own_api.do("Root", "DELETE", path)
        assert own_api.get("Root", "/roles")["roles"][1]["settings"] == {
            "email_preference": None,
            "excluded_domains": [],
        }
        own_api.do("Root", "DELETE", path)

    def test_names_with_slashes_and_percent_signs(self, own_api: OwnApi) -> None:
        for name, path in (("R/D", "R%2FD"), ("50%", "50%25"), ("a%2Fb", "a%252Fb"), ("Ö & ?", "%C3%96%20%26%20%3F")):
            own_api.do("Root", "POST", "/roles", {"name": name})
            own_api.do("Root", "PUT", f"/roles/{path}/email_preference", {"permission": "private"})
            assert own_api.newest_entry()["subject"] == f"role {name}"
        assert own_api.refused("Root", "DELETE", "/roles/R/D/e/email_preference")[:2] == (404, "NOT_FOUND")

    def test_of_a_role_that_is_not_there(self, own_api: OwnApi) -> None:
        for method, path, body in (
            ("PUT", "/roles/Nobody/email_preference", {"permission": "public"}),
            ("DELETE", "/roles/Nobody/email_preference", None),
            ("PUT", "/roles/sales/excluded_domains", {"domains": []}),
        ):
            assert own_api.refused("Root", method, path, body)[:2] == (404, "NOT_FOUND")


class TestUsers:
    def test_everybody_knows_them_and_administrators_what_is_set(self, own_api: OwnApi) -> None:
        own_api.do("Alice", "PUT", "/me/permission", {"permission": "custom"})
        own_api.do("Alice", "PUT", "/me/excluded_domains", {"domains": ["one.example", "two.example"]})
        own_api.do("Root", "PUT", f"/users/{ALICE}/permission", {"permission": "public", "audience": AUDIENCE})
        alice = own_api.get("Charlie", "/users")["users"][0]
        assert alice.pop("id").isdigit()
        expected = {"email": ALICE, "name": "Alice", "role": "Sales", "profile": "Standard", "status": "active"}
        assert alice == expected
        users = own_api.get("Root", "/users")["users"]
        assert [user["email"] for user in users] == [ALICE, BOB, CHARLIE, ROOT]
        assert users[0]["settings"] == {
            "assigned": {"permission": "public", "audience": AUDIENCE},
            "chosen": {"permission": "custom", "audience": EVERYONE},
            "excluded_domains": 2,
        }
        assert users[2]["settings"] == {"assigned": None, "chosen": None, "excluded_domains": 0}

    def test_adding(self, own_api: OwnApi) -> None:
        new = {"email": "New@Team.example", "name": "New Name", "role": "Sales", "profile": "Administrator", "id": "77"}
        added = own_api.do("Root", "POST", "/users", new)
        assert added == new | {"email": "new@team.example", "status": "active"}
        assert_audited(
            own_api,
            "user",
            "user new@team.example",
            None,
            {"status": "active", "role": "Sales", "profile": "Administrator"},
        )
        least = own_api.ask("Root", "POST", "/users", {"email": "o'x/y@team.example", "name": "Least"})
        assert (least.status_code, least.json["role"], least.json["profile"]) == (201, None, "Standard")

    @pytest.mark.parametrize(
        ("wrong", "field"),
        [
            ({"email": "nobody"}, "email"),
            ({"email": f"{'a' * 400}@team.example"}, "email"),
            ({"name": ""}, "name"),
            ({"name": "a\nb"}, "name"),
            ({"profile": "God"}, "profile"),
            ({"id": "007"}, "id"),
            ({"id": 7}, "id"),
            ({"id": "8000000000000000001"}, "id"),
            ({"role": None}, "role"),
        ],
    )
    def test_adding_what_is_not_acceptable(self, own_api: OwnApi, wrong: dict[str, object], field: str) -> None:
        new = {"email": "new@team.example", "name": "New"} | wrong
        assert own_api.wrong_field("Root", "POST", "/users", new) == field

    def test_adding_what_is_there_or_with_what_is_not(self, own_api: OwnApi) -> None:
        refused = own_api.refused("Root", "POST", "/users", {"email": ALICE, "name": "Alice"})
        assert refused == (409, "ALREADY_THERE", f"there is a user {ALICE} already")
        new = {"email": "new@team.example", "name": "New", "role": "Nobody"}
        assert own_api.refused("Root", "POST", "/users", new)[:2] == (404, "NOT_FOUND")

    def test_status(self, own_api: OwnApi) -> None:
        path = f"/users/{BOB}/status"
        own_api.do("Root", "PUT", path, {"status": "inactive"})
        assert_audited(own_api, "status", f"user {BOB}", "active", "inactive")
        own_api.do("Root", "PUT", path, {"status": "deleted"})
        refused = own_api.refused("Root", "PUT", path, {"status": "active"})
        assert refused[:2] == (403, "NO_PERMISSION")
        assert "deleted, which is final" in refused[2]

    def test_role(self, own_api: OwnApi) -> None:
        path = f"/users/{CHARLIE.upper()}/role"
        own_api.do("Root", "PUT", path, {"role": "Sales"})
        assert_audited(own_api, "role of a user", f"user {CHARLIE}", None, "Sales")
        own_api.do("Root", "PUT", path, {"role": None})
        assert own_api.get("Charlie", "/me")["user"]["role"] is None
        assert own_api.refused("Root", "PUT", path, {"role": "Nobody"})[:2] == (404, "NOT_FOUND")

    def test_permission(self, own_api: OwnApi) -> None:
        path, subject = f"/users/{ALICE}/permission", f"user {ALICE}"
        assert own_api.wrong_field("Root", "PUT", path, {"audience": AUDIENCE}) == "audience"
        own_api.do("Root", "PUT", path, {"permission": "public", "audience": AUDIENCE})
        given = {"permission": "public", "audience": AUDIENCE}
        assert_audited(own_api, "assigned permission", subject, None, given)
        own_api.do("Root", "PUT", path, {"permission": "custom"})
        assert_audited(own_api, "assigned permission", subject, given, given | {"permission": "custom"})
        own_api.do("Root", "DELETE", path)
        assert_audited(own_api, "assigned permission", subject, given | {"permission": "custom"}, None)

    def test_who_is_not_there(self, own_api: OwnApi) -> None:
        bodies = {"status": {"status": "active"}, "role": {"role": None}, "permission": {"permission": "public"}}
        for name, body in bodies.items():
            refused = own_api.refused("Root", "PUT", f"/users/nobody@team.example/{name}", body)
            assert refused == (404, "NOT_FOUND", "there is no user nobody@team.example")
            assert own_api.wrong_field("Root", "PUT", f"/users/nobody/{name}", body) == "user"


class TestRecordShares:
    def test_of_the_owner_and_of_administrators(self, own_api: OwnApi) -> None:
        own_api.do("Alice", "PUT", SHARES, {"user": CHARLIE})
        entry = own_api.newest_entry()
        assert (entry["change"], entry["subject"], entry["after"]) == ("record share", LEAD, {"user": CHARLIE})
        assert (entry["actor"], entry["channel"]) == (ALICE, f"token {own_api.token_hash('Alice')[:12]}")
        assert own_api.get("Charlie", f"/me/emails?record={LEAD}")["emails"] == []
        own_api.do("Root", "DELETE", f"{SHARES}?user={CHARLIE}")
        assert_audited(own_api, "record share", LEAD, {"user": CHARLIE}, None)
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
