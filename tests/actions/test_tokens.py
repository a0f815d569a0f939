"""Tokens: shown once, stored as a hash, and good for no longer than they should be."""

import re
import zlib
from pathlib import Path

import pytest

from postroom.actions.errors import ActionError, InvalidInput, NotFound, TokenInvalid
from postroom.actions.organisation import SetUserStatus
from postroom.actions.random_secrets import SecretKind
from postroom.actions.read_sharing_details import read_sharing_details
from postroom.actions.tokens import create_token, hash_token, revoke_token, revoke_tokens_of
from postroom.core.model import UserStatus
from postroom.storage.database import Database
from tests.storage.contents import contents
from tests.team import ALL_SCOPES, NOW, Team, email_of

LEAD = 1001
BOB = email_of("Bob")
TEN_YEARS = 10 * 366 * 24 * 3600
on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def team(team: Team) -> Team:
    """Alice and Bob, who owns a lead."""
    team.user("Alice")
    team.user("Bob")
    team.record("Leads", "Bob", record_id=LEAD)
    return team


def works(team: Team, token: str, now: int = NOW) -> bool:
    try:
        read_sharing_details(team.reader, token, "Leads", str(LEAD), now=now)
    except TokenInvalid:
        return False
    return True


def create(team: Team, scopes: str = ALL_SCOPES, **options: int) -> str:
    return create_token(team.database, BOB, scopes, now=NOW, **options)


def everything(database: Database, folder: Path) -> bytes:
    """Give all that lies in the database, as bytes where it is a file, else as its rows."""
    files = b"".join(path.read_bytes() for path in folder.glob("*.sqlite3*"))
    values = [value for rows in contents(database).values() for row in rows for value in row]
    return files + b"\n".join(bytes(value) if isinstance(value, bytes) else str(value).encode() for value in values)


class TestToken:
    @on_sqlite
    def test_it_is_recognised_by_secret_scanners_and_never_the_same(self, team: Team) -> None:
        tokens = {create(team) for _ in range(50)}
        assert len(tokens) == 50
        assert all(re.fullmatch(rf"{SecretKind.ACCESS}[A-Za-z0-9]{{43}}[0-9a-f]{{8}}", token) for token in tokens)

    @on_sqlite
    def test_its_end_tells_a_typing_error(self, team: Team) -> None:
        body = create(team).removeprefix(SecretKind.ACCESS)
        assert int(body[-8:], 16) == zlib.crc32(body[:-8].encode())

    def test_nothing_but_its_hash_is_stored(self, team: Team, tmp_path: Path) -> None:
        token = create(team)
        stored = everything(team.database, tmp_path)
        assert hash_token(token) in stored
        assert token.encode() not in stored
        assert token.removeprefix(SecretKind.ACCESS)[:20].encode() not in stored

    def test_its_hash_is_no_token(self, team: Team) -> None:
        token = create(team)
        for hashed in (hash_token(token).hex(), hash_token(token).decode("latin-1"), token.upper(), token[:-1]):
            assert not works(team, hashed)
        assert works(team, token)

    def test_any_text_has_a_hash(self) -> None:
        texts = ("", "\udcff", "Größe", "x" * 100_000)
        assert len({hash_token(text) for text in texts}) == len(texts)


class TestLife:
    @pytest.mark.parametrize("expires_in", [1, 60, TEN_YEARS])
    def test_it_ends_at_its_second(self, team: Team, expires_in: int) -> None:
        token = create(team, expires_in=expires_in)
        assert works(team, token, NOW + expires_in - 1)
        assert not works(team, token, NOW + expires_in)

    @on_sqlite
    def test_it_is_an_hour_unless_somebody_says_otherwise(self, team: Team) -> None:
        token = create(team)
        assert (works(team, token, NOW + 3599), works(team, token, NOW + 3600)) == (True, False)

    def test_it_ends_with_the_users_and_begins_again(self, team: Team) -> None:
        token = create(team)
        seen = []
        for status in (UserStatus.INACTIVE, UserStatus.ACTIVE, UserStatus.DELETED):
            team.make(SetUserStatus(BOB, status))
            seen.append(works(team, token))
        assert seen == [False, True, False]


class TestRefusals:
    @on_sqlite
    @pytest.mark.parametrize(
        ("email", "scopes", "expires_in", "refusal", "sentence"),
        [
            (BOB, ALL_SCOPES, 0, InvalidInput, "expires-in: expected 1 to"),
            (BOB, ALL_SCOPES, -1, InvalidInput, "expires-in: expected 1 to"),
            (BOB, ALL_SCOPES, TEN_YEARS + 1, InvalidInput, "expires-in: expected 1 to"),
            (BOB, "", 60, InvalidInput, "scope: scope '' is not of the form"),
            (BOB, f"{ALL_SCOPES},everything", 60, InvalidInput, "scope: scope 'everything' is not of the form"),
            ("zoe@team.example", ALL_SCOPES, 60, NotFound, "there is no user zoe@team.example"),
            ("zoe", ALL_SCOPES, 60, InvalidInput, "'zoe' is not an e-mail address"),
        ],
    )
    def test_what_cannot_be_a_token(
        self, team: Team, email: str, scopes: str, expires_in: int, refusal: type[ActionError], sentence: str
    ) -> None:
        with pytest.raises(refusal, match=sentence):
            create_token(team.database, email, scopes, now=NOW, expires_in=expires_in)
        assert contents(team.database)["tokens"] == []

    @on_sqlite
    def test_scopes_are_kept_once_each(self, team: Team) -> None:
        create(team, "ZohoCRM.modules.READ, ZohoCRM.modules.emails.READ,ZohoCRM.modules.READ")
        assert contents(team.database)["tokens"][0][2] == "ZohoCRM.modules.READ,ZohoCRM.modules.emails.READ"


class TestRevoking:
    def test_one_leaves_the_others(self, team: Team) -> None:
        revoked, other = create(team), create(team)
        revoke_token(team.database, revoked, now=NOW)
        assert (works(team, revoked), works(team, other)) == (False, True)

    def test_all_of_a_user_leaves_those_of_colleagues(self, team: Team) -> None:
        first, second, alices = create(team), create(team), team.token("Alice")
        revoke_token(team.database, first, now=NOW)
        assert revoke_tokens_of(team.database, BOB, now=NOW) == 1
        assert revoke_tokens_of(team.database, BOB, now=NOW) == 0
        assert not works(team, second)
        assert team.reader.read(hash_token(alices), "leads", LEAD).token.revoked_at is None

    @on_sqlite
    def test_what_cannot_be_revoked_is_said(self, team: Team) -> None:
        token = create(team)
        revoke_token(team.database, token, now=NOW)
        for gone in (token, "unknown", ""):
            with pytest.raises(NotFound, match="there is no such token, or it is revoked already"):
                revoke_token(team.database, gone, now=NOW + 5)
        assert contents(team.database)["tokens"][0][5] == NOW
        with pytest.raises(NotFound, match="there is no user"):
            revoke_tokens_of(team.database, "zoe@team.example", now=NOW)
