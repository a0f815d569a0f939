"""Records as an actor may know of them: one that the actor may not see is not there."""

from sqlalchemy import Connection

from postroom.actions.actor import Actor
from postroom.actions.lookups import find_record, no_record
from postroom.core.model import Module, Record
from postroom.core.sharing import record_access
from postroom.storage.sharing_facts import read_pair_facts


def get_record_for(connection: Connection, by: Actor, reference: str) -> tuple[Module, Record]:
    """Give a record that the actor sees. Raises NotFound, the same and after as much work for one that is not there.

    Raises InvalidInput.
    """
    module, record_id, record = find_record(connection, reference)
    seen = may_see(connection, by, record_id)
    if record is None or not seen:
        raise no_record(module, record_id)
    return module, record


def may_see(connection: Connection, by: Actor, record_id: int) -> bool:
    """Say whether the actor sees a record; whoever has the command line sees all that are there."""
    if by.user_id is None:
        return True
    facts = read_pair_facts(connection, by.user_id, by.user_id, record_id)
    return record_access(facts.viewer, facts.grounds).allowed
