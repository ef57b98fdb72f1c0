"""Qiutong 求同: find what AI-policy documents of two or more parties share, and what to talk about.

::

    from qiutong import Study

    study = Study.create("my-study", parties=["us", "cn"])
    study.add("register.csv")
    study.code()
    study.recommend()
    study.report()
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from qiutong.codebook import load_codebook
    from qiutong.errors import QiutongError
    from qiutong.playbook import load_playbook
    from qiutong.readers import read_file
    from qiutong.segment import segment_document
    from qiutong.study import Study

# Names are looked up when first used: importing the package must not load a database, a model or
# a parser, so that scripts and notebooks start at once.
_HOMES = {
    "QiutongError": "qiutong.errors",
    "Study": "qiutong.study",
    "load_codebook": "qiutong.codebook",
    "load_playbook": "qiutong.playbook",
    "read_file": "qiutong.readers",
    "segment_document": "qiutong.segment",
}

__all__ = [
    "QiutongError",
    "Study",
    "load_codebook",
    "load_playbook",
    "read_file",
    "segment_document",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])
