"""Records as an actor may know of them: one that the actor may not see is not there."""

from sqlalchemy import Connection

from postroom.actions.actor import Actor
from postroom.actions.errors import NotFound
from postroom.actions.lookups import get_record
from postroom.core.model import Module, Record
from postroom.core.sharing import record_access
from postroom.storage.sharing_facts import read_pair_facts


def get_record_for(connection: Connection, by: Actor, reference: str) -> tuple[Module, Record]:
    """Give a record that the actor sees. Raises NotFound, the same for one that is not there, InvalidInput."""
    module, record = get_record(connection, reference)
    if not may_see(connection, by, record.id):
        raise NotFound(f"there is no record {record.id} in {module.api_name}")
    return module, record


def may_see(connection: Connection, by: Actor, record_id: int) -> bool:
    """Say whether the actor sees a record that is stored; whoever has the command line sees all."""
    if by.user_id is None:
        return True
    facts = read_pair_facts(connection, by.user_id, by.user_id, record_id)
    return record_access(facts.viewer, facts.grounds).allowed
