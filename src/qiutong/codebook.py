"""Codebooks: load, check, compare, migrate, and find cues in text.

A codebook is a YAML file in the shape of :class:`qiutong.model.Codebook`. One that is wrong is
reported with file, line and what would be accepted; one that is only thin gives warnings.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cache, lru_cache
from pathlib import Path
from typing import NoReturn

import msgspec

from qiutong.errors import BadSettings, UnknownName
from qiutong.model import Change, Code, Codebook
from qiutong.settings import line_of, parse_yaml
from qiutong.text import to_simplified

BUNDLED = Path(__file__).parent / "codebooks"
"""Folder of the codebooks that come with Qiutong."""

GAP_WORDS = 5
"""Most words that `` ... `` stands for in a cue of a language written with spaces."""

GAP_CHARACTERS = 10
"""Most characters that `` ... `` stands for in a cue of a language written without spaces."""

KINDS = ("added", "renamed", "merged", "split", "removed", "redefined")
"""Kinds of change in a codebook's history."""

_UNSPACED = frozenset({"zh", "yue", "ja", "th", "lo", "km", "my"})


class _StrictCode(Code, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A code as written in a file, where a misspelt name is an error."""


class _StrictChange(Change, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A step of history as written in a file."""


class _StrictCodebook(Codebook, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A codebook as written in a file."""

    codes: tuple[_StrictCode, ...]
    history: tuple[_StrictChange, ...] = ()


class UndecidedRow(msgspec.Struct, frozen=True, kw_only=True):
    """A row of codings that a person has to look at before it can be moved on.

    Parameters
    ----------
    number
        Row number as a spreadsheet shows it; the heading is row 1.
    row
        The row as it was.
    choices
        The codes it may become; empty where its code was removed.
    why
        What happened to the code, one sentence.
    """

    number: int
    row: dict[str, str]
    choices: tuple[str, ...]
    why: str


class Migration(msgspec.Struct, frozen=True, kw_only=True):
    """Codings moved to another version of their codebook.

    Parameters
    ----------
    rows
        The rows that could be moved, in their order, with new ``code`` (and ``codebook``).
    undecided
        The rows that need a person: their code was split or removed.
    """

    rows: tuple[dict[str, str], ...]
    undecided: tuple[UndecidedRow, ...]


# --------------------------------------------------------------------------- loading


def bundled_codebooks() -> tuple[str, ...]:
    """Ids of the codebooks that come with Qiutong, in alphabetical order."""
    return tuple(sorted(path.stem for path in BUNDLED.glob("*.yaml")))


def load_codebook(source: str | Path) -> Codebook:
    """Load and check a codebook.

    Parameters
    ----------
    source
        Id of a bundled codebook, with or without version (``ai-governance``,
        ``ai-governance@1``), or the path of a YAML file.

    Returns
    -------
    Codebook
        The codebook. Files are read once and again only after they have changed.

    Raises
    ------
    BadSettings
        The file is missing or wrong; names the line.
    UnknownName
        No bundled codebook has this id and version.
    """
    path = _find_codebook(source)
    try:
        stat = path.stat()
    except OSError:
        raise BadSettings(path, "the file does not exist") from None
    codebook, _ = _read_codebook(path, stat.st_mtime_ns, stat.st_size)
    _, at, version = str(source).partition("@")
    if path.parent == BUNDLED and at and version != codebook.version:
        raise UnknownName("codebook", str(source), [codebook.name])
    return codebook


def check_codebook(path: str | Path) -> tuple[str, ...]:
    """Check a codebook file beyond what loading it needs.

    Parameters
    ----------
    path
        The file, or the id of a bundled codebook.

    Returns
    -------
    tuple of str
        Warnings, one sentence each: what is allowed and makes the codebook weaker. Empty where
        there is nothing to say.

    Raises
    ------
    BadSettings
        The codebook cannot be used; names the line.
    """
    codebook = load_codebook(path)
    warnings: list[str] = []
    for language in languages_of(codebook):
        matcher = CueMatcher(codebook, language)
        for code in codebook.codes:
            cues, anchors = code.cues.get(language, ()), code.anchors.get(language, ())
            if not cues:
                warnings.append(
                    f"{code.id}: no cues in {language}; only the definition can find it."
                )
            if not anchors:
                warnings.append(f"{code.id}: no anchor example in {language}.")
            missed = [a for a in anchors if code.id not in {hit[0] for hit in matcher.find(a)}]
            if cues and anchors and len(missed) == len(anchors):
                warnings.append(f"{code.id}: no {language} anchor example holds one of its cues.")
            warnings += [
                f"{code.id}: {name} has no text in {language}."
                for name, texts in (("include", code.include), ("exclude", code.exclude))
                if texts and not texts.get(language)
            ]
    return tuple(warnings)


def languages_of(codebook: Codebook) -> tuple[str, ...]:
    """Languages a codebook is written in: those of its title, in the order of the file."""
    return tuple(codebook.title)


def _find_codebook(source: str | Path) -> Path:
    if isinstance(source, Path):
        return source
    bundled = BUNDLED / f"{source.partition('@')[0]}.yaml"
    if "/" not in source and "\\" not in source and bundled.is_file():
        return bundled
    if source.endswith((".yaml", ".yml")) or Path(source).is_file():
        return Path(source)
    raise UnknownName("codebook", source, bundled_codebooks())


@lru_cache(maxsize=16)
def _read_codebook(path: Path, modified_ns: int, size: int) -> tuple[Codebook, str]:
    """Read a codebook and its text; the last two arguments only tell versions of a file apart."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadSettings(path, f"not UTF-8 (byte {error.start}); save the file as UTF-8") from None
    except OSError as error:
        raise BadSettings(path, f"cannot be read ({error.strerror})") from None
    strict = parse_yaml(text, _StrictCodebook, path)
    codebook = msgspec.convert(msgspec.to_builtins(strict), Codebook)
    _Checker(codebook, text, path).run()
    return codebook, text


# --------------------------------------------------------------------------- checking


class _Checker:
    """Finds the first thing that makes a codebook unusable and names its line."""

    def __init__(self, codebook: Codebook, text: str, path: Path) -> None:
        self.codebook, self.text, self.path = codebook, text, path

    def fail(self, reason: str, *steps: str | int) -> NoReturn:
        where = "".join(f"[{s}]" if isinstance(s, int) else f".{s}" for s in steps).lstrip(".")
        raise BadSettings(self.path, reason, line=line_of(self.text, *steps), where=where)

    def run(self) -> None:
        book = self.codebook
        if not book.title:
            self.fail("the title names no language; the codebook's languages are the title's")
        if not book.codes:
            self.fail("a codebook needs at least one code", "codes")
        self.check_ids()
        for place, code in enumerate(book.codes):
            self.check_code(place, code)
        self.check_cycles()
        self.check_history()

    def check_ids(self) -> None:
        first: dict[str, int] = {}
        for place, code in enumerate(self.codebook.codes):
            if not re.fullmatch(r"[^\s.,;|\"']+(?:\.[^\s.,;|\"']+)*", code.id):
                self.fail(
                    f'"{code.id}" is no code id; use words joined by dots, without spaces, '
                    "commas or quotes",
                    "codes",
                    place,
                    "id",
                )
            if code.id in first:
                line = line_of(self.text, "codes", first[code.id], "id")
                self.fail(
                    f'the id "{code.id}" is used twice (first on line {line})',
                    "codes",
                    place,
                    "id",
                )
            first[code.id] = place

    def check_code(self, place: int, code: Code) -> None:
        book = self.codebook
        languages = languages_of(book)
        if code.dimension not in book.dimensions:
            known = ", ".join(book.dimensions) or "none"
            self.fail(
                f'unknown dimension "{code.dimension}". Known: {known}', "codes", place, "dimension"
            )
        if code.parent:
            parent = next((c for c in book.codes if c.id == code.parent), None)
            if parent is None:
                unknown = UnknownName("code", code.parent, [c.id for c in book.codes])
                self.fail(f"the parent does not exist: {unknown}", "codes", place, "parent")
            elif parent.dimension != code.dimension:
                self.fail(
                    f'"{code.id}" is in dimension "{code.dimension}" and its parent '
                    f'"{parent.id}" in "{parent.dimension}"; they must be the same',
                    "codes",
                    place,
                    "parent",
                )
        for name, texts in (("label", code.label), ("definition", code.definition)):
            for language in languages:
                if not texts.get(language, "").strip():
                    self.fail(
                        f'"{code.id}" has no {name} in "{language}", a language of the title',
                        "codes",
                        place,
                        name,
                    )
        for language, cues in code.cues.items():
            for number, cue in enumerate(cues):
                problem = _cue_problem(cue, language)
                if problem:
                    self.fail(f'cue "{cue}": {problem}', "codes", place, "cues", language, number)
        for language, anchors in code.anchors.items():
            for number, anchor in enumerate(anchors):
                if not anchor.strip():
                    self.fail("empty anchor example", "codes", place, "anchors", language, number)

    def check_cycles(self) -> None:
        parent = {code.id: code.parent for code in self.codebook.codes}
        for place, code in enumerate(self.codebook.codes):
            seen, here = [code.id], code.parent
            while here:
                if here in seen:
                    chain = " → ".join([*seen, here])
                    self.fail(f"the parents go in a circle: {chain}", "codes", place, "parent")
                seen.append(here)
                here = parent[here]

    def check_history(self) -> None:
        book = self.codebook
        alive = {code.id for code in book.codes}
        last = _version_key(book.version)
        for number, change in enumerate(book.history):
            if change.kind not in KINDS:
                self.fail(
                    f'unknown kind of change "{change.kind}". Known: {", ".join(KINDS)}',
                    "history",
                    number,
                    "kind",
                )
            if _version_key(change.version) > last:
                self.fail(
                    f"the change leads to version {change.version}, later than the codebook's "
                    f"own version {book.version}",
                    "history",
                    number,
                    "version",
                )
            problem = _change_problem(change)
            if problem:
                self.fail(problem, "history", number)
            gone_later = {
                code
                for later in book.history
                if later is not change
                and _version_key(later.version) >= _version_key(change.version)
                and later.kind in ("renamed", "merged", "split", "removed")
                for code in later.codes
            }
            field = "codes" if change.kind in ("added", "redefined") else "into"
            for code in change.codes if field == "codes" else change.into:
                if code not in alive and code not in gone_later:
                    unknown = UnknownName("code", code, alive)
                    self.fail(
                        f"history names a code that is not there: {unknown}",
                        "history",
                        number,
                        field,
                    )


def _change_problem(change: Change) -> str:
    counts = (len(change.codes), len(change.into))
    if not change.codes:
        return f'a change of kind "{change.kind}" must name the codes it is about'
    if change.kind == "renamed" and counts != (1, 1):
        return "a renaming names one code and one code it becomes (into)"
    if change.kind == "merged" and (counts[0] < 2 or counts[1] != 1):
        return "a merger names two or more codes and one code they become (into)"
    if change.kind == "split" and (counts[0] != 1 or counts[1] < 2):
        return "a split names one code and two or more codes it becomes (into)"
    if change.kind == "removed" and change.into:
        return 'a removal leads to no code; use "renamed", "merged" or "split" where it does'
    return ""


def _cue_problem(cue: str, language: str) -> str:
    """Why a cue cannot be used, or an empty string."""
    if not cue.strip() or cue != cue.strip():
        return "a cue is not empty and has no space at its ends"
    parts = cue.split(" ... ")
    if any(not part.strip() for part in parts) or any(
        "..." in part or "…" in part for part in parts
    ):
        return 'write a gap as " ... " with words and single spaces on both sides'
    if _unspaced(language):
        return "a star has no meaning in this language" if "*" in cue else ""
    for word in cue.replace(" ... ", " ").split():
        if word.strip("*") == "":
            return 'a star alone matches everything; use " ... " for words between'
        if "*" in word[:-1]:
            return "a star may only stand at the end of a word"
        if not word[0].isalnum():
            return "each word of a cue begins with a letter or a digit"
    return ""


def _unspaced(language: str) -> bool:
    return language.partition("-")[0].lower() in _UNSPACED


# --------------------------------------------------------------------------- hierarchy


def ancestors(codebook: Codebook, code: str) -> tuple[str, ...]:
    """Codes above a code, nearest first.

    Raises
    ------
    UnknownName
        The codebook lacks the code.
    """
    parent = {entry.id: entry.parent for entry in codebook.codes}
    if code not in parent:
        raise UnknownName("code", code, parent, codebook.name)
    line: list[str] = []
    while parent.get(code):
        code = parent[code]
        line.append(code)
    return tuple(line)


def descendants(codebook: Codebook, code: str) -> tuple[str, ...]:
    """Codes below a code at any depth, in the codebook's order; errors as :func:`ancestors`."""
    ancestors(codebook, code)
    return tuple(entry.id for entry in codebook.codes if code in ancestors(codebook, entry.id))


# --------------------------------------------------------------------------- versions


def compare_codebooks(old: Codebook, new: Codebook) -> tuple[Change, ...]:
    """Tell what differs between two codebooks.

    A code whose id is gone and whose definition stands unchanged under a new id counts as renamed.
    Mergers and splits cannot be seen from two states; they are what a history is for.

    Returns
    -------
    tuple of Change
        Kinds ``renamed``, ``removed``, ``redefined`` (``why`` names the fields), ``added``, in
        this order; empty where nothing differs.
    """
    before = {code.id: code for code in old.codes}
    after = {code.id: code for code in new.codes}
    fresh = [code for code in new.codes if code.id not in before]
    renamed: dict[str, str] = {}
    for code in old.codes:
        if code.id in after:
            continue
        twin = next(
            (
                other.id
                for other in fresh
                if other.definition == code.definition and other.id not in renamed.values()
            ),
            None,
        )
        if twin:
            renamed[code.id] = twin
    changes = [
        Change(
            version=new.version,
            kind="renamed",
            codes=(a,),
            into=(b,),
            why="The definition is the same.",
        )
        for a, b in renamed.items()
    ]
    changes += [
        Change(version=new.version, kind="removed", codes=(code.id,))
        for code in old.codes
        if code.id not in after and code.id not in renamed
    ]
    for code in old.codes:
        other = after.get(renamed.get(code.id, code.id))
        if other is None:
            continue
        fields = [
            name
            for name in Code.__struct_fields__
            if name not in ("id",)
            and _moved(getattr(code, name), renamed, name) != getattr(other, name)
        ]
        if fields:
            changes.append(
                Change(
                    version=new.version,
                    kind="redefined",
                    codes=(code.id,),
                    into=(other.id,),
                    why=f"Changed: {', '.join(fields)}.",
                )
            )
    changes += [
        Change(version=new.version, kind="added", codes=(code.id,))
        for code in fresh
        if code.id not in renamed.values()
    ]
    return tuple(changes)


def _moved(value: object, renamed: Mapping[str, str], field: str) -> object:
    """A field as it would read after the renamings: a renamed parent is no redefinition."""
    return renamed.get(str(value), value) if field == "parent" else value


def migrate_code(codebook: Codebook, code: str, from_version: str) -> tuple[str, ...]:
    """Follow a code of an earlier version through the codebook's history.

    Parameters
    ----------
    codebook
        The codebook to move to.
    code
        A code of the earlier version.
    from_version
        The version the code is from.

    Returns
    -------
    tuple of str
        The codes it has become: one as a rule, several after a split, none after a removal
        (:func:`explain_migration` gives the reason).

    Raises
    ------
    UnknownName
        The history knows neither the version nor the code.
    """
    return _follow(codebook, code, from_version)[0]


def explain_migration(codebook: Codebook, code: str, from_version: str) -> tuple[str, ...]:
    """Sentences that tell what became of a code, oldest step first; see :func:`migrate_code`."""
    return _follow(codebook, code, from_version)[1]


def migrate_rows(
    codebook: Codebook, rows: Iterable[Mapping[str, str]], from_version: str = ""
) -> Migration:
    """Move rows of codings, as read from a CSV file, to the codebook's version.

    Parameters
    ----------
    rows
        Rows with a column ``code``; a column ``codebook`` (``ai-governance@1``) gives the version
        of its row where ``from_version`` is empty, and is brought up to date.
    from_version
        The version all rows are from.

    Raises
    ------
    UnknownName
        A row has a code, codebook or version that the history does not know; names the row as a
        spreadsheet counts it.
    """
    moved: list[dict[str, str]] = []
    undecided: list[UndecidedRow] = []
    for number, given in enumerate(rows, 2):
        if not any(given.values()):
            continue
        row, where = dict(given), f"row {number}"
        name, _, version = row.get("codebook", "").partition("@")
        if name and name != codebook.id:
            raise UnknownName("codebook", name, [codebook.id], where)
        if "code" not in row:
            raise UnknownName("column", "code", row, where)
        codes, why = _follow(codebook, row["code"], from_version or version, where)
        if len(codes) == 1:
            row["code"] = codes[0]
            if name:
                row["codebook"] = codebook.name
            moved.append(row)
        else:
            undecided.append(UndecidedRow(number=number, row=row, choices=codes, why=" ".join(why)))
    return Migration(rows=tuple(moved), undecided=tuple(undecided))


def _follow(
    codebook: Codebook, code: str, from_version: str, where: str = ""
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    versions = list(
        dict.fromkeys([*(change.version for change in codebook.history), codebook.version])
    )
    start, end = _version_key(from_version), _version_key(codebook.version)
    if not from_version or start > end:
        raise UnknownName("version", from_version, versions, where)
    current, why = [code], []
    for change in sorted(codebook.history, key=lambda step: _version_key(step.version)):
        if _version_key(change.version) <= start or change.kind in ("added", "redefined"):
            continue
        for old in [c for c in current if c in change.codes]:
            place = current.index(old)
            current[place : place + 1] = list(change.into)
            into = f" into {', '.join(change.into)}" if change.into else ""
            reason = f": {change.why.rstrip('.')}" if change.why else ""
            why.append(f"{old} was {change.kind}{into} in version {change.version}{reason}.")
    known = {entry.id for entry in codebook.codes}
    for found in current:
        if found not in known:
            raise UnknownName("code", found, known, where or codebook.name)
    return tuple(dict.fromkeys(current)), tuple(why)


def _version_key(version: str) -> tuple[tuple[int, int, str], ...]:
    """Sort key that puts "10" after "9" and "2.1" after "2"."""
    return tuple(
        (1, int(part), "") if part.isdigit() else (0, 0, part)
        for part in re.split(r"[.\-+]", version)
    )


# --------------------------------------------------------------------------- cues


class CueMatcher:
    """All cues of a codebook in one language, compiled to be found in one pass.

    Languages written with spaces: whole words, without regard to case; a space or hyphen of the
    cue matches spaces, hyphens and line breaks; ``*`` is the rest of a word; `` ... `` up to five
    words. Languages written without: plain strings, compared in Simplified characters; `` ... ``
    up to ten characters; what stands in title marks 《》 is a name and gives no hit. A gap never
    crosses the end of a sentence.

    Parameters
    ----------
    codebook
        The codebook.
    language
        Language tag of the texts; ``zh-Hant`` falls back on the cues of ``zh``. A language
        without cues gives a matcher that finds nothing.

    Examples
    --------
    >>> matcher = CueMatcher(load_codebook("ai-governance"), "en")
    >>> matcher.find("Developers shall conduct red-team tests.")
    [('governance.evaluation.adversarial-testing', 25, 33)]
    """

    def __init__(self, codebook: Codebook, language: str) -> None:
        self.language = language
        base = language.partition("-")[0]
        cues = [
            (code.id, cue)
            for code in codebook.codes
            for cue in code.cues.get(language) or code.cues.get(base, ())
        ]
        self._spaced = not _unspaced(language)
        self._index: dict[str, list[_Cue]] = {}
        self._prefixes: dict[str, list[_Cue]] = {}
        self._seen: dict[str, tuple[_Cue, ...]] = {}
        for code, cue in cues:
            self._add(code, cue)

    def _add(self, code: str, cue: str) -> None:
        if not self._spaced:
            folded = to_simplified(cue).translate(_ASCII_LOWER)
            literal = "" if " ... " in folded else folded
            pattern = None if literal else _unspaced_pattern(folded)
            self._index.setdefault(folded[:2], []).append((code, literal, pattern))
            return
        first = _WORD.match(cue)
        if first is None:
            raise ValueError(f'{code}: cue "{cue}": {_cue_problem(cue, self.language)}')
        head = first.group().lower()
        index = self._prefixes if cue[first.end() : first.end() + 1] == "*" else self._index
        # A cue of one word needs no pattern: the word found is the hit.
        alone = cue.rstrip("*") == first.group()
        index.setdefault(head, []).append((code, "" if alone else cue, None))

    def find(self, text: str, start: int = 0, end: int | None = None) -> list[tuple[str, int, int]]:
        """Find every cue in a stretch of text.

        Parameters
        ----------
        text
            The text.
        start, end
            Offsets of the stretch, code points, end exclusive; the whole text by default.

        Returns
        -------
        list of (str, int, int)
            Code, start and end of each hit in ``text``, by place. A hit inside a longer hit of
            the same code is left out.
        """
        end = len(text) if end is None else min(end, len(text))
        hits = (
            self._find_words(text, start, end)
            if self._spaced
            else self._find_strings(text, start, end)
        )
        hits.sort(key=lambda hit: (hit[1], -hit[2]))
        reach: dict[str, int] = {}
        kept: list[tuple[str, int, int]] = []
        for hit in hits:
            if hit[2] > reach.get(hit[0], -1):
                reach[hit[0]] = hit[2]
                kept.append(hit)
        return kept

    def _find_words(self, text: str, start: int, end: int) -> list[tuple[str, int, int]]:
        hits: list[tuple[str, int, int]] = []
        seen = self._seen
        for token in _WORD.finditer(text, start, end):
            word = token.group()
            cues = seen.get(word)
            if cues is None:
                cues = self._candidates(word)
            if not cues:
                continue
            here = token.start()
            for code, _, pattern in cues:
                if pattern is None:
                    hits.append((code, here, token.end()))
                elif found := pattern.match(text, here, end):
                    hits.append((code, here, found.end()))
        return hits

    def _candidates(self, word: str) -> tuple["_Cue", ...]:
        """Cues that begin with a word; remembered, because texts repeat their words."""
        lower = word.lower()
        cues = list(self._index.get(lower, ()))
        for length in range(1, len(lower) + 1):
            cues += self._prefixes.get(lower[:length], ())
        if len(self._seen) > 200_000:
            self._seen.clear()
        # Compiled when a text first holds the cue's first word; most cues never are.
        self._seen[word] = tuple(
            (code, cue, _spaced_pattern(cue) if cue else None) for code, cue, _ in cues
        )
        return self._seen[word]

    def _find_strings(self, text: str, start: int, end: int) -> list[tuple[str, int, int]]:
        folded = to_simplified(text[start:end]).translate(_ASCII_LOWER)
        # 依照《中华人民共和国网络安全法》 names a law and says nothing about network security.
        folded = _TITLE.sub(lambda title: "《" * len(title.group()), folded)
        hits: list[tuple[str, int, int]] = []
        index = self._index
        for place in range(len(folded)):
            for head in (folded[place : place + 2], folded[place]):
                for code, literal, pattern in index.get(head, ()):
                    if pattern is None:
                        if folded.startswith(literal, place):
                            hits.append((code, start + place, start + place + len(literal)))
                    elif found := pattern.match(folded, place):
                        hits.append((code, start + place, start + found.end()))
        return hits


_Cue = tuple[str, str, re.Pattern[str] | None]

# The underscore belongs to no word here: "AI_safety" in a file name is two words.
_WORD = re.compile(r"[^\W_]+")
_ASCII_LOWER = {upper: upper + 32 for upper in range(ord("A"), ord("Z") + 1)}
_TITLE = re.compile(r"《[^《》\n]{1,60}》")
# Words of a gap may be separated by commas and brackets, not by what ends a sentence.
_BETWEEN = r"[^\w.;!?。；！？]+"


@cache
def _spaced_pattern(cue: str) -> re.Pattern[str]:
    parts = []
    for part in cue.split(" ... "):
        words = [
            re.sub(r"\\-", r"[\\s\\-‐‑–]+", re.escape(word.removesuffix("*"))).replace("'", "['’]")
            + (r"\w*" if word.endswith("*") else r"(?!\w)" if word[-1].isalnum() else "")
            for word in part.split()
        ]
        parts.append(r"[\s\-‐‑–]+".join(words))
    gap = rf"(?:{_BETWEEN}\w+){{0,{GAP_WORDS}}}?{_BETWEEN}"
    return re.compile(gap.join(parts), re.IGNORECASE)


@cache
def _unspaced_pattern(cue: str) -> re.Pattern[str]:
    gap = rf"[^。；！？!?;\n]{{0,{GAP_CHARACTERS}}}?"
    return re.compile(gap.join(re.escape(part) for part in cue.split(" ... ")))


def match_cues(
    codebook: Codebook, text: str, language: str, codes: Sequence[str] = ()
) -> list[tuple[str, int, int]]:
    """Find cues in one text; for many texts keep a :class:`CueMatcher`.

    Parameters
    ----------
    codes
        Only these codes, or all where empty.
    """
    matcher = CueMatcher(codebook, language)
    return [hit for hit in matcher.find(text) if not codes or hit[0] in codes]


# --------------------------------------------------------------------------- for reading


def codebook_markdown(codebook: Codebook) -> str:
    """Write a codebook as a Markdown page, all languages, codes in the order of the file.

    Returns
    -------
    str
        The page, ending in a line break.
    """
    names = {"include": ("Give it for", "编入"), "exclude": ("Not for", "不编入")}
    languages = languages_of(codebook)

    def both(texts: Mapping[str, str]) -> str:
        return " · ".join(texts[tag] for tag in languages if texts.get(tag))

    lines = [f"# {both(codebook.title)}", ""]
    lines += [f"`{codebook.name}`, {len(codebook.codes)} codes. {codebook.source}".rstrip(), ""]
    for dimension, label in codebook.dimensions.items():
        lines += [f"## {both(label)}", ""]
        for code in codebook.codes:
            if code.dimension != dimension:
                continue
            lines += [f"### `{code.id}` {both(code.label)}", ""]
            if code.parent:
                lines += [f"Under `{code.parent}`.", ""]
            for tag in languages:
                lines += [code.definition[tag], ""]
                for field, (en, zh) in names.items():
                    text = getattr(code, field).get(tag)
                    if text:
                        lines += [f"*{zh if tag == 'zh' else en}:* {text}", ""]
                lines += [f"> {anchor}\n>" for anchor in code.anchors.get(tag, ())]
                if code.anchors.get(tag):
                    lines[-1] = lines[-1].removesuffix("\n>")
                    lines.append("")
                if code.cues.get(tag):
                    lines += ["Cues: " + ", ".join(f"`{cue}`" for cue in code.cues[tag]), ""]
            if code.agora:
                lines += ["AGORA: " + "; ".join(code.agora), ""]
    return "\n".join(lines).rstrip() + "\n"
