"""Alembic's entry: runs the migrations on the connection it is handed."""

from alembic import context

from ringback.store.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transactional_ddl=False,  # the transaction is the caller's
)
context.run_migrations()
