"""The only place with SQL: SQLite and PostgreSQL behind the same functions."""
