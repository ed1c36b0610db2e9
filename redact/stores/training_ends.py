"""Until when trainings count, read without what else is known of them."""

from sqlalchemy import Column, MetaData, String, Table, func, select

from redact.stores.database import Database

_TRAININGS = Table(
    "trainings", MetaData(), Column("person", String), Column("module", String), Column("expires_at", String)
)


def training_ends(database: Database) -> tuple[tuple[str, str], ...]:
    """Module, and until when it counts at the latest, for each person and module; persons are not told.

    Args:
        database: with the history `governance`.
    """
    ends = func.max(_TRAININGS.c.expires_at)
    wanted = select(_TRAININGS.c.module, ends).group_by(_TRAININGS.c.person, _TRAININGS.c.module)
    with database.reading() as connection:
        return tuple(sorted((module, at) for module, at in connection.execute(wanted)))
