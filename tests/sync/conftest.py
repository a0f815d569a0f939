"""Alice's account, on each database; Bob owns the lead who writes to her."""

import pytest

from tests.servers.cyrus import Cyrus
from tests.servers.dovecot import Dovecot
from tests.sync.accounts import CUSTOMER, LEAD, Account
from tests.team import Team


@pytest.fixture
def mail_server(request: pytest.FixtureRequest) -> Dovecot | Cyrus:
    """Give the server that a test names as its parameter: Dovecot if it names none."""
    server: Dovecot | Cyrus = request.getfixturevalue(getattr(request, "param", "dovecot"))
    return server


@pytest.fixture
def account(team: Team, mail_server: Dovecot | Cyrus) -> Account:
    alice = Account(team, mail_server)
    team.user("Bob")
    team.permission("Alice", "public")
    team.record("Leads", "Bob", CUSTOMER, record_id=LEAD)
    return alice
