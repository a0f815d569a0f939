"""The audit over HTTP: whole for administrators, and for others what concerns their own mail."""

from typing import Any

import pytest

from tests.http.own_api import ALICE, BOB, CHARLIE, CUSTOMER, LEAD, OwnApi
from tests.team import Team


def subjects(page: dict[str, Any]) -> list[str]:
    return [entry["subject"] for entry in page["entries"]]


class TestAudit:
    @pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
    def test_is_read_page_by_page(self, own_api: OwnApi) -> None:
        every = own_api.get("Root", "/audit?limit=100")
        assert subjects(every)[-2:] == ["role Sales", "role Management"]
        found: list[dict[str, Any]] = []
        before = ""
        while before is not None:
            page = own_api.get("Root", f"/audit?limit=2{before and f'&before={before}'}")
            assert len(page["entries"]) <= 2
            found += page["entries"]
            before = page["next_before"]
        assert found == every["entries"]

    @pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
    def test_an_entry(self, own_api: OwnApi) -> None:
        own_api.do("Root", "PUT", f"/users/{ALICE}/status", {"status": "inactive"})
        entry = own_api.newest_entry()
        assert entry.pop("id").isdigit()
        assert entry.pop("at").endswith("+00:00")
        assert entry == {
            "actor": "root@team.example",
            "channel": f"token {own_api.token_hash('Root')[:12]}",
            "change": "status",
            "subject": f"user {ALICE}",
            "owner": ALICE,
            "before": "active",
            "after": "inactive",
        }

    @pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
    def test_others_may_not_read_all_of_it(self, own_api: OwnApi) -> None:
        reason = "only an administrator may read the whole audit; ask about your own mail"
        for name in ("Alice", "Bob", "Charlie"):
            assert own_api.refused(name, "GET", "/audit") == (403, "NO_PERMISSION", reason)

    @pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
    def test_nor_what_concerns_somebody_else(self, own_api: OwnApi) -> None:
        reason = "only the user or an administrator may read what concerns the user's mail"
        assert own_api.refused("Bob", "GET", f"/audit?about={ALICE}") == (403, "NO_PERMISSION", reason)

    @pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
    def test_about_oneself(self, own_api: OwnApi) -> None:
        """Alice reads of herself, of her role and of everybody's settings, and of nobody else."""
        own_api.do("Root", "PUT", "/organisation/crm_access", {"access": "private"})
        own_api.do("Root", "PUT", "/roles/Sales/email_preference", {"permission": "users_choice"})
        own_api.do("Root", "PUT", "/roles/Management/email_preference", {"permission": "users_choice"})
        own_api.do("Alice", "PUT", "/me/excluded_domains", {"domains": ["a.example"]})
        own_api.do("Bob", "PUT", "/me/excluded_domains", {"domains": ["b.example"]})
        page = own_api.get("Alice", f"/audit?about={ALICE}")
        made = [f"user {ALICE}", "role Sales", "the organisation"]
        assert subjects(page) == [*made, f"mailbox {ALICE}", f"user {ALICE}", "role Sales"]
        assert page["entries"][0]["after"] == ["a.example"]
        assert subjects(own_api.get("Root", f"/audit?about={ALICE}")) == subjects(page)

    def test_about_somebody_without_a_role(self, own_api: OwnApi) -> None:
        """Charlie has no role, which is not the role of everybody else."""
        own_api.do("Root", "PUT", "/roles/Sales/email_preference", {"permission": "custom"})
        own_api.do("Alice", "PUT", f"/me/shares/{LEAD}")
        own_api.do("Alice", "PUT", f"/records/{LEAD}/shares", {"user": BOB})
        page = own_api.get("Charlie", f"/audit?about={CHARLIE}")
        assert subjects(page) == [f"mailbox {CHARLIE}", f"user {CHARLIE}"]
        own_api.do("Root", "PUT", f"/users/{CHARLIE}/role", {"role": "Management"})
        assert LEAD not in subjects(own_api.get("Charlie", f"/audit?about={CHARLIE}"))

    @pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
    def test_what_is_not_acceptable(self, own_api: OwnApi) -> None:
        for query, field in (("about=alice", "about"), ("limit=0", "limit"), ("before=x", "before")):
            assert own_api.wrong_field("Root", "GET", f"/audit?{query}") == field
        assert own_api.refused("Root", "GET", "/audit?about=nobody@team.example")[:2] == (404, "NOT_FOUND")


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_no_mail_is_in_anything_that_administrators_read(team: Team, own_api: OwnApi) -> None:
    team.mail("Alice", CUSTOMER, "secret@hidden.example")
    email = own_api.get("Alice", "/me/emails")["emails"][0]
    own_api.do("Alice", "PUT", f"/me/emails/{email['id']}/withheld")
    paths = ["/organisation", "/roles", "/users", "/modules", "/audit", "/me", "/me/emails", f"/viewers?owner={ALICE}"]
    paths += [f"/viewers?owner={ALICE}&record={LEAD}", f"/explain?viewer={BOB}&owner={ALICE}&record={LEAD}"]
    seen = " ".join(own_api.ask("Root", "GET", path).text for path in paths)
    for private in ("hidden.example", email["id"], email["thread"], "Offer", CUSTOMER):
        assert private not in seen
