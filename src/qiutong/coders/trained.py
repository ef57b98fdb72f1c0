"""A coder learned from coded provisions: three heads, calibrated.

What a provision looks like is what the built-in coder sees of it: its sentence vectors, how like
each code it is, and the codebook's cues; and its words. Three heads are learned from codings and
averaged. The *code's own head* is a logistic regression for each code. The *shared head* is one
logistic regression over provision x code cells; it learns what a cue and a likeness are worth for
any code, and carries codes that few provisions have. The *word head* is a logistic regression for
each code on the words alone; it has half the say, because it errs elsewhere than the others. What
stands beside a provision in its document counts a little. ``docs/method/training.md`` says what was
measured.
"""

import hashlib
import io
import json
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from qiutong.codebook import ancestors
from qiutong.coders.builtin import (
    VERSION,
    BuiltinCoder,
    CoderSettings,
    FoundCode,
    ReadDocument,
    Sentence,
)
from qiutong.coders.embed import Embedder, VectorCache
from qiutong.coders.words import Vocabulary, count_words, fit_words, name_strongest, score_words
from qiutong.errors import InputError, UndefinedStatistic, UnreadableFile
from qiutong.model import Codebook, Coder, CoderKind, Coding, Document, Segment

FEATURES = "3"
"""Raised whenever the same text would give other features: older models are then refused."""

FEWEST = 15
"""A code that fewer provisions have is not learned: its figures would be chance."""

# zlib has an error of its own; a lone array has no context manager (TypeError); an archive may
# claim a method of compression or a lock that Python does not know.
NO_MODEL = (
    ValueError, KeyError, TypeError, EOFError, OSError, NotImplementedError, RuntimeError,
    zipfile.BadZipFile, zlib.error,
)  # fmt: skip
"""What reading the bytes of a model raises where they are none."""

LEAST_PRECISION = 0.3
"""A code with a lower average precision on held-out documents is learned, and not given."""

FOLDS = 5
_STEPS = 60
# What the two provisions on either side, and the whole document, add to a provision's log odds;
# below the floor they only say "absent".
_BESIDE, _AROUND, _FLOOR = 0.3, 0.15, -6.0
# Scales of the own head's blocks: one ridge penalty serves all of them.
_WORDING, _DISCRIMINANT, _PLAIN, _MOST_CUES = 2.0, 1 / 8, 1 / 6, 2.0


class Example(msgspec.Struct, frozen=True, kw_only=True):
    """A sentence to learn from that stands in no document; without codes, one that has none."""

    text: str
    language: str
    codes: tuple[str, ...]


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """How a code did on documents the model had not seen.

    Parameters
    ----------
    language
        ``en``, ``zh`` …; empty for all together.
    given
        Provisions, or tagged documents, that have the code.
    f1, precision, recall, average_precision
        On held-out documents, thresholds chosen on the other documents. None where ``given`` is 0.
    """

    code: str
    language: str
    given: int
    f1: float | None
    precision: float | None
    recall: float | None
    average_precision: float | None


class ModelCard(msgspec.Struct, frozen=True, kw_only=True):
    """What a model was made from and how far it can be trusted.

    Parameters
    ----------
    unit
        What was coded, and is counted in the figures: ``provision`` or ``document``.
    data_sha256
        Hash of the texts and codes of these units, in order of their ids.
    codebook, codebook_sha256
        Name with version, and a hash of all the codebook says: cues and definitions are features.
    trained_on
        Id of the coder whose codings were learned, or name of the file of tags.
    languages, provisions
        Number of documents, and of their provisions, by language.
    base
        Digest of the model that the features come from besides; empty where there is none.
    macro_f1, micro_f1
        On held-out documents, by language; macro over codes with five units or more there.
    examples
        Invented sentences learned from besides; they are in no figure.
    calibration_error
        Expected calibration error on held-out documents, ten bins.
    untrained
        Codes with too few units; never given.
    withheld
        Codes learned too badly to be given: average precision below 0.3, or no better than chance.
    figures
        For each code, and for each code and language.
    limits
        What a reader must know, in English.
    """

    data_sha256: str
    codebook: str
    codebook_sha256: str
    embedder: str
    features: str
    trained_on: str
    documents: int
    languages: dict[str, int]
    provisions: dict[str, int]
    macro_f1: dict[str, float]
    micro_f1: dict[str, float]
    calibration_error: float
    untrained: tuple[str, ...]
    withheld: tuple[str, ...]
    figures: tuple[Figures, ...]
    limits: tuple[str, ...]
    unit: str = "provision"
    base: str = ""
    examples: int = 0


class TrainedModel:
    """The numbers of a trained coder, with its card.

    Parameters
    ----------
    card
        Where they come from.
    codes
        Ids of the codes, in the codebook's order.
    arrays
        ``centre, typical, weights`` (own heads), ``shared, prior`` (shared head), ``vocabulary,
        rarity, words, level, usual`` (word head), ``slope, shift, threshold, trained``; see the
        source. Those of a model learned from tags are in
        :mod:`qiutong.coders.documents`.
    """

    def __init__(
        self, card: ModelCard, codes: tuple[str, ...], arrays: Mapping[str, np.ndarray]
    ) -> None:
        self.card, self.codes, self.arrays = card, codes, dict(arrays)

    @property
    def digest(self) -> str:
        """Twelve hexadecimal digits that change whenever the model does."""
        hashed = hashlib.sha256(msgspec.json.encode(self.card))
        for name in sorted(self.arrays):
            hashed.update(name.encode() + np.ascontiguousarray(self.arrays[name]).tobytes())
        return hashed.hexdigest()[:12]

    def to_bytes(self) -> bytes:
        """Give the model as an ``.npz`` file, without pickle; the same model, the same bytes."""
        head = json.dumps({"codes": self.codes, "card": msgspec.to_builtins(self.card)})
        named = {"head": np.frombuffer(head.encode(), dtype=np.uint8), **self.arrays}
        file = io.BytesIO()
        np.savez_compressed(file, allow_pickle=False, **named)
        return file.getvalue()

    @classmethod
    def load(cls, path: str | Path) -> "TrainedModel":
        """Read a model learned from provisions; nothing in the file is executed.

        Raises
        ------
        UnreadableFile
            The file is missing, or is no such model of this version.
        """
        model = read_model(path)
        if model.card.unit != "provision":
            raise UnreadableFile(
                path,
                "was learned from tags of documents, not from coded provisions",
                "Name a file made by: qiutong train FILE --from CODER",
            )
        check_model(path, model, FEATURES, _fits(model.arrays, len(model.codes)))
        return model


def read_model(path: str | Path) -> TrainedModel:
    """Read a model of any kind and version, unchecked; nothing in the file is executed.

    Raises
    ------
    UnreadableFile
        The file is missing, or is no model.
    """
    path = Path(path)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UnreadableFile(
            path, f"cannot be read ({error.strerror})", "Check the path."
        ) from None
    try:
        return model_from_bytes(data)
    except NO_MODEL:
        raise UnreadableFile(
            path, "is no trained coder", "Make one with: qiutong train FILE"
        ) from None


def model_from_bytes(data: bytes) -> TrainedModel:
    """Read a model from the bytes of its file; errors as numpy gives them."""
    with np.load(io.BytesIO(data), allow_pickle=False) as held:
        arrays = {name: held[name] for name in held.files}
    head = json.loads(arrays.pop("head").tobytes())
    card = msgspec.convert(head["card"], ModelCard)
    return TrainedModel(card, msgspec.convert(head["codes"], tuple[str, ...]), arrays)


def check_model(path: str | Path, model: TrainedModel, features: str, whole: bool) -> None:
    """Refuse a model of other features, or one whose numbers are not whole.

    Raises
    ------
    UnreadableFile
        It is one of these.
    """
    if model.card.features != features or not whole:
        raise UnreadableFile(
            path,
            f"was made by another version of Qiutong (features {model.card.features}, here "
            f"{features})",
            "Train it again.",
        )


class TrainedCoder(BuiltinCoder):
    """Code documents with a trained model.

    Parameters
    ----------
    codebook
        The codebook the model was trained with.
    model
        See :func:`train_coder`.
    embedder, cache, settings
        As for :class:`~qiutong.coders.builtin.BuiltinCoder`.
    identity
        Id that the codings record.

    Notes
    -----
    A document in a language for which the codebook has no cues is coded as the built-in coder codes
    it: nothing was learned of it. A coding's confidence is a calibrated probability: Platt scaling on held-out documents of the
    training set. On documents of another kind it is off. The memo names what spoke for the code:
    words, meaning (sentence vectors), likeness and cues, in log odds above the average provision;
    then the cues, and the words that weigh most.

    Raises
    ------
    InputError
        The codebook or the embedder is another than the model's.
    """

    def __init__(
        self,
        codebook: Codebook,
        model: TrainedModel,
        embedder: Embedder | None = None,
        *,
        cache: VectorCache | None = None,
        settings: CoderSettings | None = None,
        identity: str = "trained",
    ) -> None:
        super().__init__(codebook, embedder, cache=cache, settings=settings)
        if model.card.codebook_sha256 != codebook_sha256(codebook):
            raise InputError(
                f"the model was trained with {model.card.codebook}, whose texts or cues differ "
                f"from {codebook.name} as it is now. Train it again: qiutong train FILE"
            )
        if model.card.embedder != self.embedder.name:
            raise InputError(
                f'the model needs the vectors of "{model.card.embedder}", '
                f'not of "{self.embedder.name}"'
            )
        self.model = model
        self._above = _above(codebook)
        self.coder = Coder(
            id=identity,
            kind=CoderKind.TRAINED,
            # Positions and evidence are found as the built-in coder of this version finds them.
            version=f"{model.digest}+{VERSION}+{self.embedder.name}",
            description=(
                f"Learned from the codings of {model.card.trained_on}.\n"
                f"由 {model.card.trained_on} 的编码训练而成。"
            ),
        )

    def _finish(
        self,
        reads: list[ReadDocument],
        vectors: np.ndarray,
        progress: Callable[[str], None] | None,
    ) -> Iterator[tuple[Document, tuple[Coding, ...]]]:
        for read, own, seen in see_batch(self, reads, vectors):
            codings: tuple[Coding, ...] = ()
            if seen is not None:
                cued = any(sentence.language in self._cued for sentence in read.sentences)
                if cued:
                    chosen = self._choose(read, seen)
                    found = [one for one, _ in chosen]
                    codings = tuple(
                        msgspec.structs.replace(self._coding(read.document, one), memo=memo)
                        for one, memo in chosen
                    )
                else:
                    single = seen.sentences
                    found = self._decide(read.sentences, single.discriminant, single.plain)
                    codings = tuple(self._coding(read.document, one) for one in found)
                if self._cache is not None:
                    self._keep(found, own)
            if progress is not None:
                progress(read.document.id)
            yield read.document, codings

    def weigh_documents(
        self, items: Iterable[tuple[Document, Sequence[Segment]]]
    ) -> Iterator[tuple[Document, dict[str, dict[str, float]]]]:
        """Say how likely each code is on each provision, given or not.

        Parameters
        ----------
        items
            As for :meth:`code_documents`.

        Yields
        ------
        tuple of Document and dict
            By segment id and code, the calibrated probability in [0, 1]; codes that were not learned
            are not among them, and neither are provisions in a language without cues.
        """
        codes = [(at, code.id) for at, code in enumerate(self.codebook.codes)]
        reads = (self.read(document, segments) for document, segments in items)
        for read, _, seen in see_documents(self, reads):
            odds: dict[str, dict[str, float]] = {}
            if seen is not None and any(one.language in self._cued for one in read.sentences):
                for segment, row in zip(seen.ids, self._probabilities(seen), strict=True):
                    odds[segment] = {
                        code: float(row[at])
                        for at, code in codes
                        if self.model.arrays["trained"][at]
                    }
            yield read.document, odds

    @cached_property
    def _provision_heads(self) -> "ProvisionHeads":
        return ProvisionHeads(self.model.arrays)

    def _probabilities(self, seen: "SeenDocument") -> np.ndarray:
        """Calibrated probabilities of one document: shape (provisions, codes)."""
        held = self.model.arrays
        alike = np.zeros(len(seen.ids), dtype=np.int64)
        score = np.round(_in_context(self._provision_heads.scores(seen.pooled), alike), 4)
        return logistic(held["slope"] * score + held["shift"])

    def _choose(self, read: ReadDocument, seen: "SeenDocument") -> list[tuple[FoundCode, str]]:
        """Choose codes of one document's provisions; the sentence that says it is the evidence."""
        held, heads = self.model.arrays, self._provision_heads
        sentences = read.sentences
        provision = seen.pooled
        probability = self._probabilities(seen)
        given = (probability >= held["threshold"]) & held["trained"]
        for code, above in enumerate(self._above):
            # A child says its parent too: the parent is not repeated.
            for parent in above:
                given[given[:, code], parent] = False
        alone = np.round(heads.alone(seen.sentences), 4)
        found: list[tuple[FoundCode, str]] = []
        for row, code in np.argwhere(given):
            members = np.flatnonzero(seen.row == row)
            best = int(
                members[np.argmax(alone[members, code] + seen.sentences.cues[members, code])]
            )
            one, cues = self._evidence_of(
                sentences[best],
                best,
                int(code),
                float(np.round(probability[row, code], 2)),
                float(provision.discriminant[row, code]),
            )
            words, meaning, likeness, cue = heads.parts(provision.row(int(row)), int(code))
            memo = (
                f"probability {probability[row, code]:.2f}, "
                f"coded from {held['threshold'][code]:.2f}; words {words:+.1f}, "
                f"meaning {meaning:+.1f}, likeness {likeness:+.1f}, cues {cue:+.1f}; {cues}"
            )
            found.append((one, memo + heads.strongest_words(seen.sentences.words[best], int(code))))
        found.sort(key=lambda pair: (pair[0].sentence.segment.start, pair[0].code))
        return found

    def _evidence_of(
        self, sentence: Sentence, row: int, code: int, confidence: float, likeness: float
    ) -> tuple[FoundCode, str]:
        """A code with a sentence as its evidence, and which cues the sentence has, in words."""
        cues = sentence.cues.get(code, [])
        one = FoundCode(row, sentence, code, confidence, likeness, cues)
        one.start, one.end = self._evidence(one)
        text = "; ".join(
            dict.fromkeys(
                sentence.text[a - sentence.start : b - sentence.start].replace("\n", " ")
                for a, b in cues
            )
        )
        return one, f"cues: {text}" if text else "no cue in the sentence"


def train_coder(
    codebook: Codebook,
    items: Iterable[tuple[Document, Sequence[Segment]]],
    codes: Mapping[str, frozenset[str]],
    *,
    trained_on: str,
    examples: Sequence["Example"] = (),
    withhold: bool = True,
    caution: float = 0.0,
    embedder: Embedder | None = None,
    cache: VectorCache | None = None,
    progress: Callable[[str], None] | None = None,
) -> TrainedModel:
    """Learn a coder from coded provisions.

    Parameters
    ----------
    codebook
        The codebook of the codings.
    items
        Documents, each with its provisions.
    codes
        Codes by segment id; a provision that was read and has none is there with an empty set. One
        that is missing was not read and is left out.
    trained_on
        Id of the coder whose codings they are; kept in the card.
    examples
        Invented sentences with their codes, learned from like provisions. None is held out, and
        none is in a figure.
    withhold
        Whether codes that were learned too badly are never given.
    caution
        How far thresholds lie from those of the highest F1 expected, 0, towards a probability of
        one half, 1. More suits a coder meant for other collections than it learned from: fewer
        codes, and surer ones.
    progress
        Told what is being done.

    Returns
    -------
    TrainedModel
        The same codings give the same model, in whatever order documents come.

    Raises
    ------
    UndefinedStatistic
        Fewer than ten documents, or no code has fifteen provisions: nothing could be held out.

    Notes
    -----
    Five folds of whole documents: no document is both learned from and measured on. Figures in the
    card use thresholds chosen without the fold measured.
    """
    eyes = BuiltinCoder(codebook, embedder, cache=cache)
    say = progress or (lambda _: None)
    say("reading")
    reads = []
    texts: dict[str, str] = {}
    for document, segments in items:
        coded = [segment for segment in segments if segment.id in codes]
        texts |= {segment.id: document.text[segment.start : segment.end] for segment in coded}
        if coded:
            reads.append(eyes.read(document, coded))
    # Folds go by place: the order in which documents come must not matter.
    reads = sorted((read for read in reads if read.sentences), key=lambda read: read.document.id)
    parts: list[_Provisions] = []
    owner: list[int] = []
    language: list[str] = []
    rows: list[str] = []
    held: list[ReadDocument] = []
    for number, (read, _, seen) in enumerate(see_documents(eyes, reads)):
        if seen is None:
            continue
        held.append(read)
        parts.append(seen.pooled)
        first = {s.segment.id: s for s in reversed(read.sentences)}
        for identity in seen.ids:
            owner.append(number)
            rows.append(identity)
            language.append(first[identity].language)
    if len(parts) < 2 * FOLDS:
        raise UndefinedStatistic(
            f"{len(parts)} documents with coded provisions: too few to train and hold some out. "
            f"At least {2 * FOLDS} are needed."
        )
    seen_all = _join(parts)
    given = _given(codebook, [codes[identity] for identity in rows])
    more_seen, more_given = _see_examples(eyes, codebook, examples, seen_all)
    trained = given.sum(axis=0) >= FEWEST
    if not trained.any():
        raise UndefinedStatistic(
            f"no code has {FEWEST} provisions or more: there is too little to learn from"
        )
    # By document; the shuffle keeps neighbours in a register (often one issuer's) apart.
    shuffled = np.random.default_rng(0).permutation(max(owner) + 1)
    place = np.array(owner)
    fold = (np.argsort(shuffled) % FOLDS)[place]
    # Each example stands in a document of its own.
    apart = -1 - np.arange(len(more_given))
    held_out = np.zeros(given.shape)
    for number in range(FOLDS):
        say(f"training, part {number + 1} of {FOLDS + 1}")
        rest = fold != number
        arrays = _fit(
            _join([seen_all.take(rest), more_seen]),
            np.concatenate([given[rest], more_given]),
            np.concatenate([place[rest], apart]),
        )
        held_out[~rest] = ProvisionHeads(arrays).scores(seen_all.take(~rest))
    say(f"training, part {FOLDS + 1} of {FOLDS + 1}")
    arrays = _fit(
        _join([seen_all, more_seen]),
        np.concatenate([given, more_given]),
        np.concatenate([place, apart]),
    )
    held_out = np.round(_in_context(held_out, place), 4)
    decide = partial(_settle, caution=caution)
    slope, shift, threshold = decide(held_out, given)
    arrays |= {"slope": slope, "shift": shift, "threshold": threshold, "trained": trained}
    spoken = np.array(language)
    learned = tuple(c.id for c, ok in zip(codebook.codes, trained, strict=True) if ok)
    places = np.flatnonzero(trained).tolist()
    above = [
        [places.index(one) for one in line if trained[one]]
        for line, kept in zip(_above(codebook), trained, strict=True)
        if kept
    ]
    measured = measure_folds(
        learned, held_out[:, trained], given[:, trained], fold, spoken, decide, above
    )
    if not withhold:
        measured["withheld"] = ()
    arrays["trained"] = trained & ~np.isin([c.id for c in codebook.codes], measured["withheld"])
    documents = Counter(read.document.language for read in held)
    card = ModelCard(
        data_sha256=provisions_sha256(texts, codes, examples),
        codebook=codebook.name,
        codebook_sha256=codebook_sha256(codebook),
        embedder=eyes.embedder.name,
        features=FEATURES,
        trained_on=trained_on,
        documents=len(parts),
        languages=dict(sorted(documents.items())),
        provisions={one: int((spoken == one).sum()) for one in sorted(set(language))},
        examples=len(examples),
        untrained=tuple(c.id for c, ok in zip(codebook.codes, trained, strict=True) if not ok),
        limits=(
            "The figures say how well the model repeats the codings it was trained on, on other "
            "documents of the same collection. They do not say that those codings are right.",
            "On documents of another kind thresholds and probabilities shift; check a sample.",
            "It holds no text, but single words that three documents or more have.",
        ),
        **measured,
    )
    return TrainedModel(card, tuple(code.id for code in codebook.codes), arrays)


def provisions_sha256(
    texts: Mapping[str, str], codes: Mapping[str, frozenset[str]], examples: Sequence[Example] = ()
) -> str:
    """Hash of all that a model learns from: provisions by id with their codes, and examples.

    Parameters
    ----------
    texts
        Texts by segment id, of the provisions that have an entry in ``codes``.
    """
    hashed = hashlib.sha256()
    for identity in sorted(texts):
        line = [identity, texts[identity], sorted(codes[identity])]
        hashed.update(json.dumps(line, ensure_ascii=False).encode() + b"\n")
    for one in examples:
        hashed.update(msgspec.json.encode(one) + b"\n")
    return hashed.hexdigest()


def codebook_sha256(codebook: Codebook) -> str:
    """Hash of all that a codebook says."""
    return hashlib.sha256(msgspec.json.encode(codebook)).hexdigest()


# ---------------------------------------------------------------------------- what is seen


class _Provisions(msgspec.Struct, frozen=True):
    """Features of provisions (or sentences): vectors ``(n, d)``, most others ``(n, codes)``.

    ``elsewhere`` is the share of the *other* provisions of the document with a cue of the code;
    ``words`` counts the words of each, an array of :class:`collections.Counter`, ``(n,)``.
    """

    vectors: np.ndarray
    discriminant: np.ndarray
    plain: np.ndarray
    cues: np.ndarray
    elsewhere: np.ndarray
    words: np.ndarray

    def take(self, rows: np.ndarray) -> "_Provisions":
        return _Provisions(*(one[rows] for one in msgspec.structs.astuple(self)))

    def row(self, number: int) -> "_Provisions":
        return self.take(np.array([number]))


class SeenDocument(msgspec.Struct, frozen=True):
    """A document: features of its sentences, of its provisions, and which belongs to which."""

    sentences: _Provisions
    pooled: _Provisions
    row: np.ndarray
    ids: list[str]


def _join(parts: Sequence[_Provisions]) -> _Provisions:
    columns = zip(*(msgspec.structs.astuple(one) for one in parts), strict=True)
    return _Provisions(*(np.concatenate(one) for one in columns))


def see_documents(
    eyes: BuiltinCoder, reads: Iterable[ReadDocument]
) -> Iterator[tuple[ReadDocument, np.ndarray, SeenDocument | None]]:
    """Embed and measure sentences, and pool them by provision; None for an empty document."""
    for batch, vectors in eyes.embed_documents(reads):
        yield from see_batch(eyes, batch, vectors)


def see_batch(
    eyes: BuiltinCoder, reads: Sequence[ReadDocument], every: np.ndarray
) -> Iterator[tuple[ReadDocument, np.ndarray, SeenDocument | None]]:
    """Measure sentences by their vectors, ``(n, d)``, and pool them by provision."""
    if len(every):
        discriminant, plain = eyes.measure(every)
    stop = 0
    for read in reads:
        start, stop = stop, stop + len(read.sentences)
        vectors = every[start:stop]
        if start == stop:
            yield read, vectors, None
            continue
        cues = np.zeros((stop - start, len(eyes.codebook.codes)), dtype=np.float32)
        ids: dict[str, int] = {}
        row = np.empty(stop - start, dtype=np.int64)
        for number, sentence in enumerate(read.sentences):
            row[number] = ids.setdefault(sentence.segment.id, len(ids))
            for code, places in sentence.cues.items():
                cues[number, code] = len(places)
        single = _Provisions(
            vectors,
            discriminant[start:stop].astype(np.float32),
            plain[start:stop].astype(np.float32),
            cues,
            np.zeros_like(cues),
            _column([count_words(one.text) for one in read.sentences]),
        )
        count = len(ids)
        mean = np.zeros((count, vectors.shape[1]), dtype=np.float32)
        np.add.at(mean, row, vectors)
        mean /= np.maximum(np.linalg.norm(mean, axis=1, keepdims=True), 1e-9)
        summed = np.zeros((count, cues.shape[1]), dtype=np.float32)
        np.add.at(summed, row, cues)
        highest = []
        for values in (single.discriminant, single.plain):
            top = np.full((count, cues.shape[1]), -np.inf, dtype=np.float32)
            np.maximum.at(top, row, values)
            highest.append(top)
        has = (summed > 0).astype(np.float32)
        elsewhere = (has.sum(axis=0) - has) / max(count - 1, 1)
        words: list[Counter[str]] = [Counter() for _ in ids]
        for number, said in zip(row.tolist(), single.words, strict=True):
            words[number].update(said)
        pooled = _Provisions(mean, highest[0], highest[1], summed, elsewhere, _column(words))
        yield read, vectors, SeenDocument(single, pooled, row, list(ids))


def _column(things: Sequence[Any]) -> np.ndarray:
    """An array of things that are no numbers, ``(n,)``."""
    column = np.empty(len(things), dtype=object)
    column[:] = things
    return column


def _given(codebook: Codebook, codes: Sequence[Iterable[str]]) -> np.ndarray:
    """Which code each has, ``(n, codes)``; a child's code counts for what stands above it."""
    place = {code.id: index for index, code in enumerate(codebook.codes)}
    above = _above(codebook)
    given = np.zeros((len(codes), len(place)), dtype=bool)
    for row, group in enumerate(codes):
        for code in group:
            given[row, [place[code], *above[place[code]]]] = True
    return given


def _above(codebook: Codebook) -> list[list[int]]:
    """For each code the places of those above it."""
    place = {code.id: index for index, code in enumerate(codebook.codes)}
    return [[place[one] for one in ancestors(codebook, code.id)] for code in codebook.codes]


def _see_examples(
    eyes: BuiltinCoder, codebook: Codebook, examples: Sequence[Example], like: _Provisions
) -> tuple[_Provisions, np.ndarray]:
    """Features and codes of examples; one that the coder would pass over is left out."""
    reads = []
    for number, one in enumerate(examples):
        document = Document(
            id=str(number), party="", title="", text=one.text, language=one.language
        )
        segment = Segment(
            id=str(number), document=str(number), locator="", start=0, end=len(one.text),
            text=one.text, language=one.language,
        )  # fmt: skip
        reads.append(eyes.read(document, [segment]))
    kept = [
        (seen.pooled, examples[number].codes)
        for number, (_, _, seen) in enumerate(see_documents(eyes, reads))
        if seen is not None
    ]
    none = like.take(np.zeros(len(like.vectors), dtype=bool))
    return _join([none, *(seen for seen, _ in kept)]), _given(codebook, [one for _, one in kept])


# ---------------------------------------------------------------------------- heads


class ProvisionHeads:
    """Learned heads for provisions.

    Parameters
    ----------
    arrays
        Those of a :class:`TrainedModel` learned from coded provisions.
    """

    def __init__(self, arrays: Mapping[str, np.ndarray]) -> None:
        self._held = arrays
        self._vocabulary = Vocabulary(arrays["vocabulary"], arrays["rarity"])
        self._words = arrays["words"].astype(np.float32)

    def scores(self, seen: _Provisions) -> np.ndarray:
        """Mean log odds of the heads, each provision by itself, ``(n, codes)``."""
        shared = _cells(seen, self._held["prior"]) @ self._held["shared"]
        return ((self._own(seen) + shared) / 2 + self._by_words(seen)) / 2

    def alone(self, sentences: _Provisions) -> np.ndarray:
        """How much sentences speak for each code by themselves, ``(n, codes)``."""
        return (self._own(sentences) + self._by_words(sentences)) / 2

    def parts(self, seen: _Provisions, code: int) -> tuple[float, float, float, float]:
        """What words, meaning, likeness and cues of one provision speak for a code.

        In log odds above the average provision.
        """
        held = self._held
        above = (_design(seen, held["centre"])[0] - held["typical"]) * held["weights"][:, code]
        size, count = seen.vectors.shape[1], seen.cues.shape[1]
        ends = (size, size + 2 * count, size + 3 * count)
        meaning, likeness, cues = (float(one.sum()) for one in np.split(above, ends)[:3])
        said = score_words(self._vocabulary, self._words[:, [code]], seen.words.tolist())
        return float(said[0, 0] - held["usual"][code]), meaning, likeness, cues

    def strongest_words(self, counted: Counter[str], code: int) -> str:
        """Words that speak most for a code, at most three, for a memo; empty where none does."""
        return name_strongest(self._vocabulary, self._words[:, code], counted)

    def _own(self, seen: _Provisions) -> np.ndarray:
        return np.asarray(_design(seen, self._held["centre"]) @ self._held["weights"])

    def _by_words(self, seen: _Provisions) -> np.ndarray:
        start = self._held["prior"] + self._held["level"]
        return score_words(self._vocabulary, self._words, seen.words.tolist()) + start


def _fit(seen: _Provisions, given: np.ndarray, document: np.ndarray) -> dict[str, np.ndarray]:
    """Learn the heads; ``document`` tells which document each provision is of."""
    centre = seen.vectors.mean(axis=0)
    design = _design(seen, centre)
    share = (given.sum(axis=0) + 1) / (len(given) + 20)
    prior = np.log(share / (1 - share)).astype(np.float32)
    cells = _cells(seen, prior)
    shared = _fit_logistic(cells.reshape(-1, cells.shape[2]), given.reshape(-1, 1))
    counted = seen.words.tolist()
    vocabulary = Vocabulary.learn(counted, document.tolist())
    words, level = fit_words(vocabulary, counted, given, prior)
    words = words.astype(np.float16)
    usual = score_words(vocabulary, words.astype(np.float32), counted).mean(axis=0)
    return {
        "centre": centre,
        "typical": design.mean(axis=0),
        "weights": _fit_logistic(design, given),
        "prior": prior,
        "shared": shared[:, 0],
        "vocabulary": vocabulary.words,
        "rarity": vocabulary.rarity,
        "words": words,
        "level": level,
        "usual": usual,
    }


def _in_context(score: np.ndarray, owner: np.ndarray) -> np.ndarray:
    """Log odds with what the neighbours and the other provisions of the document say.

    ``owner`` tells documents apart; the provisions of one stand together, in the order of the text.
    """
    floor = np.maximum(score, _FLOOR)
    beside, weight = np.zeros_like(floor), np.zeros((len(floor), 1))
    for step in (1, 2):
        same = (owner[step:] == owner[:-step])[:, None] / step
        beside[step:] += same * floor[:-step]
        beside[:-step] += same * floor[step:]
        weight[step:] += same
        weight[:-step] += same
    beside = np.where(weight > 0, beside / np.maximum(weight, 1e-9), floor)
    _, place, count = np.unique(owner, return_inverse=True, return_counts=True)
    total = np.zeros((len(count), floor.shape[1]))
    np.add.at(total, place, floor)
    others = (count[place] - 1)[:, None]
    around = np.where(others > 0, (total[place] - floor) / np.maximum(others, 1), floor)
    return np.asarray(score + _BESIDE * beside + _AROUND * around)


def _design(seen: _Provisions, centre: np.ndarray) -> np.ndarray:
    return np.hstack(
        [
            (seen.vectors - centre) * _WORDING,
            seen.discriminant * _DISCRIMINANT,
            seen.plain * _PLAIN,
            np.minimum(seen.cues, _MOST_CUES),
            np.ones((len(seen.vectors), 1)),
        ]
    ).astype(np.float32)


def _cells(seen: _Provisions, prior: np.ndarray) -> np.ndarray:
    """What the shared head sees of a provision and a code, ``(n, codes, features)``."""
    one = np.ones_like(seen.cues)
    has = (seen.cues > 0).astype(np.float32)
    sharp, near = seen.discriminant / 4, seen.plain / 3
    elsewhere, common = np.sqrt(seen.elsewhere), prior / 3 * one
    nearest = near.max(axis=1, keepdims=True)
    return np.stack(
        [
            np.minimum(seen.cues, 3),
            has,
            sharp,
            near,
            sharp * has,
            near * has,
            sharp - sharp.max(axis=1, keepdims=True),
            near - nearest,
            nearest * one,
            near.mean(axis=1, keepdims=True) * one,
            elsewhere,
            elsewhere * has,
            common,
            common * has,
            # Likeness counts more the higher it is.
            np.maximum(sharp - 0.5, 0),
            np.maximum(sharp - 1, 0),
            np.maximum(near - 1, 0),
            one,
        ],
        axis=2,
    ).astype(np.float32)


def _fit_logistic(design: np.ndarray, given: np.ndarray) -> np.ndarray:
    """Ridge logistic regression of all codes at once.

    One curvature bound (Boehning 1992) serves every code, so that a single inverse does; momentum
    makes up for its looseness. The last column is the intercept and hardly penalised.
    """
    penalty = np.ones(design.shape[1])
    penalty[-1] = 1e-3
    bound = 0.25 * (design.T @ design).astype(np.float64) + np.diag(penalty)
    step = np.linalg.inv(bound).astype(np.float32)
    target = given.astype(np.float32)
    ridge = penalty.astype(np.float32)[:, None]
    weights = np.zeros((design.shape[1], given.shape[1]), dtype=np.float32)
    share = given.mean(axis=0)
    weights[-1] = np.log((share + 1e-4) / (1 - share + 1e-4))
    ahead, pace = weights, 1.0
    for _ in range(_STEPS):
        slope = design.T @ (logistic(design @ ahead) - target) + ridge * ahead
        new = ahead - step @ slope
        faster = (1 + np.sqrt(1 + 4 * pace * pace)) / 2
        ahead = new + np.float32((pace - 1) / faster) * (new - weights)
        weights, pace = new, faster
    return weights


# ---------------------------------------------------------------------------- deciding


def _settle(
    score: np.ndarray, given: np.ndarray, caution: float = 0.0
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Platt scaling and thresholds, code by code; a code without both kinds is never given."""
    count = given.shape[1]
    slope, shift, threshold = np.ones(count), np.zeros(count), np.full(count, 2.0)
    for code in range(count):
        true = given[:, code]
        if true.all() or not true.any():
            continue
        slope[code], shift[code] = fit_platt(score[:, code], true)
        best = expected_best(logistic(slope[code] * score[:, code] + shift[code]))
        threshold[code] = (1 - caution) * best + caution / 2
    return slope, shift, threshold


def fit_platt(score: np.ndarray, true: np.ndarray) -> tuple[float, float]:
    """Slope and shift that make log odds of a score (Platt 1999, with his softened targets)."""
    middle, spread = float(score.mean()), float(score.std()) + 1e-9
    unit = (score - middle) / spread
    yes, no = int(true.sum()), int((~true).sum())
    target = np.where(true, (yes + 1) / (yes + 2), 1 / (no + 2))
    beta = np.array([1.0, _log_odds(float(target.mean()))])
    design = np.stack([unit, np.ones_like(unit)], axis=1)
    for _ in range(50):
        probability = logistic(design @ beta)
        curve = probability * (1 - probability) + 1e-6
        step = np.linalg.solve(
            (design * curve[:, None]).T @ design + 1e-3 * np.eye(2),
            design.T @ (probability - target),
        )
        # Far from the solution a full step may overshoot.
        beta = beta - step * min(1.0, 2.0 / (float(np.abs(step).max()) + 1e-12))
        if float(np.abs(step).max()) < 1e-8:
            break
    # A score that points the wrong way is no reason to turn it round.
    slope = max(float(beta[0]), 0.0) / spread
    return slope, float(beta[1]) - slope * middle


def expected_best(probability: np.ndarray) -> float:
    """Threshold with the highest F1 expected where probabilities are right."""
    falling = np.sort(probability)[::-1]
    chosen = np.arange(1, len(falling) + 1)
    f1 = 2 * np.cumsum(falling) / (chosen + falling.sum())
    return _between(falling, int(f1.argmax()))


def _between(falling: np.ndarray, place: int) -> float:
    return float(falling[place] + falling[min(place + 1, len(falling) - 1)]) / 2


# ---------------------------------------------------------------------------- figures


def measure_folds(
    codes: Sequence[str],
    held_out: np.ndarray,
    given: np.ndarray,
    fold: np.ndarray,
    spoken: np.ndarray,
    decide: Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray, np.ndarray]],
    above: Sequence[Sequence[int]] = (),
) -> dict[str, Any]:
    """Measure held-out scores; the thresholds of each fold come from the other folds.

    Parameters
    ----------
    codes
        Ids of the codes learned.
    held_out, given
        Log odds, and whether people gave the code, ``(n, codes)``.
    fold, spoken
        Number of the fold, and language, of each unit, ``(n,)``.
    decide
        Gives slopes, shifts and thresholds for scores and codes of the other folds.
    above
        For each code the places of those that a coding of it says besides.

    Returns
    -------
    dict
        The fields of :class:`ModelCard` that are measured.
    """
    probability = np.zeros(given.shape)
    said = np.zeros(given.shape, dtype=bool)
    for number in np.unique(fold):
        there, rest = fold == number, fold != number
        slope, shift, cut = decide(held_out[rest], given[rest])
        probability[there] = logistic(slope * held_out[there] + shift)
        said[there] = probability[there] >= cut
    for code, line in enumerate(above):
        said[:, line] |= said[:, [code]]
    figures, macro, micro = _figures(codes, given, said, held_out, spoken)
    chance = dict(zip(codes, given.mean(axis=0).tolist(), strict=True))
    return {
        "calibration_error": calibration_error(probability, given),
        "withheld": tuple(
            one.code
            for one in figures
            if not one.language
            and (one.average_precision or 0.0) < max(LEAST_PRECISION, chance[one.code])
        ),
        "figures": figures,
        "macro_f1": macro,
        "micro_f1": micro,
    }


def _figures(
    codes: Sequence[str],
    given: np.ndarray,
    said: np.ndarray,
    score: np.ndarray,
    spoken: np.ndarray,
) -> tuple[tuple[Figures, ...], dict[str, float], dict[str, float]]:
    figures: list[Figures] = []
    macro: dict[str, float] = {}
    micro: dict[str, float] = {}
    for language in ("", *sorted(set(spoken.tolist()))):
        here = spoken == language if language else np.ones(len(spoken), dtype=bool)
        each: list[float] = []
        totals = np.zeros(3)
        for index, code in enumerate(codes):
            true, claimed = given[here, index], said[here, index]
            hit, yes, chosen = (int(one.sum()) for one in (true & claimed, true, claimed))
            f1 = 2 * hit / (yes + chosen) if yes else None
            figures.append(
                Figures(
                    code=code,
                    language=language,
                    given=yes,
                    f1=_rounded(f1),
                    precision=_rounded(hit / chosen if chosen and yes else None),
                    recall=_rounded(hit / yes if yes else None),
                    average_precision=_rounded(
                        average_precision(true, score[here, index]) if yes else None
                    ),
                )
            )
            if f1 is not None and yes >= 5:
                each.append(f1)
                totals += (hit, yes, chosen)
        if each:
            macro[language or "all"] = round(float(np.mean(each)), 3)
            micro[language or "all"] = round(float(2 * totals[0] / (totals[1] + totals[2])), 3)
    return tuple(figures), macro, micro


def average_precision(true: np.ndarray, score: np.ndarray) -> float:
    """Mean precision at the places of the true ones, best score first; ties by place.

    Raises
    ------
    UndefinedStatistic
        None is true.
    """
    if not true.any():
        raise UndefinedStatistic("average precision is undefined: none of the cases is true")
    ranked = true[np.argsort(-score, kind="stable")]
    precision = np.cumsum(ranked) / np.arange(1, len(ranked) + 1)
    return float(precision[ranked].mean())


def calibration_error(probability: np.ndarray, given: np.ndarray) -> float:
    """Expected calibration error over all cells: ten bins of equal width."""
    cells, true = probability.ravel(), given.ravel()
    bins = np.minimum((cells * 10).astype(np.int64), 9)
    error = 0.0
    for one in range(10):
        inside = bins == one
        if inside.any():
            gap = abs(float(cells[inside].mean()) - float(true[inside].mean()))
            error += gap * float(inside.mean())
    return round(error, 4)


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)


def data_sha256(rows: Sequence[str], texts: Sequence[str], given: np.ndarray) -> str:
    """Hash of texts and their codes ``(n, codes)``, in order of their ids."""
    hashed = hashlib.sha256()
    for number in sorted(range(len(rows)), key=lambda one: rows[one]):
        line = [rows[number], texts[number], np.flatnonzero(given[number]).tolist()]
        hashed.update(json.dumps(line, ensure_ascii=False).encode() + b"\n")
    return hashed.hexdigest()


def _fits(arrays: Mapping[str, np.ndarray], codes: int) -> bool:
    """Whether all numbers are there, finite, of the kinds and of matching shapes."""
    needed = {"centre", "typical", "weights", "shared", "vocabulary", "rarity", "words"}
    per_code = {"prior", "slope", "shift", "threshold", "trained", "level", "usual"}
    if set(arrays) != needed | per_code:
        return False
    kinds = {name: array.dtype.kind for name, array in arrays.items()}
    if (kinds.pop("vocabulary"), kinds.pop("trained")) != ("U", "b"):
        return False
    if set(kinds.values()) != {"f"} or not all(np.isfinite(arrays[name]).all() for name in kinds):
        return False
    size, words = arrays["centre"].size, arrays["vocabulary"].size
    wide = size + 3 * codes + 1
    return (
        all(arrays[name].shape == (codes,) for name in per_code)
        and arrays["centre"].shape == (size,)
        and arrays["weights"].shape == (wide, codes)
        and arrays["typical"].shape == (wide,)
        and arrays["shared"].shape == (18,)
        and arrays["vocabulary"].shape == arrays["rarity"].shape == (words,)
        and arrays["words"].shape == (words, codes)
    )


def _log_odds(share: float) -> float:
    return float(np.log(share / (1 - share)))


def logistic(values: np.ndarray) -> np.ndarray:
    """Turn log odds into probabilities, of the same shape."""
    with np.errstate(over="ignore"):
        return np.asarray(1 / (1 + np.exp(-values)))
