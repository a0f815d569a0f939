"""Alice's account, on each database."""

import pytest

from tests.servers.dovecot import Dovecot
from tests.sync.accounts import Account
from tests.team import Team


@pytest.fixture
def account(team: Team, dovecot: Dovecot) -> Account:
    return Account(team, dovecot)
