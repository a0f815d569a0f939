"""Alembic's entry point: run the migrations on the connection that `migrate` gives."""

from alembic import context

from postroom.storage.schema import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata, transactional_ddl=False)
context.run_migrations()
