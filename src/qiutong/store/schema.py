"""Tables of the store and the numbered migrations that lead to them.

A migration is never edited once released: a change of shape is a new number.
"""

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


MIGRATIONS: tuple[tuple[str, ...], ...] = (
    # 1: the first tables; codings refuse to be changed or deleted; words for search.
    (
        """
        CREATE TABLE documents (rank INTEGER NOT NULL, id VARCHAR NOT NULL,
            party VARCHAR NOT NULL, sha256 VARCHAR NOT NULL, record TEXT NOT NULL,
            text TEXT NOT NULL, text_sha256 VARCHAR NOT NULL, layout TEXT NOT NULL,
            added_at VARCHAR NOT NULL, removed_at VARCHAR, removed_why VARCHAR,
            PRIMARY KEY (rank), UNIQUE (id))
        """,
        "CREATE INDEX ix_documents_sha256 ON documents (sha256)",
        """
        CREATE TABLE document_history (number INTEGER NOT NULL, document VARCHAR NOT NULL,
            record TEXT NOT NULL, replaced_at VARCHAR NOT NULL, PRIMARY KEY (number))
        """,
        "CREATE INDEX ix_document_history_document ON document_history (document)",
        """
        CREATE TABLE segments (number INTEGER NOT NULL, id VARCHAR NOT NULL,
            document VARCHAR NOT NULL, locator VARCHAR NOT NULL, start INTEGER NOT NULL,
            "end" INTEGER NOT NULL, page INTEGER, headings TEXT NOT NULL,
            lead_start INTEGER, lead_end INTEGER, language VARCHAR NOT NULL,
            PRIMARY KEY (number), UNIQUE (id))
        """,
        "CREATE INDEX ix_segments_document ON segments (document)",
        """
        CREATE TABLE coders (id VARCHAR NOT NULL, version VARCHAR NOT NULL,
            kind VARCHAR NOT NULL, description TEXT NOT NULL, PRIMARY KEY (id, version))
        """,
        """
        CREATE TABLE runs (number INTEGER NOT NULL, document VARCHAR NOT NULL,
            coder VARCHAR NOT NULL, coder_version VARCHAR NOT NULL,
            codebook VARCHAR NOT NULL, fingerprint VARCHAR NOT NULL,
            finished_at VARCHAR NOT NULL, PRIMARY KEY (number))
        """,
        "CREATE INDEX runs_by_document ON runs (coder, document)",
        """
        CREATE TABLE codings (number INTEGER NOT NULL, run INTEGER NOT NULL,
            document VARCHAR NOT NULL, segment VARCHAR NOT NULL, code VARCHAR NOT NULL,
            coder VARCHAR NOT NULL, codebook VARCHAR NOT NULL, evidence_start INTEGER,
            evidence_end INTEGER, confidence FLOAT, position VARCHAR, memo TEXT NOT NULL,
            created_at VARCHAR NOT NULL, PRIMARY KEY (number))
        """,
        "CREATE INDEX ix_codings_run ON codings (run)",
        """
        CREATE TABLE vectors ("key" VARCHAR NOT NULL, model VARCHAR NOT NULL,
            vector BLOB NOT NULL, PRIMARY KEY ("key", model))
        """,
        """
        CREATE TABLE originals (sha256 VARCHAR NOT NULL, name VARCHAR NOT NULL,
            bytes INTEGER NOT NULL, added_at VARCHAR NOT NULL, PRIMARY KEY (sha256))
        """,
        """
        CREATE TRIGGER codings_no_update BEFORE UPDATE ON codings BEGIN SELECT
            RAISE(ABORT, 'codings are append-only'); END
        """,
        """
        CREATE TRIGGER codings_no_delete BEFORE DELETE ON codings BEGIN SELECT
            RAISE(ABORT, 'codings are append-only'); END
        """,
        # Words are cut before they get here (unicode61 would take a Chinese clause for one word),
        # so the tokenizer only has to split at spaces. Contentless: the text is in documents already.
        "CREATE VIRTUAL TABLE segment_words USING fts5(words, content='', tokenize='unicode61')",
    ),
    # 2: texts have versions; attempts to fetch are recorded.
    (
        """
        CREATE TABLE earlier_texts (document VARCHAR NOT NULL, version INTEGER NOT NULL,
            record TEXT NOT NULL, text TEXT NOT NULL, layout TEXT NOT NULL,
            replaced_at VARCHAR NOT NULL, why VARCHAR NOT NULL, PRIMARY KEY (document,
            version))
        """,
        """
        CREATE TABLE fetches (number INTEGER NOT NULL, document VARCHAR NOT NULL,
            at VARCHAR NOT NULL, outcome VARCHAR NOT NULL, reason VARCHAR NOT NULL,
            url VARCHAR NOT NULL, final_url VARCHAR NOT NULL, sha256 VARCHAR NOT NULL,
            bytes INTEGER NOT NULL, media_type VARCHAR NOT NULL, placed TEXT NOT NULL,
            unplaced TEXT NOT NULL, PRIMARY KEY (number))
        """,
        "CREATE INDEX ix_fetches_document ON fetches (document)",
        "ALTER TABLE documents ADD COLUMN version INTEGER NOT NULL DEFAULT 1",
        "ALTER TABLE segments ADD COLUMN version INTEGER NOT NULL DEFAULT 1",
        "ALTER TABLE runs ADD COLUMN version INTEGER NOT NULL DEFAULT 1",
    ),
    # 3: answers of language models on unfinished documents are kept.
    (
        """
        CREATE TABLE answers (document VARCHAR NOT NULL, coder VARCHAR NOT NULL,
            segment VARCHAR NOT NULL, "key" VARCHAR NOT NULL, answer TEXT NOT NULL,
            kept_at VARCHAR NOT NULL, PRIMARY KEY (document, coder, segment))
        """,
    ),
    # 4: decisions of adjudicators are kept, and refuse to be changed or deleted.
    (
        """
        CREATE TABLE decisions (number INTEGER NOT NULL, run INTEGER NOT NULL,
            document VARCHAR NOT NULL, locator VARCHAR NOT NULL, segment VARCHAR NOT NULL,
            code VARCHAR NOT NULL, coder VARCHAR NOT NULL, given BOOLEAN NOT NULL,
            kind VARCHAR NOT NULL, reason TEXT NOT NULL, PRIMARY KEY (number))
        """,
        "CREATE INDEX ix_decisions_run ON decisions (run)",
        """
        CREATE TRIGGER decisions_no_update BEFORE UPDATE ON decisions
            BEGIN SELECT RAISE(ABORT, 'decisions are append-only'); END
        """,
        """
        CREATE TRIGGER decisions_no_delete BEFORE DELETE ON decisions
            BEGIN SELECT RAISE(ABORT, 'decisions are append-only'); END
        """,
    ),
)
"""For each version the statements that lead to it from the one before.

They are written out, and not made from the tables above: these are today's, and a version
holds what it held when it was released.
"""
