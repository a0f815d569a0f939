"""Makes a database into an installation of Postroom, and says whether it is one."""

from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from postroom.actions.errors import InvalidInput, NotInitialised
from postroom.actions.lookups import valid_name
from postroom.storage import organisation
from postroom.storage.database import Database
from postroom.storage.migrations import foreign_version, migrate, newest_version, schema_version


def initialise(database: Database, name: str = "My organisation", time_zone: str = "UTC") -> bool:
    """Bring the schema to the newest version and create the organisation if there is none; say whether it was.

    Raises InvalidInput; NotInitialised where a newer version of Postroom made the schema.
    """
    _check_time_zone(time_zone)
    with database.write() as connection:
        _refuse_foreign(foreign_version(connection))
        migrate(connection)
        if organisation.organisation_settings(connection) is not None:
            return False
        organisation.create_organisation(connection, valid_name(name, "name"), time_zone)
        return True


def require_initialised(database: Database) -> None:
    """Raise NotInitialised where this version of Postroom cannot work with the database."""
    with database.read() as connection:
        _refuse_foreign(foreign_version(connection))
        version = schema_version(connection)
    if version is None:
        raise NotInitialised("there is no Postroom in this database yet; run 'postroom init'")
    if version != newest_version():
        raise NotInitialised(
            f"the database has schema {version}, not {newest_version()}; run 'postroom init' to upgrade"
        )


def _refuse_foreign(version: str | None) -> None:
    if version is not None:
        raise NotInitialised(f"the database has schema {version}, of a newer version of Postroom; use that one")


def _check_time_zone(name: str) -> None:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise InvalidInput(f"time zone: {name!r} is not one; expected a name such as Europe/Vienna") from error
