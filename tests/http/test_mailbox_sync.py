"""How it stands with mailboxes over JSON: the own one for each user, all for administrators, none for others."""

import time
from typing import Any

import pytest

from postroom.actions.leases import LeaseLost, take
from postroom.actions.mailboxes import NewMailbox, add_mailbox
from postroom.core.model import MailboxState
from postroom.storage.mailbox_sync import claim_due
from tests.http.own_api import ALICE, BOB, OwnApi
from tests.storage.contents import contents
from tests.team import NOW, OPERATOR

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def api(own_api: OwnApi) -> OwnApi:
    """Alice's mailbox is on a server."""
    own_api.do("Alice", "DELETE", "/me/mailbox")
    new = NewMailbox("imap", host="imap.team.example", password="secret")
    add_mailbox(own_api.team.database, own_api.team.box, ALICE, new, by=OPERATOR, now=NOW)
    return own_api


def path(api: OwnApi, user: str = ALICE) -> str:
    """Give where the mailbox of a user is."""
    listed: list[dict[str, Any]] = api.get("Root", "/mailboxes")["mailboxes"]
    (mailbox,) = [each for each in listed if each["user"] == user and each["state"] != MailboxState.DISCONNECTED]
    return f"/mailboxes/{mailbox['id']}/sync"


def test_the_owner_and_administrators_see_it_and_others_do_not(api: OwnApi) -> None:
    status = api.get("Alice", "/me/mailbox/sync")
    assert (status["state"], status["is_being_read"], status["complete_at"]) == ("new", False, None)
    assert api.get("Root", path(api)) == api.get("Alice", path(api)) == status
    api.team.dead_letter("Alice")
    for mailbox in api.get("Root", "/mailboxes")["mailboxes"]:
        is_alices = mailbox["user"] == ALICE and mailbox["state"] != MailboxState.DISCONNECTED
        assert (mailbox["sync"]["dead_letters"], mailbox["sync"]["messages_with_headers_only"]) == (int(is_alices), 0)
    assert api.get("Alice", "/me/mailbox/sync") == status | {"dead_letters": 1}
    there, not_there = (api.refused("Bob", "GET", where) for where in (path(api), "/mailboxes/1/sync"))
    assert there[:2] == not_there[:2] == (404, "NOT_FOUND")
    assert there[2].partition("mailbox ")[0] == not_there[2].partition("mailbox ")[0]


def test_the_owner_and_administrators_pause_and_resume_and_others_do_not(api: OwnApi) -> None:
    for who, where in (("Alice", "/me/mailbox/sync"), ("Root", path(api))):
        api.do(who, "PUT", where, {"state": "paused"})
        assert api.get(who, where)["state"] == "paused"
        assert api.refused(who, "POST", where)[:2] == (403, "NO_PERMISSION")
        api.assert_audited(who, "mailbox", f"mailbox {ALICE}", {"state": "active"}, {"state": "paused"})
        api.do(who, "PUT", where, {"state": "active"})
        api.do(who, "POST", where)
        assert api.get(who, where)["next_try_at"] is not None
    before = [api.token("Bob")] and contents(api.team.database)
    for method, body in (("PUT", {"state": "paused"}), ("POST", None)):
        assert api.refused("Bob", method, path(api), body)[:2] == (404, "NOT_FOUND")
    assert contents(api.team.database) == before


@pytest.mark.parametrize("state", ["disconnected", "", None, 1, True])
def test_another_state(api: OwnApi, state: object) -> None:
    assert api.refused("Alice", "PUT", "/me/mailbox/sync", {"state": state})[:2] == (400, "INVALID_DATA")


def test_pausing_or_disconnecting_takes_the_mailbox_from_whoever_reads_it(api: OwnApi) -> None:
    """What a worker has in hand at that moment is never stored."""
    database = api.team.database
    for method, where, body in (("PUT", "/me/mailbox/sync", {"state": "paused"}), ("DELETE", "/me/mailbox", None)):
        turn = take(database, ALICE, int(time.time()))
        assert api.get("Root", path(api))["is_being_read"]
        api.do("Alice", method, where, body)
        with pytest.raises(LeaseLost), database.write() as connection:
            turn.check(connection)
        with database.write() as connection:
            assert claim_due(connection, NOW + 10**6, 9, "other", NOW) is None


def test_whoever_has_no_mailbox_is_told_so_and_one_fed_by_import_is_not_read(api: OwnApi) -> None:
    assert api.get("Bob", "/me/mailbox/sync")["state"] == "fed_by_import"
    assert api.refused("Bob", "POST", "/me/mailbox/sync")[:2] == (403, "NO_PERMISSION")
    api.do("Bob", "DELETE", "/me/mailbox")
    assert api.refused("Bob", "GET", "/me/mailbox/sync") == (404, "NOT_FOUND", f"{BOB} has no connected mailbox")
