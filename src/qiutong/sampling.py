"""Which documents a person checks, and what follows from them for a model's codes.

All documents of a party stand in one random order, made from a seed and their ids. A sample is the
beginning of that order; a larger one goes on where the smaller one ended. Only the documents that a
person has checked *without a gap from the beginning* count as a random sample, so that documents
read for another reason cannot slip into it.

A drawn sample is a folder in the study: ``samples/1`` holds ``sample.json``, which says what was
drawn from what, and one coding sheet for each document, without any model's codes. A draw is never
written over: the next one goes to ``samples/2``.

Provisions are drawn in the same way, one by one from all provisions of a party, into
``samples/provisions-1`` with one sheet for each party. They tell the share of provisions with a
code, and nothing of the share of documents: a document has the code by any of its provisions, and
most of them were not read. Their codes stay in the sheets, because an import says that a document
was read.

Provisions can also be *chosen*, because their checking is expected to change a grade. They are no
sample, and their sheets hold decisions on single codings, which correct the coder that gave them.
"""

import hashlib
import json
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import msgspec
from msgspec import structs

from qiutong.codings import (
    CHOSEN,
    CODERS_FILE,
    SAMPLED,
    TO_DO,
    corrected_coder,
    read_codings,
)
from qiutong.combining import Combination, find_corrections
from qiutong.errors import InputError, StageMissing, UnknownName
from qiutong.estimate import (
    FEWEST_CHECKED,
    FEWEST_PROVISIONS,
    Cells,
    find_checking_gains,
    find_grade_odds,
    find_provision_gains,
    share_of_cells,
    share_of_provisions,
)
from qiutong.exporters.tables import write_csv
from qiutong.model import (
    Checked,
    Coder,
    CoderKind,
    Coding,
    Decision,
    Document,
    Estimate,
    Grade,
    GradeSwitch,
    Overlap,
    Segment,
)
from qiutong.overlap import documents_counted, grade_overlap, lineage
from qiutong.recommend import GRADE_ZH

if TYPE_CHECKING:
    from qiutong.settings import Thresholds
    from qiutong.study import Study

SAMPLES_FOLDER = "samples"
PROVISIONS = "provisions"
RECORD_FILE = "sample.json"


class Draw(msgspec.Struct, frozen=True, kw_only=True):
    """A sample that was drawn.

    Parameters
    ----------
    number
        Of the draw in this study, from 1.
    seed
        Of the random order; the same for all draws of a study.
    per_party
        Documents of each party that this and the earlier draws hold together, where it has as many.
    documents
        By party, ids drawn now, in random order.
    frame
        By party, ids of all documents that could be drawn, in random order.
    provisions
        Number of provisions to read in the documents drawn now.
    """

    number: int
    seed: int
    drawn_at: str
    as_of: date
    per_party: int
    documents: dict[str, tuple[str, ...]]
    frame: dict[str, tuple[str, ...]]
    provisions: int


class ProvisionDraw(msgspec.Struct, frozen=True, kw_only=True):
    """A sample of provisions that was drawn.

    Parameters
    ----------
    number, seed, drawn_at, as_of, per_party
        As for :class:`Draw`, of provisions.
    drawn
        By party, ids of the provisions drawn now, in random order.
    frame
        By party, ids of all provisions that could be drawn, in random order.
    """

    number: int
    seed: int
    drawn_at: str
    as_of: date
    per_party: int
    drawn: dict[str, tuple[str, ...]]
    frame: dict[str, tuple[str, ...]]


class CheckedShare(msgspec.Struct, frozen=True, kw_only=True):
    """One code, from a model's codes and a checked sample.

    Parameters
    ----------
    prevalence
        By party, the share of its documents; see :func:`qiutong.estimate.ppi_prevalence`.
    model_alone
        By party, the share that the model's codes alone would give.
    grade, sure
        The grade that a person reading everything would most likely find, and its probability.
    odds
        Probability of each grade; empty where undefined.
    thresholds
        The likeliest grade at each pair of thresholds that the study sweeps.
    undefined
        Why there is no grade.
    """

    code: str
    prevalence: dict[str, Estimate]
    model_alone: dict[str, float]
    grade: Grade
    sure: float | None
    odds: dict[Grade, float]
    thresholds: tuple[GradeSwitch, ...] = ()
    undefined: str = ""


class NextDocument(msgspec.Struct, frozen=True, kw_only=True):
    """A document to check next.

    Parameters
    ----------
    gain
        Expected fall of the entropy of all grades, in bits; None where the random sample is to be
        made larger first.
    codes
        The codes whose grades it tells most about, the most first.
    provisions
        Number of provisions to read.
    """

    document: str
    party: str
    gain: float | None
    codes: tuple[str, ...]
    provisions: int


class ProvisionReason(msgspec.Struct, frozen=True, kw_only=True):
    """What checking a provision may change of one code.

    Parameters
    ----------
    chance
        Probability in [0, 1] that the provision has the code, as the coder's confidence has it.
    given
        Whether a coding of it counts now.
    others
        Number of other provisions of the document whose codings of the code count.
    documents, total
        Documents of the party with the code, of all.
    documents_then
        As many if the check finds the opposite of what counts now.
    grade, grade_then
        The overlap grade that is counted now, and the one then.
    gain
        Expected fall of the entropy of the grade, in bits.
    why
        The same in words, in English (``en``) and Chinese (``zh``).
    """

    code: str
    chance: float
    given: bool
    others: int
    documents: int
    documents_then: int
    total: int
    grade: Grade
    grade_then: Grade
    gain: float
    why: dict[str, str]


class NextProvision(msgspec.Struct, frozen=True, kw_only=True):
    """A provision to check next; chosen, and so no part of a random sample.

    Parameters
    ----------
    url
        Of the document.
    coder
        Whose codings of it count.
    gain
        Expected fall of the entropy of all grades, in bits.
    turned
        Expected number of codes that the document gains or loses.
    reasons
        By code, those that tell most first; the codes above a code too.
    """

    document: str
    locator: str
    party: str
    title: str
    url: str
    segment: str
    text: str
    coder: str
    gain: float
    turned: float
    reasons: tuple[ProvisionReason, ...]


class CheckedStudy(msgspec.Struct, frozen=True, kw_only=True):
    """All codes of a study, from a model's codes and a checked sample.

    Parameters
    ----------
    sample
        By party, ids of the checked documents that count as a random sample.
    passed_over
        Documents the person read that lie behind a gap in the random order. They are known in
        the grades, and enter no share.
    documents
        By party, number of documents that the model coded.
    lacking
        By party, documents still to be checked before there are shares and grades.
    """

    person: str
    model: str
    as_of: date
    seed: int
    sample: dict[str, tuple[str, ...]]
    passed_over: tuple[str, ...]
    documents: dict[str, int]
    lacking: dict[str, int]
    codes: tuple[CheckedShare, ...]


class ProvisionShare(msgspec.Struct, frozen=True, kw_only=True):
    """One code, from a model's codes of all provisions and a checked sample of provisions.

    Parameters
    ----------
    salience
        By party, the share of its provisions; see :func:`qiutong.estimate.share_of_provisions`.
    model_alone
        By party, the share that the model's codes alone would give.
    """

    code: str
    salience: dict[str, Estimate]
    model_alone: dict[str, float]


class CheckedProvisions(msgspec.Struct, frozen=True, kw_only=True):
    """All codes of a study, from a model's codes and a checked sample of provisions.

    Parameters
    ----------
    checked
        By party, number of provisions checked without a gap from the beginning.
    passed_over
        Number of provisions checked behind a gap, which count for nothing.
    provisions
        By party, number of provisions in the documents that the model coded.
    """

    model: str
    as_of: date
    seed: int
    checked: dict[str, int]
    passed_over: int
    provisions: dict[str, int]
    codes: tuple[ProvisionShare, ...]


def random_order(documents: Iterable[str], seed: int) -> tuple[str, ...]:
    """Put ids in an order that depends on the seed and nothing else about the documents.

    A document added later takes its place in the order without moving the others, so that the
    beginning of the order is a random sample before and after.
    """
    return tuple(
        sorted(documents, key=lambda one: (hashlib.sha256(f"{seed}\n{one}".encode()).digest(), one))
    )


def checked_beginning(order: Sequence[str], read: Iterable[str]) -> tuple[str, ...]:
    """Documents read without a gap from the beginning of a random order."""
    held = set(read)
    for place, document in enumerate(order):
        if document not in held:
            return tuple(order[:place])
    return tuple(order)


# --------------------------------------------------------------------------- drawing


def read_draws(folder: Path) -> tuple[Draw, ...]:
    """Draws of documents recorded in a study's folder, the first first.

    Raises
    ------
    InputError
        A record cannot be read.
    """
    return _read_records(folder, "[0-9]*", Draw)


def read_provision_draws(folder: Path) -> tuple[ProvisionDraw, ...]:
    """Draws of provisions recorded in a study's folder; see :func:`read_draws`."""
    return _read_records(folder, f"{PROVISIONS}-[0-9]*", ProvisionDraw)


D = TypeVar("D", Draw, ProvisionDraw)


def _read_records(folder: Path, name: str, shape: type[D]) -> tuple[D, ...]:
    draws = []
    for path in sorted(folder.glob(f"{SAMPLES_FOLDER}/{name}/{RECORD_FILE}")):
        try:
            draws.append(msgspec.json.decode(path.read_bytes(), type=shape))
        except (OSError, msgspec.MsgspecError) as error:
            raise InputError(
                f"{path}: the record of a sample cannot be read ({error}). Put it back from a copy; "
                "without it nobody knows what was drawn."
            ) from None
    return tuple(sorted(draws, key=lambda one: one.number))


def draw_sample(
    study: "Study", per_party: int = 30, *, seed: int | None = None, as_of: date
) -> tuple[Draw, Path]:
    """Draw documents of each party at random, and write the sheets on which a person codes them.

    Parameters
    ----------
    study
        An open study.
    per_party
        Documents of each party, together with those drawn before.
    seed
        Of the random order; that of the first draw where None, and the study's for stability
        before there is one.
    as_of
        Only documents that count on that day.

    Returns
    -------
    The draw, and the folder with its record and sheets.

    Raises
    ------
    InputError
        Another seed than that of earlier draws, or nothing is left to draw.
    """
    draws = read_draws(study.folder)
    pool: dict[str, list[str]] = {party.id: [] for party in study.parties}
    for document in _in_scope(study, as_of):
        if document.party in pool:
            pool[document.party].append(document.id)
    before = [one for draw in draws for ids in draw.documents.values() for one in ids]
    seed, frame, drawn = _draw(study, draws, before, pool, per_party, seed, as_of)
    places: dict[str, list[Segment]] = {one: [] for ids in drawn.values() for one in ids}
    for segment in study.segments():
        if segment.document in places:
            places[segment.document].append(segment)
    draw = Draw(
        number=draws[-1].number + 1 if draws else 1,
        seed=seed,
        drawn_at=datetime.now(UTC).isoformat(timespec="seconds"),
        as_of=as_of,
        per_party=per_party,
        documents=drawn,
        frame=frame,
        provisions=sum(len(cuts) for cuts in places.values()),
    )
    sheets = {
        f"{party}-{draw.frame[party].index(one) + 1:03}-{one}.csv": _sheet(places[one])
        for party, ids in draw.documents.items()
        for one in ids
    }
    return draw, _write_draw(study, str(draw.number), draw, sheets)


def draw_provisions(
    study: "Study", per_party: int = 200, *, seed: int | None = None, as_of: date
) -> tuple[ProvisionDraw, Path]:
    """Draw provisions of each party at random, one by one, and write a sheet for each party.

    Parameters
    ----------
    study, seed, as_of
        As for :func:`draw_sample`, whose errors it raises.
    per_party
        Provisions of each party, together with those drawn before.

    Returns
    -------
    The draw, and the folder with its record and sheets.
    """
    draws = read_provision_draws(study.folder)
    party_of = {one.id: one.party for one in _in_scope(study, as_of)}
    pool: dict[str, list[str]] = {party.id: [] for party in study.parties}
    segments: dict[str, Segment] = {}
    for segment in study.segments():
        if party_of.get(segment.document) in pool:
            pool[party_of[segment.document]].append(segment.id)
            segments[segment.id] = segment
    before = [one for draw in draws for ids in draw.drawn.values() for one in ids]
    seed, frame, drawn = _draw(study, draws, before, pool, per_party, seed, as_of)
    draw = ProvisionDraw(
        number=draws[-1].number + 1 if draws else 1,
        seed=seed,
        drawn_at=datetime.now(UTC).isoformat(timespec="seconds"),
        as_of=as_of,
        per_party=per_party,
        drawn=drawn,
        frame=frame,
    )
    sheets = {
        f"{party}.csv": _sheet(
            [segments[one] for one in ids],
            [frame[party].index(one) + 1 for one in ids],
        )
        for party, ids in drawn.items()
        if ids
    }
    return draw, _write_draw(study, f"{PROVISIONS}-{draw.number}", draw, sheets)


def _draw(
    study: "Study",
    draws: Sequence[Draw | ProvisionDraw],
    before: Iterable[str],
    pool: Mapping[str, Iterable[str]],
    per_party: int,
    seed: int | None,
    as_of: date,
) -> tuple[int, dict[str, tuple[str, ...]], dict[str, tuple[str, ...]]]:
    """Seed, random order of everything by party, and what the earlier draws lack of its beginning."""
    if draws and seed not in (None, draws[0].seed):
        raise InputError(
            f"seed {seed}: earlier samples of this study were drawn with {draws[0].seed}. A second "
            "order would leave gaps in both; leave the seed out."
        )
    if seed is None:
        seed = draws[0].seed if draws else study.settings.stability.seed
    frame = {party: random_order(ids, seed) for party, ids in pool.items()}
    held = set(before)
    drawn = {
        party: tuple(one for one in order[:per_party] if one not in held)
        for party, order in frame.items()
    }
    if not any(drawn.values()):
        raise InputError(
            f"the samples drawn before hold {per_party} of each party, or all there are. "
            "Ask for more: --per-party NUMBER"
            if held
            else "there is no document to draw: none with a text counts on "
            f"{as_of.isoformat()}. See: qiutong documents"
        )
    return seed, frame, drawn


def _write_draw(
    study: "Study", name: str, draw: Draw | ProvisionDraw, sheets: Mapping[str, str]
) -> Path:
    folder = study.folder / SAMPLES_FOLDER / name
    folder.parent.mkdir(exist_ok=True)
    # Renamed when it is whole: a draw that was stopped leaves nothing behind.
    making = Path(tempfile.mkdtemp(prefix=".", dir=folder.parent))
    try:
        for sheet, text in sheets.items():
            (making / sheet).write_text(text, encoding="utf-8", newline="")
        record = json.dumps(msgspec.to_builtins(draw), ensure_ascii=False, indent=1)
        (making / RECORD_FILE).write_text(record + "\n", encoding="utf-8")
        making.chmod(0o755)
        making.rename(folder)
    except BaseException:
        shutil.rmtree(making, ignore_errors=True)
        raise
    return folder


def _in_scope(study: "Study", as_of: date) -> tuple[Document, ...]:
    kept, _ = documents_counted(study.documents(), as_of, study.settings)
    return tuple(one for one in kept if not one.is_joint)


def _sheet(segments: Sequence[Segment], sampled: Sequence[int] = ()) -> str:
    """A sheet to code on: the columns that an import reads, the text, and places if drawn alone."""
    rows = [
        {
            **({SAMPLED: sampled[number]} if sampled else {}),
            "document": one.document,
            "locator": one.locator,
            "text": one.text,
            "codes": TO_DO,
            "evidence": "",
            "memo": "",
        }
        for number, one in enumerate(segments)
    ]
    return write_csv(rows, bom=True)


# --------------------------------------------------------------------------- estimating


def estimate_checked(
    study: "Study",
    person: str,
    *,
    model: str = "",
    as_of: date,
    fewest: int = FEWEST_CHECKED,
) -> CheckedStudy:
    """Estimate every code's shares and grade from a model's codes and a person's on the sample.

    Parameters
    ----------
    study
        An open study.
    person
        Id of the coder who checked the sample; taken as right.
    model
        Id of the coder of all documents; where empty, those that ``study.toml`` counts without
        the person: for each document the first of them that has coded it. One that coded nothing
        but documents the person read is passed over where there is another.
    as_of
        Only documents that count on that day.
    fewest
        Fewest checked documents a party.

    Raises
    ------
    UnknownName
        The person or the model has coded nothing here.
    StageMissing
        No sample was drawn.
    InputError
        Person and model are one coder.
    """
    held = _read_checked(study, person, model, as_of)
    thresholds = study.settings.thresholds
    shares = []
    for code in study.codebook.codes:
        cells, also = held.cells(code.id), held.also(code.id)
        told = find_grade_odds(cells, thresholds, also=also, fewest=fewest)
        swept = [] if told.sure is None else study.settings.stability.sweep()
        shares.append(
            CheckedShare(
                code=code.id,
                prevalence={
                    party: share_of_cells(one, level=study.settings.interval_level, fewest=fewest)
                    for party, one in cells.items()
                },
                model_alone=_model_alone(cells),
                grade=told.grade,
                sure=told.sure,
                odds=told.odds,
                thresholds=tuple(
                    GradeSwitch(
                        change=name,
                        grade=find_grade_odds(cells, bounds, also=also, fewest=fewest).grade,
                    )
                    for name, bounds in swept
                ),
                undefined=told.undefined,
            )
        )
    return CheckedStudy(
        person=person,
        model=" / ".join(held.models),
        as_of=as_of,
        seed=held.seed,
        sample=held.sample,
        passed_over=tuple(one for ids in held.others.values() for one in ids),
        documents={party: len(ids) for party, ids in held.order.items()},
        lacking={
            party: needed - len(ids)
            for party, ids in held.sample.items()
            if len(ids) < (needed := min(fewest, len(held.order[party])))
        },
        codes=tuple(shares),
    )


def doubt_learned(study: "Study", checked: CheckedStudy) -> dict[str, str]:
    """What to know of a model that was learned, by language; empty where none was."""
    models = checked.model.split(" / ")
    known = [one for one in study.store.coders() if one.id in models]
    names = [
        one.id
        for one in known
        if one.id == "trained"
        or (one.kind is CoderKind.COMBINED and "trained" in Combination(study, one).members)
    ]
    if not names:
        return {}
    return {
        "en": f"{', '.join(names)} learned from codings. If these are of documents in the checked "
        "sample, it errs less there than elsewhere, and shares, intervals and grades are wrong with "
        "no sign of it. Learn from documents outside the sample.",
        "zh": f"{'、'.join(names)}由已有编码训练而成。若训练文件在核查样本之内，其在样本中的误差小于其余文件，"
        "比例、区间与等级均会有误而无从察觉；应以样本之外的文件训练。",
    }


def correct_overlaps(overlaps: Iterable[Overlap], checked: CheckedStudy) -> tuple[Overlap, ...]:
    """Put corrected shares and grades in the place of those that were counted.

    Parameters
    ----------
    overlaps
        As the codes of all documents give them (:func:`qiutong.overlap.measure_overlap`).
    checked
        What the sample of the same study says as of the same day.

    Returns
    -------
    tuple of Overlap
        With ``checked`` on each. Where the sample is too small, or the model has not coded every
        document that counts, the counted figures stand and ``checked.undefined`` says why.
    """
    told = {one.code: one for one in checked.codes}
    return tuple(_correct_overlap(one, told[one.code], checked) for one in overlaps)


def not_by_model(overlap: Overlap, checked: CheckedStudy) -> dict[str, int]:
    """Count, by party, the documents that count and that the model has not coded; none is left out.

    Parameters
    ----------
    overlap
        Any code's: all codes have the same documents.
    checked
        What the sample of the same study says as of the same day.
    """
    return {
        party: missing
        for party, share in overlap.prevalence.items()
        if (missing := share.total - checked.documents.get(party, 0))
    }


def _correct_overlap(overlap: Overlap, told: CheckedShare, checked: CheckedStudy) -> Overlap:
    without = not_by_model(overlap, checked)
    undefined = told.undefined
    if without and not undefined:
        undefined = "; ".join(
            f"{party}: {missing} of {overlap.prevalence[party].total} documents are coded by "
            f"{checked.person} and not by {checked.model}"
            for party, missing in without.items()
        )
    held = Checked(
        counted_grade=overlap.grade,
        counted=overlap.prevalence,
        lacking=checked.lacking,
        undefined=undefined,
    )
    if undefined:
        return structs.replace(overlap, checked=held)
    shares = [one.value for one in told.prevalence.values() if one.value is not None]
    return structs.replace(
        overlap,
        grade=told.grade,
        lowest=min(shares),
        prevalence=told.prevalence,
        stability=None,
        checked=structs.replace(held, sure=told.sure, odds=told.odds, thresholds=told.thresholds),
    )


def next_documents(
    study: "Study",
    person: str,
    *,
    model: str = "",
    number: int = 10,
    as_of: date,
    fewest: int = FEWEST_CHECKED,
) -> tuple[NextDocument, ...]:
    """Name the documents whose checking is expected to tell most about the grades.

    Until every party's random sample has ``fewest`` documents, those are named that it lacks, in
    random order: without a sample nobody knows how the model errs.

    Parameters
    ----------
    study, person, model, as_of, fewest
        As for :func:`estimate_checked`, whose errors it raises.
    number
        Most documents named. Each is judged as if it were the only one: ask again after a few.
    """
    held = _read_checked(study, person, model, as_of)
    counts = study.store.segment_counts()
    lacking = [
        (place, party, one)
        for party, order in held.order.items()
        for place, one in enumerate(order[:fewest])
        if one not in held.read
    ]
    if lacking:
        return tuple(
            NextDocument(
                document=one, party=party, gain=None, codes=(), provisions=counts.get(one, 0)
            )
            for _, party, one in sorted(lacking)[:number]
        )
    gains = {
        code.id: find_checking_gains(
            held.cells(code.id), study.settings.thresholds, also=held.also(code.id)
        )
        for code in study.codebook.codes
    }
    named = []
    for party, order in held.order.items():
        for place, one in enumerate(order):
            if one in held.read:
                continue
            each = {
                code: gain[party][one in held.by_model.get(code, ())]
                for code, gain in gains.items()
            }
            most = sorted((code for code in each if each[code] > 0.0), key=lambda k: -each[k])
            named.append((-sum(each.values()), place, party, one, tuple(most[:3])))
    return tuple(
        NextDocument(
            document=one, party=party, gain=-gain, codes=codes, provisions=counts.get(one, 0)
        )
        for gain, _, party, one, codes in sorted(named)[:number]
    )


def next_provisions(
    study: "Study",
    *,
    model: str = "",
    number: int = 10,
    as_of: date,
    progress: Callable[[str, int, int | None], None] | None = None,
) -> tuple[NextProvision, ...]:
    """Name the provisions whose checking is expected to tell most about the grades.

    A coding is taken to be right with its confidence, whatever the others are; one without a
    confidence is certain. What may have been missed: codings that are not sure enough to count, and
    whatever the default coder holds possible on documents that it coded. A provision on which a
    correction was decided counts as checked.

    Parameters
    ----------
    study
        An open study.
    model
        Id of the coder whose codings are to be checked; those that ``study.toml`` counts if empty.
    number
        Most provisions named. Each is judged as if it were the only one: ask again after a few.
    as_of
        Only documents that count on that day.
    progress
        Told how many documents the default coder has weighed; that takes as long as coding them.

    Returns
    -------
    tuple of NextProvision
        By gain to two decimals, and where it is the same, by ``turned``; none whose checking can
        change nothing.

    Raises
    ------
    UnknownName
        The model has coded nothing here.
    StageMissing
        A compared party has no coded document that counts.
    """
    coded = _coder_of(study, _named(study, model))
    held = {one.id: one for one in _in_scope(study, as_of) if one.id in coded}
    owned = {
        party.id: [one for one in held if held[one].party == party.id] for party in study.parties
    }
    for party, documents in owned.items():
        if not documents:
            raise StageMissing(
                f"{party} has no coded document that counts on {as_of.isoformat()}. See: "
                "qiutong documents; qiutong code"
            )
    chances, given = _weigh(study, {one: coded[one] for one in held}, progress)
    thresholds = study.settings.thresholds
    reasons: dict[str, list[tuple[ProvisionReason, float]]] = {}
    for code, by_document in chances.items():
        gains = find_provision_gains(
            {
                party: [list(by_document.get(one, {}).values()) for one in documents]
                for party, documents in owned.items()
            },
            thresholds,
        )
        carried = given.get(code, {})
        counts = {party: sum(one in carried for one in ids) for party, ids in owned.items()}
        grade = _counted_grade(counts, owned, thresholds)
        for party, documents in owned.items():
            for document, each in zip(documents, gains[party], strict=True):
                found = carried.get(document, set())
                units = by_document.get(document, {})
                for (segment, chance), gain in zip(units.items(), each, strict=True):
                    counted = segment in found
                    others = len(found - {segment})
                    turned = 0.0 if others else 1.0 - chance if counted else chance
                    if not segment or not (gain > 0.0 or turned > 0.0):
                        continue
                    step = 0 if others else -1 if counted else 1
                    then = {**counts, party: counts[party] + step}
                    reason = ProvisionReason(
                        code=code,
                        chance=chance,
                        given=counted,
                        others=others,
                        documents=counts[party],
                        documents_then=then[party],
                        total=len(documents),
                        grade=grade,
                        grade_then=_counted_grade(then, owned, thresholds),
                        gain=gain,
                        why={},
                    )
                    reasons.setdefault(segment, []).append((reason, turned))
    ranked = sorted(
        reasons,
        key=lambda one: (
            # As printed: a millionth of a bit is no reason to come first.
            -round(sum(reason.gain for reason, _ in reasons[one]), 2),
            -round(sum(turned for _, turned in reasons[one]), 2),
            one,
        ),
    )[:number]
    places = {one.id: one for one in study.store.segments(ids=ranked)}
    labels = {party.id: party.label for party in study.parties}
    named = []
    for one in ranked:
        place, owner = places[one], held[places[one].document]
        listed = sorted(reasons[one], key=lambda pair: (-pair[0].gain, -pair[1], pair[0].code))
        label = labels[owner.party]
        named.append(
            NextProvision(
                document=owner.id,
                locator=place.locator,
                party=owner.party,
                title=owner.title,
                url=owner.url,
                segment=one,
                text=place.text,
                coder=coded[owner.id],
                gain=sum(reason.gain for reason, _ in listed),
                turned=sum(turned for _, turned in listed),
                reasons=tuple(
                    structs.replace(
                        reason, why=_say_why(reason, owner.id, label("en"), label("zh"))
                    )
                    for reason, _ in listed
                ),
            )
        )
    return tuple(named)


Units = dict[str, dict[str, dict[str, float]]]
"""By code, document and provision, how likely the provision has the code."""


def _weigh(
    study: "Study",
    coded: Mapping[str, str],
    progress: Callable[[str, int, int | None], None] | None,
) -> tuple[Units, dict[str, dict[str, set[str]]]]:
    """How likely each provision has each code, and which of them count; ``coded`` says by whom."""
    known = {one.id: one for one in study.store.coders()}
    above = lineage(study.codebook)
    checked = {one.segment for one in _corrections(study)}
    chances: Units = {code: {} for code in above}
    given: dict[str, dict[str, set[str]]] = {code: {} for code in above}
    for coder in dict.fromkeys(coded.values()):
        sure = {(one.segment, one.code) for one in study.counted(coder)}
        for coding in study.store.codings(coder):
            if coded.get(coding.document) != coder:
                continue
            counts = (coding.segment, coding.code) in sure
            confidence = 1.0 if coding.confidence is None else coding.confidence
            if coding.segment in checked:
                confidence = float(counts)
            for code in above.get(coding.code, ()):
                units = chances[code].setdefault(coding.document, {})
                before = units.get(coding.segment, 0.0)
                units[coding.segment] = 1.0 - (1.0 - before) * (1.0 - confidence)
                if counts:
                    given[code].setdefault(coding.document, set()).add(coding.segment)
    default = known.get("default")
    own = {one for one, by in coded.items() if (corrected_coder(known[by]) or by) == "default"}
    for document, segment, odds in _odds(study, default, own, progress) if default else ():
        for code, chance in odds.items() if segment not in checked else ():
            if chance >= _POSSIBLE:
                chances[code].setdefault(document, {})[segment] = chance
    return chances, given


def _corrections(study: "Study") -> tuple[Decision, ...]:
    """Decisions of corrections that stand; those on an earlier text of a document do not."""
    done = {
        one.id: study.store.finished(one.id) for one in study.store.coders() if corrected_coder(one)
    }
    return tuple(
        one
        for one in study.store.decisions()
        if not one.superseded and one.document in done.get(one.coder, ())
    )


_POSSIBLE = 0.02
"""Least probability of a code that the default coder did not give; nearly all others are near 0."""


def _odds(
    study: "Study",
    coder: Coder,
    documents: AbstractSet[str],
    progress: Callable[[str, int, int | None], None] | None,
) -> Iterator[tuple[str, str, dict[str, float]]]:
    """Document, provision, and how likely the default coder, as it coded here, holds each code."""
    from qiutong.coders.default import default_coder
    from qiutong.coders.trained import TrainedCoder

    own = default_coder(study.codebook)
    if not isinstance(own, TrainedCoder) or own.coder.version != coder.version:
        return
    items = (
        (d := study.document(one), tuple(study.store.segments(d))) for one in sorted(documents)
    )
    for number, (document, odds) in enumerate(own.weigh_documents(items), 1):
        if progress:
            progress("weighing", number, len(documents))
        for segment, each in odds.items():
            yield document.id, segment, each


def _counted_grade(
    counts: Mapping[str, int], owned: Mapping[str, Sequence[str]], thresholds: "Thresholds"
) -> Grade:
    return grade_overlap(
        {
            party: Estimate(value=None, count=count, total=len(owned[party]))
            for party, count in counts.items()
        },
        thresholds,
    )


def _say_why(reason: ProvisionReason, document: str, party: str, party_zh: str) -> dict[str, str]:
    """What stands now, and what would stand if the check found the opposite."""
    code, sure = reason.code, f"{reason.chance:.2f}"
    if reason.others:
        more = f"{reason.others} other{'s' if reason.others > 1 else ''}"
        return {
            "en": f"{code} ({sure}): {document} has it by {more} too, and keeps it as long as one "
            "of these is right.",
            "zh": f"{code}（{sure}）：{document} 另有 {reason.others} 条载有此编码，只要其中一条无误，即予保留。",
        }
    now, then = reason.grade, reason.grade_then
    moved = f"stays {now.value}" if now is then else f"{now.value} → {then.value}"
    moved_zh = (
        f"仍为“{GRADE_ZH[now]}”" if now is then else f"由“{GRADE_ZH[now]}”变为“{GRADE_ZH[then]}”"
    )
    what, what_zh = (
        (
            f"only this provision gives it to {document}; if wrong",
            f"{document} 中仅此条载有；若有误",
        )
        if reason.given
        else (f"{document} is without it; if it is here", f"{document} 目前没有；若此条确有")
    )
    return {
        "en": f"{code} ({sure}): {what}, {party} has {reason.documents_then} of {reason.total} "
        f"documents and not {reason.documents}: {moved}.",
        "zh": f"{code}（{sure}）：{what_zh}，{party_zh}由 {reason.total} 份中的 {reason.documents} "
        f"份变为 {reason.documents_then} 份，评级{moved_zh}。",
    }


def write_checks(
    study: "Study", provisions: Sequence[NextProvision], folder: str | Path
) -> tuple[Path, ...]:
    """Write a sheet of decisions on the codings of chosen provisions, in a folder for each coder.

    A row asks for ``yes`` or ``no`` on one coding, with a reason. Decisions imported before are
    repeated in it, because an import takes the place of the one before; not those on a text that
    another has replaced since. See
    :func:`qiutong.codings.correct_codings`.

    Parameters
    ----------
    study, provisions
        As :func:`next_provisions` names them.
    folder
        Is made; nothing is written over.

    Returns
    -------
    tuple of Path
        Folders to import, ``FOLDER/CODER``.

    Raises
    ------
    InputError
        The folder exists, there is nothing to check, or the coder is combined of others.
    """
    folder = Path(folder)
    if folder.exists():
        raise InputError(f"{folder} exists, and may hold decisions. Name a new folder.")
    if not provisions:
        raise InputError("there is no provision to check, so no sheet was written")
    known = {one.id: one for one in study.store.coders()}
    # A coder that holds corrections has the confidences of the one it corrects.
    base = {one.coder: corrected_coder(known[one.coder]) or one.coder for one in provisions}
    for one in base.values():
        if known[one].kind is CoderKind.COMBINED:
            raise InputError(
                f'"{one}" is combined of others, whose codings it repeats. Check one of these '
                "(--model ID), and combine again."
            )
    rows: dict[str, list[dict[str, object]]] = {one: [] for one in base.values()}
    stand = {
        (one.coder, one.segment, one.code): one
        for coder in known
        if corrected_coder(known[coder]) in rows
        for one in study.store.codings(coder)
    }
    for made in _corrections(study):
        if (coder := corrected_coder(known[made.coder])) in rows:
            kept = stand.get((made.coder, made.segment, made.code))
            rows[coder].append(
                _decision_row("", made.document, made.locator, "", made.code)
                | {"decision": "yes" if made.given else "no", "reason": made.reason}
                | (_said(study, kept) if kept else {})
            )
    quoted: dict[tuple[str, str], str] = {}
    by = {one.segment: one.coder for one in provisions}
    for coder in base:
        for coding in study.store.codings(coder):
            if by.get(coding.segment) == coder:
                text = study.document(coding.document).text
                quoted[coding.segment, coding.code] = text[
                    coding.evidence_start : coding.evidence_end
                ]
    for rank, chosen in enumerate(provisions, 1):
        told = {reason.code: reason for reason in chosen.reasons}
        likely = [code for code, reason in told.items() if reason.chance >= _ASKED]
        codes = [code for segment, code in quoted if segment == chosen.segment]
        for code in dict.fromkeys((*codes, *(k for k in likely if not told[k].given))):
            reason = told.get(code)
            rows[base[chosen.coder]].append(
                _decision_row(rank, chosen.document, chosen.locator, chosen.text, code)
                | {
                    "decision": TO_DO,
                    "confidence": round(reason.chance, 2) if reason else "",
                    "coder_quotes": quoted.get((chosen.segment, code), ""),
                    "why": "\n".join(reason.why.values()) if reason else "",
                    "url": chosen.url,
                }
            )
    folder.mkdir(parents=True)
    for coder, each in rows.items():
        (folder / coder).mkdir()
        (folder / coder / _DECISIONS).write_text(
            write_csv(each, bom=True), encoding="utf-8", newline=""
        )
        (folder / coder / CODERS_FILE).write_text(
            f'[corrections]\ncorrects = "{coder}"\nfile = "{_DECISIONS}"\n', encoding="utf-8"
        )
    return tuple(folder / coder for coder in rows)


def _said(study: "Study", coding: Coding) -> dict[str, object]:
    """Position and evidence, as a decision names them."""
    evidence = study.document(coding.document).text[coding.evidence_start : coding.evidence_end]
    # What begins like a formula would come back with a mark before it, and be found nowhere.
    return {"position": coding.position, "evidence": evidence.lstrip("=+-@＝＋－＠")}


_DECISIONS = "decisions.csv"
_ASKED = 0.1
"""Least chance of a code that nobody gave at which the sheet has a row for it."""


def _decision_row(
    rank: int | str, document: str, locator: str, text: str, code: str
) -> dict[str, object]:
    return {
        CHOSEN: rank,
        "document": document,
        "locator": locator,
        "text": text,
        "code": code,
        "decision": "",
        "reason": "",
        "position": "",
        "evidence": "",
        "confidence": "",
        "coder_quotes": "",
        "why": "",
        "url": "",
    }


def estimate_provisions(
    study: "Study", *, model: str = "", as_of: date, fewest: int = FEWEST_PROVISIONS
) -> CheckedProvisions:
    """Estimate every code's share of provisions from a model's codes and the checked provisions.

    Parameters
    ----------
    study, model, as_of
        As for :func:`estimate_checked`; whoever filled in the sheets is taken as right.
    fewest
        Fewest checked provisions a party.

    Raises
    ------
    StageMissing
        No provisions were drawn.
    InputError
        A sheet is missing, or the model codes whole documents only.
    BadCodings
        Rows of a sheet that cannot be used.
    """
    draws = read_provision_draws(study.folder)
    if not draws:
        raise StageMissing(
            f"{study.folder}: no provisions were drawn. Draw some: qiutong sample --provisions"
        )
    coded = _coder_of(study, _models(study, model))
    party_of = {one.id: one.party for one in _in_scope(study, as_of) if one.id in coded}
    places: dict[str, list[Segment]] = {one.id: [] for one in study.documents() if one.read}
    for segment in study.segments():
        places[segment.document].append(segment)
    by_model = _coded_under(study, coded, lambda one: one.segment)
    if not any(by_model.values()):
        raise InputError(
            f"{' / '.join(dict.fromkeys(coded.values()))} gave no code to a provision, only to whole "
            "documents, so it says nothing of provisions. Name another: --model ID"
        )
    read: dict[str, set[str]] = {}
    held = {one.id: one for one in study.store.documents(places)}
    above = lineage(study.codebook)
    for draw in draws:
        for party, ids in draw.drawn.items():
            if ids:
                sheet = (
                    study.folder / SAMPLES_FOLDER / f"{PROVISIONS}-{draw.number}" / f"{party}.csv"
                )
                told = read_codings(sheet, _WHOEVER, places, held, study.codebook, not_read=TO_DO)
                for one in (one for ids in told.read.values() for one in ids):
                    read[one] = set()
                for coding in (one for codings in told.codings.values() for one in codings):
                    read[coding.segment].update(above[coding.code])
    order = {
        party.id: random_order(
            (
                segment.id
                for document, owner in party_of.items()
                if owner == party.id
                for segment in places[document]
            ),
            draws[0].seed,
        )
        for party in study.parties
    }
    sample = {party: checked_beginning(ids, read) for party, ids in order.items()}
    shares = []
    for code in study.codebook.codes:
        found = {one for one, codes in read.items() if code.id in codes}
        cells = {
            party: _count(by_model.get(code.id, frozenset()), found, ids, order[party][len(ids) :])
            for party, ids in sample.items()
        }
        shares.append(
            ProvisionShare(
                code=code.id,
                salience={
                    party: share_of_provisions(
                        one, level=study.settings.interval_level, fewest=fewest
                    )
                    for party, one in cells.items()
                },
                model_alone=_model_alone(cells),
            )
        )
    return CheckedProvisions(
        model=" / ".join(dict.fromkeys(coded.values())),
        as_of=as_of,
        seed=draws[0].seed,
        checked={party: len(ids) for party, ids in sample.items()},
        passed_over=sum(
            one in read for party, ids in order.items() for one in ids[len(sample[party]) :]
        ),
        provisions={party: len(ids) for party, ids in order.items()},
        codes=tuple(shares),
    )


_WHOEVER = Coder(id="person", kind=CoderKind.PERSON)
"""The sheets of provisions do not say who filled them in, and their codes are not stored."""


class _Checked(NamedTuple):
    """Who coded what, put in random order."""

    models: tuple[str, ...]
    seed: int
    order: dict[str, tuple[str, ...]]
    sample: dict[str, tuple[str, ...]]
    others: dict[str, tuple[str, ...]]
    read: frozenset[str]
    by_model: dict[str, frozenset[str]]
    by_person: dict[str, frozenset[str]]

    def cells(self, code: str) -> dict[str, Cells]:
        """The random sample of each party, and its rest."""
        return {
            party: self._count(code, ids, self.order[party][len(ids) :])
            for party, ids in self.sample.items()
        }

    def also(self, code: str) -> dict[str, Cells]:
        """Documents read besides the sample."""
        return {party: self._count(code, ids, ()) for party, ids in self.others.items()}

    def _count(self, code: str, checked: Sequence[str], rest: Sequence[str]) -> Cells:
        none: frozenset[str] = frozenset()
        return _count(self.by_model.get(code, none), self.by_person.get(code, none), checked, rest)


def _count(
    model: AbstractSet[str], person: AbstractSet[str], checked: Sequence[str], rest: Sequence[str]
) -> Cells:
    return Cells(
        both=sum(one in model and one in person for one in checked),
        model_only=sum(one in model and one not in person for one in checked),
        person_only=sum(one in person and one not in model for one in checked),
        neither=sum(one not in person and one not in model for one in checked),
        rest_with=sum(one in model for one in rest),
        rest_without=sum(one not in model for one in rest),
    )


def _model_alone(cells: Mapping[str, Cells]) -> dict[str, float]:
    return {
        party: (one.both + one.model_only + one.rest_with) / one.total
        for party, one in cells.items()
        if one.total
    }


def _read_checked(study: "Study", person: str, model: str, as_of: date) -> _Checked:
    draws = read_draws(study.folder)
    if not draws:
        raise StageMissing(
            f"{study.folder}: no sample of documents was drawn, so what was checked is no random "
            "sample."
            + (
                " Drawn provisions cannot take its place: a document has a code by any of its "
                "provisions, and most of them were not read."
                if read_provision_draws(study.folder)
                else ""
            )
            + " Draw one: qiutong sample"
        )
    models = tuple(one for one in _models(study, model, person) if one != person)
    if held := find_corrections(study, person):
        raise InputError(
            (f'"{person}" holds corrections' if person in held else _combined_of(person, held))
            + " on chosen provisions. They are no random sample, and the rest of these documents "
            "was not read, so no share follows from them. Name who read the documents drawn: "
            "--person ID"
        )
    if not models:
        raise InputError(
            f'"{person}" is the person, and no other coder counts. Name the model: --model ID, or '
            "coder in study.toml"
        )
    seed = draws[0].seed
    read = study.store.finished(person)
    if not model:
        # Who coded nothing but what the person read, such as a combination with the person in it,
        # shows no errors of the coder of the rest.
        models = tuple(one for one in models if study.store.finished(one).keys() - read) or models
    coded = _coder_of(study, models)
    documents = [one for one in _in_scope(study, as_of) if one.id in coded]
    order = {
        party.id: random_order((one.id for one in documents if one.party == party.id), seed)
        for party in study.parties
    }
    sample = {party: checked_beginning(ids, read) for party, ids in order.items()}
    others = {
        party: tuple(one for one in ids[len(sample[party]) :] if one in read)
        for party, ids in order.items()
    }
    return _Checked(
        models=models,
        seed=seed,
        order=order,
        sample=sample,
        others=others,
        read=frozenset(read),
        by_model=_coded_under(study, coded, lambda one: one.document),
        by_person=_coded_under(study, dict.fromkeys(read, person), lambda one: one.document),
    )


def _models(study: "Study", model: str, *others: str) -> tuple[str, ...]:
    """The model named, else the coders that count, as they were before corrections.

    Provisions that somebody chose to correct say nothing of how a model errs where nobody looked.
    """
    of = {one.id: corrected_coder(one) for one in study.store.coders()}
    models = tuple(dict.fromkeys(of.get(one) or one for one in _named(study, model, *others)))
    for one in models:
        if held := find_corrections(study, one):
            raise InputError(
                f"{_combined_of(one, held)} on chosen provisions, so what a sample says of its "
                "errors does not hold where nobody looked. Name another model: --model ID, or "
                "coder in study.toml"
            )
    return models


def _combined_of(coder: str, held: Sequence[str]) -> str:
    return f'"{coder}" is combined of others, of which {", ".join(held)} holds corrections'


def _named(study: "Study", model: str, *others: str) -> tuple[str, ...]:
    """The model named, else the coders that count; every coder named has to be known."""
    known = [one.id for one in study.store.coders()]
    for coder in (*others, *([model] if model else [])):
        if coder not in known:
            raise UnknownName("coder", coder, known)
    return (model,) if model else study.settings.coding.coders


def _coder_of(study: "Study", models: Iterable[str]) -> dict[str, str]:
    """For each document the first of the models that has coded it."""
    coded: dict[str, str] = {}
    for coder in models:
        for document in study.store.finished(coder):
            coded.setdefault(document, coder)
    return coded


def _coded_under(
    study: "Study", coder_of: Mapping[str, str], unit: Callable[[Coding], str]
) -> dict[str, frozenset[str]]:
    """Documents, or provisions, under each code and the codes above it, of codings sure enough.

    ``coder_of`` says, by document, whose codings are asked for; ``unit`` gives what is collected.
    """
    above = lineage(study.codebook)
    held: dict[str, set[str]] = {}
    for coder in dict.fromkeys(coder_of.values()):
        for coding in study.counted(coder):
            if coder_of.get(coding.document) == coder:
                for code in above.get(coding.code, ()):
                    held.setdefault(code, set()).add(unit(coding))
    return {code: frozenset(units - {""}) for code, units in held.items()}
