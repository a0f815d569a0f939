"""Alice's account, on each database; Bob owns the lead who writes to her."""

import pytest

from tests.servers.dovecot import Dovecot
from tests.sync.accounts import CUSTOMER, LEAD, Account
from tests.team import Team


@pytest.fixture
def account(team: Team, dovecot: Dovecot) -> Account:
    alice = Account(team, dovecot)
    team.user("Bob")
    team.permission("Alice", "public")
    team.record("Leads", "Bob", CUSTOMER, record_id=LEAD)
    return alice
