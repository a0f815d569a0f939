"""The words that databases and clients hold: whoever changes one needs a migration or breaks a client."""

from enum import StrEnum

import pytest

from postroom.core import model


@pytest.mark.parametrize(
    ("words", "values"),
    [
        (model.AssociatedBy, {"address", "hand"}),
        (model.CrmAccess, {"private", "public_read_only", "public_read_write", "public_read_write_delete"}),
        (model.Kind, {"crm", "imap", "pop"}),
        (model.MailboxState, {"active", "disconnected", "paused"}),
        (model.ParticipantRole, {"bcc", "cc", "from", "to"}),
        (model.Permission, {"custom", "private", "public", "users_choice"}),
        (model.Profile, {"Administrator", "Standard"}),
        (model.Scope, {"organisation", "role", "user"}),
        (model.SyncState, {"failing", "healthy", "incomplete", "needs_login", "new"}),
        (model.Trouble, {"authentication", "permanent", "throttled", "transient"}),
        (model.UserStatus, {"active", "deleted", "inactive"}),
    ],
)
def test_words_stay_what_they_are(words: type[StrEnum], values: set[str]) -> None:
    assert {word.value for word in words} == values
