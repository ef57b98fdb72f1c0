"""Where a study's documents, segments and codings are kept."""

from qiutong.store.sql import (
    CARRIED,
    CodedDocument,
    FetchRecord,
    Hit,
    SqlStore,
    StoredDocument,
)

__all__ = ["CARRIED", "CodedDocument", "FetchRecord", "Hit", "SqlStore", "StoredDocument"]
