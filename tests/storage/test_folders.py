"""A folder that two would add at the same moment: a pass that comes to it, and somebody who chooses about it."""

from postroom.core.model import Folder
from postroom.storage.folders import add_folder, choose_folder, folders_of
from tests.storage.conftest import SECONDS, Background, source_of
from tests.team import Team


def test_is_there_once_and_the_choice_holds(team: Team, background: Background) -> None:
    team.user("Alice")
    mailbox_id = source_of(team.database, "Alice").mailbox_id
    assert mailbox_id is not None

    def come_to_it() -> Folder:
        with team.database.write() as connection:
            return add_folder(connection, mailbox_id, "Offers")

    with team.database.write() as connection:
        choose_folder(connection, add_folder(connection, mailbox_id, "Offers"), is_read=False)
        coming = background.start(come_to_it)
    found = coming.result(SECONDS)
    assert found.is_read is False
    with team.database.read() as connection:
        assert folders_of(connection, mailbox_id) == {"Offers": found}
