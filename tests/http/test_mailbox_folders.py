"""Which folders of mailboxes are read, over JSON: of the own one, of all for administrators, of none for others."""

from typing import Any

import pytest

from postroom.actions import mailbox_folders
from tests.http.own_api import ALICE, OwnApi
from tests.storage.contents import contents

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def path(own_api: OwnApi) -> str:
    """Give where the folders of Alice's mailbox are."""
    return f"/mailboxes/{own_api.get('Alice', '/me/mailbox')['mailbox']['id']}/folders"


def choices(own_api: OwnApi) -> dict[str, str]:
    return {each["name"]: each["choice"] for each in own_api.get("Alice", "/me/mailbox/folders")["folders"]}


def test_the_owner_and_administrators_choose_and_list(own_api: OwnApi) -> None:
    for who, where in (("Alice", "/me/mailbox/folders"), ("Alice", path(own_api)), ("Root", path(own_api))):
        own_api.do(who, "PUT", where, {"leave": ["News"], "read": ["Spam/Customers"]})
        assert choices(own_api) == {"News": "left out", "Spam/Customers": "read"}
        own_api.do(who, "PUT", where, {"by_use": ["News"]})
        assert choices(own_api) == {"News": "by its use", "Spam/Customers": "read"}
        before, after = {"folders": {"News": "left out"}}, {"folders": {"News": "by its use"}}
        own_api.assert_audited(who, "mailbox", f"mailbox {ALICE}", before, after)
    expected = {
        "name": "News",
        "state": "new",
        "messages": None,
        "watermark": 0,
        "compared": None,
        "choice": "by its use",
        "error": None,
    }
    for who, where in (("Alice", "/me/mailbox/folders"), ("Root", path(own_api))):
        assert own_api.get(who, where)["folders"][0] == expected


def test_to_others_a_mailbox_is_like_not_there(own_api: OwnApi) -> None:
    there, before = path(own_api), [own_api.token("Bob")] and contents(own_api.team.database)
    for where in (there, "/mailboxes/1/folders"):
        expected = (404, "NOT_FOUND", f"there is no connected mailbox {where.split('/')[2]}")
        assert own_api.refused("Bob", "GET", where) == expected
        assert own_api.refused("Bob", "PUT", where, {"leave": ["INBOX"]}) == expected
    assert contents(own_api.team.database) == before


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"read": [""]}, "read[0]"),
        ({"leave": ["x" * 501]}, "leave[0]"),
        ({"by_use": [1]}, "by_use[0]"),
        ({"read": "INBOX"}, "read"),
        ({"read": ["a\r\nb"]}, "folder"),
        ({"read": ["a"], "leave": ["a"]}, "folder"),
    ],
    ids=str,
)
def test_what_is_not_acceptable(own_api: OwnApi, body: dict[str, Any], field: str) -> None:
    assert own_api.wrong_field("Alice", "PUT", "/me/mailbox/folders", body) == field


def test_there_is_an_end_to_what_is_kept_of_folders_that_are_not_there(
    own_api: OwnApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mailbox_folders, "_MOST_FOLDERS", 2)
    own_api.do("Alice", "PUT", "/me/mailbox/folders", {"leave": ["A", "B"]})
    assert own_api.wrong_field("Alice", "PUT", "/me/mailbox/folders", {"leave": ["C"]}) == "folder"
    own_api.do("Alice", "PUT", "/me/mailbox/folders", {"read": ["A"]})


def test_whoever_has_no_mailbox_is_told_so(own_api: OwnApi) -> None:
    own_api.do("Bob", "DELETE", "/me/mailbox")
    assert own_api.refused("Bob", "GET", "/me/mailbox/folders")[:2] == (404, "NOT_FOUND")
