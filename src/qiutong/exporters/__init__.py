"""Exporters: results on their way out, as a page to read or as rows for other programs."""
