"""The built-in coder: cues and sentence vectors, two languages and more, no training.

Each sentence of a segment is looked at twice. *Cues* of the codebook give exact places. *Likeness*
compares the sentence's vector with what the codebook says of each code (labels, definitions,
inclusion rules, anchor examples, in all its languages), in units of how unrelated sentences
scatter. A cue that likeness does not contradict gives a coding; very great likeness alone gives a
weaker one. Nothing is learnt from coded documents. ``docs/method/coding.md`` has the formulas and
what was measured.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import msgspec
import numpy as np

from qiutong.codebook import CueMatcher
from qiutong.coders.embed import (
    Embedder,
    UseEmbedder,
    VectorCache,
    embed_cached,
    start_embedding,
    vector_key,
)
from qiutong.model import Codebook, Coder, CoderKind, Coding, Document, Position, Segment
from qiutong.position import classify_position
from qiutong.settings import read_yaml
from qiutong.text import split_sentences

BACKGROUND = Path(__file__).parent / "background.yaml"
"""Invented sentences without any code, by language; the zero of the likeness scale."""

VERSION = "2"
"""Raised whenever the same input would give other codings."""

# Languages the bundled model was trained on; in any other, likeness would be noise.
_EMBEDDED = frozenset(
    ["ar", "de", "en", "es", "fr", "it", "ja", "ko", "nl", "pl", "pt", "ru", "th", "tr", "zh"]
)
BATCH = 1000
"""Sentences embedded in one go: enough for two processes, and little to wait for."""

# Languages whose characters say about three times as much as a letter.
_DENSE = frozenset({"zh", "ja", "ko"})


class CoderSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The thresholds of the built-in coder, in standard deviations of unrelated sentences.

    Parameters
    ----------
    shrinkage
        Weight of the average variance added to the covariance that directions are scaled by.
    nearest
        How many of a code's texts a sentence must be near to, on average.
    contradiction
        A single cue counts only above this discriminant likeness.
    field
        A cue counts only where the sentence, averaged with its document, comes at least this near
        to *some* code in plain likeness: "fraud" in a report on bank robbers is no evidence.
    supported, alone
        Discriminant likeness needed without a cue, where the document has a cue of the code
        elsewhere (``supported``), or nowhere (``alone``; it must then be the sentence's best code).
    near, near_alone
        Plain likeness needed besides, in the same two cases.
    foreign
        Added to both ``alone`` thresholds for languages in which the codebook has no cues.
    fewest_characters
        A shorter sentence gets no coding without a cue; a third of it in Chinese, Japanese, Korean.
    evidence_characters
        A longer sentence is quoted by the clause that holds the cue; a third of it likewise.
    """

    shrinkage: float = 1.0
    nearest: int = 3
    contradiction: float = 0.0
    field: float = 1.7
    supported: float = 6.5
    alone: float = 8.0
    near: float = 2.5
    near_alone: float = 3.5
    foreign: float = 1.5
    fewest_characters: int = 45
    evidence_characters: int = 420


class BuiltinCoder:
    """Code documents with any codebook, offline.

    Parameters
    ----------
    codebook
        The codebook; its cues work in the languages it has them for, its other texts in all
        languages the embedder knows.
    embedder
        Makes sentence vectors; the bundled multilingual model if None. It loads on first use.
    cache
        Where vectors of *evidence* (and of the codebook's texts) are kept for later stages, or
        None. Vectors of other sentences are not kept: a study's file stays small.
    settings
        Thresholds.

    Attributes
    ----------
    coder
        Who gave the codings, as they record it.

    Notes
    -----
    A coding's confidence is a score for ranking, **not a probability**: 0.50–0.95 with a cue,
    0.25–0.45 without. Results do not depend on the order or grouping of documents.
    """

    def __init__(
        self,
        codebook: Codebook,
        embedder: Embedder | None = None,
        *,
        cache: VectorCache | None = None,
        settings: CoderSettings | None = None,
    ) -> None:
        self.codebook = codebook
        self.embedder: Embedder = embedder if embedder is not None else UseEmbedder()
        self.settings = settings or CoderSettings()
        self._cache = cache
        self._likeness: _Likeness | None = None
        self._matchers: dict[str, CueMatcher] = {}
        self._cued = {
            language.partition("-")[0] for code in codebook.codes for language in code.cues
        }
        self.coder = Coder(
            id="builtin",
            kind=CoderKind.RULE,
            version=f"{VERSION}+{self.embedder.name}",
            description=(
                "Cues of the codebook and sentence vectors; no training.\n"
                "依据编码表线索词与句向量，未经训练。"
            ),
        )

    def warning(self, language: str) -> dict[str, str]:
        """Say what a reader must know about coding texts of a language; empty where nothing.

        Returns
        -------
        dict of str to str
            The warning in ``en`` and ``zh``.
        """
        base = _base(language)
        if base in self._cued:
            return {}
        if base in _EMBEDDED:
            return {
                "en": f'The codebook has no cues in "{language}": codings rest on likeness alone, '
                "many provisions are missed, and positions are not classified.",
                "zh": f"编码表没有“{language}”的线索词：编码只依据语义相近程度，会遗漏许多条款，"
                "也不判断条款的效力方向。",
            }
        return {
            "en": f'The built-in coder does not know the language "{language}": nothing is coded.',
            "zh": f"内置编码器不支持“{language}”：未作任何编码。",
        }

    def code_documents(
        self,
        items: Iterable[tuple[Document, Sequence[Segment]]],
        *,
        progress: Callable[[str], None] | None = None,
    ) -> Iterator[tuple[Document, tuple[Coding, ...]]]:
        """Code documents one after the other, in the order given.

        Parameters
        ----------
        items
            Documents with their text, each with its segments. Read a few ahead, so that memory
            does not grow with the number of documents.
        progress
            Called with a document's id when its codings are ready.

        Yields
        ------
        tuple of Document and tuple of Coding
            Per segment and code at most one coding, that of the best evidence, by place in the
            text and then by the codebook's order. A document without segments has none.
        """
        reads = (self.read(document, segments) for document, segments in items)
        for batch, vectors in self.embed_documents(reads):
            yield from self._finish(batch, vectors, progress)

    def embed_documents(
        self, reads: Iterable["ReadDocument"]
    ) -> Iterator[tuple[list["ReadDocument"], np.ndarray]]:
        """Embed documents in batches, in the order given.

        Worker processes are not kept waiting: while they embed a batch, the next is read, and the
        caller works on the one before.

        Yields
        ------
        tuple of list of ReadDocument and numpy.ndarray
            A batch, and a unit vector for each of its sentences, ``(n, d)``.
        """
        before: tuple[list[ReadDocument], Callable[[], np.ndarray]] | None = None
        for batch in _batches(reads):
            texts = [sentence.text for read in batch for sentence in read.sentences]
            started = batch, start_embedding(self.embedder, texts)
            if before is not None:
                yield before[0], before[1]()
            before = started
        if before is not None:
            yield before[0], before[1]()

    def read(self, document: Document, segments: Sequence[Segment]) -> "ReadDocument":
        """Split segments into sentences and find their cues.

        Parameters
        ----------
        document
            Its text is read.
        segments
            Its provisions, or some of them.

        Returns
        -------
        ReadDocument
            Sentences in a language that the coder does not know are left out, and so are those too
            short to be coded without a cue.
        """
        place = {code.id: index for index, code in enumerate(self.codebook.codes)}
        sentences: list[Sentence] = []
        for segment in segments:
            language = segment.language if segment.language != "und" else document.language
            base = _base(language)
            if base not in self._cued and base not in _EMBEDDED:
                continue
            matcher = self._matcher(language) if base in self._cued else None
            lead_in = ""
            if segment.lead_in is not None:
                lead_in = document.text[segment.lead_in[0] : segment.lead_in[1]]
            for start, end in split_sentences(document.text, base, segment.start, segment.end):
                cues: dict[int, list[tuple[int, int]]] = {}
                if matcher is not None:
                    for code, left, right in matcher.find(document.text, start, end):
                        cues.setdefault(place[code], []).append((left, right))
                text = document.text[start:end]
                weight = 3 if base in _DENSE else 1
                # Too short to be coded without a cue: not worth a vector.
                if cues or len(text) * weight >= self.settings.fewest_characters:
                    sentences.append(Sentence(segment, start, end, text, base, lead_in, cues))
                if text.endswith((":", "：", "—")):
                    lead_in = text
        return ReadDocument(document, sentences)

    def _finish(
        self,
        reads: list["ReadDocument"],
        vectors: np.ndarray,
        progress: Callable[[str], None] | None,
    ) -> Iterator[tuple[Document, tuple[Coding, ...]]]:
        """Score a batch and give its codings."""
        if len(vectors):
            discriminant, plain = self.measure(vectors)
        row = 0
        for read in reads:
            codings: tuple[Coding, ...] = ()
            rows = slice(row, row + len(read.sentences))
            row = rows.stop
            if read.sentences:
                found = self._decide(read.sentences, discriminant[rows], plain[rows])
                codings = tuple(self._coding(read.document, one) for one in found)
                if self._cache is not None:
                    self._keep(found, vectors[rows])
            if progress is not None:
                progress(read.document.id)
            yield read.document, codings

    def _decide(
        self, sentences: list["Sentence"], discriminant: np.ndarray, plain: np.ndarray
    ) -> list["FoundCode"]:
        """Choose codes for one document's sentences; best evidence per segment and code."""
        rules = self.settings
        cues = np.zeros(discriminant.shape, dtype=np.int32)
        for row, sentence in enumerate(sentences):
            for code, places in sentence.cues.items():
                cues[row, code] = len(places)
        nearness = plain.max(axis=1, keepdims=True)
        in_field = (nearness + nearness.mean()) / 2 > rules.field
        cued = np.array([sentence.language in self._cued for sentence in sentences])[:, None]
        long_enough = np.array(
            [
                len(one.text) * (3 if one.language in _DENSE else 1) >= rules.fewest_characters
                for one in sentences
            ]
        )[:, None]
        best = discriminant >= discriminant.max(axis=1, keepdims=True)
        extra = np.where(cued, 0.0, rules.foreign)
        by_cue = in_field & ((cues > 1) | ((cues > 0) & (discriminant > rules.contradiction)))
        supported = by_cue.any(axis=0)
        by_likeness = long_enough & (
            (supported & (discriminant > rules.supported) & (plain > rules.near))
            | (best & (discriminant > rules.alone + extra) & (plain > rules.near_alone + extra))
        )
        confidence = np.where(
            by_cue,
            0.50 + 0.35 * _ramp(discriminant, 0.0, 7.0) + 0.05 * np.clip(cues - 1, 0, 2),
            0.25 + 0.20 * _ramp(discriminant, rules.supported, 2 * rules.supported),
        ).round(2)
        chosen: dict[tuple[str, int], FoundCode] = {}
        for row, code in np.argwhere(by_cue | by_likeness):
            sentence = sentences[row]
            found = FoundCode(
                row,
                sentence,
                int(code),
                float(confidence[row, code]),
                float(discriminant[row, code]),
                sentence.cues.get(int(code), []) if by_cue[row, code] else [],
            )
            key = (sentence.segment.id, int(code))
            if key not in chosen or found.confidence > chosen[key].confidence:
                chosen[key] = found
        order = sorted(chosen.values(), key=lambda one: (one.sentence.segment.start, one.code))
        for found in order:
            found.start, found.end = self._evidence(found)
        return order

    def _evidence(self, found: "FoundCode") -> tuple[int, int]:
        """The sentence; of an over-long one, the clause around the first cue."""
        sentence = found.sentence
        limit = self.settings.evidence_characters
        if sentence.language in _DENSE:
            limit //= 3
        if len(sentence.text) <= limit:
            return sentence.start, sentence.end
        middle = found.cues[0] if found.cues else (sentence.start, sentence.start + 1)
        for breaks in (_CLAUSE, _COMMA):
            left, right = _around(sentence, middle, breaks)
            if right - left <= limit:
                break
        return left, right

    def _coding(self, document: Document, found: "FoundCode") -> Coding:
        sentence = found.sentence
        place = None
        if found.cues:
            left, right = found.cues[0]
            place = (left - sentence.start, right - sentence.start)
        position = classify_position(
            sentence.text, sentence.language, sentence.lead_in, evidence=place
        )
        cues = "; ".join(
            dict.fromkeys(
                document.text[left:right].replace("\n", " ") for left, right in found.cues
            )
        )
        return Coding(
            document=document.id,
            code=self.codebook.codes[found.code].id,
            coder=self.coder.id,
            codebook=self.codebook.name,
            segment=sentence.segment.id,
            evidence_start=found.start,
            evidence_end=found.end,
            confidence=found.confidence,
            position=Position(position),
            memo=f"likeness {found.likeness:.1f}" + (f"; cues: {cues}" if cues else "; no cue"),
        )

    def _keep(self, found: list["FoundCode"], vectors: np.ndarray) -> None:
        """Keep the vectors of evidence; a clause of a long sentence needs one of its own."""
        if self._cache is None:
            return
        keep: dict[str, np.ndarray] = {}
        clauses: list[str] = []
        for one in found:
            text = one.sentence.text
            if (one.start, one.end) == (one.sentence.start, one.sentence.end):
                keep[vector_key(text)] = vectors[one.row]
            else:
                clauses.append(text[one.start - one.sentence.start : one.end - one.sentence.start])
        if keep:
            self._cache.put(keep)
        if clauses:
            embed_cached(self.embedder, self._cache, list(dict.fromkeys(clauses)))

    def measure(self, vectors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Say how like each code sentences are.

        Parameters
        ----------
        vectors
            Unit vectors of one or more sentences, ``(n, d)``, from the coder's ``embedder``.

        Returns
        -------
        discriminant, plain
            Likeness over that of the other codes, and by itself, both ``(n, codes)`` and in
            standard deviations of unrelated sentences. Codes as in the codebook.
        """
        if self._likeness is None:
            texts, codes = _texts_of(self.codebook)
            background = [one for group in _background().values() for one in group]
            known = embed_cached(self.embedder, self._cache, texts + background)
            self._likeness = _Likeness(
                known[: len(texts)], np.array(codes), known[len(texts) :], self.settings
            )
        return self._likeness.measure(vectors)

    def _matcher(self, language: str) -> CueMatcher:
        if language not in self._matchers:
            self._matchers[language] = CueMatcher(self.codebook, language)
        return self._matchers[language]


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence of a segment: offsets in the document, and cue places by index of the code."""

    segment: Segment
    start: int
    end: int
    text: str
    language: str
    lead_in: str
    cues: dict[int, list[tuple[int, int]]]


@dataclass(frozen=True, slots=True)
class ReadDocument:
    """A document and the sentences of its provisions, in the order of the text."""

    document: Document
    sentences: list[Sentence]


@dataclass(slots=True)
class FoundCode:
    """A code found in a sentence (``row`` of its document), and the evidence for it."""

    row: int
    sentence: Sentence
    code: int
    confidence: float
    likeness: float
    cues: list[tuple[int, int]]
    start: int = field(default=0)
    end: int = field(default=0)


def _batches(reads: Iterable[ReadDocument]) -> Iterator[list[ReadDocument]]:
    """Neighbours that together have enough sentences to be embedded in one go."""
    waiting: list[ReadDocument] = []
    count = 0
    for read in reads:
        waiting.append(read)
        count += len(read.sentences)
        if count >= BATCH:
            yield waiting
            waiting, count = [], 0
    if waiting:
        yield waiting


class _Likeness:
    """How like each code sentences are, in standard deviations of unrelated sentences.

    Parameters
    ----------
    texts
        Vectors of the codebook's texts, ``(m, d)``.
    codes
        Index of the code each belongs to, ``(m,)``.
    background
        Vectors of sentences without any code, ``(b, d)``.

    Notes
    -----
    *Discriminant*: Fisher's linear discriminant of each code against the mean of all codes and the
    background, with one covariance, shrunk towards a multiple of the identity. It asks what
    *sets this code apart*; raw cosines mostly say "this is about AI". *Plain*: mean cosine to the
    ``nearest`` of the code's texts. Both are standardised by the background's mean and standard
    deviation, and rounded so that the last bits of a vector decide nothing.
    """

    def __init__(
        self,
        texts: np.ndarray,
        codes: np.ndarray,
        background: np.ndarray,
        settings: CoderSettings,
    ) -> None:
        self._texts, self._nearest = texts, settings.nearest
        self._groups = [np.flatnonzero(codes == code) for code in range(int(codes.max()) + 1)]
        centres = np.stack([texts[group].mean(axis=0) for group in self._groups])
        spread = np.vstack([texts - centres[codes], background - background.mean(axis=0)])
        covariance = (spread.T @ spread / len(spread)).astype(np.float64)
        shrink = settings.shrinkage * float(np.trace(covariance)) / len(covariance)
        covariance += shrink * np.eye(len(covariance))
        self._origin = np.vstack([centres, background.mean(axis=0)]).mean(axis=0)
        away = (centres - self._origin).astype(np.float64)
        directions = np.linalg.solve(covariance, away.T)
        directions /= np.sqrt((away.T * directions).sum(axis=0))
        self._directions = directions.astype(np.float32)
        self._scale = [
            (scores.mean(axis=0), np.maximum(scores.std(axis=0), 1e-6))
            for scores in self._raw(background)
        ]

    def measure(self, vectors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Give discriminant and plain likeness of sentences, each ``(n, number of codes)``."""
        parts = [self._raw(vectors[i : i + 1024]) for i in range(0, len(vectors), 1024)]
        scores = [np.concatenate(group) for group in zip(*parts, strict=True)]
        discriminant, plain = (
            np.round((score - mean) / deviation, 3)
            for score, (mean, deviation) in zip(scores, self._scale, strict=True)
        )
        return discriminant, plain

    def _raw(self, vectors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        discriminant = (vectors - self._origin) @ self._directions
        cosines = vectors @ self._texts.T
        plain = np.empty_like(discriminant)
        for code, group in enumerate(self._groups):
            few = min(self._nearest, len(group))
            plain[:, code] = np.partition(cosines[:, group], -few, axis=1)[:, -few:].mean(axis=1)
        return discriminant, plain


_CLAUSE = re.compile(r"[;；:：](?=\s|[^\d\s])")
_COMMA = re.compile(r"[,，、](?=\s|[^\d\s])")


def _around(
    sentence: Sentence, middle: tuple[int, int], breaks: re.Pattern[str]
) -> tuple[int, int]:
    """The stretch between two breaks that holds a cue, without white space at its ends."""
    left, right = sentence.start, sentence.end
    for hit in breaks.finditer(sentence.text):
        here = sentence.start + hit.end()
        if here <= middle[0]:
            left = here
        elif here >= middle[1]:
            right = here
            break
    text = sentence.text[left - sentence.start : right - sentence.start]
    left += len(text) - len(text.lstrip())
    right -= len(text) - len(text.rstrip())
    return left, right


def _texts_of(codebook: Codebook) -> tuple[list[str], list[int]]:
    """What a codebook says of its codes, in all its languages, with the index of the code."""
    texts: list[str] = []
    codes: list[int] = []
    for index, code in enumerate(codebook.codes):
        said = list(code.label.values())
        for language, definition in code.definition.items():
            said += [definition[a:b] for a, b in split_sentences(definition, _base(language))]
        said += code.include.values()
        said += [anchor for anchors in code.anchors.values() for anchor in anchors]
        texts += said
        codes += [index] * len(said)
    return texts, codes


@cache
def _background() -> dict[str, tuple[str, ...]]:
    return read_yaml(BACKGROUND, dict[str, tuple[str, ...]])


def _base(language: str) -> str:
    return language.lower().replace("_", "-").partition("-")[0]


def _ramp(values: np.ndarray, low: float, high: float) -> np.ndarray:
    return np.clip((values - low) / (high - low), 0.0, 1.0)
