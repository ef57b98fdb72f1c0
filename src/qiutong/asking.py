"""Asking a study: the stages from overlap to recommendation, as of a date."""

from collections.abc import Callable, Sequence
from datetime import date
from functools import cached_property
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

from qiutong.codings import corrected_coder
from qiutong.combining import Combination, find_counted
from qiutong.ensemble import NOT_INDEPENDENT, Bounds, bound_overlaps, tally_cells
from qiutong.errors import StageMissing, UndefinedStatistic, UnknownName
from qiutong.evidence import (
    collect_passages,
    find_counter_evidence,
    list_examples,
    pair_codes,
)
from qiutong.model import (
    OWN_CODERS,
    CoderKind,
    Coding,
    CounterEvidence,
    Document,
    EvidencePair,
    Grade,
    Overlap,
    Passage,
    Recommendation,
    Results,
    Rivalry,
    Screen,
    Segment,
)
from qiutong.overlap import documents_counted, doubts_as_of, measure_overlap
from qiutong.playbook import known_on, missing_parties, stands
from qiutong.recommend import recommend
from qiutong.sampling import (
    CheckedStudy,
    correct_overlaps,
    doubt_learned,
    estimate_checked,
    not_by_model,
)
from qiutong.screening import find_rivalries, screen_codes, screen_topics

if TYPE_CHECKING:
    import numpy as np

    from qiutong.study import Study


def software_version() -> str:
    """Version of Qiutong that is running."""
    try:
        return version("qiutong")
    except PackageNotFoundError:
        return "unknown"


class Asked:
    """One question to a study as of a date; each stage is computed once, when it is needed."""

    def __init__(self, study: "Study", as_of: date, *, quoting: bool = True) -> None:
        self.study = study
        self.quoting = quoting
        """Whether passages are chosen; grades, screens and verdicts do not need them."""
        self.settings = study.settings
        self.as_of = as_of
        self.codebook = study.codebook

    @cached_property
    def _scope(self) -> tuple[tuple[Document, ...], dict[str, dict[str, str]]]:
        everything = tuple(self.study.documents())
        if not everything:
            raise StageMissing(
                f"{self.study.folder}: the study holds no documents. "
                "Add some: qiutong add register.csv"
            )
        kept, out = documents_counted(everything, self.as_of, self.settings)
        chosen = self._coder_of
        coders = self.settings.coding.coders
        named = " / ".join(coders)
        if not chosen:
            raise StageMissing(
                f'{self.study.folder}: coder "{named}" has coded nothing here yet. '
                "Run: qiutong code"
                if not set(coders).isdisjoint(OWN_CODERS)
                else f'{self.study.folder}: coder "{named}" has coded nothing here; coders with '
                f"codings: {', '.join(one.id for one in self.study.store.coders()) or 'none'}. "
                "Change coder in study.toml."
            )
        reasons = dict(out)
        for document in kept:
            if document.id not in chosen:
                reasons[document.id] = {
                    "en": f'not coded yet by "{named}"',
                    "zh": f"编码者“{named}”尚未对其编码",
                }
        return tuple(one for one in kept if one.id in chosen), reasons

    @cached_property
    def _coder_of(self) -> dict[str, str]:
        """The coder that counts for each document: the first named that has coded it."""
        chosen: dict[str, str] = {}
        for coder in self.settings.coding.coders:
            for document in self.study.store.finished(coder):
                chosen.setdefault(document, coder)
        return chosen

    @property
    def documents(self) -> tuple[Document, ...]:
        """Documents in scope, without text."""
        return self._scope[0]

    @cached_property
    def codings(self) -> tuple[Coding, ...]:
        """Codings that count: of the study's coder, on documents in scope, sure enough."""
        coders = self.settings.coding.coders
        known = {code.id for code in self.codebook.codes}
        inside = {one.id for one in self.documents}
        chosen = self._coder_of
        held = [
            one
            for coder in coders
            for one in self.study.counted(coder)
            if one.document in inside and chosen[one.document] == coder
        ]
        unknown = {one.code for one in held} - known
        if unknown:
            raise UnknownName(
                "code",
                sorted(unknown)[0],
                known,
                f'codings of "{", ".join(coders)}" (run qiutong code again, or qiutong codebook migrate)',
            )
        return tuple(held)

    @cached_property
    def segment_counts(self) -> dict[str, int]:
        """Number of segments of each document in scope."""
        counts = self.study.store.segment_counts()
        return {one.id: counts.get(one.id, 0) for one in self.documents}

    @cached_property
    def overlaps(self) -> tuple[Overlap, ...]:
        """Overlap of every code and how firm it is; corrected where a sample was checked."""
        counted = measure_overlap(
            self.documents,
            self.segment_counts,
            self.codings,
            self.codebook,
            self.study.parties,
            self.settings.thresholds,
            self.settings.stability,
            self.settings.interval_level,
        )
        return counted if self.checked is None else correct_overlaps(counted, self.checked)

    @cached_property
    def checked(self) -> CheckedStudy | None:
        """What the sample says that ``checked_by`` names; None where the study names nobody."""
        person = self.settings.coding.checked_by
        if not person:
            return None
        known = [one.id for one in self.study.store.coders()]
        if person not in known:
            raise UnknownName("coder", person, known, "checked_by in study.toml")
        return estimate_checked(self.study, person, as_of=self.as_of)

    @cached_property
    def combinations(self) -> tuple[Combination, ...]:
        """Combined coders among those that count."""
        used = set(self._coder_of.values())
        return tuple(one for one in find_counted(self.study) if one.coder.id in used)

    @cached_property
    def bounds(self) -> tuple[Bounds, ...]:
        """What undecided cells leave open of the grades that are counted.

        Empty where no combined coder counts, where one is stale, and where a checked sample
        corrects the grades: its intervals hold whatever the coders leave open.
        """
        stale = any(one.stale for one in self.combinations)
        if not self.combinations or stale or any(one.is_corrected for one in self.overlaps):
            return ()
        inside = {one.id for one in self.documents}
        undecided = [
            coding
            for one in self.combinations
            for coding in one.result.undecided
            if coding.document in inside and self._coder_of[coding.document] == one.coder.id
        ]
        most = measure_overlap(
            self.documents, self.segment_counts, (*self.codings, *undecided), self.codebook,
            self.study.parties, self.settings.thresholds,
        )  # fmt: skip
        return bound_overlaps(self.overlaps, most)

    def _combined(self) -> dict[str, object] | None:
        """What is known of combined coders, as plain values; None where none counts."""
        if not self.combinations:
            return None
        kinds = {one.id: one.kind.value for one in self.study.store.coders()}
        return {
            "coders": {
                one.coder.id: {
                    "rule": one.rule.name,
                    "members": list(one.members),
                    "kinds": sorted({kinds[member] for member in one.members}),
                    "documents": len(one.documents),
                    "coverage": tally_cells(
                        one.votes.by_document(one.votes.counts), one.rule
                    ).coverage,
                    "stale": len(one.stale),
                }
                for one in self.combinations
            },
            "caution": NOT_INDEPENDENT,
            "depends": {
                one.code: [one.grade_low.value, one.grade_high.value]
                for one in self.bounds
                if one.depends
            }
            if self.bounds
            else None,
        }

    def need_two_parties(self) -> None:
        """Refuse to screen what cannot be compared, with the same words as the overlap."""
        measure_overlap(
            self.documents, self.segment_counts, (), self.codebook, self.study.parties,
            self.settings.thresholds, None,
        )  # fmt: skip

    @cached_property
    def coded_segments(self) -> dict[str, Segment]:
        """Segments that carry a coding."""
        wanted = {one.segment for one in self.codings if one.segment}
        return {one.id: one for one in self.study.store.segments(ids=wanted)}

    @cached_property
    def rivalries(self) -> dict[str, Rivalry]:
        """Rivalry found in coded segments, by segment id."""
        return find_rivalries(
            self.coded_segments.values(), self.documents, self.study.parties,
            self.study.playbook.rivalry,
        )  # fmt: skip

    @cached_property
    def code_screens(self) -> dict[str, Screen]:
        """Screen of every code, by id."""
        return screen_codes(*self._screening)

    @cached_property
    def topic_screens(self) -> dict[str, Screen]:
        """Screen of every topic, by id."""
        return screen_topics(*self._screening)

    @property
    def _screening(self) -> tuple[Any, ...]:
        return (
            self.codebook,
            self.codings,
            self.documents,
            self.study.parties,
            self.study.playbook,
            self.settings.screening,
            self.as_of,
            self.rivalries,
            self.study.playbook.overrides,
            self.settings.interval_level,
        )

    @cached_property
    def all_passages(self) -> dict[str, dict[str, tuple[Passage, ...]]]:
        """Every passage behind a count, by code and party."""
        coded = {one.document for one in self.codings}
        documents = tuple(self.study.store.documents(coded))
        return collect_passages(documents, self.coded_segments, self.codings, self.codebook)

    @cached_property
    def passages(self) -> dict[str, dict[str, tuple[Passage, ...]]]:
        """Passages that may be quoted as evidence: those sure enough."""
        floor = self.settings.evidence.min_confidence
        return {
            code: {
                party: tuple(
                    one for one in held if one.confidence is None or one.confidence >= floor
                )
                for party, held in by_party.items()
            }
            for code, by_party in self.all_passages.items()
        }

    def _shown(self) -> dict[str, dict[str, tuple[Passage, ...]]]:
        """The surest passages of each party, of as many documents as possible, behind each count."""
        shown: dict[str, dict[str, tuple[Passage, ...]]] = {}
        compared = {party.id for party in self.study.parties}
        for code, by_party in self.all_passages.items():
            for party, held in by_party.items():
                if party not in compared:
                    continue
                ranked = sorted(
                    held, key=lambda one: (-(one.confidence or 1.0), one.document, one.start)
                )
                first: dict[str, Passage] = {}
                for one in ranked:
                    first.setdefault(one.document, one)
                best = list(first.values())[: self.settings.evidence.pairs]
                shown.setdefault(code, {})[party] = tuple(best)
        return shown

    @cached_property
    def _vectors(self) -> "Callable[[str], np.ndarray | None]":
        """Vector of a passage: from the store where the coder left one, else made now."""
        from qiutong.coders.embed import UseEmbedder, embed_cached

        embedder = UseEmbedder()
        cache = self.study.store.vector_cache(embedder.name)
        compared = {party.id for party in self.study.parties}
        texts = sorted(
            {
                passage.text
                for by_party in self.passages.values()
                for party, held in by_party.items()
                if party in compared
                for passage in held
            }
            | {
                text
                for code in self.codebook.codes
                for text in list_examples(self.codebook, code.id)
            }
        )
        matrix = embed_cached(embedder, cache, texts)
        place = {text: number for number, text in enumerate(texts)}
        return lambda text: matrix[place[text]] if text in place else None

    @cached_property
    def evidence(self) -> dict[str, tuple[EvidencePair, ...]]:
        """Pairs of passages for every code on which the parties overlap."""
        if not self.quoting:
            return {}
        return pair_codes(
            [
                one.code
                for one in self.overlaps
                if one.grade in (Grade.STRONG, Grade.MODERATE, Grade.LIMITED)
            ],
            self.passages,
            self.codebook,
            self._vectors,
            self.settings.evidence.pairs,
            rivals=self.rivalries,
            parties=self.study.parties,
            documents=self.documents,
            as_of=self.as_of,
        )

    @cached_property
    def counter_evidence(self) -> dict[str, tuple[CounterEvidence, ...]]:
        """Passages against reading a code as common ground."""
        if not self.quoting:
            return {}
        return {
            one.code: find_counter_evidence(
                one.code,
                self._sides(one.code),
                self.rivalries,
                one,
                self.settings.evidence.against,
                vector=self._vectors,
                documents=self.documents,
                parties=self.study.parties,
                as_of=self.as_of,
            )
            for one in self.overlaps
            if one.grade not in (Grade.ABSENT, Grade.UNDEFINED)
        }

    def _sides(self, code: str) -> dict[str, tuple[Passage, ...]]:
        """Passages of the compared parties, in the order of the parties."""
        held = self.passages.get(code, {})
        return {party.id: held.get(party.id, ()) for party in self.study.parties}

    @cached_property
    def recommendations(self) -> tuple[Recommendation, ...]:
        """What is said of every topic."""
        return recommend(
            self.study.playbook,
            self.overlaps,
            self.topic_screens,
            self.documents,
            self.study.parties,
            self.settings,
            self.as_of,
            codebook=self.codebook,
            evidence=self.evidence,
            counter_evidence=self.counter_evidence,
        )

    def _reliability(self) -> dict[str, object] | None:
        """What is known of the agreement between readings, as plain values; None where nothing is."""
        readings = self.study.readings()
        if len(readings) < 2:
            return None
        try:
            held = self.study.reliability(*readings)
        except UndefinedStatistic:
            return None
        kinds = {one.id: one.kind.value for one in self.study.store.coders()}
        judged = [(one.code, one.verdict.value) for one in held.codes]
        return {
            "coders": list(held.coders),
            "kinds": sorted({kinds[one] for one in held.coders}),
            "provisions": held.units,
            "documents": held.documents,
            "alpha": held.micro.value,
            "alpha_low": held.micro.low,
            "alpha_high": held.micro.high,
            "masi": held.masi.value,
            "masi_low": held.masi.low,
            "masi_high": held.masi.high,
            "reliable": sum(verdict == "reliable" for _, verdict in judged),
            "tentative": [code for code, verdict in judged if verdict == "tentative"],
            "not_reliable": [code for code, verdict in judged if verdict == "not reliable"],
            "undefined": [code for code, verdict in judged if verdict == "undefined"],
            "spans": [
                {
                    "coders": list(one.coders),
                    "spans": [one.overall.spans[coder] for coder in one.coders],
                    **{
                        f"{name}{end}": value
                        for name, match in (
                            ("any", one.overall.any_overlap),
                            ("half", one.overall.half_overlap),
                        )
                        for end, value in (
                            ("", match.f1.value),
                            ("_low", match.f1.low),
                            ("_high", match.f1.high),
                        )
                    },
                    "whole_only": list(one.whole_only),
                }
                for one in held.spans
            ],
        }

    def _checking(self) -> dict[str, object]:
        """Who checked what, for the method of a report; empty where nobody is named."""
        held = self.checked
        if held is None:
            return {}
        kinds = {one.id: one.kind.value for one in self.study.store.coders()}
        return {
            "checked": {
                "by": held.person,
                "kind": kinds[held.person],
                "model": held.model,
                "documents": {party: len(ids) for party, ids in held.sample.items()},
                "of": held.documents,
                "sample_seed": held.seed,
                "interval": f"prediction-powered {self.settings.interval_level:.0%}",
            }
        }

    def _doubts_of_checking(self) -> list[dict[str, str]]:
        """What a reader must know of the checked sample before anything else."""
        held = self.checked
        if held is None:
            return []
        doubts = []
        if held.lacking:
            parties = {one.id: one for one in self.study.parties}
            lacking = [(parties[party], needed) for party, needed in held.lacking.items()]
            doubts.append(
                {
                    "en": f"The sample that {held.person} checked is too small to say how far the "
                    "codes err; shares and grades stand as they were counted. Still to be checked: "
                    + "; ".join(
                        f"{party.label('en')} {needed} documents" for party, needed in lacking
                    )
                    + ".",
                    "zh": f"{held.person}核查的样本过小，无法判断编码误差，比例与评级仍按编码计数。尚需核查："
                    + "；".join(f"{party.label('zh')}{needed}份文件" for party, needed in lacking)
                    + "。",
                }
            )
        elif not any(one.is_corrected for one in self.overlaps):
            totals = {party: one.total for party, one in self.overlaps[0].prevalence.items()}
            without = not_by_model(self.overlaps[0], held)
            reasons = [
                {
                    "en": f"{party.label('en')} has no documents that count",
                    "zh": f"{party.label('zh')}没有计入的文件",
                }
                if not totals[party.id]
                else {
                    "en": f"{party.label('en')}: {without[party.id]} of {totals[party.id]} documents "
                    f"are coded by {held.person} and not by {held.model}",
                    "zh": f"{party.label('zh')}{totals[party.id]}份文件中，有{without[party.id]}份由"
                    f"{held.person}编码而未经{held.model}编码",
                }
                for party in self.study.parties
                if party.id in without or not totals[party.id]
            ]
            doubts.append(
                {
                    "en": "Shares and grades stand as they were counted, although a sample was "
                    f"checked: {'; '.join(one['en'] for one in reasons)}.",
                    "zh": "虽有核查样本，比例与评级仍按编码计数："
                    f"{'；'.join(one['zh'] for one in reasons)}。",
                }
            )
        if learned := doubt_learned(self.study, held):
            doubts.append(learned)
        if any(
            c.id == held.person and c.kind is not CoderKind.PERSON
            for c in self.study.store.coders()
        ):
            doubts.append(
                {
                    "en": f"{held.person}, whose codes on the sample are taken as right, is no person: "
                    "the figures are corrected towards another program's reading.",
                    "zh": f"样本核查者{held.person}并非人工编码者：各项数字系按另一程序的解读校正。",
                }
            )
        return doubts

    def results(self) -> Results:
        """Gather everything a report shows."""
        chosen = {one.id: self._coder_of[one.id] for one in self.documents}
        used = [one for one in self.settings.coding.coders if one in set(chosen.values())]
        known = {one.id: one for one in self.study.store.coders()}
        coders = tuple(known[one] for one in used)
        corrections = {one.id: of for one in coders if (of := corrected_coder(one))}
        warnings = [
            *self.study.stale(),
            *_first_few(self.study.playbook.warnings),
            *missing_parties(self.study.playbook, [one.id for one in self.study.parties]),
            *(
                {"en": f"{document}: {doubt['en']}", "zh": f"{document}：{doubt['zh']}"}
                for document, doubt in doubts_as_of(self.documents, self.as_of).items()
            ),
            *(
                {
                    "en": f"{one.title_en or one.title} ended on this very day "
                    f"({one.status.value}) and still counts; ask for the next day to leave it out.",
                    # Title marks are for Chinese titles; an English one stands as it is.
                    "zh": (f"《{one.title}》" if one.title[:1] > "\u2e80" else f"{one.title} ")
                    + "于当日终止，当日仍计入；查询次日即不计入。",
                }
                for one in self.documents
                if one.ended_on == self.as_of
            ),
        ]
        if len(used) > 1:
            shares = {one: sum(coder == one for coder in chosen.values()) for one in used}
            warnings.append(
                {
                    "en": "Documents were coded by different coders, so that part of a difference "
                    "between parties or dates may be one between coders: "
                    + ", ".join(f"{one} {count}" for one, count in shares.items())
                    + ".",
                    "zh": "各文件由不同编码者编码，主体或时点之间的差异可能部分来自编码者："
                    + "，".join(f"{one} {count}份" for one, count in shares.items())
                    + "。",
                }
            )
        warnings += self._doubts_of_checking()
        if not set(used).isdisjoint(OWN_CODERS):
            from qiutong.coders.builtin import BuiltinCoder

            teller = BuiltinCoder(self.codebook)
            warnings += [
                told
                for language in sorted(
                    {one.language for one in self.documents if chosen[one.id] in OWN_CODERS}
                )
                if (told := teller.warning(language))
            ]
        stability = self.settings.stability
        return Results(
            study=self.settings.name,
            as_of=self.as_of,
            parties=self.study.parties,
            codebook=self.codebook,
            coders=coders,
            documents=self.documents,
            left_out=self._scope[1],
            left_out_documents=tuple(
                one for one in self.study.documents() if one.id in self._scope[1]
            ),
            segments=self.segment_counts,
            overlaps=self.overlaps,
            evidence=self.evidence,
            counter_evidence=self.counter_evidence,
            screens={**self.code_screens, **self.topic_screens},
            recommendations=self.recommendations,
            fora=tuple(
                known_on(one, self.as_of)
                for one in self.study.playbook.fora
                if stands(one.since, one.until, self.as_of)
            ),
            passages=self._shown() if self.quoting else {},
            method={
                "software": f"qiutong {software_version()}",
                "codebook": self.codebook.name,
                "playbook": f"{self.study.playbook.id}@{self.study.playbook.version}",
                "coder": ", ".join(used),
                "coder_version": ", ".join(one.version for one in coders),
                "coder_kind": ", ".join(sorted({one.kind.value for one in coders})),
                "thresholds": {
                    "strong": self.settings.thresholds.strong,
                    "moderate": self.settings.thresholds.moderate,
                },
                "interval": f"Wilson {self.settings.interval_level:.0%}",
                "resamples": stability.resamples,
                "seed": stability.seed,
                "min_confidence": self.settings.coding.min_confidence,
                "codings": len(self.codings),
                "reliability": self._reliability(),
                **self._checking(),
                **({"combined": combined} if (combined := self._combined()) else {}),
                **({"corrections": corrections} if corrections else {}),
            },
            warnings=tuple(warnings),
        )


def _first_few(warnings: Sequence[dict[str, str]], most: int = 3) -> list[dict[str, str]]:
    """Cut a long list of warnings of one kind, and say how many there are."""
    if len(warnings) <= most:
        return list(warnings)
    rest = len(warnings) - most
    return [
        *warnings[:most],
        {
            "en": f"{rest} more parts of the playbook do not fit the codebook: "
            "qiutong playbook check lists them.",
            "zh": f"预案另有{rest}处与编码表不符，可用 qiutong playbook check 查看。",
        },
    ]
