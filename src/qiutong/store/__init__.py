"""Where a study's documents, segments and codings are kept."""

from qiutong.store.sql import CodedDocument, Hit, SqlStore, StoredDocument

__all__ = ["CodedDocument", "Hit", "SqlStore", "StoredDocument"]
