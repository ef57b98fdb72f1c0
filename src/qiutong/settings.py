"""Settings: the shape of ``study.toml``, and how every settings file is read.

A wrong value is reported with file, line, path and what would be accepted, because the people who
edit these files are researchers and not programmers.
"""

import re
import tomllib
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, TypeVar

import msgspec
import yaml

from qiutong.errors import BadSettings
from qiutong.model import Grade, Party

T = TypeVar("T")

Share = Annotated[float, msgspec.Meta(ge=0.0, le=1.0)]
PositiveShare = Annotated[float, msgspec.Meta(gt=0.0, le=1.0)]


class Setting(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of the settings: immutable, and a misspelt name is an error."""


class Thresholds(Setting, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Lower bounds of the overlap grades, as shares of documents.

    Parameters
    ----------
    strong, moderate
        Lowest prevalence from which overlap is called strong, or moderate.
    """

    strong: PositiveShare = 0.50
    moderate: PositiveShare = 0.25

    def __post_init__(self) -> None:
        if self.moderate > self.strong:
            raise ValueError(f"moderate ({self.moderate}) must not be above strong ({self.strong})")


class StabilitySettings(Setting, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How stability is asked: resamples, seed, and the thresholds swept."""

    resamples: Annotated[int, msgspec.Meta(ge=100, le=100_000)] = 1000
    seed: int = 20250120
    strong: tuple[PositiveShare, ...] = (0.40, 0.50, 0.60)
    moderate: tuple[PositiveShare, ...] = (0.15, 0.25, 0.35)

    def sweep(self) -> list[tuple[str, Thresholds]]:
        """Pairs of thresholds to ask again at, each with its name."""
        return [
            (
                f"strong={strong:g} moderate={moderate:g}",
                Thresholds(strong=strong, moderate=moderate),
            )
            for strong in self.strong
            for moderate in self.moderate
            if moderate <= strong
        ]


class EvidenceSettings(Setting, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How many passages are shown for and against each code.

    Parameters
    ----------
    pairs, against
        Most pairs, and most passages against, per code.
    min_confidence
        Codings with a lower confidence count and are not quoted: a weak passage shown as evidence
        costs more trust than a pair less.
    """

    pairs: Annotated[int, msgspec.Meta(ge=1, le=20)] = 3
    against: Annotated[int, msgspec.Meta(ge=0, le=20)] = 3
    min_confidence: Share = 0.5


class ScreeningSettings(Setting, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When the rivalry index alone makes a code one to handle with care, or to set aside.

    Parameters
    ----------
    care, set_aside
        Lowest share of a party's segments with the code that name another party as a rival.
    fewest
        Fewest segments with the code before the index is used at all.
    """

    care: PositiveShare = 0.10
    set_aside: PositiveShare = 0.30
    fewest: Annotated[int, msgspec.Meta(ge=1)] = 5

    def __post_init__(self) -> None:
        if self.care > self.set_aside:
            raise ValueError(f"care ({self.care}) must not be above set_aside ({self.set_aside})")


class TopicSettings(Setting, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When a topic has enough support, unless the topic says otherwise.

    Parameters
    ----------
    min_grade
        The lowest grade that counts as support.
    core_share
        Share of the core codes that must reach it.
    """

    min_grade: Grade = Grade.MODERATE
    core_share: PositiveShare = 1.0


class CodingSettings(Setting, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whose codings count, and from which confidence.

    Parameters
    ----------
    coder
        Id of the coder whose codings count: ``default``, ``builtin``, a person's id, ``agora`` … Or several
        in a list: for each document, the first of them that has coded it counts.
    min_confidence
        Codings with a lower confidence are kept and not counted, except those of a combined coder,
        whose rule has decided. The built-in coder gives 0.50 or more where a cue was found and less
        where only likeness speaks.
    checked_by
        Id of the coder who checked a random sample (``qiutong sample``) and is taken as right;
        shares and grades are then corrected by it. Empty: codes are counted as they are.
    """

    coder: str | tuple[str, ...] = "default"
    min_confidence: Share = 0.5
    checked_by: str = ""

    def __post_init__(self) -> None:
        if not self.coders:
            raise ValueError("coder is an empty list; name one coder or more")

    @property
    def coders(self) -> tuple[str, ...]:
        """The coders that count, the preferred one first."""
        return (self.coder,) if isinstance(self.coder, str) else self.coder


class LlmSettings(Setting, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The language model that ``qiutong code --coder llm`` asks. Empty: there is none.

    Parameters
    ----------
    endpoint
        Address of an OpenAI-compatible interface, such as ``http://localhost:11434/v1``.
    model
        The model's name there.
    key_variable
        Name of the environment variable that holds the key; the key stands in no file.
    provisions
        Most provisions in one request.
    timeout_s
        Longest time for one request, in seconds.
    requests_at_once
        Most requests under way at the same time.
    retries
        How often a request is made again after a failure that may pass.
    temperature
        Randomness of the answers.
    price_in, price_out
        Price of a million tokens sent, and answered, in ``currency``; 0 where not known.
    budget
        A run makes no further request once it has cost this much, in ``currency``; 0 for no limit.
    never_send
        Ids of documents that must not leave the machine, ``*`` for any letters; besides those
        whose register says so.
    """

    endpoint: str = ""
    model: str = ""
    key_variable: str = "QIUTONG_LLM_KEY"
    provisions: Annotated[int, msgspec.Meta(ge=1, le=100)] = 10
    timeout_s: Annotated[float, msgspec.Meta(gt=0.0, le=3600.0)] = 120.0
    requests_at_once: Annotated[int, msgspec.Meta(ge=1, le=64)] = 4
    retries: Annotated[int, msgspec.Meta(ge=0, le=20)] = 4
    temperature: Annotated[float, msgspec.Meta(ge=0.0, le=2.0)] = 0.0
    price_in: Annotated[float, msgspec.Meta(ge=0.0)] = 0.0
    price_out: Annotated[float, msgspec.Meta(ge=0.0)] = 0.0
    currency: str = "USD"
    budget: Annotated[float, msgspec.Meta(ge=0.0)] = 0.0
    never_send: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.key_variable and not re.fullmatch(r"[A-Z][A-Z0-9_]*", self.key_variable):
            # Not repeated: it may be the key itself.
            raise ValueError(
                "key_variable is the name of an environment variable, in capitals, such as "
                "QIUTONG_LLM_KEY; the key itself stands in no file"
            )
        if self.budget and not (self.price_in or self.price_out):
            raise ValueError("budget needs prices to be counted with: set price_in and price_out")


class Settings(Setting, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole of ``study.toml``.

    Parameters
    ----------
    as_of
        ``"today"`` or a date ``YYYY-MM-DD``; documents not yet issued, or ended by then, are out.
    codebook
        Id of a bundled codebook, or path of a YAML file relative to the study.
    playbook
        Id of a bundled playbook, or path of a folder relative to the study.
    count_bills, count_drafts
        Whether bills not enacted, and drafts, count as a party's voice.
    count_context
        Whether documents of scope ``context`` count, whose main subject is another.
    """

    name: str = ""
    parties: tuple[Party, ...] = ()
    codebook: str = "ai-governance"
    playbook: str = "playbook"
    as_of: str = "today"
    count_bills: bool = True
    count_drafts: bool = True
    count_context: bool = False
    interval_level: Annotated[float, msgspec.Meta(gt=0.5, lt=1.0)] = 0.95
    coding: CodingSettings = CodingSettings()
    thresholds: Thresholds = Thresholds()
    stability: StabilitySettings = StabilitySettings()
    evidence: EvidenceSettings = EvidenceSettings()
    screening: ScreeningSettings = ScreeningSettings()
    topics: TopicSettings = TopicSettings()
    llm: LlmSettings = LlmSettings()

    def __post_init__(self) -> None:
        if self.as_of != "today":
            try:
                date.fromisoformat(self.as_of)
            except ValueError:
                raise ValueError(
                    f'as_of is "{self.as_of}"; write "today" or a date such as 2025-01-20'
                ) from None


_FIELD = re.compile(r"^(?P<what>.*?)(?: - at `(?P<key>key` in `)?\$?(?P<path>.*?)`)?$", re.DOTALL)


def _steps(path: str) -> list[str | int]:
    """Split a msgspec path such as ``.topics[3].core[...]`` into keys and indices."""
    steps: list[str | int] = []
    for key, index in re.findall(r"\.([^.\[\]]+)|\[([^\]]*)\]", path):
        if key:
            steps.append(key)
        elif index.isdigit():
            steps.append(int(index))
        else:
            break  # msgspec writes [...] for a mapping's value: the parent's line must do
    return steps


def _yaml_line(text: str, steps: list[str | int], unknown_key: str = "") -> int | None:
    """Line (from 1) of the value under ``steps``; of its parent where it does not exist."""
    try:
        node = yaml.compose(text, Loader=yaml.CSafeLoader)
    except yaml.YAMLError:
        return None
    line = None
    for step in [*steps, *([unknown_key] if unknown_key else [])]:
        if node is None:
            break
        line = node.start_mark.line + 1
        if isinstance(node, yaml.MappingNode) and isinstance(step, str):
            hit = [(k, v) for k, v in node.value if k.value == step]
            if not hit:
                return line
            line = hit[0][0].start_mark.line + 1
            node = hit[0][1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(step, int):
            if step >= len(node.value):
                return line
            node = node.value[step]
            line = node.start_mark.line + 1
        else:
            return line
    if line is None and node is not None:
        line = node.start_mark.line + 1
    return line


def _toml_line(text: str, steps: list[str | int], unknown_key: str = "") -> int | None:
    """Line (from 1) on which the last named key of ``steps`` is set; a search, TOML keeps no marks."""
    names = [step for step in steps if isinstance(step, str)] + (
        [unknown_key] if unknown_key else []
    )
    if not names:
        return None
    table, inside = ".".join(names[:-1]), not names[:-1]
    seen = -1
    wanted = next((step for step in steps if isinstance(step, int)), 0)
    for number, line in enumerate(text.splitlines(), 1):
        header = re.match(r"\s*\[{1,2}\s*([^\]]+?)\s*\]{1,2}", line)
        if header:
            seen += header[1] == table
            inside = header[1] == table and (not line.lstrip().startswith("[[") or seen == wanted)
            if header[1] == ".".join(names):
                return number
        elif inside and re.match(rf"\s*[\"']?{re.escape(names[-1])}[\"']?\s*=", line):
            return number
    return None


class _UniqueKeys(yaml.CSafeLoader):
    """A YAML loader that refuses a key given twice, which plain YAML would silently let win."""


def _mapping(loader: _UniqueKeys, node: yaml.MappingNode) -> dict[Any, Any]:
    seen: dict[str, int] = {}
    for key, _ in node.value:
        if key.value in seen:
            raise yaml.MarkedYAMLError(
                problem=f'the key "{key.value}" stands twice (first on line {seen[key.value]})',
                problem_mark=key.start_mark,
            )
        seen[key.value] = key.start_mark.line + 1
    return loader.construct_mapping(node, deep=True)


# Dates stay text here and msgspec turns them into dates where a field wants one: a forum's
# "since" may be a year, a month or a day, and YAML would give three different types. And as in
# YAML 1.2 only true and false are truth values: a researcher who writes "cn: no" means the word.
_UniqueKeys.yaml_implicit_resolvers = {
    first: [
        (tag, pattern)
        for tag, pattern in rules
        if tag not in ("tag:yaml.org,2002:timestamp", "tag:yaml.org,2002:bool")
    ]
    for first, rules in yaml.CSafeLoader.yaml_implicit_resolvers.items()
}
_UniqueKeys.add_implicit_resolver(
    "tag:yaml.org,2002:bool", re.compile(r"^(?:true|True|TRUE|false|False|FALSE)$"), list("tTfF")
)
_UniqueKeys.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)


def read_yaml(path: Path, shape: type[T]) -> T:
    """Read a YAML file into a typed value.

    Parameters
    ----------
    path
        The file, UTF-8.
    shape
        A msgspec structure or any type msgspec can convert to.

    Raises
    ------
    BadSettings
        The file is missing, is no YAML, or holds a value of the wrong kind; names the line.
    """
    return parse_yaml(_read_text(path), shape, path)


def parse_yaml(text: str, shape: type[T], file: str | Path) -> T:
    """Read YAML from a string; see :func:`read_yaml`."""
    try:
        # A subclass of CSafeLoader: builds plain values only.
        raw = yaml.load(text, Loader=_UniqueKeys)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        reason = getattr(error, "problem", None) or str(error)
        raise BadSettings(file, reason, line=mark.line + 1 if mark else None) from None
    return _convert(raw, shape, file, lambda steps, key: _yaml_line(text, steps, key))


def read_toml(path: Path, shape: type[T]) -> T:
    """Read a TOML file into a typed value; errors as for :func:`read_yaml`."""
    text = _read_text(path)
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        found = re.search(r"at line (\d+)", str(error))
        raise BadSettings(path, str(error), line=int(found[1]) if found else None) from None
    raw = _dates_as_text(raw)
    return _convert(raw, shape, path, lambda steps, key: _toml_line(text, steps, key))


def _dates_as_text(raw: Any) -> Any:
    """Give TOML dates as ISO text, as YAML dates are here."""
    if isinstance(raw, dict):
        return {key: _dates_as_text(value) for key, value in raw.items()}
    if isinstance(raw, list):
        return [_dates_as_text(value) for value in raw]
    return raw.isoformat() if isinstance(raw, date) else raw


def line_of(text: str, *steps: str | int) -> int | None:
    """Line (from 1) of a value in YAML text, for checks that go beyond its shape."""
    return _yaml_line(text, list(steps))


def _read_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise BadSettings(path, "the file does not exist") from None
    except UnicodeDecodeError as error:
        raise BadSettings(path, f"not UTF-8 (byte {error.start}); save the file as UTF-8") from None


def _convert(raw: Any, shape: type[T], file: str | Path, find_line: Any) -> T:
    try:
        return msgspec.convert(raw, shape)
    except msgspec.ValidationError as error:
        match = _FIELD.match(str(error))
        what, path = (match["what"], match["path"] or "") if match else (str(error), "")
        unknown = re.search(r"contains unknown field `(.+?)`", what)
        steps = _steps(path)
        line = find_line(steps, unknown[1] if unknown else "")
        known = _names_at(shape, steps)
        if match and match["key"]:
            what = "a name is no text; put it in quotation marks"
        elif unknown:
            offer = get_close_matches(unknown[1], known, n=3, cutoff=0.5) or known
            what = f'unknown name "{unknown[1]}"' + (
                f"; known: {', '.join(offer)}" if offer else ""
            )
        elif wrong := re.fullmatch(r"Invalid enum value '?(.*?)'?", what):
            allowed = f"; allowed: {', '.join(known)}" if known else ""
            what = f'"{wrong[1]}" cannot be used{allowed}'
        elif lacking := re.fullmatch(r"Object missing required field `(.+?)`", what):
            what = f'"{lacking[1]}" is missing'
        elif told := _EXPECTED.fullmatch(what):
            kinds = " or ".join(_KINDS.get(one, one) for one in told["kinds"].split(" | "))
            limit = "".join(words for sign, words in _LIMITS.items() if sign == told["sign"])
            length = (
                "" if not told["length"] else f" {'characters' if kinds == 'text' else 'entries'}"
            )
            wanted = f"{kinds} {limit} {told['limit']}{length}" if limit else kinds
            # Under a name in a mapping msgspec does not say which one.
            given = "" if "[...]" in path else f"{_value_at(raw, steps)} cannot be used; "
            what = f"{given}give {wanted}"
        raise BadSettings(file, what, line=line, where=path.lstrip(".")) from None


_EXPECTED = re.compile(
    r"Expected `(?P<kinds>[^`]+)`(?:(?P<length> of length)? (?P<sign>[<>]=?) (?P<limit>[^,]+))?"
    r"(?:, got `.*`)?"
)
_KINDS = {
    "str": "text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "array": "a list",
    "object": "a table of names and values",
    "null": "nothing",
}
_LIMITS = {">=": "of at least", "<=": "of at most", ">": "above", "<": "below"}


def _value_at(raw: Any, steps: Sequence[str | int]) -> str:
    """The value at fault as JSON, cut where it is long."""
    for step in steps:
        raw = raw[step]
    # JSON has no word for nan and inf.
    text = str(raw) if isinstance(raw, float) else msgspec.json.encode(raw).decode()
    return text if len(text) <= 60 else text[:60] + "…"


def _names_at(shape: Any, steps: Sequence[str | int]) -> list[str]:
    """Names that a table under ``steps`` may hold, or the values that are allowed there."""
    from msgspec import inspect

    def within(kinds: Iterable[Any], step: str | int) -> Iterator[Any]:
        for kind in kinds:
            if isinstance(kind, inspect.StructType):
                yield from (one.type for one in kind.fields if one.encode_name == step)
            elif isinstance(kind, inspect.DictType):
                yield kind.value_type
            elif isinstance(kind, inspect.ListType | inspect.VarTupleType):
                yield kind.item_type

    def each(kinds: Iterable[Any]) -> list[Any]:
        return [
            one
            for kind in kinds
            for one in (kind.types if isinstance(kind, inspect.UnionType) else (kind,))
        ]

    kinds = each([inspect.type_info(shape)])
    for step in steps:
        kinds = each(within(kinds, step))
    names: list[str] = []
    for kind in kinds:
        if isinstance(kind, inspect.StructType):
            names += [one.encode_name for one in kind.fields]
        elif isinstance(kind, inspect.EnumType):
            names += [str(one.value) for one in kind.cls]
        elif isinstance(kind, inspect.LiteralType):
            names += map(str, kind.values)
    return names
