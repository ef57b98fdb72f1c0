"""Where a study's documents, segments and codings are kept."""

from qiutong.store.sql import CodedDocument, FetchRecord, Hit, SqlStore, StoredDocument

__all__ = ["CodedDocument", "FetchRecord", "Hit", "SqlStore", "StoredDocument"]
