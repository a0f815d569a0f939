"""When and by whom records were made, changed and deleted."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_SINCE = {
    "postgresql": "CAST(floor(EXTRACT(EPOCH FROM now())) AS bigint)",
    "sqlite": "CAST(strftime('%s', 'now') AS INTEGER)",
}


def upgrade() -> None:
    for name in ("created_at", "modified_at"):
        op.add_column("records", sa.Column(name, sa.BigInteger(), server_default=sa.text("0"), nullable=False))
    for name in ("created_by", "modified_by", "deleted_by"):
        op.add_column("records", sa.Column(name, ID, nullable=True))
    # Of a record that is there already nobody wrote down when it was made: it is known since now.
    since: sa.ColumnElement[int] = sa.literal_column(_SINCE[op.get_bind().dialect.name])
    records = sa.table("records", sa.column("created_at"), sa.column("modified_at"))
    op.execute(records.update().values(created_at=since, modified_at=since))
    op.create_index("ix_records_module", "records", ["module_id", "id"])
    op.create_index("ix_records_module_modified", "records", ["module_id", "modified_at", "id"])
