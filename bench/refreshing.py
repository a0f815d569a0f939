"""A client of OAuth that refreshes its token, as each does once an hour."""

import time
from urllib.parse import urlencode

from bench.load import Question
from bench.organisation import token_of
from postroom.actions.actor import command_line
from postroom.actions.clients import NewClient, add_client
from postroom.actions.grants import create_grant_code
from postroom.actions.token_endpoint import TokenRequest, issue_tokens
from postroom.storage.database import Database

REFRESH = "token refresh"
_USER, _SCOPE, _PATH = "user0@bench.example", "ZohoCRM.modules.ALL", "/oauth/v2/token"


def choose_refresh_question(database: Database) -> Question:
    """Register a client, let a user grant it something, and give the request by which it refreshes."""
    by, now = command_line("bench"), int(time.time())
    added = add_client(database, NewClient("Bench"), by=by, now=now)
    code = create_grant_code(database, str(added.client.id), _USER, _SCOPE, by=by, now=now, expires_in=600)
    client = {"client_id": str(added.client.id), "client_secret": str(added.secret)}
    granted = issue_tokens(
        database, TokenRequest({"grant_type": "authorization_code", "code": code, **client}), now=now
    )
    form = {"grant_type": "refresh_token", "refresh_token": str(granted["refresh_token"]), **client}
    return Question(token_of(0), _PATH, urlencode(form))
