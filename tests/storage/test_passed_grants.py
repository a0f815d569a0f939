"""Grants that are over go once their tokens are gone, beside others who clean up at the same moment."""

import pytest
from sqlalchemy import select

from postroom.core.model import Client, ClientKind, Grant
from postroom.storage.clients import delete_passed_grants, insert_client, insert_grant
from postroom.storage.schema import grants, tokens
from postroom.storage.tokens import delete_expired_tokens, insert_token
from tests.storage.conftest import SECONDS, Background
from tests.team import NOW, Team

CLIENT, MANY = 1, 1000
LONG_AGO, LATELY = NOW - 8000, NOW - 60


@pytest.fixture
def granting(team: Team) -> Team:
    """Three grants to a client: two are over with their tokens, of a third Alice still has a token."""
    alice = team.user("Alice").id
    with team.database.write() as connection:
        client = Client(CLIENT, "Reports", ClientKind.CONFIDENTIAL, b"hash", ("https://r.example",), None, None, NOW)
        insert_client(connection, client)
        for number, granted_at in enumerate((LONG_AGO, LONG_AGO + 1, LATELY)):
            insert_grant(connection, Grant(number, CLIENT, alice, "ZohoCRM.users.READ", granted_at))
            values = {"created_at": granted_at, "expires_at": granted_at + 3600, "grant_id": number}
            insert_token(connection, b"%d" % number, alice, "ZohoCRM.users.READ", **values)
    return team


def clean_up(team: Team, most: int = MANY) -> None:
    with team.database.write() as connection:
        delete_expired_tokens(connection, NOW, most)
        delete_passed_grants(connection, NOW, most)


def left(team: Team) -> tuple[list[int], list[bytes]]:
    with team.database.read() as connection:
        ids = connection.execute(select(grants.c.id).order_by(grants.c.id)).scalars()
        return list(ids), sorted(bytes(each) for each in connection.execute(select(tokens.c.token_hash)).scalars())


def test_they_go_with_their_tokens_a_few_at_a_time(granting: Team) -> None:
    clean_up(granting, most=1)
    assert left(granting) == ([1, 2], [b"1", b"2"])
    clean_up(granting)
    clean_up(granting)
    assert left(granting) == ([2], [b"2"])


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_who_cleans_up_waits_for_nobody_who_does(granting: Team, background: Background) -> None:
    """Each would hold some tokens and wait for those of the other."""
    with granting.database.write() as connection:
        delete_expired_tokens(connection, NOW, 1)
        background.start(lambda: clean_up(granting)).result(SECONDS / 3)
        delete_passed_grants(connection, NOW, MANY)
    clean_up(granting)
    assert left(granting) == ([2], [b"2"])
