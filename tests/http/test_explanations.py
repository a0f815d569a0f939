"""Explaining, the reverse, and the preview: what each caller is told, and what nobody is told."""

from typing import Any

import pytest

from postroom.actions.change_sharing import ShareRecord
from postroom.core.sharing import Rule
from tests.http.own_api import ALICE, BOB, CHARLIE, CUSTOMER, LEAD, ROOT, OwnApi

FORBIDDEN = (403, "NO_PERMISSION")
LEAD_ID = int(LEAD.partition("/")[2])
DOMAIN = CUSTOMER.partition("@")[2]


def explain(viewer: str, owner: str, record: str = LEAD) -> str:
    return f"/explain?viewer={viewer}&owner={owner}&record={record}"


def rules(answer: dict[str, Any]) -> list[str]:
    return [step["rule"] for step in answer["steps"]]


@pytest.fixture
def public(own_api: OwnApi) -> OwnApi:
    """Let Alice's mail be public: Bob sees it, being her superior, and Root, who sees every record."""
    own_api.do("Alice", "PUT", "/me/permission", {"permission": "public"})
    return own_api


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
class TestExplain:
    def test_the_owner_and_administrators_learn_every_step(self, public: OwnApi) -> None:
        for name in ("Alice", "Root"):
            explanation = public.get(name, explain(BOB, ALICE))
            assert (explanation["viewer"], explanation["owner"], explanation["record"]) == (BOB, ALICE, LEAD)
            assert (explanation["sees_mailbox"], explanation["sees_crm"]) == (True, False)
            mailbox, crm = explanation["answers"]
            assert mailbox["allowed"] is True
            assert rules(mailbox) == [
                "superior_of_record_owner",
                "permission_from_organisation",
                "users_choice",
                "mail_is_public",
                "in_audience_as_superior",
            ]
            assert mailbox["steps"][2]["text"] == "The owner chose public."
            assert rules(crm) == ["superior_of_record_owner", "crm_mail_follows_record"]

    def test_a_viewer_learns_what_the_list_of_emails_shows(self, public: OwnApi) -> None:
        explanation = public.get("Bob", explain(BOB, ALICE))
        assert (explanation["sees_mailbox"], explanation["answers"]) == (True, [])

    def test_others_learn_nothing(self, public: OwnApi) -> None:
        for viewer in (BOB, ALICE, ROOT):
            assert public.refused("Charlie", "GET", explain(viewer, ALICE))[:2] == FORBIDDEN
        assert public.refused("Bob", "GET", explain(CHARLIE, ALICE))[:2] == FORBIDDEN

    def test_one_email_is_explained_to_its_owner_alone(self, public: OwnApi) -> None:
        public.do("Alice", "PUT", "/me/excluded_domains", {"domains": [DOMAIN]})
        email = public.get("Alice", "/me/emails")["emails"][0]["id"]
        (answer,) = public.get("Alice", f"{explain(BOB, ALICE)}&email={email}")["answers"]
        assert rules(answer)[-1] == Rule.DOMAIN_EXCLUDED_BY_USER
        assert answer["allowed"] is False
        assert public.get("Alice", f"{explain(BOB, ALICE)}&email={'0' * 64}")["answers"] == []
        assert public.wrong_field("Alice", "GET", f"{explain(BOB, ALICE)}&email=abc") == "email"
        for name in ("Root", "Bob"):
            refused = public.refused(name, "GET", f"{explain(BOB, ALICE)}&email={email}")
            assert refused[:2] == FORBIDDEN
            assert DOMAIN not in public.ask(name, "GET", explain(BOB, ALICE)).text

    def test_where_private_mail_is_is_told_to_its_owner_alone(self, own_api: OwnApi) -> None:
        contact = own_api.team.record("Contacts", "Alice", "ada@customer.example")
        deal = f"Deals/{own_api.team.record('Deals', 'Alice', links=[contact])}"
        own_api.team.mail("Alice", "ada@customer.example")
        assert own_api.refused("Root", "GET", explain(ALICE, ALICE))[:2] == FORBIDDEN
        places = {each["record"] for each in own_api.get("Alice", explain(BOB, ALICE, deal))["answers"]}
        assert places == {deal, f"Contacts/{contact}"}
        told = own_api.get("Root", explain(BOB, ALICE, deal))
        assert {each["record"] for each in told["answers"]} == {deal}
        assert told["sees_mailbox"] is False
        own_api.do("Alice", "PUT", "/me/permission", {"permission": "public"})
        told = own_api.get("Root", explain(BOB, ALICE, deal))
        assert {each["record"] for each in told["answers"]} == {deal, f"Contacts/{contact}"}

    def test_a_contact_that_the_owner_may_not_see_is_not_named(self, own_api: OwnApi) -> None:
        contact = own_api.team.record("Contacts", "Bob", "ada@customer.example")
        deal = f"Deals/{own_api.team.record('Deals', 'Alice', links=[contact])}"
        own_api.team.mail("Alice", "ada@customer.example")
        answer = own_api.ask("Alice", "GET", explain(BOB, ALICE, deal))
        assert answer.status_code == 200
        assert str(contact) not in answer.text

    def test_what_is_not_acceptable(self, own_api: OwnApi) -> None:
        for path, field in (
            (explain("bob", ALICE), "viewer"),
            (explain(BOB, "alice"), "owner"),
            (explain(BOB, ALICE, "Leads"), "record"),
            ("/explain", "viewer"),
        ):
            assert own_api.wrong_field("Alice", "GET", path) == field
        assert own_api.refused("Alice", "GET", explain("nobody@team.example", ALICE))[:2] == (404, "NOT_FOUND")


class TestViewers:
    def test_on_one_record(self, public: OwnApi) -> None:
        for name in ("Alice", "Root"):
            (record,) = public.get(name, f"/viewers?owner={ALICE}&record={LEAD}")["records"]
            assert record["record"] == LEAD
            bob, root = record["viewers"]
            assert (bob["email"], bob["name"], bob["crm"]) == (BOB, "Bob", [])
            assert rules({"steps": bob["mailbox"]})[0] == "superior_of_record_owner"
            assert root["email"] == ROOT

    def test_others_learn_nothing(self, public: OwnApi) -> None:
        for name in ("Bob", "Charlie"):
            for path in (f"/viewers?owner={ALICE}&record={LEAD}", f"/viewers?owner={ALICE}"):
                assert public.refused(name, "GET", path)[:2] == FORBIDDEN

    def test_on_all_records_page_by_page(self, public: OwnApi) -> None:
        others = [public.team.record("Leads", "Alice", CUSTOMER) for _ in range(2)]
        expected = [LEAD, *(f"Leads/{other}" for other in sorted(others))]
        for name in ("Alice", "Root"):
            first = public.get(name, f"/viewers?owner={ALICE}&limit=2")
            second = public.get(name, f"/viewers?owner={ALICE}&limit=2&after={first['next_after']}")
            assert [each["record"] for each in (*first["records"], *second["records"])] == expected
            assert (first["next_after"], second["next_after"]) == (expected[1].partition("/")[2], None)

    def test_pages_do_not_tell_of_records_that_the_owner_may_not_see(self, own_api: OwnApi) -> None:
        own_api.team.record("Leads", "Bob", "ada@customer.example")
        own_api.team.mail("Charlie", "ada@customer.example")
        for limit in ("", "&limit=1"):
            page = own_api.get("Charlie", f"/viewers?owner={CHARLIE}{limit}")
            assert page == {"records": [], "next_after": None}

    def test_administrators_are_not_told_where_private_mail_is(self, own_api: OwnApi) -> None:
        own_api.team.record("Leads", "Alice", CUSTOMER)
        for limit in ("", "&limit=1"):
            page = own_api.get("Root", f"/viewers?owner={ALICE}{limit}")
            assert page == {"records": [], "next_after": None}
        assert len(own_api.get("Alice", f"/viewers?owner={ALICE}")["records"]) == 2
        silent = own_api.team.record("Leads", "Alice")
        with_mail, without = (
            own_api.get("Root", f"/viewers?owner={ALICE}&record={record}")["records"][0]["viewers"]
            for record in (LEAD, f"Leads/{silent}")
        )
        assert with_mail == without == []


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
class TestPreview:
    def test_what_an_administrator_would_open(self, own_api: OwnApi) -> None:
        before = own_api.get("Root", "/audit")
        change = {"change": "assign_permission", "user": ALICE, "permission": "public"}
        previewed = own_api.do("Root", "POST", "/preview", change)
        assert previewed["opened"] == {"users": 2, "records": 1, "emails": 1}
        assert previewed["closed"] == {"users": 0, "records": 0, "emails": 0}
        expected = {"owner": ALICE, "record": LEAD, "opened": 1, "closed": 0}
        assert sorted(each.pop("viewer") for each in previewed["differences"]) == [BOB, ROOT]
        assert previewed["differences"] == [expected, expected]
        assert previewed["more"] is False
        assert own_api.get("Root", "/audit") == before
        assert own_api.get("Alice", "/me")["permission"] == "private"

    def test_users_preview_what_is_theirs_to_set(self, public: OwnApi) -> None:
        email = public.get("Alice", "/me/emails")["emails"][0]
        for change in (
            {"change": "choose_permission", "user": ALICE, "permission": "private"},
            {"change": "choose_permission", "user": ALICE, "permission": None},
            {"change": "set_excluded_domains", "user": ALICE, "domains": [DOMAIN]},
            {"change": "withhold_email", "user": ALICE, "email": email["id"]},
            {"change": "withhold_thread", "user": ALICE, "thread": email["thread"]},
        ):
            closed = public.do("Alice", "POST", "/preview", change)["closed"]
            assert closed == {"users": 2, "records": 1, "emails": 1}, change
            assert public.refused("Bob", "POST", "/preview", change)[:2] == FORBIDDEN

    def test_sharing_on_a_record(self, own_api: OwnApi) -> None:
        own_api.do("Alice", "PUT", "/me/permission", {"permission": "custom"})
        change = {"change": "share_emails", "user": ALICE, "record": LEAD}
        assert own_api.do("Alice", "POST", "/preview", change)["opened"]["emails"] == 1
        own_api.do("Alice", "PUT", f"/me/shares/{LEAD}")
        assert own_api.refused("Alice", "POST", "/preview", change)[:2] == (409, "ALREADY_THERE")
        change["change"] = "unshare_emails"
        assert own_api.do("Alice", "POST", "/preview", change)["closed"]["emails"] == 1

    def test_the_owner_of_a_record_learns_nothing_of_the_mail_of_others(self, own_api: OwnApi) -> None:
        """For whom Bob's mail is, is not Alice's affair, on her own lead neither, and not even where she sees it."""
        own_api.team.mail("Bob", CUSTOMER)
        own_api.do("Bob", "PUT", "/me/permission", {"permission": "public", "audience": [{"user": CHARLIE}]})
        share = {"change": "share_record", "record": LEAD, "user": CHARLIE}
        assert own_api.do("Alice", "POST", "/preview", share)["opened"]["emails"] == 0
        assert own_api.do("Root", "POST", "/preview", share)["opened"]["emails"] == 1
        own_api.do("Bob", "PUT", "/me/permission", {"audience": "everyone"})
        assert own_api.do("Alice", "POST", "/preview", share)["opened"]["emails"] == 0
        own_api.team.make(ShareRecord(LEAD, user=CHARLIE))
        unshare = {"change": "unshare_record", "record": LEAD, "user": CHARLIE}
        assert own_api.do("Alice", "POST", "/preview", unshare)["closed"]["emails"] == 0
        assert own_api.do("Root", "POST", "/preview", unshare)["closed"]["emails"] == 1


@pytest.mark.parametrize("shared_team", ["sqlite"], indirect=True)
class TestPreviewed:
    @pytest.mark.parametrize(
        "change",
        [
            {"change": "set_default_permission", "permission": "public", "audience": [{"user": BOB}]},
            {"change": "set_role_preference", "role": "Sales", "permission": "public"},
            {"change": "set_role_preference", "role": "Sales", "permission": None},
            {"change": "assign_permission", "user": ALICE, "permission": "public", "audience": "everyone"},
            {"change": "set_crm_access", "access": "private"},
            {"change": "set_module_access", "module": "Leads", "access": "public"},
            {"change": "set_excluded_domains", "domains": ["a.example"]},
            {"change": "set_excluded_domains", "domains": [], "role": "Sales"},
            {"change": "set_internal_domains", "domains": ["a.example"]},
            {"change": "set_user_status", "user": BOB, "status": "inactive"},
            {"change": "set_user_role", "user": ALICE, "role": None},
        ],
        ids=lambda change: change["change"],
    )
    def test_every_change_of_administrators_and_of_nobody_else(
        self, unchanged_api: OwnApi, change: dict[str, Any]
    ) -> None:
        before = unchanged_api.get("Root", "/audit")
        assert set(unchanged_api.do("Root", "POST", "/preview", change)) == {"opened", "closed", "differences", "more"}
        assert unchanged_api.refused("Alice", "POST", "/preview", change)[:2] == FORBIDDEN
        assert unchanged_api.get("Root", "/audit") == before

    @pytest.mark.parametrize(
        ("change", "field"),
        [
            ({}, "change"),
            ({"change": "nonsense"}, "change"),
            ({"change": 1}, "change"),
            ({"change": "set_user_role", "user": ALICE}, "role"),
            ({"change": "set_user_role", "user": ALICE, "role": None, "status": "active"}, "status"),
            ({"change": "set_user_status", "user": ALICE, "status": "gone"}, "status"),
            ({"change": "set_default_permission", "permission": None}, "permission"),
            ({"change": "choose_permission", "user": ROOT, "permission": "users_choice"}, "permission"),
            ({"change": "share_record", "record": LEAD}, "user"),
            ({"change": "share_record", "record": "Leads", "user": BOB}, "record"),
            ({"change": "set_excluded_domains", "domains": ["a b"]}, "domains"),
            ({"change": "set_excluded_domains", "domains": [], "role": "Sales", "user": ROOT}, "user"),
            ({"change": "withhold_email", "user": ROOT, "email": "abc"}, "email"),
            ({"change": "withhold_thread", "user": ROOT, "thread": "abc"}, "thread"),
        ],
    )
    def test_what_is_not_acceptable(self, unchanged_api: OwnApi, change: object, field: str) -> None:
        assert unchanged_api.wrong_field("Root", "POST", "/preview", change) == field
