"""Tables of the store and the numbered migrations that lead to them.

A migration is never edited once released: a change of shape is a new number.
"""

from collections.abc import Callable

import sqlalchemy as sa

metadata = sa.MetaData()

documents = sa.Table(
    "documents",
    metadata,
    sa.Column("rank", sa.Integer, primary_key=True),
    sa.Column("id", sa.String, nullable=False, unique=True),
    sa.Column("party", sa.String, nullable=False),
    sa.Column("sha256", sa.String, nullable=False, index=True),
    # Register fields as JSON: they grow with the method, and nothing searches inside them in SQL.
    sa.Column("record", sa.Text, nullable=False),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("text_sha256", sa.String, nullable=False),
    sa.Column("layout", sa.Text, nullable=False),
    sa.Column("added_at", sa.String, nullable=False),
    sa.Column("removed_at", sa.String),
    sa.Column("removed_why", sa.String),
    # Which text of the document is the present one: a digest may give way to the official text.
    sa.Column("version", sa.Integer, nullable=False, server_default="1"),
)

# Texts that gave way to a later one, so that what was coded then can still be read.
earlier_texts = sa.Table(
    "earlier_texts",
    metadata,
    sa.Column("document", sa.String, primary_key=True),
    sa.Column("version", sa.Integer, primary_key=True),
    sa.Column("record", sa.Text, nullable=False),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("layout", sa.Text, nullable=False),
    sa.Column("replaced_at", sa.String, nullable=False),
    sa.Column("why", sa.String, nullable=False),
)

# Every attempt to get a document from its address, whether it gave a text or not.
fetches = sa.Table(
    "fetches",
    metadata,
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("document", sa.String, nullable=False, index=True),
    sa.Column("at", sa.String, nullable=False),
    sa.Column("outcome", sa.String, nullable=False),
    sa.Column("reason", sa.String, nullable=False),
    sa.Column("url", sa.String, nullable=False),
    sa.Column("final_url", sa.String, nullable=False),
    sa.Column("sha256", sa.String, nullable=False),
    sa.Column("bytes", sa.Integer, nullable=False),
    sa.Column("media_type", sa.String, nullable=False),
    # How the provisions of a digest were placed in the text, and which were not, as JSON.
    sa.Column("placed", sa.Text, nullable=False),
    sa.Column("unplaced", sa.Text, nullable=False),
)

# Register fields before an update, so that a correction never loses what stood there.
document_history = sa.Table(
    "document_history",
    metadata,
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("document", sa.String, nullable=False, index=True),
    sa.Column("record", sa.Text, nullable=False),
    sa.Column("replaced_at", sa.String, nullable=False),
)

segments = sa.Table(
    "segments",
    metadata,
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("id", sa.String, nullable=False, unique=True),
    sa.Column("document", sa.String, nullable=False, index=True),
    sa.Column("locator", sa.String, nullable=False),
    sa.Column("start", sa.Integer, nullable=False),
    sa.Column("end", sa.Integer, nullable=False),
    sa.Column("page", sa.Integer),
    sa.Column("headings", sa.Text, nullable=False),
    sa.Column("lead_start", sa.Integer),
    sa.Column("lead_end", sa.Integer),
    sa.Column("language", sa.String, nullable=False),
    sa.Column("version", sa.Integer, nullable=False, server_default="1"),
)

coders = sa.Table(
    "coders",
    metadata,
    sa.Column("id", sa.String, primary_key=True),
    sa.Column("version", sa.String, primary_key=True),
    sa.Column("kind", sa.String, nullable=False),
    sa.Column("description", sa.Text, nullable=False),
)

# One row for each time a coder went through a document, also where it found nothing: "coded and
# silent" is a result, "not coded yet" is not.
runs = sa.Table(
    "runs",
    metadata,
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("document", sa.String, nullable=False),
    sa.Column("coder", sa.String, nullable=False),
    sa.Column("coder_version", sa.String, nullable=False),
    sa.Column("codebook", sa.String, nullable=False),
    sa.Column("fingerprint", sa.String, nullable=False),
    sa.Column("finished_at", sa.String, nullable=False),
    # The text that was coded; codings of an earlier one are kept and count no more.
    sa.Column("version", sa.Integer, nullable=False, server_default="1"),
    sa.Index("runs_by_document", "coder", "document"),
)

codings = sa.Table(
    "codings",
    metadata,
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("run", sa.Integer, nullable=False, index=True),
    sa.Column("document", sa.String, nullable=False),
    sa.Column("segment", sa.String, nullable=False),
    sa.Column("code", sa.String, nullable=False),
    sa.Column("coder", sa.String, nullable=False),
    sa.Column("codebook", sa.String, nullable=False),
    sa.Column("evidence_start", sa.Integer),
    sa.Column("evidence_end", sa.Integer),
    sa.Column("confidence", sa.Float),
    sa.Column("position", sa.String),
    sa.Column("memo", sa.Text, nullable=False),
    sa.Column("created_at", sa.String, nullable=False),
)

# What an adjudicator decided, with the pass it belongs to: a later pass leaves the earlier ones.
decisions = sa.Table(
    "decisions",
    metadata,
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("run", sa.Integer, nullable=False, index=True),
    sa.Column("document", sa.String, nullable=False),
    sa.Column("locator", sa.String, nullable=False),
    sa.Column("segment", sa.String, nullable=False),
    sa.Column("code", sa.String, nullable=False),
    sa.Column("coder", sa.String, nullable=False),
    sa.Column("given", sa.Boolean, nullable=False),
    sa.Column("kind", sa.String, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
)

vectors = sa.Table(
    "vectors",
    metadata,
    sa.Column("key", sa.String, primary_key=True),
    sa.Column("model", sa.String, primary_key=True),
    # float16: the ranks of passages do not change and the file is half the size.
    sa.Column("vector", sa.LargeBinary, nullable=False),
)

# What a language model answered on provisions of a document that is not finished yet. They are
# used up when it is, and say nothing by themselves: codings are what counts.
answers = sa.Table(
    "answers",
    metadata,
    sa.Column("document", sa.String, primary_key=True),
    sa.Column("coder", sa.String, primary_key=True),
    sa.Column("segment", sa.String, primary_key=True),
    # Of everything an answer depends on; see qiutong.sending.
    sa.Column("key", sa.String, nullable=False),
    sa.Column("answer", sa.Text, nullable=False),
    sa.Column("kept_at", sa.String, nullable=False),
)


# Of version 1, and no longer written: originals lie under their hash, fetches say where from.
originals = sa.Table(
    "originals",
    metadata,
    sa.Column("sha256", sa.String, primary_key=True),
    sa.Column("name", sa.String, nullable=False),
    sa.Column("bytes", sa.Integer, nullable=False),
    sa.Column("added_at", sa.String, nullable=False),
)


def _first(connection: sa.Connection) -> None:
    """Version 1: the first tables; codings refuse to be changed or deleted; words for search."""
    metadata.create_all(connection)
    _only_append(connection, "codings")
    # Words are cut before they get here (unicode61 would take a Chinese clause for one word), so
    # the tokenizer only has to split at spaces. Contentless: the text is in documents already.
    connection.exec_driver_sql(
        "CREATE VIRTUAL TABLE segment_words USING fts5(words, content='', tokenize='unicode61')"
    )


def _only_append(connection: sa.Connection, table: str) -> None:
    for action in ("UPDATE", "DELETE"):
        connection.exec_driver_sql(
            f"CREATE TRIGGER {table}_no_{action.lower()} BEFORE {action} ON {table} "
            f"BEGIN SELECT RAISE(ABORT, '{table} are append-only'); END"
        )


def _second(connection: sa.Connection) -> None:
    """Version 2: texts have versions; attempts to fetch are recorded."""
    metadata.create_all(connection)
    for table in ("documents", "segments", "runs"):
        held = {row[1] for row in connection.exec_driver_sql(f"PRAGMA table_info({table})")}
        # A new file has the column from the tables above.
        if "version" not in held:
            connection.exec_driver_sql(
                f"ALTER TABLE {table} ADD COLUMN version INTEGER NOT NULL DEFAULT 1"
            )


def _third(connection: sa.Connection) -> None:
    """Version 3: answers of language models on unfinished documents are kept."""
    metadata.create_all(connection)


def _fourth(connection: sa.Connection) -> None:
    """Version 4: decisions of adjudicators are kept, and refuse to be changed or deleted."""
    metadata.create_all(connection)
    _only_append(connection, "decisions")


MIGRATIONS: tuple[Callable[[sa.Connection], None], ...] = (_first, _second, _third, _fourth)
