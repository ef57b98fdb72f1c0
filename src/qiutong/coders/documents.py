"""Heads for whole documents, learned from tags that say what a document has, not where.

A tag of a document says that some provision has the code. So each code looks at its strongest
sentences. Two layers: one set of slopes shared by all codes, over how strongly a document's best
sentences speak for a code; and for each code a correction in the document's words and in all
codes' features, which grows with the number of documents that have the code. Rare codes keep to
what is shared, and borrow corrections from codes that come in the same documents.
``benchmarks/coding.py`` measures it.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import msgspec
import numpy as np

from qiutong.codebook import ancestors, descendants
from qiutong.coders import trained
from qiutong.coders.builtin import BuiltinCoder, FoundCode, ReadDocument
from qiutong.coders.embed import Embedder, VectorCache
from qiutong.coders.words import Vocabulary, count_words, name_strongest
from qiutong.errors import UndefinedStatistic
from qiutong.model import Codebook, Document, Segment

FEWEST_DOCUMENTS = 20
"""Fewer tagged documents leave too little to hold out."""

FEATURES = f"{trained.FEATURES}+1"
"""Raised whenever the same text would give other features: older models are then refused."""

_FEWEST_WITHOUT = 5
# Of what a model's arrays are, name by name.
_SHAPES = {
    "own_mean": ("codes", "features"),
    "own_scale": ("codes", "features"),
    "own": ("codes", "features"),
    "wide_mean": ("wide",),
    "wide_scale": ("wide",),
    "wide": ("wide", "codes"),
    "vocabulary": ("words",),
    "rarity": ("words",),
    "words": ("words", "codes"),
    **dict.fromkeys(("levels", "slope", "shift", "threshold", "learned", "given"), ("codes",)),
}
_FOLDS = 5
_FURTHER = 0.5
_AT_ONCE = 500
_STRONGEST = (1, 3, 8)
_DUTY = re.compile(r"\b(?:shall|must)\b|应当|必须|不得", re.IGNORECASE)
_LIMIT = 4.0
# Weights of what a correction is made of: words, all codes' features, the code's own features.
_WORDS, _WIDE, _OWN, _LEVEL = 6.0, 1.0, 0.3, 0.3
# How much of a correction in words and all codes' features is shared with codes of like tags.
_TOGETHER = 0.4


class DocumentFeatures(msgspec.Struct, frozen=True):
    """What is seen of documents.

    Parameters
    ----------
    own
        How each code's strongest sentences speak for it, ``(n, codes, features)``.
    wide
        Cues and likeness of all codes, and length, ``(n, features)``.
    words
        Number of each word of a document; of pairs of characters in Chinese.
    """

    own: np.ndarray
    wide: np.ndarray
    words: tuple[Counter[str], ...]

    def take(self, rows: np.ndarray) -> "DocumentFeatures":
        """Features of some documents, by place."""
        return DocumentFeatures(
            self.own[rows], self.wide[rows], tuple(self.words[row] for row in rows)
        )

    def only(self, codes: np.ndarray) -> "DocumentFeatures":
        """The same with the own features of some codes, by place."""
        return DocumentFeatures(self.own[:, codes], self.wide, self.words)


class DocumentHeads(msgspec.Struct, frozen=True):
    """Learned heads; see :func:`learn_documents`.

    Parameters
    ----------
    arrays
        ``own_mean, own_scale, own`` (codes, features), ``wide_mean, wide_scale`` (features),
        ``wide`` (features, codes), ``vocabulary, rarity`` (words), ``words`` (words, codes) and
        ``levels`` (codes) give log odds; ``slope, shift`` (codes) make them probabilities, and
        ``threshold`` (codes) is the probability from which a document is said to have the code.
    """

    arrays: dict[str, np.ndarray]

    @property
    def threshold(self) -> np.ndarray:
        """Probability from which a document is said to have a code; above 1 where never."""
        return self.arrays["threshold"]

    def scores(self, documents: DocumentFeatures) -> np.ndarray:
        """Log odds that a document has a code, not calibrated, ``(n, codes)``."""
        # Rounded so that the last bits of a sum decide nothing.
        return np.round(_score(self.arrays, documents), 4)

    def probabilities(self, documents: DocumentFeatures) -> np.ndarray:
        """Calibrated probability that a document has a code, ``(n, codes)``."""
        held = self.arrays
        return trained.logistic(held["slope"] * self.scores(documents) + held["shift"])


def see_documents(
    eyes: BuiltinCoder,
    items: Iterable[tuple[Document, Sequence[Segment]]],
    base: trained.TrainedModel | None = None,
) -> DocumentFeatures:
    """Look at documents through a coder's codebook and vectors.

    Parameters
    ----------
    eyes
        Its codebook's codes are those learned; any coder on top of the built-in one will do.
    items
        Documents, each with its provisions.
    base
        A coder trained on coded provisions with the same codebook: what it says of each provision
        is a feature. It needs no tags of these documents.

    Returns
    -------
    DocumentFeatures
        A document without provisions has features too: the lowest of all.
    """
    rows: list[np.ndarray | None] = []
    wide: list[np.ndarray] = []
    words: list[Counter[str]] = []
    reads = (eyes.read(document, segments) for document, segments in items)
    heads = None if base is None else trained.ProvisionHeads(base.arrays)
    for read, _, seen in trained.see_documents(eyes, reads):
        rows.append(None if seen is None else _look(_part(read, seen, heads)))
        wide.append(_extent(len(read.document.text), len(read.sentences)))
        words.append(count_words(read.document.text))
    held = [row for row in rows if row is not None]
    if not held:
        raise UndefinedStatistic("none of the documents has a provision to look at")
    lowest = np.min(held, axis=0)
    return _gather(
        _below(eyes.codebook), [lowest if row is None else row for row in rows], wide, words
    )


def learn_documents(seen: DocumentFeatures, given: np.ndarray) -> DocumentHeads:
    """Learn what documents have from tags.

    Parameters
    ----------
    seen
        Features of tagged documents.
    given
        Whether a document has a code, ``(n, codes)``, codes as in ``seen``.

    Returns
    -------
    DocumentHeads
        Thresholds and probabilities come from five folds of documents held out.

    Raises
    ------
    UndefinedStatistic
        Fewer than twenty documents.
    """
    _need_documents(len(given))
    held_out, _ = _hold_out(seen, given)
    return _learn(seen, given, held_out)


def _learn(seen: DocumentFeatures, given: np.ndarray, held_out: np.ndarray) -> DocumentHeads:
    slope, shift, threshold = decide_documents(held_out, given)
    return DocumentHeads(
        _fit(seen, given) | {"slope": slope, "shift": shift, "threshold": threshold}
    )


def decide_documents(
    score: np.ndarray, given: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Make held-out log odds of documents into probabilities and thresholds.

    One slope and one shift serve all codes: a code that few documents have would have its own bent
    by chance, and by another chance in each fold. The threshold of a code is that of the highest F1
    expected where these probabilities are right.

    Parameters
    ----------
    score, given
        Log odds, and whether people gave the code, ``(n, codes)``.

    Returns
    -------
    slope, shift, threshold : np.ndarray
        Each ``(codes,)``. A code that all or none of the documents have is never given.
    """
    both = given.any(axis=0) & ~given.all(axis=0)
    threshold = np.full(given.shape[1], 2.0)
    slope, shift = 1.0, 0.0
    if both.any():
        slope, shift = trained.fit_platt(score[:, both].ravel(), given[:, both].ravel())
    probability = trained.logistic(slope * score + shift)
    for code in np.flatnonzero(both):
        threshold[code] = trained.expected_best(probability[:, code])
    return np.full(len(threshold), slope), np.full(len(threshold), shift), threshold


def _need_documents(count: int) -> None:
    if count < FEWEST_DOCUMENTS:
        raise UndefinedStatistic(
            f"{count} tagged documents: too few to learn from and hold some out. "
            f"At least {FEWEST_DOCUMENTS} are needed."
        )


def _hold_out(seen: DocumentFeatures, given: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Log odds of documents that were not learned from, and the fold of each."""
    fold = np.random.default_rng(0).permutation(len(given)) % _FOLDS
    held_out = np.zeros(given.shape)
    for number in range(_FOLDS):
        rest, there = np.flatnonzero(fold != number), np.flatnonzero(fold == number)
        held_out[there] = _score(_fit(seen.take(rest), given[rest]), seen.take(there))
    return np.round(held_out, 4), fold


# ---------------------------------------------------------------------------- a coder


def train_documents(
    codebook: Codebook,
    items: Iterable[tuple[Document, Sequence[Segment]]],
    tags: Mapping[str, frozenset[str]],
    asked: frozenset[str],
    *,
    tagged_by: str,
    base: trained.TrainedModel | None = None,
    embedder: Embedder | None = None,
    cache: VectorCache | None = None,
    progress: Callable[[str], None] | None = None,
) -> trained.TrainedModel:
    """Learn a coder from tags of whole documents.

    Parameters
    ----------
    codebook
        The codebook of the tags.
    items
        Tagged documents, each with its provisions.
    tags
        Codes by document id; an empty set where a person looked and found none. A code brings the
        codes above it.
    asked
        Codes that people looked for; the others are not learned.
    tagged_by
        Where the tags are from; kept in the card.
    base
        See :func:`see_documents`; kept in the model, so that it is never coded with another.
    progress
        Told what is being done.

    Returns
    -------
    TrainedModel
        Without any text of the documents: it holds single words that three documents or more
        have. The same tags give the same model, in whatever order documents come.

    Raises
    ------
    UnknownName
        The codebook lacks a code.
    UndefinedStatistic
        Fewer than twenty documents, or no code has fifteen with it and five without it: nothing
        could be held out.
    """
    say = progress or (lambda _: None)
    eyes = BuiltinCoder(codebook, embedder, cache=cache)
    ids = np.array([code.id for code in codebook.codes])
    above = {code: {code, *ancestors(codebook, code)} for code in asked.union(*tags.values())}
    held = sorted(
        ((document, segments) for document, segments in items if document.id in tags),
        key=lambda item: item[0].id,
    )
    _need_documents(len(held))
    rows = [document.id for document, _ in held]
    given = np.array(
        [np.isin(ids, [*set().union(*(above[code] for code in tags[row]))]) for row in rows],
        dtype=bool,
    )
    with_code = given.sum(axis=0)
    learned = np.flatnonzero(
        np.isin(ids, list(asked))
        & (with_code >= trained.FEWEST)
        & (len(rows) - with_code >= _FEWEST_WITHOUT)
    )
    if not len(learned):
        raise UndefinedStatistic(
            f"of {len(rows)} tagged documents, no code has {trained.FEWEST} with it and "
            f"{_FEWEST_WITHOUT} without it: there is too little to learn from"
        )
    given = given[:, learned]
    say("reading")
    seen = see_documents(eyes, held, base).only(learned)
    say("training, held out")
    held_out, fold = _hold_out(seen, given)
    say("training")
    heads = _learn(seen, given, held_out)
    spoken = np.array([document.language for document, _ in held])
    measured = trained.measure_folds(
        ids[learned].tolist(), held_out, given, fold, spoken, decide_documents
    )
    provisions: Counter[str] = Counter()
    for document, segments in held:
        provisions[document.language] += len(segments)
    card = trained.ModelCard(
        unit="document",
        data_sha256=trained.data_sha256(rows, [document.text for document, _ in held], given),
        codebook=codebook.name,
        codebook_sha256=trained.codebook_sha256(codebook),
        embedder=eyes.embedder.name,
        features=FEATURES,
        trained_on=tagged_by,
        base="" if base is None else base.digest,
        documents=len(rows),
        languages=dict(sorted(Counter(spoken.tolist()).items())),
        provisions=dict(sorted(provisions.items())),
        untrained=tuple(ids[~np.isin(np.arange(len(ids)), learned)].tolist()),
        limits=(
            "The figures say how well the model repeats the tags it was trained on, on other "
            "documents of the same collection. They do not say that those tags are right.",
            "On documents of another kind thresholds and probabilities shift; check a sample.",
            "Tags do not say where. The provisions it names are those that alone would speak most "
            "for the code; no person has pointed at them.",
            "It holds no text, but single words that three documents or more have.",
            *(
                ()
                if base is None
                else (
                    f"It sees with a coder learned from {base.card.trained_on}. Where that learned "
                    "from some of the same documents, the figures flatter.",
                )
            ),
        ),
        **measured,
    )
    arrays = heads.arrays | {
        "learned": learned,
        "given": ~np.isin(ids[learned], measured["withheld"]),
        "base": np.frombuffer(b"" if base is None else base.to_bytes(), dtype=np.uint8),
    }
    return trained.TrainedModel(card, tuple(ids.tolist()), arrays)


def load_coder(
    path: str | Path,
    codebook: Codebook,
    embedder: Embedder | None = None,
    *,
    cache: VectorCache | None = None,
) -> trained.TrainedCoder:
    """Read a model of either kind, learned from coded provisions or from tags of documents.

    Raises
    ------
    UnreadableFile
        The file is missing, or is no model of this version.
    InputError
        The model was trained with another codebook or embedder.
    """
    model = trained.read_model(path)
    if model.card.unit == "document":
        trained.check_model(path, model, FEATURES, _fits(model))
        return DocumentCoder(codebook, model, embedder, cache=cache)
    return trained.TrainedCoder(codebook, trained.TrainedModel.load(path), embedder, cache=cache)


class DocumentCoder(trained.TrainedCoder):
    """Code documents with a model learned from tags of whole documents.

    Notes
    -----
    The document's calibrated probability decides which codes it has, and is the confidence of all
    their codings. Each sentence is then judged as if it were a document of its own. The strongest
    is the evidence; its provision carries the code. Further provisions carry it where a sentence of
    theirs would by itself reach the threshold, and at least one half. The memo gives the
    probability of the document without the provision, that of the sentence alone, and the cues and
    words that speak most for the code. On documents of another kind probabilities are off.
    """

    def __init__(
        self,
        codebook: Codebook,
        model: trained.TrainedModel,
        embedder: Embedder | None = None,
        *,
        cache: VectorCache | None = None,
    ) -> None:
        super().__init__(codebook, model, embedder, cache=cache)
        inside = model.arrays["base"].tobytes()
        base = trained.model_from_bytes(inside).arrays if inside else None
        self._base = None if base is None else trained.ProvisionHeads(base)
        self._heads = DocumentHeads(model.arrays)
        self._vocabulary, self._below = _vocabulary(model.arrays), _below(codebook)
        self.coder = msgspec.structs.replace(
            self.coder,
            description=(
                f"Learned from tags of documents, {model.card.trained_on}.\n"
                f"由文件标签（{model.card.trained_on}）训练而成。"
            ),
        )

    def _choose(
        self, read: ReadDocument, seen: "trained.SeenDocument"
    ) -> list[tuple[FoundCode, str]]:
        threshold, learned = self._heads.threshold, self.model.arrays["learned"]
        part, text = _part(read, seen, self._base), read.document.text
        whole = self._judge([part], [count_words(text)], [len(text)])[0]
        codes = np.flatnonzero((whole >= threshold) & self.model.arrays["given"])
        if not len(codes):
            return []
        texts = [one.text for one in read.sentences]
        alone = self._judge(
            [part.take(np.array([number])) for number in range(len(texts))],
            [count_words(text) for text in texts],
            [len(text) for text in texts],
        )
        # By code, the strongest sentence of each provision, strongest first; of equals the earlier.
        strongest: dict[int, dict[int, int]] = {code: {} for code in codes.tolist()}
        for code, places in strongest.items():
            for number in np.argsort(-alone[:, code], kind="stable").tolist():
                places.setdefault(int(part.row[number]), number)
        without = self._judge_without(read, part, {next(iter(p)) for p in strongest.values()})
        found: list[tuple[FoundCode, str]] = []
        for code, places in strongest.items():
            least = max(float(threshold[code]), _FURTHER)
            for rank, (row, number) in enumerate(places.items()):
                cued = seen.sentences.cues[number, learned[code]] > 0
                # Without a cue a sentence may owe its strength to words of the subject at hand.
                if rank and not (cued and alone[number, code] >= least):
                    continue
                memo = f"document {whole[code]:.2f}, coded from {threshold[code]:.2f}"
                if rank:
                    memo = f"further provision, from {least:.2f} alone; {memo}"
                elif row in without:
                    memo += f", without this provision {without[row][code]:.2f}"
                one, cues = self._evidence_of(
                    read.sentences[number],
                    number,
                    int(learned[code]),
                    float(np.round(whole[code], 2)),
                    float(seen.sentences.discriminant[number, learned[code]]),
                )
                memo += f"; this sentence alone {alone[number, code]:.2f}; {cues}"
                words = name_strongest(
                    self._vocabulary,
                    self.model.arrays["words"][:, code],
                    count_words(texts[number]),
                )
                found.append((one, memo + words))
        return self._without_parents(found)

    def _judge_without(
        self, read: ReadDocument, part: "_Part", rows: set[int]
    ) -> dict[int, np.ndarray]:
        """Probabilities of a document without one of its provisions; none where it has no other."""
        others = {row: np.flatnonzero(part.row != row) for row in sorted(rows)}
        others = {row: rest for row, rest in others.items() if len(rest)}
        if not others:
            return {}
        text = {int(r): s.segment.text for r, s in zip(part.row, read.sentences, strict=True)}
        words, size = count_words(read.document.text), len(read.document.text)
        judged = self._judge(
            [part.take(rest) for rest in others.values()],
            [words - count_words(text[row]) for row in others],
            [size - len(text[row]) for row in others],
        )
        return dict(zip(others, judged, strict=True))

    def _without_parents(self, found: list[tuple[FoundCode, str]]) -> list[tuple[FoundCode, str]]:
        """In order; a child says its parent too, so that the parent is not repeated there."""
        given = {(one.sentence.segment.id, one.code) for one, _ in found}
        implied = {(where, parent) for where, code in given for parent in self._above[code]}
        kept = [
            pair for pair in found if (pair[0].sentence.segment.id, pair[0].code) not in implied
        ]
        return sorted(kept, key=lambda pair: (pair[0].sentence.segment.start, pair[0].code))

    def _judge(
        self, parts: "Sequence[_Part]", words: Sequence[Counter[str]], characters: Sequence[int]
    ) -> np.ndarray:
        """Probabilities of parts of a document as if each were a document."""
        judged = []
        # A row of words is as long as the vocabulary: long documents would fill the memory.
        for start in range(0, len(parts), _AT_ONCE):
            some = slice(start, start + _AT_ONCE)
            wide = [
                _extent(length, len(part.row))
                for part, length in zip(parts[some], characters[some], strict=True)
            ]
            seen = _gather(self._below, [_look(part) for part in parts[some]], wide, words[some])
            judged.append(self._heads.probabilities(seen.only(self.model.arrays["learned"])))
        return np.concatenate(judged)


# ---------------------------------------------------------------------------- what is seen


class _Part(msgspec.Struct, frozen=True):
    """A document, or some of its provisions, sentence by sentence.

    ``cues, discriminant, plain`` are ``(sentences, codes)``; ``row`` is the provision of each
    sentence; ``said`` is what the base says of provisions, ``(provisions, codes)``.
    """

    cues: np.ndarray
    discriminant: np.ndarray
    plain: np.ndarray
    duty: np.ndarray
    length: np.ndarray
    row: np.ndarray
    said: np.ndarray | None

    def take(self, sentences: np.ndarray) -> "_Part":
        """Some sentences, by place, with the provisions they belong to."""
        provisions, row = np.unique(self.row[sentences], return_inverse=True)
        return _Part(
            self.cues[sentences],
            self.discriminant[sentences],
            self.plain[sentences],
            self.duty[sentences],
            self.length[sentences],
            row,
            None if self.said is None else self.said[provisions],
        )


def _part(
    read: ReadDocument, seen: "trained.SeenDocument", base: trained.ProvisionHeads | None
) -> _Part:
    sentences = seen.sentences
    texts = [one.text for one in read.sentences]
    return _Part(
        sentences.cues,
        sentences.discriminant,
        sentences.plain,
        np.array([bool(_DUTY.search(text)) for text in texts]),
        np.array([len(text) for text in texts]),
        seen.row,
        None if base is None else 2 * base.scores(seen.pooled),
    )


def _look(part: _Part) -> np.ndarray:
    """Features of a document, ``(codes, features)``."""
    has = (part.cues > 0).astype(np.float64)
    thousands = max(int(part.length.sum()), 1) / 1000
    columns = [
        np.log1p(has.sum(axis=0)),
        np.log1p((has * part.duty[:, None]).sum(axis=0)),
        np.sqrt(part.cues.sum(axis=0) / thousands),
        has.max(axis=0),
        _strongest(part.discriminant, 3),
        _strongest(part.plain, 3),
    ]
    if part.said is not None:
        share = trained.logistic(part.said / 2)
        columns += [_strongest(part.said, few) for few in _STRONGEST]
        columns += [np.log1p(share.sum(axis=0)), np.sqrt(share.mean(axis=0))]
    return np.stack(columns, axis=1)


def _extent(characters: int, sentences: int) -> np.ndarray:
    return np.array([np.log1p(characters), np.log1p(sentences)])


def _below(book: Codebook) -> list[list[int]]:
    """Places of each code and of the codes below it."""
    place = {code.id: index for index, code in enumerate(book.codes)}
    return [[place[c.id], *(place[one] for one in descendants(book, c.id))] for c in book.codes]


def _gather(
    below: Sequence[Sequence[int]],
    rows: Sequence[np.ndarray],
    wide: Sequence[np.ndarray],
    words: Sequence[Counter[str]],
) -> DocumentFeatures:
    plain = np.stack(rows)
    # A code's own features are the strongest among itself and the codes below it.
    own = np.stack([plain[:, group].max(axis=1) for group in below], axis=1)
    flat = plain.reshape(len(plain), -1)
    return DocumentFeatures(own, np.hstack([flat, np.stack(wide)]), tuple(words))


def _strongest(values: np.ndarray, few: int) -> np.ndarray:
    few = min(few, len(values))
    return np.asarray(np.partition(values, -few, axis=0)[-few:].mean(axis=0))


# ---------------------------------------------------------------------------- heads


def _fit(seen: DocumentFeatures, given: np.ndarray) -> dict[str, np.ndarray]:
    """Learn the heads: weights of words and features, so that no document need be kept."""
    arrays = _frame(seen)
    own, wide, words = _scale(arrays, seen)
    slopes, levels = _fit_shared(own, given)
    near = _WORDS * words @ words.T + _WIDE * wide @ wide.T + _LEVEL
    alike = _alike(given)
    weights = _correct(near, own, alike, given, own @ slopes + levels)
    corrections = weights @ alike
    added = np.einsum("nkf,nk->kf", own, weights) / own.shape[2]
    return arrays | {
        "own": slopes + _OWN * added,
        "wide": _WIDE * wide.T @ corrections,
        "words": (_WORDS * words.T @ corrections).astype(np.float32),
        "levels": levels + _LEVEL * corrections.sum(axis=0),
    }


def _score(arrays: Mapping[str, np.ndarray], asked: DocumentFeatures) -> np.ndarray:
    """Log odds of documents, ``(n, codes)``."""
    own, wide, words = _scale(arrays, asked)
    return np.asarray(
        np.einsum("nkf,kf->nk", own, arrays["own"])
        + wide @ arrays["wide"]
        + words @ arrays["words"]
        + arrays["levels"]
    )


def _frame(seen: DocumentFeatures) -> dict[str, np.ndarray]:
    """Means and scales of features, and the words that count with how rare they are."""
    vocabulary = Vocabulary.learn(seen.words)
    return {
        "own_mean": seen.own.mean(axis=0),
        "own_scale": seen.own.std(axis=0) + 1e-6,
        "wide_mean": seen.wide.mean(axis=0),
        "wide_scale": seen.wide.std(axis=0),
        "vocabulary": vocabulary.words,
        "rarity": vocabulary.rarity,
    }


def _scale(
    arrays: Mapping[str, np.ndarray], seen: DocumentFeatures
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Features as the heads take them: own, wide (zero where nothing varied), words."""
    own = _scaled(seen.own, arrays["own_mean"], arrays["own_scale"])
    varied = arrays["wide_scale"] > 1e-6
    wide = _scaled(seen.wide, arrays["wide_mean"], arrays["wide_scale"]) * varied
    wide /= np.sqrt(max(int(varied.sum()), 1))
    return own, wide, _weigh(_vocabulary(arrays), seen.words)


def _vocabulary(arrays: Mapping[str, np.ndarray]) -> Vocabulary:
    return Vocabulary(arrays["vocabulary"], arrays["rarity"])


def _scaled(values: np.ndarray, mean: np.ndarray, scale: np.ndarray) -> np.ndarray:
    return np.clip((values - mean) / np.maximum(scale, 1e-6), -_LIMIT, _LIMIT)


def _weigh(vocabulary: Vocabulary, counted: Sequence[Counter[str]]) -> np.ndarray:
    """Weights of the words of documents, ``(n, words)``."""
    weights = np.zeros((len(counted), len(vocabulary.words)), dtype=np.float32)
    for row, words in enumerate(counted):
        places, values = vocabulary.weigh(words)
        weights[row, places] = values
    return weights


def _fit_shared(own: np.ndarray, given: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Ridge logistic regression over document x code: slopes of all codes, a level for each."""
    target = given.astype(np.float64)
    share = (target.sum(axis=0) + 0.5) / (len(target) + 1)
    slopes, levels = np.zeros(own.shape[2]), np.log(share / (1 - share))
    penalty = 3.0
    for _ in range(20):
        probability = trained.logistic(own @ slopes + levels)
        curve = probability * (1 - probability) + 1e-6
        # A light pull of levels to the prior keeps codes that no document has finite.
        pull = 0.1
        down = np.einsum("nkf,nk->f", own, probability - target) + penalty * slopes
        down_level = (probability - target).sum(axis=0) + pull * (
            levels - np.log(share / (1 - share))
        )
        bend_level = curve.sum(axis=0) + pull
        mixed = np.einsum("nkf,nk->kf", own, curve)
        bend = np.einsum("nkf,nk,nkg->fg", own, curve, own, optimize=True)
        bend += penalty * np.eye(len(slopes)) - mixed.T @ (mixed / bend_level[:, None])
        step = np.linalg.solve(bend, down - mixed.T @ (down_level / bend_level))
        slopes = slopes - step
        levels = levels - (down_level - mixed @ step) / bend_level
        if float(np.abs(step).max()) < 1e-5:
            break
    return slopes, levels


def _alike(given: np.ndarray) -> np.ndarray:
    """How much codes share of a correction, ``(codes, codes)``: by how their tags correlate."""
    unit = (given - given.mean(axis=0)) / (given.std(axis=0) + 1e-6)
    return (1 - _TOGETHER) * np.eye(given.shape[1]) + _TOGETHER * unit.T @ unit / len(given)


def _correct(
    near: np.ndarray, own: np.ndarray, alike: np.ndarray, given: np.ndarray, start: np.ndarray
) -> np.ndarray:
    """Weights of documents for corrections of given log odds, ``(n, codes)``.

    Logistic regression of all codes at once: Newton steps, each solved by conjugate gradients, so
    that the matrix over document x code is never made.
    """

    def correction(weights: np.ndarray) -> np.ndarray:
        alone = np.einsum("nkf,kf->nk", own, np.einsum("nkf,nk->kf", own, weights))
        return np.asarray(near @ weights @ alike + _OWN * alone / own.shape[2])

    weights, score = np.zeros(given.shape), start
    for _ in range(15):
        probability = trained.logistic(score)
        curve = np.maximum(probability * (1 - probability), 1e-4)
        root = np.sqrt(curve)
        wanted = root * (score - start + (given - probability) / curve)
        inner = weights / root
        rest = wanted - inner - root * correction(root * inner)
        ahead, size = rest, float((rest * rest).sum())
        enough = 1e-8 * float((wanted * wanted).sum())
        for _ in range(100):
            if size <= enough:
                break
            bent = ahead + root * correction(root * ahead)
            pace = size / float((ahead * bent).sum())
            inner, rest = inner + pace * ahead, rest - pace * bent
            size, before = float((rest * rest).sum()), size
            ahead = rest + size / before * ahead
        weights = root * inner
        new = start + correction(weights)
        moved = float(np.abs(new - score).max())
        score = new
        if moved < 1e-3:
            break
    return weights


def _fits(model: trained.TrainedModel) -> bool:
    """Whether all numbers are there, finite, of matching shapes, and the base is the card's."""
    arrays, codes = model.arrays, len(model.codes)
    if set(arrays) != {*_SHAPES, "base"} or arrays["own"].ndim != 2:
        return False
    sizes = {
        "codes": len(arrays["own"]),
        "features": arrays["own"].shape[1],
        "wide": arrays["wide_mean"].size,
        "words": arrays["vocabulary"].size,
    }
    if any(arrays[name].shape != tuple(sizes[one] for one in of) for name, of in _SHAPES.items()):
        return False
    if sizes["wide"] != codes * sizes["features"] + len(_extent(0, 0)):
        return False
    learned = arrays["learned"]
    kinds = {name: arrays[name].dtype.kind for name in _SHAPES}
    if (kinds.pop("vocabulary"), kinds.pop("learned"), kinds.pop("given")) != ("U", "i", "b"):
        return False
    if set(kinds.values()) != {"f"} or not all(np.isfinite(arrays[name]).all() for name in kinds):
        return False
    if len(np.unique(learned)) != len(learned) or ((learned < 0) | (learned >= codes)).any():
        return False
    inside = arrays["base"].tobytes()
    try:
        return (trained.model_from_bytes(inside).digest if inside else "") == model.card.base
    except trained.NO_MODEL:
        return False
