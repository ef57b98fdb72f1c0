"""How far coders agree beyond chance: alpha, AC1, their intervals, and where readings differ.

Also how far they marked the same words (:func:`measure_spans`).

Every function here is a function from values to values. A *unit* is one provision; each stands in
one document. Text that a coder read and gave no code is a unit of which every code is absent.
"""

import math
from collections.abc import Callable, Collection, Hashable, Iterable, Mapping, Sequence
from enum import StrEnum
from itertools import combinations
from typing import TypeVar

import msgspec
import numpy as np
from numpy.typing import ArrayLike, NDArray

from qiutong.errors import UndefinedStatistic, UnknownName
from qiutong.model import Value
from qiutong.settings import StabilitySettings

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]
Presence = NDArray[np.bool_]
T = TypeVar("T", bound=Hashable)
Span = tuple[str, int, int]
"""A code, and the offsets in the document's text of the words it was given for."""

RELIABLE = 0.800
TENTATIVE = 0.667

UNCODED_RULE = {
    "en": "Text that a coder read and gave no code counts as a unit of which every code is absent. "
    "Text that a coder did not read is missing. Units read by fewer than two coders are left out.",
    "zh": "编码者已读而未给编码的条款计为一个单位，各编码均记为“无”；未读的条款计为缺失；"
    "读者不足两人的条款不计入。",
}

SPAN_RULE = {
    "en": "Spans of one code by one coder that overlap are one span. Each span is matched with at "
    "most one of the other coder. Overlap is the characters in both over those in either. Words that "
    "neither marked count for nothing.",
    "zh": "同一编码者就同一编码所标、互有重叠的证据并为一处；一处至多与对方一处相配；"
    "重叠程度为共有文字与合计文字之比；双方均未标出的文字不计。",
}

_SEED = StabilitySettings().seed

# Resamples drawn at a time: bounds memory at 100,000 resamples without changing the draws.
_CHUNK = 1000

_NO_PAIRS = "no unit has values of two or more coders"
_NOBODY = "no reader gave it to any unit"
_NO_SPAN = "there is no span to match"
_NO_CHANCE = "agreement cannot be told from chance"
_NO_VARIATION = f"all values are the same, so {_NO_CHANCE}"
_ONE_DOCUMENT = "all units stand in one document, so there is nothing to draw anew"


class ReliabilityVerdict(StrEnum):
    """What alpha allows, after Krippendorff."""

    RELIABLE = "reliable"
    TENTATIVE = "tentative"
    NOT_RELIABLE = "not reliable"
    UNDEFINED = "undefined"


class Coefficient(Value, frozen=True, kw_only=True):
    """A coefficient of agreement with its bootstrap interval, or undefined with a reason.

    Parameters
    ----------
    value
        At most 1, may be negative; None where undefined.
    low, high
        Percentile bounds over resampled documents; None where there is no interval.
    level
        Confidence level of the interval.
    resamples
        How many resamples were drawn.
    undefined_resamples
        In how many of them the coefficient does not exist; the bounds are over the others.
    undefined
        Why there is no value; empty where there is one.
    no_interval
        Why there is a value and no interval; empty otherwise.
    """

    value: float | None
    low: float | None = None
    high: float | None = None
    level: float = 0.95
    resamples: int = 0
    undefined_resamples: int = 0
    undefined: str = ""
    no_interval: str = ""


class Agreement(Value, frozen=True, kw_only=True):
    """How far coders agree on one code.

    Parameters
    ----------
    code
        The code.
    units, documents
        Units read by two or more coders, and the documents they stand in.
    given_by
        Per coder, in how many of these units the coder gave the code.
    given_by_all, given_by_any
        Units in which all of the unit's readers, or at least one, gave it.
    documents_any
        Documents in which at least one reader gave it.
    percent_agreement
        Share of pairs of readers that decided alike, averaged over units, in [0, 1]. Not corrected
        for chance.
    alpha
        Krippendorff's alpha, nominal, on presence and absence.
    ac1
        Gwet's AC1 on the same.
    verdict
        From the value of alpha; see :func:`judge_alpha`.
    low_below_limit
        Whether the lower bound of alpha's interval falls below .667, whatever the verdict; None
        where there is no interval.
    """

    code: str
    units: int
    documents: int
    given_by: dict[str, int]
    given_by_all: int
    given_by_any: int
    documents_any: int
    percent_agreement: float
    alpha: Coefficient
    ac1: Coefficient
    verdict: ReliabilityVerdict
    low_below_limit: bool | None


class Disagreement(Value, frozen=True, kw_only=True):
    """What one coder calls by one code and another by another code, or by none.

    Parameters
    ----------
    coder, code
        Who gave the code, and the code; the other coder did not give it.
    other, other_code
        The other coder, and a code that only this one gave; empty where the other gave no code
        that the first lacks.
    units
        In how many units.
    """

    coder: str
    code: str
    other: str
    other_code: str
    units: int


class SpanMatch(Value, frozen=True, kw_only=True):
    """How many spans of two coders were matched at one least overlap.

    Parameters
    ----------
    matched
        Pairs of spans of the same code, one of each coder, each span in one pair at most.
    f1
        Twice the pairs over the spans of both.
    shares
        Per coder the share of the coder's spans that were matched: one is the precision where
        the other is the recall.
    """

    matched: int
    f1: Coefficient
    shares: dict[str, Coefficient]


class CodeSpans(Value, frozen=True, kw_only=True):
    """How far two coders marked the same words for a code.

    Parameters
    ----------
    code
        The code; empty over all codes.
    spans
        Per coder, how many spans.
    any_overlap
        Pairs with at least one character in common.
    half_overlap
        Pairs whose common characters are at least half of those in either of the two.
    """

    code: str
    spans: dict[str, int]
    any_overlap: SpanMatch
    half_overlap: SpanMatch


class SpanAgreement(Value, frozen=True, kw_only=True):
    """How far two coders marked the same words.

    Parameters
    ----------
    coders
        The two, in alphabetical order.
    units, documents
        Units that both read, and the documents they stand in.
    overall
        Over all codes; frequent codes weigh more.
    codes
        One for each code, in the order asked.
    whole_only
        Those of the two whose every span is the whole of its unit. Where there is one, the figures
        say nothing about which words a code was given for.
    """

    coders: tuple[str, str]
    units: int
    documents: int
    overall: CodeSpans
    codes: tuple[CodeSpans, ...]
    whole_only: tuple[str, ...]


class AlphaBlock(Value, frozen=True, kw_only=True):
    """Alpha in one stretch of the units, for drift.

    Parameters
    ----------
    first, last
        The first and last unit of the block.
    units, documents
        How many units, in how many documents.
    alpha
        Krippendorff's alpha over all cells of the block, a cell being one code on one unit.
    """

    first: str
    last: str
    units: int
    documents: int
    alpha: Coefficient


class Reliability(Value, frozen=True, kw_only=True):
    """How far coders agree, code by code and overall.

    Parameters
    ----------
    coders
        Ids in alphabetical order.
    read_by
        Per coder, how many of the counted units the coder read.
    units, documents
        Units read by two or more coders, and the documents they stand in.
    left_out
        Units read by one coder only.
    codes
        One for each code, in the order asked.
    micro
        Alpha over all cells pooled, a cell being one code on one unit. Frequent codes weigh more.
    masi
        Alpha on the sets of codes of each unit, with MASI as distance.
    disagreements
        The disagreement matrix as rows, the most frequent first; only pairs that occur.
    uncoded
        How text without a code counts, in English (``en``) and Chinese (``zh``).
    level, resamples, seed
        How the intervals were made.
    spans
        One for each pair of coders that read a unit in common; empty where spans were not
        compared. See :func:`measure_spans`.
    span_rule
        How spans are counted, in English and Chinese.
    """

    coders: tuple[str, ...]
    read_by: dict[str, int]
    units: int
    documents: int
    left_out: int
    codes: tuple[Agreement, ...]
    micro: Coefficient
    masi: Coefficient
    disagreements: tuple[Disagreement, ...]
    uncoded: dict[str, str]
    level: float
    resamples: int
    seed: int
    spans: tuple[SpanAgreement, ...] = ()
    span_rule: dict[str, str] = msgspec.field(default_factory=lambda: dict(SPAN_RULE))


# --------------------------------------------------------------------------- coefficients


def krippendorff_alpha(values: ArrayLike) -> float:
    """Compute Krippendorff's alpha for nominal values.

    Parameters
    ----------
    values
        Shape (coders, units): one number a category, nan where a coder did not code the unit.

    Returns
    -------
    float
        Dimensionless: 1 is perfect agreement, 0 what chance would give, below 0 is worse.

    Raises
    ------
    UndefinedStatistic
        No unit has two values, or all values in such units are the same.
    ValueError
        ``values`` has not two dimensions.

    References
    ----------
    Krippendorff (2011), Computing Krippendorff's Alpha-Reliability, University of Pennsylvania.

    Examples
    --------
    >>> round(krippendorff_alpha([[0, 1, 0, 0, 0, 0, 0, 0, 1, 0], [1, 1, 1, 0, 0, 1, 0, 0, 0, 0]]), 3)
    0.095
    """
    table = _paired(_count_values(values)[0])
    read = table.sum(axis=1)
    total, margins = read.sum(), table.sum(axis=0)
    expected = total * total - (margins * margins).sum()
    if not expected:
        raise _undefined("Krippendorff's alpha", f"{_NO_VARIATION} ({total} values)")
    # Each unit weighs by its number of values: its pairs are divided by that number less one.
    observed = ((read * read - (table * table).sum(axis=1)) / (read - 1)).sum()
    return float(1.0 - (total - 1) * observed / expected)


def krippendorff_alpha_distance(
    values: Sequence[Sequence[T | None]], distance: Callable[[T, T], float]
) -> float:
    """Compute Krippendorff's alpha for values between which there is a distance, such as sets.

    Parameters
    ----------
    values
        A sequence of values per coder, all of one length, one place a unit; None where a coder did
        not code the unit. An empty set is a value.
    distance
        Of two values, 0 for equal ones and the same in both directions. It is used as it is,
        not squared. Called once for each pair of different values.

    Returns
    -------
    float
        Dimensionless, as for :func:`krippendorff_alpha`.

    Raises
    ------
    UndefinedStatistic
        No unit has two values, or all values in such units are at distance 0.
    ValueError
        The coders have unequal numbers of units.

    References
    ----------
    Krippendorff (2011), as above; Passonneau (2006), LREC, for sets.
    """
    units = [[one for one in unit if one is not None] for unit in zip(*values, strict=True)]
    units = [unit for unit in units if len(unit) > 1]
    if not units:
        raise _undefined("Krippendorff's alpha", _NO_PAIRS)
    kinds = list(dict.fromkeys(one for unit in units for one in unit))
    apart = np.zeros((len(kinds), len(kinds)))
    for i, j in combinations(range(len(kinds)), 2):
        apart[i, j] = apart[j, i] = distance(kinds[i], kinds[j])
    place = {kind: at for at, kind in enumerate(kinds)}
    placed = [np.array([place[one] for one in unit]) for unit in units]
    totals = _distance_totals(placed, np.zeros(len(units), dtype=np.int64), 1, apart)
    alpha = float(_alpha_of_distances(totals, apart)[0])
    if math.isnan(alpha):
        raise _undefined("Krippendorff's alpha", _NO_VARIATION)
    return alpha


def masi_distance(one: frozenset[T], two: frozenset[T]) -> float:
    """Measure how far two sets are apart: 1 − Jaccard · monotonicity.

    Monotonicity is 1 for equal sets, 2/3 where one holds the other, 1/3 where they overlap, and
    0 where they have nothing in common. Two empty sets are equal.

    Parameters
    ----------
    one, two
        Sets of codes.

    Returns
    -------
    float
        From 0 (equal) to 1 (nothing in common).

    References
    ----------
    Passonneau (2006), Measuring Agreement on Set-valued Items (MASI) for Semantic and Pragmatic
    Annotation, LREC. NLTK rounds the fractions to 0.67 and 0.33 in some versions; we do not.
    """
    if one == two:
        return 0.0
    common = len(one & two)
    monotonicity = 2 / 3 if one <= two or two <= one else 1 / 3
    return 1.0 - common / len(one | two) * monotonicity


def gwet_ac1(values: ArrayLike, categories: Sequence[float] | None = None) -> float:
    """Compute Gwet's AC1, whose chance agreement stays low for rare and for common codes.

    Units with one value count for how frequent the categories are, and not for agreement.

    Parameters
    ----------
    values
        Shape (coders, units): one number a category, nan where a coder did not code the unit.
    categories
        All that could have been given; None takes those that were. AC1 depends on how many.

    Returns
    -------
    float
        Dimensionless, at most 1. It is 1 where all values are the same and ``categories`` names a
        further one: agreement without variation.

    Raises
    ------
    UndefinedStatistic
        No unit has two values, or there are fewer than two categories.
    ValueError
        ``values`` has not two dimensions, or holds a value that is no category.

    References
    ----------
    Gwet (2008), British Journal of Mathematical and Statistical Psychology 61:29–48; Gwet (2014),
    Handbook of Inter-Rater Reliability, 4th edition, for missing values.
    """
    table, found = _count_values(values)
    kinds = len(found)
    if categories is not None:
        strangers = sorted(set(found) - set(categories))
        if strangers:
            raise ValueError(
                f"value {strangers[0]:g} is none of the categories "
                f"{', '.join(f'{one:g}' for one in categories)}"
            )
        kinds = len(set(categories))
    agreed = _pair_agreement(_paired(table))
    if kinds < 2:
        raise _undefined(
            "Gwet's AC1", "there is one category; name those that could have been given"
        )
    table = table[table.sum(axis=1) > 0]
    shares = (table / table.sum(axis=1, keepdims=True)).mean(axis=0)
    chance = (shares * (1.0 - shares)).sum() / (kinds - 1)
    return float((agreed - chance) / (1.0 - chance))


def percent_agreement(values: ArrayLike) -> float:
    """Compute the share of pairs of coders that agree, averaged over units.

    Parameters
    ----------
    values
        Shape (coders, units): one number a category, nan where a coder did not code the unit.

    Returns
    -------
    float
        In [0, 1], not corrected for chance.

    Raises
    ------
    UndefinedStatistic
        No unit has two values.
    ValueError
        ``values`` has not two dimensions.
    """
    return _pair_agreement(_paired(_count_values(values)[0]))


def judge_alpha(alpha: float | None) -> ReliabilityVerdict:
    """Say what a value of alpha allows.

    Parameters
    ----------
    alpha
        Krippendorff's alpha; None where undefined.

    Returns
    -------
    ReliabilityVerdict
        Reliable from .800, tentative from .667 (two thirds is below it), else not reliable.

    References
    ----------
    Krippendorff (2004), Content Analysis, 2nd edition, pp. 241–243: rely on variables with
    α ≥ .800, and draw tentative conclusions where .667 ≤ α < .800.
    """
    if alpha is None:
        return ReliabilityVerdict.UNDEFINED
    # Alpha comes out of a division: an exact .8 must not be missed by the last binary digit.
    alpha = round(alpha, 12)
    if alpha >= RELIABLE:
        return ReliabilityVerdict.RELIABLE
    return ReliabilityVerdict.TENTATIVE if alpha >= TENTATIVE else ReliabilityVerdict.NOT_RELIABLE


def _undefined(statistic: str, reason: str) -> UndefinedStatistic:
    return UndefinedStatistic(f"{statistic} is undefined: {reason}.")


def _count_values(values: ArrayLike) -> tuple[Counts, list[float]]:
    """Count each category in each unit: shape (units, categories), and the categories."""
    given = np.asarray(values, dtype=np.float64)
    if given.ndim != 2:
        raise ValueError(f"values have {given.ndim} dimension(s); they need two, (coders, units)")
    kinds = np.unique(given[~np.isnan(given)])
    table = np.zeros((given.shape[1], len(kinds)), dtype=np.int64)
    for column, kind in enumerate(kinds):
        table[:, column] = (given == kind).sum(axis=0)
    return table, [float(kind) for kind in kinds]


def _paired(table: Counts) -> Counts:
    """Keep the units with two or more values."""
    kept = table[table.sum(axis=1) > 1]
    if not len(kept):
        raise UndefinedStatistic(f"Agreement is undefined: {_NO_PAIRS}.")
    return kept


def _pair_agreement(table: Counts) -> float:
    read = table.sum(axis=1)
    return float(((table * (table - 1)).sum(axis=1) / (read * (read - 1))).mean())


# --------------------------------------------------------------------------- intervals


def bootstrap_documents(
    totals: Floats,
    statistic: Callable[[Floats], Floats],
    *,
    level: float = 0.95,
    resamples: int = 1000,
    seed: int = _SEED,
) -> tuple[Floats, Floats, Counts]:
    """Find percentile intervals by drawing whole documents anew, with replacement.

    Units of one document resemble each other, so documents are drawn and not units. A statistic
    that is a function of sums over documents needs no second look at the units.

    Parameters
    ----------
    totals
        What each document adds to the sums: shape (documents, …).
    statistic
        From sums of shape (resamples, …) to values of shape (resamples, statistics), nan where
        undefined. It may be called several times.
    level
        Confidence level in (0, 1).
    resamples
        How many corpora of as many documents are drawn.
    seed
        Where the random numbers begin. The draws depend on it and on the number of documents.

    Returns
    -------
    low, high
        Bounds over the resamples in which the statistic exists, shape (statistics,); nan where
        there are none.
    undefined
        In how many resamples it does not exist, shape (statistics,).

    Raises
    ------
    ValueError
        ``level`` or ``resamples`` is out of range, or there are no documents.

    References
    ----------
    Efron (1979), Annals of Statistics 7:1–26; Davison and Hinkley (1997), Bootstrap Methods and
    their Application, section 3.8, for drawing clusters.
    """
    if not 0.0 < level < 1.0:
        raise ValueError(f"level is {level}; it must lie between 0 and 1, such as 0.95")
    if resamples < 1:
        raise ValueError(f"resamples is {resamples}; it must be 1 or more")
    documents = len(totals)
    if not documents:
        raise ValueError("totals has no documents; there is nothing to draw from")
    draw = np.random.default_rng(seed)
    flat = totals.reshape(documents, -1)
    values = []
    for done in range(0, resamples, _CHUNK):
        size = min(_CHUNK, resamples - done)
        times = draw.multinomial(documents, np.full(documents, 1.0 / documents), size=size)
        sums = times.astype(np.float64) @ flat
        values.append(statistic(sums.reshape(size, *totals.shape[1:])))
    drawn = np.concatenate(values)
    missing = np.isnan(drawn)
    low, high = np.full((2, drawn.shape[1]), np.nan)
    tails = [(1.0 - level) / 2.0, (1.0 + level) / 2.0]
    whole = ~missing.any(axis=0)
    low[whole], high[whole] = np.quantile(drawn[:, whole], tails, axis=0)
    for column in np.flatnonzero(~whole & ~missing.all(axis=0)):
        low[column], high[column] = np.quantile(drawn[~missing[:, column], column], tails)
    return low, high, missing.sum(axis=0)


def ratio(above: Floats, below: Floats) -> Floats:
    """Divide, with nan where the divisor is 0."""
    return np.divide(above, below, out=np.full(np.shape(above), np.nan), where=below != 0)


# What each document adds for one binary code; see _binary_totals.
_UNITS, _VALUES, _ONES, _APART, _AGREED, _SHARE = range(6)


def _binary_totals(ones: Counts, read: Counts, document: Counts, documents: int) -> Floats:
    """Sum what alpha and AC1 of binary codes need, by document.

    Parameters
    ----------
    ones
        How many readers gave the code, shape (units, codes).
    read
        How many readers the unit has, two or more, shape (units,).
    document
        Number of the unit's document, shape (units,).

    Returns
    -------
    ndarray
        Shape (documents, codes, 6): units, values, values that are 1, coincidences of unlike
        values, units' agreement, units' share of 1.
    """
    readers = np.broadcast_to(read[:, None], ones.shape)
    unlike = 2.0 * ones * (readers - ones)
    parts = np.stack(
        [
            np.ones(ones.shape),
            readers,
            ones,
            unlike / (readers - 1),
            1.0 - unlike / (readers * (readers - 1)),
            ones / readers,
        ],
        axis=-1,
    )
    totals = np.zeros((documents, *parts.shape[1:]))
    np.add.at(totals, document, parts)
    return totals


def _binary_alpha(totals: Floats) -> Floats:
    """Alpha from summed totals of shape (…, 6); nan where there is no variation."""
    values, ones = totals[..., _VALUES], totals[..., _ONES]
    expected = 2.0 * ones * (values - ones)
    return 1.0 - ratio((values - 1.0) * totals[..., _APART], expected)


def _binary_ac1(totals: Floats) -> Floats:
    """AC1 from summed totals of shape (…, 6); there are two categories, so it always exists."""
    share = totals[..., _SHARE] / totals[..., _UNITS]
    chance = 2.0 * share * (1.0 - share)
    return (totals[..., _AGREED] / totals[..., _UNITS] - chance) / (1.0 - chance)


def _distance_totals(
    units: Sequence[Counts], document: Counts, documents: int, apart: Floats
) -> Floats:
    """Sum what alpha with a distance needs, by document.

    Parameters
    ----------
    units
        For each unit the kinds of its values, two or more, as places in ``apart``.
    document
        Number of the unit's document, shape (units,).

    Returns
    -------
    ndarray
        Shape (documents, kinds + 1): how often each kind occurs, and the distances within units.
    """
    totals = np.zeros((documents, len(apart) + 1))
    for unit, place in zip(units, document, strict=True):
        np.add.at(totals[place], unit, 1.0)
        totals[place, -1] += apart[np.ix_(unit, unit)].sum() / (len(unit) - 1)
    return totals


def _alpha_of_distances(sums: Floats, apart: Floats) -> Floats:
    """Alpha from summed totals of shape (n, kinds + 1); nan where there is no variation."""
    margins, observed = sums[:, :-1], sums[:, -1]
    expected = ((margins @ apart) * margins).sum(axis=1)
    return 1.0 - ratio((margins.sum(axis=1) - 1.0) * observed, expected)


def _masi_distances(sets: Presence) -> Floats:
    """MASI between all pairs of sets, given as rows of presence; see :func:`masi_distance`."""
    rows = sets.astype(np.float64)
    size = rows.sum(axis=1)
    common = rows @ rows.T
    union = size[:, None] + size[None, :] - common
    smaller = np.minimum(size[:, None], size[None, :])
    likeness = np.where(common == smaller, 2 / 3, 1 / 3) * common / np.maximum(union, 1.0)
    distances = 1.0 - likeness
    distances[common == union] = 0.0  # equal sets, two empty ones among them
    return distances


# --------------------------------------------------------------------------- readings


class _Shared:
    """Units read by two or more coders, in a fixed order, as arrays.

    ``given`` has shape (coders, units, codes); ``read`` says who read which, (coders, units).
    """

    def __init__(
        self,
        readings: Mapping[str, Mapping[str, frozenset[str]]],
        document_of: Mapping[str, str],
        codes: Sequence[str],
        order: Sequence[str] | None = None,
    ) -> None:
        if len(readings) < 2:
            raise UndefinedStatistic(
                "Reliability needs readings of two or more coders; got "
                f"{', '.join(readings) or 'none'}. Add a second reading of the same provisions."
            )
        if len(set(codes)) < len(codes) or not codes:
            raise ValueError("codes must name one code or more, each once")
        times: dict[str, int] = {}
        for coder, reading in readings.items():
            for unit in reading:
                if unit not in document_of:
                    raise UnknownName("unit", unit, document_of, where=f"a reading of {coder}")
                times[unit] = times.get(unit, 0) + 1
        shared = {unit for unit, number in times.items() if number > 1}
        self.left_out = len(times) - len(shared)
        if not shared:
            raise UndefinedStatistic(
                f"Reliability is undefined: no unit was read by two or more of the coders "
                f"{', '.join(sorted(readings))} ({self.left_out} were read by one). "
                "Have the same provisions read twice."
            )
        if order is None:
            self.units = sorted(shared, key=lambda unit: (document_of[unit], unit))
        else:
            listed = dict.fromkeys(order)
            for unit in sorted(shared):
                if unit not in listed:
                    raise UnknownName("unit", unit, listed, where="the order of units")
            self.units = [unit for unit in listed if unit in shared]
        self.coders = tuple(sorted(readings))
        self.codes = tuple(codes)
        self.documents = sorted({document_of[unit] for unit in self.units})
        number = {document: at for at, document in enumerate(self.documents)}
        self.document = np.array([number[document_of[unit]] for unit in self.units])
        column = {code: at for at, code in enumerate(self.codes)}
        self.given = np.zeros((len(self.coders), len(self.units), len(self.codes)), dtype=bool)
        self.read = np.zeros((len(self.coders), len(self.units)), dtype=bool)
        for row, coder in enumerate(self.coders):
            reading = readings[coder]
            for place, unit in enumerate(self.units):
                if unit not in reading:
                    continue
                self.read[row, place] = True
                for code in reading[unit]:
                    if code not in column:
                        raise UnknownName("code", code, column, where=f"{coder} on {unit}")
                    self.given[row, place, column[code]] = True

    def totals(self) -> Floats:
        """Totals of every code by document; see ``_binary_totals``."""
        ones = self.given.sum(axis=0)
        return _binary_totals(ones, self.read.sum(axis=0), self.document, len(self.documents))


def measure_reliability(
    readings: Mapping[str, Mapping[str, frozenset[str]]],
    document_of: Mapping[str, str],
    codes: Sequence[str],
    *,
    level: float = 0.95,
    resamples: int = 1000,
    seed: int = _SEED,
) -> Reliability:
    """Measure how far coders agree on every code and on the sets of codes.

    A unit that a coder's reading lacks was not read by that coder. One with an empty set was read
    and got no code: every code is absent. Units read by one coder are left out and counted. The
    result depends on the readings, not on their order.

    Parameters
    ----------
    readings
        Coder id to unit id to the codes given. Whether a code brings its parents is the caller's
        choice.
    document_of
        Document id of every unit read.
    codes
        All codes that may be given, in the order of the result.
    level
        Confidence level of the intervals.
    resamples
        How many times the documents are drawn anew.
    seed
        Where the random numbers begin.

    Returns
    -------
    Reliability
        All codes are measured on the same resamples.

    Raises
    ------
    UndefinedStatistic
        Fewer than two coders, or no unit read by two.
    UnknownName
        A unit has no document, or a code given is not among ``codes``.
    ValueError
        ``codes`` is empty or names one twice; ``level`` or ``resamples`` is out of range.

    References
    ----------
    Krippendorff (2011); Gwet (2008); Passonneau (2006). See the functions for each.
    """
    shared = _Shared(readings, document_of, codes)
    draws = Draws(level, resamples, seed)
    totals = shared.totals()
    alphas = draws.coefficients(totals, _binary_alpha)
    ac1s = draws.coefficients(totals, _binary_ac1)
    sums = totals.sum(axis=0)
    by_coder = shared.given.sum(axis=1)
    anyone: Presence = np.any(shared.given, axis=0)
    everyone: Presence = np.all(shared.given | ~shared.read[:, :, None], axis=0)
    agreements = []
    for column, code in enumerate(shared.codes):
        alpha = alphas[column]
        if alpha.undefined:
            who = "every reader gave it to every unit" if anyone[:, column].any() else _NOBODY
            alpha = msgspec.structs.replace(alpha, undefined=f"{who}, so {_NO_CHANCE}")
        agreements.append(
            Agreement(
                code=code,
                units=len(shared.units),
                documents=len(shared.documents),
                given_by={
                    coder: int(by_coder[row, column]) for row, coder in enumerate(shared.coders)
                },
                given_by_all=int(everyone[:, column].sum()),
                given_by_any=int(anyone[:, column].sum()),
                documents_any=len(np.unique(shared.document[anyone[:, column]])),
                percent_agreement=float(sums[column, _AGREED] / sums[column, _UNITS]),
                alpha=alpha,
                ac1=ac1s[column],
                verdict=judge_alpha(alpha.value),
                low_below_limit=None if alpha.low is None else round(alpha.low, 12) < TENTATIVE,
            )
        )
    [micro] = draws.coefficients(totals.sum(axis=1, keepdims=True), _binary_alpha)
    return Reliability(
        coders=shared.coders,
        read_by={coder: int(shared.read[row].sum()) for row, coder in enumerate(shared.coders)},
        units=len(shared.units),
        documents=len(shared.documents),
        left_out=shared.left_out,
        codes=tuple(agreements),
        micro=micro,
        masi=_measure_masi(shared, draws),
        disagreements=_list_disagreements(shared),
        uncoded=dict(UNCODED_RULE),
        level=level,
        resamples=resamples,
        seed=seed,
    )


def alpha_over_blocks(
    readings: Mapping[str, Mapping[str, frozenset[str]]],
    document_of: Mapping[str, str],
    codes: Sequence[str],
    order: Sequence[str],
    *,
    blocks: int = 4,
    level: float = 0.95,
    resamples: int = 1000,
    seed: int = _SEED,
) -> tuple[AlphaBlock, ...]:
    """Follow agreement along an order of the units, to see drift.

    Parameters
    ----------
    readings, document_of, codes
        As for :func:`measure_reliability`.
    order
        Unit ids in the order of interest, such as that of coding or of the documents' dates. It
        may name units that fewer than two coders read; they are passed over.
    blocks
        Into how many blocks of as nearly equal size the units are cut. A document may fall into
        two.
    level, resamples, seed
        As for :func:`measure_reliability`.

    Returns
    -------
    tuple of AlphaBlock
        In that order; alpha over all cells of the block.

    Raises
    ------
    UndefinedStatistic, UnknownName
        As for :func:`measure_reliability`; also a unit read by two that ``order`` lacks.
    ValueError
        ``blocks`` is below 1 or above the number of units.
    """
    shared = _Shared(readings, document_of, codes, order)
    if not 1 <= blocks <= len(shared.units):
        raise ValueError(
            f"blocks is {blocks}; it must lie between 1 and the {len(shared.units)} units read "
            "by two or more coders"
        )
    draws = Draws(level, resamples, seed)
    ones, read = shared.given.sum(axis=0), shared.read.sum(axis=0)
    found = []
    for places in np.array_split(np.arange(len(shared.units)), blocks):
        here, number = np.unique(shared.document[places], return_inverse=True)
        totals = _binary_totals(ones[places], read[places], number, len(here))
        [alpha] = draws.coefficients(totals.sum(axis=1, keepdims=True), _binary_alpha)
        found.append(
            AlphaBlock(
                first=shared.units[places[0]],
                last=shared.units[places[-1]],
                units=len(places),
                documents=len(here),
                alpha=alpha,
            )
        )
    return tuple(found)


class Draws:
    """How intervals are made: one level, number of resamples and seed for all of them."""

    def __init__(self, level: float, resamples: int, seed: int) -> None:
        self.level, self.resamples, self.seed = level, resamples, seed

    def coefficients(
        self,
        totals: Floats,
        statistic: Callable[[Floats], Floats],
        undefined: str = _NO_VARIATION,
    ) -> list[Coefficient]:
        """Values of a statistic on all documents, each with its interval.

        Parameters
        ----------
        totals, statistic
            As for :func:`bootstrap_documents`.
        undefined
            What is said where a value does not exist.
        """
        low, high, missing = bootstrap_documents(
            totals, statistic, level=self.level, resamples=self.resamples, seed=self.seed
        )
        values = statistic(totals.sum(axis=0, keepdims=True))[0]
        found = []
        for at, value in enumerate(values):
            if math.isnan(value):
                found.append(Coefficient(value=None, level=self.level, undefined=undefined))
            elif len(totals) < 2:
                # Every resample would be the corpus itself: bounds equal to the value would look
                # like certainty.
                found.append(
                    Coefficient(value=float(value), level=self.level, no_interval=_ONE_DOCUMENT)
                )
            else:
                exists = not math.isnan(low[at])
                found.append(
                    Coefficient(
                        value=float(value),
                        low=float(low[at]) if exists else None,
                        high=float(high[at]) if exists else None,
                        level=self.level,
                        resamples=self.resamples,
                        undefined_resamples=int(missing[at]),
                        no_interval="" if exists else "it exists in none of the resamples",
                    )
                )
        return found


def _measure_masi(shared: _Shared, draws: Draws) -> Coefficient:
    flat = shared.given[shared.read]
    kinds, kind = np.unique(flat, axis=0, return_inverse=True)
    apart = _masi_distances(kinds)
    at = np.full(shared.read.shape, -1)
    at[shared.read] = kind.reshape(-1)
    totals = _distance_totals(
        [column[column >= 0] for column in at.T], shared.document, len(shared.documents), apart
    )
    [found] = draws.coefficients(totals, lambda sums: _alpha_of_distances(sums, apart)[:, None])
    return found


def _list_disagreements(shared: _Shared) -> tuple[Disagreement, ...]:
    """Cross what only one coder gave with what only the other gave, for each pair of coders."""
    rows = []
    for first, second in combinations(range(len(shared.coders)), 2):
        both = shared.read[first] & shared.read[second]
        one, two = shared.given[first, both], shared.given[second, both]
        mine, theirs = (one & ~two).astype(np.int64), (two & ~one).astype(np.int64)
        names = shared.coders[first], shared.coders[second]
        crossed = mine.T @ theirs
        for x, y in np.argwhere(crossed):
            rows.append((names[0], shared.codes[x], names[1], shared.codes[y], crossed[x, y]))
        for only, other, coder, against in (
            (mine, theirs, *names),
            (theirs, mine, *reversed(names)),
        ):
            alone = only[~other.any(axis=1)].sum(axis=0)
            for x in np.flatnonzero(alone):
                rows.append((coder, shared.codes[x], against, "", alone[x]))
    rows.sort(key=lambda row: (-row[-1], *row[:-1]))
    return tuple(
        Disagreement(coder=coder, code=code, other=other, other_code=instead, units=int(units))
        for coder, code, other, instead, units in rows
    )


# --------------------------------------------------------------------------- spans


def count_matches(
    one: Iterable[tuple[int, int]], two: Iterable[tuple[int, int]], overlap: float = 0.0
) -> int:
    """Match the spans of two coders, each with at most one of the other, and count the pairs.

    Parameters
    ----------
    one, two
        Start and end (exclusive) of each coder's spans in one text. Spans of one coder that have
        a character in common are one span.
    overlap
        Least intersection over union of a pair, in [0, 1]. At 0 one character in common is enough.

    Returns
    -------
    int
        The most pairs that can be made.

    Raises
    ------
    ValueError
        A span does not end after its start.

    Examples
    --------
    >>> count_matches([(0, 10), (20, 30)], [(5, 25)])
    1
    >>> count_matches([(0, 10)], [(0, 5)], overlap=0.5), count_matches([(0, 10)], [(0, 4)], overlap=0.5)
    (1, 0)
    """
    mine, theirs = _merge(one), _merge(two)
    matched = place = 0
    # Both lists are in order and without overlap. To take the first span that fits therefore never
    # costs a later pair: what is passed over ends before the next span begins.
    for start, end in mine:
        for at in range(place, len(theirs)):
            first, last = theirs[at]
            if first >= end:
                break
            common = min(end, last) - max(start, first)
            if common > 0 and common >= overlap * (max(end, last) - min(start, first)):
                matched, place = matched + 1, at + 1
                break
    return matched


def _merge(spans: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Spans in order; those that share a character as one."""
    merged: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if start >= end:
            raise ValueError(
                f"the span from {start} to {end} is empty; it must end after its start"
            )
        if merged and start < merged[-1][1]:
            merged[-1] = merged[-1][0], max(end, merged[-1][1])
        else:
            merged.append((start, end))
    return merged


def measure_spans(
    spans: Mapping[str, Mapping[str, Collection[Span]]],
    units: Mapping[str, tuple[str, int, int]],
    codes: Sequence[str],
    *,
    level: float = 0.95,
    resamples: int = 1000,
    seed: int = _SEED,
) -> tuple[SpanAgreement, ...]:
    """Measure how far each pair of coders marked the same words for the same code.

    There is no correction for chance: where nothing bounds how many spans could have been marked,
    chance agreement is near 0 and F1 is what kappa tends to.

    Parameters
    ----------
    spans
        Coder id to unit id to the spans marked in it. A unit that is missing was not read. Whether
        a code brings its parents is the caller's choice.
    units
        Of every unit read, the document id and the unit's offsets in the document's text.
    codes
        All codes that may be given, in the order of the result.
    level, resamples, seed
        As for :func:`measure_reliability`.

    Returns
    -------
    tuple of SpanAgreement
        One for each pair of coders that read a unit in common.

    Raises
    ------
    UnknownName
        A unit is not among ``units``, or a code not among ``codes``.
    ValueError
        A span does not end after its start; ``level`` or ``resamples`` is out of range.

    References
    ----------
    Hripcsak and Rothschild (2005), Agreement, the F-Measure, and Reliability in Information
    Retrieval, JAMIA 12:296–298.
    """
    known = set(codes)
    for coder, reading in spans.items():
        for unit, marked in reading.items():
            if unit not in units:
                raise UnknownName("unit", unit, units, where=f"a reading of {coder}")
            for code, _, _ in marked:
                if code not in known:
                    raise UnknownName("code", code, known, where=f"{coder} on {unit}")
    draws = Draws(level, resamples, seed)
    return tuple(
        _compare_spans(pair, (spans[pair[0]], spans[pair[1]]), units, codes, draws)
        for pair in combinations(sorted(spans), 2)
        if spans[pair[0]].keys() & spans[pair[1]].keys()
    )


# What each document adds for one code: the spans of either coder, pairs, and pairs of half overlap.
_MINE, _THEIRS, _ANY, _HALF = range(4)


def _compare_spans(
    pair: tuple[str, str],
    readings: tuple[Mapping[str, Collection[Span]], Mapping[str, Collection[Span]]],
    units: Mapping[str, tuple[str, int, int]],
    codes: Sequence[str],
    draws: Draws,
) -> SpanAgreement:
    shared = sorted(readings[0].keys() & readings[1].keys())
    documents = sorted({units[unit][0] for unit in shared})
    number = {document: at for at, document in enumerate(documents)}
    column = {code: at for at, code in enumerate(codes)}
    marked: dict[tuple[int, int], tuple[list[tuple[int, int]], list[tuple[int, int]]]] = {}
    whole_only = []
    for side, coder in enumerate(pair):
        whole = set()
        for unit in shared:
            document, *bounds = units[unit]
            for code, start, end in readings[side][unit]:
                marked.setdefault((number[document], column[code]), ([], []))[side].append(
                    (start, end)
                )
                whole.add([start, end] == bounds)
        if whole == {True}:
            whole_only.append(coder)
    totals = np.zeros((len(documents), len(codes) + 1, 4))
    for (row, place), (mine, theirs) in marked.items():
        totals[row, place] = (
            len(_merge(mine)),
            len(_merge(theirs)),
            count_matches(mine, theirs),
            count_matches(mine, theirs, 0.5),
        )
    totals[:, -1] = totals.sum(axis=1)
    sums = totals.sum(axis=0)

    def match(kind: int) -> list[SpanMatch]:
        def of(below: Callable[[Floats], Floats], times: int) -> list[Coefficient]:
            return draws.coefficients(
                totals, lambda held: ratio(times * held[..., kind], below(held)), _NO_SPAN
            )

        f1 = of(lambda held: held[..., _MINE] + held[..., _THEIRS], 2)
        mine = of(lambda held: held[..., _MINE], 1)
        theirs = of(lambda held: held[..., _THEIRS], 1)
        return [
            SpanMatch(
                matched=int(sums[at, kind]),
                f1=f1[at],
                shares={pair[0]: mine[at], pair[1]: theirs[at]},
            )
            for at in range(len(codes) + 1)
        ]

    *by_code, overall = (
        CodeSpans(
            code=code,
            spans={pair[0]: int(held[_MINE]), pair[1]: int(held[_THEIRS])},
            any_overlap=touching,
            half_overlap=halved,
        )
        for code, held, touching, halved in zip(
            (*codes, ""), sums, match(_ANY), match(_HALF), strict=True
        )
    )
    return SpanAgreement(
        coders=pair,
        units=len(shared),
        documents=len(documents),
        overall=overall,
        codes=tuple(by_code),
        whole_only=tuple(whole_only),
    )
