"""Combined coders of a study: who their members are, what they say, and whether that still holds.

What a combined coder is stands in its version, such as ``unanimous: builtin, trained``. Its codings
are stored like those of any coder; what is undecided is worked out from the members' codings when it
is asked for, so that the two are never counted together by mistake.
"""

import hashlib
from collections.abc import Sequence
from datetime import date
from functools import cached_property
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from qiutong.codings import corrected_coder
from qiutong.ensemble import (
    NOT_INDEPENDENT,
    RULES,
    Bounds,
    CodeAgreement,
    Combined,
    Level,
    MemberPair,
    Quality,
    Rule,
    Tally,
    Votes,
    bound_overlaps,
    combine_codings,
    compare_members,
    judge_coders,
    judge_levels,
    read_rule,
    read_votes,
    tally_cells,
    tally_codes,
)
from qiutong.errors import InputError, StageMissing, TooFewParties, UnknownName
from qiutong.model import Coder, CoderKind, Coding
from qiutong.overlap import documents_counted, lineage, measure_overlap
from qiutong.reliability import Draws
from qiutong.store import CodedDocument

if TYPE_CHECKING:
    from qiutong.study import Study


class CombinedStudy(msgspec.Struct, frozen=True, kw_only=True):
    """What a combined coder leaves open, and what its members' agreement is worth.

    Parameters
    ----------
    rule, members
        How it is combined, and of whom.
    as_of
        Day of the bounds; everything else is over all documents.
    documents, provisions
        Over all codes; see :class:`qiutong.ensemble.Tally`.
    codes
        Code by code.
    left_out
        Documents that some members have coded and others not, with those that have not.
    pairs
        Agreement of each pair of members.
    bounds
        Shares and grades if all undecided cells are without their code, and if all have it.
    no_bounds
        Why there are none; empty where there are.
    against
        The reference; empty where none was named. ``judged`` is the number of documents that it
        has coded too.
    levels, quality
        What agreement is worth against the reference, and how each member and rule does.
    level, resamples, seed
        How the intervals were made: documents are drawn anew.
    caution
        Agreement is not independence, in English (``en``) and Chinese (``zh``).
    """

    name: str
    rule: str
    members: tuple[str, ...]
    as_of: date
    documents: Tally
    provisions: Tally
    codes: tuple[CodeAgreement, ...]
    left_out: dict[str, tuple[str, ...]]
    pairs: tuple[MemberPair, ...]
    bounds: tuple[Bounds, ...]
    no_bounds: str
    against: str
    judged: int
    levels: tuple[Level, ...]
    quality: tuple[Quality, ...]
    level: float
    resamples: int
    seed: int
    caution: dict[str, str]


class CombineReport(msgspec.Struct, frozen=True, kw_only=True):
    """What combining coders did.

    Parameters
    ----------
    combined, unchanged
        Documents combined now, and those whose members say what they said before.
    codings, undecided
        Codes that stand in all these documents, and codes left open, each on one provision.
    left_out
        Documents that some members have coded and others not, with those that have not.
    """

    coder: Coder
    combined: tuple[str, ...]
    unchanged: tuple[str, ...]
    codings: int
    undecided: int
    left_out: dict[str, tuple[str, ...]]


def name_version(rule: str, members: Sequence[str]) -> str:
    """Say in a coder's version how it is combined and of whom."""
    return f"{rule}: {', '.join(members)}"


class Combination:
    """A combined coder and what its members say now.

    Parameters
    ----------
    study
        An open study.
    coder
        One of kind ``combined``.
    """

    def __init__(self, study: "Study", coder: Coder) -> None:
        self.study = study
        self.coder = coder
        name, _, members = coder.version.partition(": ")
        self.members = tuple(members.split(", "))
        self.rule: Rule = read_rule(name, len(self.members))

    @cached_property
    def _finished(self) -> dict[str, dict[str, str]]:
        return {one: self.study.store.finished(one) for one in self.members}

    @cached_property
    def documents(self) -> tuple[str, ...]:
        """Documents that all members have coded, in the study's order."""
        return tuple(
            one
            for one in self.study.store.document_ids()
            if all(one in held for held in self._finished.values())
        )

    @cached_property
    def left_out(self) -> dict[str, tuple[str, ...]]:
        """Documents that some members have coded, with the members that have not."""
        common = set(self.documents)
        return {
            one: tuple(member for member, held in self._finished.items() if one not in held)
            for one in self.study.store.document_ids()
            if one not in common and any(one in held for held in self._finished.values())
        }

    @cached_property
    def codings(self) -> dict[str, tuple[Coding, ...]]:
        """The members' codings of these documents that are sure enough to count."""
        common = set(self.documents)
        return {
            member: tuple(one for one in self.study.counted(member) if one.document in common)
            for member in self.members
        }

    @cached_property
    def votes(self) -> Votes:
        """Who gave what to which provision."""
        provisions: dict[str, list[str]] = {one: [] for one in self.documents}
        for segment in self.study.segments():
            if segment.document in provisions:
                provisions[segment.document].append(segment.id)
        return read_votes(self.codings, provisions, self.study.codebook)

    @cached_property
    def result(self) -> Combined:
        """What the rule makes of it."""
        return combine_codings(
            self.codings, self.votes, self.rule, self.coder.id, self.study.codebook
        )

    @cached_property
    def fingerprints(self) -> dict[str, str]:
        """Of all that goes into a document's combined codings, so that a change is seen."""
        lines: dict[str, list[str]] = {one: [] for one in self.documents}
        for member, codings in self.codings.items():
            for one in codings:
                lines[one.document].append(
                    f"{member}\t{one.segment}\t{one.code}\t{one.codebook}\t{one.evidence_start}\t"
                    f"{one.evidence_end}\t{one.position}"
                )
        book = hashlib.sha256(msgspec.json.encode(self.study.codebook)).hexdigest()
        return {
            document: hashlib.sha256(
                "\n".join((self.coder.version, book, *sorted(held))).encode()
            ).hexdigest()
            for document, held in lines.items()
        }

    @cached_property
    def stale(self) -> tuple[str, ...]:
        """Documents whose stored codings are not what the members say now."""
        stored = self.study.store.finished(self.coder.id)
        return tuple(
            one
            for one in self.study.store.document_ids()
            if stored.get(one) != self.fingerprints.get(one)
        )

    @property
    def warning(self) -> dict[str, str]:
        """What is said while it is stale, in English (``en``) and Chinese (``zh``)."""
        name, count = self.coder.id, len(self.stale)
        return {
            "en": f'What the members of "{name}" say of {count} documents has changed since they '
            f"were combined, and its earlier codings count. Run: qiutong combine {name}",
            "zh": f"“{name}”合并之后，其成员对 {count} 份文件的编码已有变动，现仍按先前的合并结果计入。"
            f"请运行 qiutong combine {name}",
        }

    def check(self) -> None:
        """Refuse members that cannot be combined.

        Raises
        ------
        InputError
            A member codes whole documents, or coded with another codebook; or there is no document
            that all have coded.
        """
        book = self.study.codebook.name
        for member in self.members:
            codings = self.study.store.codings(member)
            if any(not one.segment for one in codings):
                raise InputError(
                    f'coder "{member}" codes whole documents; coders are combined provision by '
                    "provision. Leave it out; it can be what the others are compared with."
                )
            if other := {one.codebook for one in codings} - {book}:
                raise InputError(
                    f'coder "{member}" coded with {", ".join(sorted(other))}, and the study has '
                    f"{book}. Code with {book} first: a code that one codebook lacks is no "
                    "disagreement."
                )
        if not self.documents:
            each = ", ".join(f"{one} {len(held)}" for one, held in self._finished.items())
            raise InputError(
                f"no document was coded by all of {', '.join(self.members)} (documents coded: "
                f"{each}). Let each of them code the same documents first."
            )


def find_counted(study: "Study") -> tuple[Combination, ...]:
    """Find the combined coders among those that ``study.toml`` counts."""
    wanted = study.settings.coding.coders
    return tuple(
        Combination(study, one)
        for one in study.store.coders()
        if one.kind is CoderKind.COMBINED and one.id in wanted
    )


def find_corrections(study: "Study", name: str) -> tuple[str, ...]:
    """Find which coders that hold corrections on chosen provisions a coder is, or is made of."""
    known = {one.id: one for one in study.store.coders()}
    if name not in known:
        return ()
    if corrected_coder(known[name]):
        return (name,)
    if known[name].kind is not CoderKind.COMBINED:
        return ()
    members = Combination(study, known[name]).members
    return tuple(dict.fromkeys(held for one in members for held in find_corrections(study, one)))


def find_stale_corrections(study: "Study", coder: Coder) -> tuple[str, ...]:
    """Find documents in which a corrected coder repeats what the coder it corrects says no more.

    Parameters
    ----------
    coder
        One that holds corrections; see :func:`qiutong.codings.corrected_coder`.
    """
    decided = {
        (one.segment, one.code)
        for one in study.store.decisions()
        if one.coder == coder.id and not one.superseded
    }
    base = corrected_coder(coder)
    now = study.store.finished(base)
    done = [one for one in study.store.finished(coder.id) if one in now]
    said: dict[str, list[set[Coding]]] = {one: [set(), set()] for one in done}
    for place, name in enumerate((base, coder.id)):
        for coding in study.store.codings(name):
            if coding.document in said and (coding.segment, coding.code) not in decided:
                said[coding.document][place].add(msgspec.structs.replace(coding, coder=base))
    return tuple(one for one, (then, later) in said.items() if then != later)


def say_stale_corrections(coder: Coder, documents: Sequence[str]) -> dict[str, str]:
    """Say so, in English (``en``) and Chinese (``zh``)."""
    base, count = corrected_coder(coder), len(documents)
    return {
        "en": f'What "{base}" says of {count} document{"s" if count > 1 else ""} has changed since '
        f'corrections of it were taken over, and "{coder.id}" has what it said before. Import the '
        "folder of corrections again: qiutong import FOLDER",
        "zh": f"“{base}”的更正导入之后，其对 {count} 份文件的编码已有变动，“{coder.id}”仍为先前的编码。"
        "请重新导入更正所在的文件夹：qiutong import FOLDER",
    }


def find_combination(study: "Study", name: str) -> Combination:
    """Find a combined coder that is up to date.

    Raises
    ------
    UnknownName
        There is no combined coder of that name.
    StageMissing
        A member has changed since it was combined.
    """
    known = {one.id: one for one in study.store.coders() if one.kind is CoderKind.COMBINED}
    if name not in known:
        raise UnknownName("combined coder", name, known)
    held = Combination(study, known[name])
    if held.stale:
        raise StageMissing(
            f'coder "{name}": what its members say of {len(held.stale)} documents has changed since '
            f"it was combined ({', '.join(held.stale[:5])}"
            f"{' …' if len(held.stale) > 5 else ''}). Run: qiutong combine {name}"
        )
    return held


def measure_combined(study: "Study", name: str, *, against: str, as_of: date) -> CombinedStudy:
    """Measure a combined coder; see :meth:`qiutong.study.Study.agreement`."""
    held = find_combination(study, name)
    stability = study.settings.stability
    draws = Draws(study.settings.interval_level, stability.resamples, stability.seed)
    votes, counts = held.votes, held.votes.counts
    judged, levels, quality = _judge(study, held, against, draws) if against else (0, (), ())
    bounds, no_bounds = _bound(study, held, as_of)
    return CombinedStudy(
        name=name,
        rule=held.rule.name,
        members=held.members,
        as_of=as_of,
        documents=tally_cells(votes.by_document(counts), held.rule),
        provisions=tally_cells(counts, held.rule),
        codes=tally_codes(votes, held.rule),
        left_out=held.left_out,
        pairs=compare_members(votes, draws),
        bounds=bounds,
        no_bounds=no_bounds,
        against=against,
        judged=judged,
        levels=levels,
        quality=quality,
        level=draws.level,
        resamples=draws.resamples,
        seed=draws.seed,
        caution=dict(NOT_INDEPENDENT),
    )


def _bound(study: "Study", held: Combination, as_of: date) -> tuple[tuple[Bounds, ...], str]:
    settings = study.settings
    common = set(held.documents)
    kept, _ = documents_counted(study.documents(), as_of, settings)
    documents = [one for one in kept if one.id in common]
    try:
        low, high = (
            measure_overlap(
                documents,
                study.store.segment_counts(),
                codings,
                study.codebook,
                study.parties,
                settings.thresholds,
            )
            for codings in (
                held.result.codings,
                (*held.result.codings, *held.result.undecided),
            )
        )
    except TooFewParties as error:
        return (), str(error)
    return bound_overlaps(low, high), ""


def _judge(
    study: "Study", held: Combination, against: str, draws: Draws
) -> tuple[int, tuple[Level, ...], tuple[Quality, ...]]:
    known = [one.id for one in study.store.coders()]
    if against not in known:
        raise UnknownName("coder", against, known)
    if against in (held.coder.id, *held.members):
        raise InputError(
            f'coder "{against}" is one of those compared; a reference is a coder of its own.'
        )
    if found := find_corrections(study, against):
        raise InputError(
            f'coder "{against}" is no reference: {", ".join(found)} holds corrections on chosen '
            "provisions, and elsewhere repeats the coder it corrects. Name who read the documents "
            "as a whole: --against ID"
        )
    codings = study.counted(against)
    # A coder of whole documents says nothing of their provisions.
    whole = any(not one.segment for one in codings)
    read = study.store.finished(against)
    votes = held.votes
    judged = np.array([one in read for one in votes.documents], dtype=bool)
    if not judged.any():
        raise InputError(
            f'coder "{against}" has coded none of the {len(votes.documents)} documents that all of '
            f"{', '.join(held.members)} have coded."
        )
    rules = tuple(dict.fromkeys((*RULES, held.rule.name)))
    here = np.cumsum(judged) - 1
    levels: list[Level] = []
    quality: list[Quality] = []
    counts = votes.counts
    if not whole:
        inside = judged[votes.document]
        members = {
            one: given[inside] for one, given in zip(votes.members, votes.given, strict=True)
        }
        provisions: dict[str, list[str]] = {}
        for place in np.flatnonzero(inside):
            name = votes.documents[votes.document[place]]
            provisions.setdefault(name, []).append(votes.provisions[place])
        true = read_votes({against: codings}, provisions, study.codebook).given[0]
        which = here[votes.document[inside]]
        levels += judge_levels(counts[inside], len(members), true, which, draws, "provision")
        quality += judge_coders(members, counts[inside], true, which, draws, "provision", rules)
    most = votes.by_document(counts)[judged]
    members = {
        one: votes.by_document(given)[judged] > 0
        for one, given in zip(votes.members, votes.given, strict=True)
    }
    lines = lineage(study.codebook)
    column = {code: at for at, code in enumerate(votes.codes)}
    row = {one: here[at] for at, one in enumerate(votes.documents) if judged[at]}
    true = np.zeros(most.shape, dtype=bool)
    for coding in codings:
        if coding.document in row:
            for code in lines[coding.code]:
                true[row[coding.document], column[code]] = True
    which = np.arange(len(most))
    levels += judge_levels(most, len(members), true, which, draws, "document")
    quality += judge_coders(members, most, true, which, draws, "document", rules)
    return int(judged.sum()), tuple(levels), tuple(quality)


def combine_coders(
    study: "Study", name: str, members: Sequence[str] = (), rule: str = ""
) -> CombineReport:
    """Combine coders into one and store its codings; see :meth:`qiutong.study.Study.combine`."""
    stored = {one.id: one for one in study.store.coders()}
    old = stored.get(name)
    if old is not None and old.kind is CoderKind.COMBINED:
        version = name_version(rule or old.version.partition(": ")[0], members) if members else ""
        if (version and version != old.version) or (
            rule and not old.version.startswith(f"{rule}: ")
        ):
            raise InputError(
                f'coder "{name}" is {old.version} already; one name stands for one way of '
                "combining. Give the new one another name."
            )
        coder = old
    else:
        coder = _new_coder(study, name, members, rule or "unanimous", stored)
    held = Combination(study, coder)
    held.check()
    todo = set(held.stale)
    by_document: dict[str, list[Coding]] = {one: [] for one in held.documents}
    for coding in held.result.codings:
        by_document[coding.document].append(coding)
    study.store.add_documents(
        (),
        coded=[
            CodedDocument(
                document=one,
                coder=coder,
                codebook=study.codebook.name,
                fingerprint=held.fingerprints[one],
                codings=tuple(codings),
            )
            for one, codings in by_document.items()
            if one in todo
        ],
    )
    return CombineReport(
        coder=coder,
        combined=tuple(one for one in held.documents if one in todo),
        unchanged=tuple(one for one in held.documents if one not in todo),
        codings=len(held.result.codings),
        undecided=len(held.result.undecided),
        left_out=held.left_out,
    )


def _new_coder(
    study: "Study", name: str, members: Sequence[str], rule: str, stored: dict[str, Coder]
) -> Coder:
    for one in members:
        if one not in stored:
            raise UnknownName("coder", one, stored)
        if stored[one].kind is CoderKind.COMBINED:
            raise InputError(
                f'coder "{one}" is combined itself ({stored[one].version}); name its members instead.'
            )
        if ", " in one:
            raise InputError(f'coder "{one}": an id with a comma cannot be combined.')
    if len(set(members)) < 2 or len(set(members)) < len(members):
        raise InputError(
            "combining needs two or more different coders; given: "
            f"{', '.join(members) or 'none'}. Example: qiutong combine agreed --from default "
            f"--from trained (coders here: {', '.join(stored) or 'none'})"
        )
    coder = Coder(
        id=name,
        kind=CoderKind.COMBINED,
        version=name_version(rule, members),
        description=read_rule(rule, len(members)).describe(members),
    )
    study.check_coder(coder)
    return coder
