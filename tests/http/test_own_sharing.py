"""What users set for their own mail."""

from typing import Any

import pytest
from sqlalchemy import update

from postroom.actions.mailboxes import disconnect_mailbox
from postroom.storage.schema import organisation
from tests.http.own_api import ALICE, BOB, CUSTOMER, LEAD, OwnApi
from tests.team import NOW, OPERATOR, Team

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

DOMAIN = CUSTOMER.partition("@")[2]
EVERYONE = "everyone"
NO_EMAIL = "0" * 64


def own_email(own_api: OwnApi, name: str = "Alice") -> dict[str, Any]:
    email: dict[str, Any] = own_api.get(name, "/me/emails")["emails"][0]
    return email


def shares(own_api: OwnApi) -> list[str]:
    """Give who shares with Bob on the lead, as the API of Zoho answers."""
    return own_api.team.shares("Bob", *_parts(LEAD))


def _parts(reference: str) -> tuple[str, int]:
    module, _, record_id = reference.partition("/")
    return module, int(record_id)


class TestMe:
    def test_begins_private_and_ones_own_to_choose(self, own_api: OwnApi) -> None:
        me = own_api.get("Alice", "/me")
        assert me["user"]["email"] == ALICE
        assert (me["permission"], me["may_choose"], me["choice"], me["excluded_domains"]) == ("private", True, None, 0)
        assert me["settings"] == [{"permission": "users_choice", "audience": EVERYONE}]
        assert [step["text"] for step in me["steps"]] == [
            "Permission users_choice, the organisation's default.",
            "The owner has not chosen, which means private.",
        ]

    def test_shows_the_choice_and_what_goes_before_it(self, own_api: OwnApi) -> None:
        chosen = {"permission": "public", "audience": [{"user": BOB}]}
        own_api.do("Alice", "PUT", "/me/permission", chosen)
        own_api.do("Alice", "PUT", "/me/excluded_domains", {"domains": ["a.example", "b.example"]})
        me = own_api.get("Alice", "/me")
        assert (me["permission"], me["may_choose"], me["choice"], me["excluded_domains"]) == ("public", True, chosen, 2)
        own_api.do("Root", "PUT", "/roles/Sales/email_preference", {"permission": "custom"})
        me = own_api.get("Alice", "/me")
        assert (me["permission"], me["may_choose"], me["choice"]) == ("custom", False, chosen)
        assert [step["rule"] for step in me["steps"]] == ["permission_from_role"]


class TestOwnPermission:
    def test_choosing(self, own_api: OwnApi) -> None:
        own_api.do("Alice", "PUT", "/me/permission", {"permission": "public"})
        public = {"permission": "public", "audience": EVERYONE}
        own_api.assert_audited("Alice", "own choice", f"user {ALICE}", None, public)
        assert shares(own_api) == ["Alice"]
        own_api.do("Alice", "PUT", "/me/permission", {"audience": []})
        own_api.assert_audited("Alice", "own choice", f"user {ALICE}", public, public | {"audience": []})
        own_api.do("Alice", "DELETE", "/me/permission")
        assert own_api.get("Alice", "/me")["choice"] is None
        assert shares(own_api) == []

    def test_what_cannot_be_chosen(self, own_api: OwnApi) -> None:
        for body, field in (
            ({"permission": "users_choice"}, "permission"),
            ({"permission": None}, "permission"),
            ({"audience": EVERYONE}, "audience"),
        ):
            assert own_api.wrong_field("Alice", "PUT", "/me/permission", body) == field

    @pytest.mark.parametrize(
        ("path", "reason"),
        [
            ("/roles/Sales/email_preference", "it is private, from the e-mail preference of the role"),
            (f"/users/{ALICE}/permission", "it is private, assigned by an administrator"),
            ("/organisation/default_permission", "it is private, the organisation's default"),
        ],
    )
    def test_where_somebody_else_decided(self, own_api: OwnApi, path: str, reason: str) -> None:
        own_api.do("Root", "PUT", path, {"permission": "private"})
        expected = (403, "NO_PERMISSION", f"the permission of {ALICE} is not the user's to choose: {reason}")
        assert own_api.refused("Alice", "PUT", "/me/permission", {"permission": "public"}) == expected
        assert own_api.refused("Alice", "DELETE", "/me/permission") == expected
        assert own_api.get("Alice", "/me")["may_choose"] is False


class TestOwnExcludedDomains:
    def test_setting(self, own_api: OwnApi) -> None:
        own_api.do("Alice", "PUT", "/me/permission", {"permission": "public"})
        own_api.do("Alice", "PUT", "/me/excluded_domains", {"domains": [DOMAIN]})
        assert own_api.get("Alice", "/me/excluded_domains") == {"domains": [DOMAIN]}
        assert own_email(own_api)["withheld"] is True
        assert shares(own_api) == []
        own_api.assert_audited("Alice", "excluded domains", f"user {ALICE}", [], [DOMAIN])
        own_api.do("Alice", "PUT", "/me/excluded_domains", {"domains": []})
        assert shares(own_api) == ["Alice"]

    def test_nobody_else_learns_which(self, own_api: OwnApi) -> None:
        own_api.do("Alice", "PUT", "/me/excluded_domains", {"domains": [DOMAIN, "a.example"]})
        assert own_api.get("Root", "/me/excluded_domains") == {"domains": []}
        seen = [
            own_api.ask("Root", "GET", path).text
            for path in ("/organisation", "/users", "/roles", "/audit", f"/audit?about={ALICE}", "/me")
        ]
        assert not any(domain in text for text in seen for domain in (DOMAIN, "a.example"))
        assert own_api.get("Root", "/users")["users"][0]["settings"]["excluded_domains"] == 2
        entry = own_api.newest_entry()
        assert (entry["change"], entry["before"], entry["after"]) == ("excluded domains", 0, 2)


class TestOwnEmails:
    def test_pages(self, own_api: OwnApi) -> None:
        own_api.team.mail("Alice", "second@customer.example")
        own_api.team.mail("Alice", "third@customer.example")
        first = own_api.get("Alice", "/me/emails?limit=2")
        second = own_api.get("Alice", f"/me/emails?limit=2&before={first['next_before']}")
        found = [*first["emails"], *second["emails"]]
        assert len({email["id"] for email in found}) == 3
        assert second["next_before"] is None
        assert set(found[0]) == {
            *("id", "thread", "date", "sender", "subject", "automated", "only_headers", "withheld")
        }
        assert found[0]["date"] == "2026-11-02T10:00:00+00:00"
        assert own_api.get("Alice", f"/me/emails?record={LEAD}")["emails"] == [found[2]]

    def test_are_nobody_elses(self, own_api: OwnApi) -> None:
        for name in ("Bob", "Charlie", "Root"):
            assert own_api.get(name, "/me/emails") == {"emails": [], "next_before": None}


class TestWithholding:
    def test_an_email(self, own_api: OwnApi) -> None:
        own_api.do("Alice", "PUT", "/me/permission", {"permission": "public"})
        email = own_email(own_api)["id"]
        path, subject = f"/me/emails/{email}/withheld", f"e-mail {email}"
        own_api.do("Alice", "PUT", path)
        own_api.assert_audited("Alice", "withheld by hand", subject, "shown", "withheld")
        assert own_email(own_api)["withheld"] is True
        assert shares(own_api) == []
        own_api.do("Alice", "DELETE", path)
        assert shares(own_api) == ["Alice"]

    def test_a_thread(self, own_api: OwnApi) -> None:
        own_api.do("Alice", "PUT", "/me/permission", {"permission": "public"})
        thread = own_email(own_api)["thread"]
        own_api.do("Alice", "PUT", f"/me/threads/{thread}/withheld")
        own_api.assert_audited("Alice", "withheld by hand", f"conversation {thread}", "shown", "withheld")
        assert shares(own_api) == []
        own_api.do("Alice", "DELETE", f"/me/threads/{thread}/withheld")
        assert shares(own_api) == ["Alice"]

    def test_an_administrator_learns_only_that_it_was_done(self, own_api: OwnApi) -> None:
        email = own_email(own_api)
        own_api.do("Alice", "PUT", f"/me/emails/{email['id']}/withheld")
        own_api.do("Alice", "PUT", f"/me/threads/{email['thread']}/withheld")
        for entry in own_api.get("Root", "/audit?limit=2")["entries"]:
            assert (entry["change"], entry["subject"]) == ("withheld by hand", f"user {ALICE}")
            assert (entry["before"], entry["after"]) == (None, None)

    def test_ids_that_are_not_acceptable(self, own_api: OwnApi) -> None:
        for wrong in ("abc", NO_EMAIL.upper().replace("0", "A"), f"{NO_EMAIL}0", "%00"):
            assert own_api.wrong_field("Alice", "PUT", f"/me/emails/{wrong}/withheld") == "email"
        for wrong in ("abc", "0", "007", "9223372036854775808", "%EF%BC%91"):
            assert own_api.wrong_field("Alice", "DELETE", f"/me/threads/{wrong}/withheld") == "thread"


class TestOwnShares:
    def test_sharing_on_a_record(self, own_api: OwnApi) -> None:
        path = f"/me/shares/{LEAD}"
        own_api.do("Alice", "PUT", "/me/permission", {"permission": "custom"})
        own_api.do("Alice", "PUT", path)
        own_api.assert_audited("Alice", "mail on a record", LEAD, None, "shared")
        assert shares(own_api) == ["Alice"]
        refused = own_api.refused("Alice", "PUT", path)
        assert refused == (409, "ALREADY_THERE", f"{ALICE} shares on {LEAD} already")
        own_api.do("Alice", "DELETE", path)
        own_api.assert_audited("Alice", "mail on a record", LEAD, "shared", None)
        refused = own_api.refused("Alice", "DELETE", path)
        assert refused == (404, "NOT_FOUND", f"{ALICE} does not share on {LEAD}")

    def test_where_the_law_does_not_allow_it(self, own_api: OwnApi) -> None:
        def reason(path: str) -> str:
            status, code, message = own_api.refused("Alice", "PUT", path)
            assert (status, code) == (403, "NO_PERMISSION")
            return message

        assert reason(f"/me/shares/{LEAD}").startswith("User did not enable custom sharing")
        deal = own_api.team.record("Deals", "Alice")
        assert reason(f"/me/shares/Deals/{deal}").startswith("mail is shared record by record in Leads")
        disconnect_mailbox(own_api.team.database, ALICE, by=OPERATOR, now=NOW)
        assert reason(f"/me/shares/{LEAD}").startswith("Email Configuration does not exist")


def test_the_organisations_clock(team: Team, own_api: OwnApi) -> None:
    _set_time_zone(team, "Asia/Kolkata")
    assert own_email(own_api)["date"] == "2026-11-02T15:30:00+05:30"
    assert own_api.newest_entry()["at"].endswith("+05:30")
    assert own_api.get("Root", "/organisation")["time_zone"] == "Asia/Kolkata"


def _set_time_zone(team: Team, name: str) -> None:
    with team.database.write() as connection:
        connection.execute(update(organisation).values(time_zone=name))
