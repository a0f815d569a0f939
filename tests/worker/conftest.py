"""Accounts of a team on a real Dovecot."""

import pytest

from tests.servers.dovecot import Dovecot
from tests.team import Team
from tests.worker.reading import Accounts


@pytest.fixture
def accounts(team: Team, dovecot: Dovecot) -> Accounts:
    """Give accounts on a Dovecot, and elsewhere."""
    return Accounts(team, dovecot)
