"""A team that asks over HTTP: Alice owns a lead and mail on it, Bob is her superior, Charlie has no role."""

from collections.abc import Iterator

import pytest

from tests.http.oauth_clients import OAuth
from tests.http.own_api import CUSTOMER, LEAD, OwnApi
from tests.servers.postroom_server import Installation
from tests.team import Team


@pytest.fixture
def own_api(team: Team) -> OwnApi:
    """Give a client for this team and its administrator, Root."""
    return _client(team)


@pytest.fixture(scope="class")
def unchanged_api(shared_team: Team) -> OwnApi:
    """Give such a client to all tests of a class, which change nothing."""
    return _client(shared_team)


@pytest.fixture(scope="class")
def oauth(shared_team: Team, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OAuth]:
    """Serve Alice, who grants; Bob, her colleague; and Charlie, who is a stranger to both."""
    for name in ("Alice", "Bob", "Charlie"):
        shared_team.user(name, mailbox=None)
    url = shared_team.database.engine.url.render_as_string(hide_password=False)
    with Installation(tmp_path_factory.mktemp("oauth"), url).serve() as server:
        yield OAuth(shared_team, server)


def _client(team: Team) -> OwnApi:
    team.role("Management")
    team.role("Sales", "Management")
    team.user("Root", profile="Administrator", mailbox=None)
    team.user("Alice", role="Sales")
    team.user("Bob", role="Management")
    team.user("Charlie")
    team.record("Leads", "Alice", CUSTOMER, record_id=int(LEAD.partition("/")[2]))
    team.mail("Alice", CUSTOMER)
    return OwnApi(team)
