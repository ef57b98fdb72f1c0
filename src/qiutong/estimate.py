"""Valid shares from a model's codes on everything and a person's on a random sample.

A model reads every document and errs; a person reads a few and is taken as right. Prediction-powered
inference joins both: the model's share, mended by what the person found of its errors, with an
interval that carries these errors. The worse the model, the less it counts; a useless one leaves
the person's sample as if there were no model.

All functions are functions from values to values.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from statistics import NormalDist
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qiutong.model import Estimate, Grade
from qiutong.overlap import wilson_interval
from qiutong.settings import Thresholds

Floats = NDArray[np.float64]

FEWEST_CHECKED = 20
"""Fewest checked documents from which a share is estimated: below, intervals were seen to fail."""

FEWEST_PROVISIONS = 100
"""Fewest checked provisions of a party from which a share is estimated; see docs/method/ppi.md."""

# Added to each cell of the table model x person before the correlation is taken. A sample of thirty
# often holds no error of the model at all, and would then pass for proof that there are none. Of
# 0.5, 0.75 and 1, this is the smallest at which no code of benchmarks/coverage.py fell below 93 %.
_PSEUDO = 0.75

# Documents that a party's cell is taken to have shown before any was seen (Jeffreys' prior).
_JEFFREYS = (0.5, 0.5)


class PowerTuned(NamedTuple):
    """A power-tuned mean with its normal interval.

    Parameters
    ----------
    tuning
        Weight λ of the model in [0, 1]; 0 leaves the person's mean alone.
    std_error
        Standard error of the value.
    """

    value: float
    low: float
    high: float
    tuning: float
    std_error: float


class Cells(NamedTuple):
    """One code in one party's documents, by what model and person said; whole numbers.

    Parameters
    ----------
    both, model_only, person_only, neither
        Checked documents: the code was given by both, by one of them, by none.
    rest_with, rest_without
        Documents not checked, with and without the code by the model.
    """

    both: int
    model_only: int
    person_only: int
    neither: int
    rest_with: int
    rest_without: int

    @property
    def checked(self) -> int:
        """Documents that the person read."""
        return self.both + self.model_only + self.person_only + self.neither

    @property
    def rest(self) -> int:
        """Documents that only the model read."""
        return self.rest_with + self.rest_without

    @property
    def total(self) -> int:
        """All documents."""
        return self.checked + self.rest


class GradeOdds(NamedTuple):
    """Which grade a person who read everything would find, as far as can be told now.

    Parameters
    ----------
    grade
        The likeliest grade; undefined where a party has too few checked documents.
    sure
        Its probability in [0, 1]; None where undefined.
    odds
        Probability of each grade.
    undefined
        Why there is no grade; empty where there is one.
    """

    grade: Grade
    sure: float | None
    odds: dict[Grade, float]
    undefined: str = ""


# --------------------------------------------------------------------------- means


def power_tuned_mean(
    person: ArrayLike, model: ArrayLike, model_rest: ArrayLike, level: float = 0.95
) -> PowerTuned:
    """Estimate a mean by power-tuned prediction-powered inference, with a normal interval.

    Parameters
    ----------
    person, model
        What the person and the model said of the n items checked, in the same order.
    model_rest
        What the model said of the N items not checked.
    level
        Confidence level in (0, 1).

    Returns
    -------
    PowerTuned
        λ = cov(person, model) / ((1 + n/N) var(model)), clipped to [0, 1]; the value is
        mean(person) + λ (mean(model_rest) − mean(model)).

    Raises
    ------
    ValueError
        Nothing was checked, nothing is left, or person and model differ in length.

    Notes
    -----
    The interval is too short for few items or rare events; :func:`ppi_prevalence` is for shares.

    References
    ----------
    Angelopoulos, Bates, Fannjiang, Jordan, Zrnic (2023), Science 382:669–674.
    Angelopoulos, Duchi, Zrnic (2023), PPI++, arXiv 2311.01453, section 6.
    """
    said, guessed, rest = (np.asarray(one, dtype=float) for one in (person, model, model_rest))
    if said.shape != guessed.shape or said.ndim != 1:
        raise ValueError(
            f"person has {said.shape} values and model {guessed.shape}; both need one for each "
            "item checked, in the same order"
        )
    if not said.size or not rest.size:
        raise ValueError(
            f"{said.size} items checked and {rest.size} not; both must be at least one"
        )
    checked, others = said.size, rest.size
    covariance = float(np.mean((said - said.mean()) * (guessed - guessed.mean())))
    # Over both samples, with n + N − 1 below: so does the authors' code.
    spread = float(np.var(np.concatenate([guessed, rest]), ddof=1))
    tuning = 0.0
    if spread > 0.0:
        tuning = min(1.0, max(0.0, covariance / ((1 + checked / others) * spread)))
    value = float(said.mean() + tuning * (rest.mean() - guessed.mean()))
    error = math.sqrt(
        tuning**2 * float(np.var(rest)) / others + float(np.var(said - tuning * guessed)) / checked
    )
    half = _quantile(level) * error
    return PowerTuned(value, value - half, value + half, tuning, error)


# --------------------------------------------------------------------------- shares


def count_cells(
    model_all: Sequence[bool], model_checked: Sequence[bool], human_checked: Sequence[bool]
) -> Cells:
    """Count what model and person said of one code.

    Parameters
    ----------
    model_all
        Of every document, whether the model gave the code; the checked ones are among them.
    model_checked, human_checked
        Of each checked document, whether the model and the person gave it, in the same order.

    Raises
    ------
    ValueError
        The checked documents cannot be among all, or the two lists differ in length.
    """
    every, guessed, said = (
        np.asarray(one, dtype=bool).ravel() for one in (model_all, model_checked, human_checked)
    )
    if guessed.size != said.size:
        raise ValueError(
            f"the model has {guessed.size} checked documents and the person {said.size}; "
            "give both for the same documents in the same order"
        )
    rest_with = int(every.sum()) - int(guessed.sum())
    rest_without = int((~every).sum()) - int((~guessed).sum())
    if rest_with < 0 or rest_without < 0:
        raise ValueError(
            f"{guessed.size} checked documents are not among the {every.size} of model_all; "
            "model_all holds every document, checked or not"
        )
    return Cells(
        both=int((guessed & said).sum()),
        model_only=int((guessed & ~said).sum()),
        person_only=int((~guessed & said).sum()),
        neither=int((~guessed & ~said).sum()),
        rest_with=rest_with,
        rest_without=rest_without,
    )


def ppi_prevalence(
    model_all: Sequence[bool],
    model_checked: Sequence[bool],
    human_checked: Sequence[bool],
    *,
    level: float = 0.95,
    fewest: int = FEWEST_CHECKED,
) -> Estimate:
    """Estimate the share of documents with a code from a model's codes and a checked sample.

    Parameters
    ----------
    model_all
        Of every document, whether the model gave the code; the checked ones are among them.
    model_checked, human_checked
        Of each checked document, whether the model and the person gave it, in the same order. The
        checked documents are a random sample of all: no choice by what the model said of them.
    level
        Confidence level in (0, 1).
    fewest
        Fewest checked documents; with fewer the estimate is undefined and says so, unless all were
        checked.

    Returns
    -------
    Estimate
        ``value`` is the power-tuned share; neither below the documents found nor above those found
        or not read, of all. ``count`` of ``total`` are the checked documents in which the person
        found the code: the value is not their ratio.
        ``method`` is ``ppi``, or ``wilson`` where all documents were checked.

    Raises
    ------
    ValueError
        See :func:`count_cells`.

    Notes
    -----
    The interval is Wilson's with n / (1 − r² N / (n + N)) in place of n, r being the correlation of
    model and person and N the documents not checked: as many documents as a person alone would
    have to check for the same certainty. For r, three quarters of a document are added to each of
    the four cells.

    Examples
    --------
    >>> share = ppi_prevalence([True] * 40 + [False] * 60, [True] * 12 + [False] * 18,
    ...                        [True] * 10 + [False] * 2 + [True] * 1 + [False] * 17)
    >>> f"{share.value:.3f}, {share.low:.3f} to {share.high:.3f}"
    '0.367, 0.244 to 0.510'
    """
    return share_of_cells(
        count_cells(model_all, model_checked, human_checked), level=level, fewest=fewest
    )


def share_of_cells(cells: Cells, *, level: float = 0.95, fewest: int = FEWEST_CHECKED) -> Estimate:
    """Estimate a share from counts; see :func:`ppi_prevalence`."""
    found, checked = cells.both + cells.person_only, cells.checked
    if not cells.rest:
        return wilson_interval(found, checked, level)
    refused = _too_few(cells, fewest)
    z = _quantile(level)
    if refused:
        return Estimate(
            value=None, count=found, total=checked, level=level, method="ppi", undefined=refused
        )
    share = _tuned_share(cells)
    size = checked / (1 - _likeness(cells) * cells.rest / cells.total)
    centre = (share * size + z * z / 2) / (size + z * z)
    half = z * math.sqrt(z * z + 4 * size * share * (1 - share)) / (2 * (size + z * z))
    return Estimate(
        value=share,
        # At 0 and 1 one bound is the share itself; rounding must not push it past.
        low=max(0.0, min(share, centre - half)),
        high=min(1.0, max(share, centre + half)),
        count=found,
        total=checked,
        level=level,
        method="ppi",
    )


def share_of_provisions(
    cells: Cells, *, level: float = 0.95, fewest: int = FEWEST_PROVISIONS
) -> Estimate:
    """Estimate which share of a party's provisions a person would give the code.

    Parameters
    ----------
    cells
        Counts of provisions in place of documents. The checked ones were drawn one by one at
        random from all of them, whatever their documents.
    level, fewest
        As for :func:`ppi_prevalence`.

    Returns
    -------
    Estimate
        ``value`` is the power-tuned share, ``count`` of ``total`` what the person found among the
        checked. ``method`` is ``ppi-finite``: the share is that of these very provisions, and with
        all of them checked low and high are the share itself.

    Notes
    -----
    The interval holds the middle of the odds of :func:`count_odds`. Provisions of one document
    resemble each other; that does not matter to a share of these provisions, because each was
    drawn for itself. Of documents not in the study it says nothing.
    """
    found, checked = cells.both + cells.person_only, cells.checked
    refused = _too_few(cells, fewest, "provisions")
    if not cells.total:
        refused = "nothing to count: the total is 0"
    if not 0.0 < level < 1.0:
        raise ValueError(f"level is {level}; it must lie between 0 and 1, such as 0.95")
    if refused:
        return Estimate(
            value=None, count=found, total=checked, level=level, method="ppi-finite",
            undefined=refused,
        )  # fmt: skip
    share = _tuned_share(cells) if cells.rest else found / checked
    reached = np.cumsum(count_odds(cells))
    low, high = np.searchsorted(reached, [(1 - level) / 2, (1 + level) / 2]) / cells.total
    return Estimate(
        value=share,
        low=min(share, float(low)),
        high=max(share, float(high)),
        count=found,
        total=checked,
        level=level,
        method="ppi-finite",
    )


def _tuned_share(cells: Cells) -> float:
    """The power-tuned share, kept to what is possible; something was checked and something left.

    A sample with more of the code than the rest has, by the model, can push it past what was read.
    """
    checked, rest, found = cells.checked, cells.rest, cells.both + cells.person_only
    said = found / checked
    guessed = (cells.both + cells.model_only) / checked
    everywhere = (cells.both + cells.model_only + cells.rest_with) / cells.total
    spread = everywhere * (1 - everywhere) * cells.total / (cells.total - 1)
    tuning = 0.0
    if spread > 0.0:
        covariance = cells.both / checked - said * guessed
        tuning = min(1.0, max(0.0, covariance / ((1 + checked / rest) * spread)))
    value = said + tuning * (cells.rest_with / rest - guessed)
    return min((found + rest) / cells.total, max(found / cells.total, value))


def _too_few(cells: Cells, fewest: int, unit: str = "documents") -> str:
    if not cells.rest or cells.checked >= fewest:
        return ""
    return (
        f"{cells.checked} of {cells.total} {unit} were checked by a person; "
        f"at least {min(fewest, cells.total)} are needed"
    )


def _likeness(cells: Cells) -> float:
    """Squared correlation of model and person; 0 where they go against each other."""
    table = np.array(cells[:4], dtype=float) + _PSEUDO
    both, model_only, person_only, neither = table / table.sum()
    said, guessed = both + person_only, both + model_only
    covariance = both * neither - model_only * person_only
    if covariance <= 0.0:
        return 0.0
    return float(covariance**2 / (said * (1 - said) * guessed * (1 - guessed)))


def _quantile(level: float) -> float:
    if not 0.0 < level < 1.0:
        raise ValueError(f"level is {level}; it must lie between 0 and 1, such as 0.95")
    return NormalDist().inv_cdf((1.0 + level) / 2.0)


# --------------------------------------------------------------------------- grades


def find_grade_odds(
    cells: Mapping[str, Cells],
    thresholds: Thresholds,
    *,
    also: Mapping[str, Cells] | None = None,
    fewest: int = FEWEST_CHECKED,
) -> GradeOdds:
    """Say which grade the parties' documents would get if a person read them all.

    What was checked is known. Each document not checked carries the code with the probability that
    the checked ones of the same party and the same word of the model show, itself uncertain.

    Parameters
    ----------
    cells
        Counts of one code, by party; two parties or more.
    thresholds
        Lower bounds of "strong" and "moderate".
    also
        By party, documents that were checked and are no part of the random sample, such as those
        that :func:`find_checking_gains` chose. They are known, and say nothing of the others.
    fewest
        Fewest checked documents a party; with fewer the grade is undefined, unless all its
        documents were checked.

    Returns
    -------
    GradeOdds
        It knows of the coder's errors. Whether other documents would give another grade is asked
        by :func:`qiutong.overlap.measure_overlap`.

    Raises
    ------
    ValueError
        Fewer than two parties.
    """
    _need_two(cells)
    for party, held in cells.items():
        refused = _too_few(held, fewest) or ("" if held.total else "no documents in scope")
        if refused:
            return GradeOdds(Grade.UNDEFINED, None, {}, f"{party}: {refused}")
    more = also or {}
    odds = grade_odds(
        [count_odds(held, more.get(party)) for party, held in cells.items()], thresholds
    )
    grade = max(odds, key=lambda one: odds[one])
    return GradeOdds(grade, odds[grade], odds)


def count_odds(cells: Cells, also: Cells | None = None) -> Floats:
    """Probability of each possible number of documents with the code: shape (total + 1,).

    Parameters
    ----------
    cells
        The random sample, and all documents beside it as the rest.
    also
        Of that rest, documents checked for another reason.
    """
    known = cells.both + cells.person_only
    rest_with, rest_without = cells.rest_with, cells.rest_without
    if also is not None:
        known += also.both + also.person_only
        rest_with -= also.both + also.model_only
        rest_without -= also.person_only + also.neither
        if min(rest_with, rest_without) < 0:
            raise ValueError("documents checked besides the sample are not among its rest")
    with_code = _beta_binomial(rest_with, cells.both, cells.model_only)
    without = _beta_binomial(rest_without, cells.person_only, cells.neither)
    spread = np.convolve(with_code, without)
    odds = np.zeros(cells.total + 1)
    odds[known : known + spread.size] = spread
    return odds


def find_checking_gains(
    cells: Mapping[str, Cells], thresholds: Thresholds, *, also: Mapping[str, Cells] | None = None
) -> dict[str, tuple[float, float]]:
    """Say how much one more checked document is expected to tell about a code's grade.

    Parameters
    ----------
    cells, thresholds, also
        As for :func:`find_grade_odds`; the number of checked documents is not asked.

    Returns
    -------
    dict
        By party, the expected fall of the entropy of the grade, in bits: for a document without
        the code by the model, and for one with it. 0 where none is left.
    """
    more = also or {}
    counts = {party: count_odds(held, more.get(party)) for party, held in cells.items()}
    now = _entropy(grade_odds(list(counts.values()), thresholds))
    gains: dict[str, tuple[float, float]] = {}
    for party, held in cells.items():
        extra = more.get(party)
        left_with = held.rest_with - (extra.both + extra.model_only if extra else 0)
        left_without = held.rest_without - (extra.person_only + extra.neither if extra else 0)
        each = []
        for left, hit, miss in (
            (left_without, "person_only", "neither"),
            (left_with, "both", "model_only"),
        ):
            if not left:
                each.append(0.0)
                continue
            hits, misses = getattr(held, hit) + _JEFFREYS[0], getattr(held, miss) + _JEFFREYS[1]
            then = 0.0
            for found, weight in ((hit, hits), (miss, misses)):
                # As if drawn at random: what it says of the others belongs to what it tells.
                rest = "rest_with" if hit == "both" else "rest_without"
                after = held._replace(
                    **{found: getattr(held, found) + 1, rest: getattr(held, rest) - 1}
                )
                odds = {**counts, party: count_odds(after, extra)}
                chance = weight / (hits + misses)
                then += chance * _entropy(grade_odds(list(odds.values()), thresholds))
            each.append(max(0.0, now - then))
        gains[party] = (each[0], each[1])
    return gains


def presence_odds(chances: Sequence[float]) -> Floats:
    """Give the probability of each number of documents with a code.

    Parameters
    ----------
    chances
        Of each document, the probability in [0, 1] that it has the code; taken as independent.

    Returns
    -------
    numpy.ndarray
        Of 0 … n documents, ``(n + 1,)``.
    """
    odds = np.ones(1)
    for chance in chances:
        odds = np.convolve(odds, (1.0 - chance, chance))
    return odds


def find_provision_gains(
    chances: Mapping[str, Sequence[Sequence[float]]], thresholds: Thresholds
) -> dict[str, list[list[float]]]:
    """Say how much checking one provision is expected to tell about a code's grade.

    A document has the code by any of its provisions, so it lacks it only where all of them do. A
    provision that may carry the code alone tells much, one beside others that surely do tells
    nothing.

    Parameters
    ----------
    chances
        By party, for each of its documents, the probabilities in [0, 1] that a provision has the
        code; none for a document without such provisions. They are taken as independent.
    thresholds
        Lower bounds of "strong" and "moderate".

    Returns
    -------
    dict
        In the same shape, the expected fall of the entropy of the grade, in bits. 0 where the
        provision is certain.

    Raises
    ------
    ValueError
        Fewer than two parties.
    """
    _need_two(chances)
    present = {
        party: [1.0 - math.prod(1.0 - one for one in held) for held in documents]
        for party, documents in chances.items()
    }
    counts = {party: presence_odds(held) for party, held in present.items()}
    now = _entropy(grade_odds(list(counts.values()), thresholds))
    gains: dict[str, list[list[float]]] = {}
    for party, documents in chances.items():
        gains[party] = []
        before = [np.ones(1)]
        for one in present[party]:
            before.append(np.convolve(before[-1], (1.0 - one, one)))
        behind = [np.ones(1)]
        for one in reversed(present[party]):
            behind.append(np.convolve(behind[-1], (1.0 - one, one)))
        for place, held in enumerate(documents):
            if not any(0.0 < one < 1.0 for one in held):
                gains[party].append([0.0] * len(held))
                continue
            others = np.convolve(before[place], behind[len(documents) - 1 - place])
            # Of this document without the code and with it; in between the odds are a mixture.
            missing, found = (
                np.array([*grade_odds([*{**counts, party: one}.values()], thresholds).values()])
                for one in (np.append(others, 0.0), np.append(0.0, others))
            )
            chance = np.asarray(held, dtype=float)
            # The chance that no other provision has the code: all before it, and all behind it.
            lacking = np.concatenate([[1.0], 1.0 - chance, [1.0]])
            without = np.cumprod(lacking)[:-2] * np.cumprod(lacking[::-1])[::-1][2:]
            if_not = without[:, None] * missing + (1.0 - without[:, None]) * found
            then = chance * _bits(found) + (1.0 - chance) * _bits(if_not)
            gain = np.where((chance > 0.0) & (chance < 1.0), np.maximum(0.0, now - then), 0.0)
            gains[party].append([float(one) for one in gain])
    return gains


def _need_two(parties: Iterable[str]) -> None:
    named = list(parties)
    if len(named) < 2:
        raise ValueError(f"a grade compares two parties or more; got {', '.join(named) or 'none'}")


def _bits(odds: Floats) -> Floats:
    """Entropy over the last axis."""
    logs = np.log2(odds, out=np.zeros_like(odds), where=odds > 0.0)
    return np.asarray(-(odds * logs).sum(axis=-1))


def _entropy(odds: Mapping[Grade, float]) -> float:
    return float(_bits(np.array([*odds.values()])))


def _beta_binomial(items: int, hits: int, misses: int) -> Floats:
    """Probability of 0 … ``items`` further hits, after so many hits and misses."""
    a, b = hits + _JEFFREYS[0], misses + _JEFFREYS[1]
    if not items:
        return np.ones(1)
    k = np.arange(items)
    # Ratios of neighbours, so that no gamma function is needed.
    steps = np.log((items - k) * (a + k)) - np.log((k + 1) * (b + items - k - 1))
    logs = np.concatenate([[0.0], np.cumsum(steps)])
    odds = np.exp(logs - logs.max())
    return np.asarray(odds / odds.sum())


def grade_odds(counts: Sequence[Floats], thresholds: Thresholds) -> dict[Grade, float]:
    """Probability of each grade, from those of each party's number of documents.

    Parameters
    ----------
    counts
        Per party, probability of 0, 1, … documents with the code; see :func:`count_odds`.
    thresholds
        Lower bounds of the grades.
    """

    def reach(threshold: float) -> float:
        # A hair below the threshold, so that 3 of 10 reaches 0.3.
        return math.prod(
            float(odds[max(0, math.ceil(threshold * (odds.size - 1) - 1e-9)) :].sum())
            for odds in counts
        )

    silent = [float(odds[0]) for odds in counts]
    speaking = [1.0 - one for one in silent]
    strong, moderate = reach(thresholds.strong), reach(thresholds.moderate)
    absent = math.prod(silent)
    everybody = math.prod(speaking)
    one_sided = sum(
        one * math.prod(silent[:at] + silent[at + 1 :]) for at, one in enumerate(speaking)
    )
    odds = {
        Grade.STRONG: strong,
        Grade.MODERATE: moderate - strong,
        Grade.LIMITED: everybody - moderate,
        Grade.PARTIAL: 1.0 - everybody - one_sided - absent,
        Grade.ONE_SIDED: one_sided,
        Grade.ABSENT: absent,
    }
    return {grade: min(1.0, max(0.0, one)) for grade, one in odds.items()}
