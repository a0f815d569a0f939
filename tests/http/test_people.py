"""Roles and users, and what administrators set for them."""

import pytest

from tests.http.own_api import ALICE, BOB, CHARLIE, ROOT, OwnApi

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

EVERYONE = "everyone"
AUDIENCE = [{"user": CHARLIE}, {"role": "Management", "and_subordinates": True}]


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
        own_api.assert_audited("Root", "role", "role Interns", None, {"under": "Sales"})
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
        own_api.assert_audited("Root", "e-mail preference", "role Sales", None, public)
        own_api.do("Root", "PUT", domains, {"domains": ["a.example"]})
        own_api.assert_audited("Root", "excluded domains", "role Sales", [], ["a.example"])
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
        own_api.assert_audited(
            "Root",
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
        own_api.assert_audited("Root", "status", f"user {BOB}", "active", "inactive")
        own_api.do("Root", "PUT", path, {"status": "deleted"})
        refused = own_api.refused("Root", "PUT", path, {"status": "active"})
        assert refused[:2] == (403, "NO_PERMISSION")
        assert "deleted, which is final" in refused[2]

    def test_role(self, own_api: OwnApi) -> None:
        path = f"/users/{CHARLIE.upper()}/role"
        own_api.do("Root", "PUT", path, {"role": "Sales"})
        own_api.assert_audited("Root", "role of a user", f"user {CHARLIE}", None, "Sales")
        own_api.do("Root", "PUT", path, {"role": None})
        assert own_api.get("Charlie", "/me")["user"]["role"] is None
        assert own_api.refused("Root", "PUT", path, {"role": "Nobody"})[:2] == (404, "NOT_FOUND")

    def test_permission(self, own_api: OwnApi) -> None:
        path, subject = f"/users/{ALICE}/permission", f"user {ALICE}"
        assert own_api.wrong_field("Root", "PUT", path, {"audience": AUDIENCE}) == "audience"
        own_api.do("Root", "PUT", path, {"permission": "public", "audience": AUDIENCE})
        given = {"permission": "public", "audience": AUDIENCE}
        own_api.assert_audited("Root", "assigned permission", subject, None, given)
        own_api.do("Root", "PUT", path, {"permission": "custom"})
        own_api.assert_audited("Root", "assigned permission", subject, given, given | {"permission": "custom"})
        own_api.do("Root", "DELETE", path)
        own_api.assert_audited("Root", "assigned permission", subject, given | {"permission": "custom"}, None)

    def test_who_is_not_there(self, own_api: OwnApi) -> None:
        bodies = {"status": {"status": "active"}, "role": {"role": None}, "permission": {"permission": "public"}}
        for name, body in bodies.items():
            refused = own_api.refused("Root", "PUT", f"/users/nobody@team.example/{name}", body)
            assert refused == (404, "NOT_FOUND", "there is no user nobody@team.example")
            assert own_api.wrong_field("Root", "PUT", f"/users/nobody/{name}", body) == "user"
