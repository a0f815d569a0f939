"""What the product answers, in the reference model's form."""

from postroom.actions.errors import RecordInvalid, TokenInvalid
from postroom.actions.read_sharing_details import read_sharing_details
from tests import reference_model
from tests.reference_model import Answer, Record, User, World
from tests.team import NOW, Team
from tests.worlds import token_of


def reference_of(record: Record) -> str:
    """Give a record's reference, as the command line and the audit write it."""
    return f"{record.module}/{record.id}"


def answered(team: Team, viewer: User, record: Record) -> Answer:
    """Give the answer of the endpoint, or the code of the refusal."""
    try:
        details = read_sharing_details(team.reader, token_of(viewer.name), record.module, str(record.id), now=NOW)
    except RecordInvalid:
        return "INVALID_DATA"
    except TokenInvalid:
        return "INVALID_TOKEN"
    users = [(user.user_id, user.name, user.mailbox_protocol) for user in details.share_from_users]
    return list(details.available_types), users


def assert_never_lies(team: Team, world: World) -> None:
    """Check the answer to every caller about every record."""
    for viewer in world.users.values():
        for record in world.records.values():
            assert answered(team, viewer, record) == reference_model.answer(world, viewer, record), (viewer, record)
