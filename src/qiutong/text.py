"""Text as the rest of Qiutong sees it: normalised, with a language, sentences and search terms.

Offsets are code points into the text given, end exclusive. Nothing here changes a quote: the
normal form is fixed once, when a file is read, and every later offset points into it.
"""

import re
import unicodedata
from collections import Counter
from functools import cache
from itertools import pairwise

LANGUAGE_SAMPLE = 20_000
"""Characters read to tell a language; more does not change the answer and costs time."""

WRITTEN_WITHOUT_SPACES = (
    "\u3005\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U000323af"  # Han
    "\u3040-\u30ff\u31f0-\u31ff"  # kana
    "\uac00-\ud7a3\u1100-\u11ff"  # Hangul: spaced, but particles cling to the words
    "\u0e00-\u0e7f\u0e80-\u0eff\u1780-\u17ff\u1000-\u109f"  # Thai, Lao, Khmer, Burmese
)
"""Body of a character class: scripts whose words are not set apart by spaces."""

_FUNCTION_WORDS = {
    "en": "the of and to in that is for with as be by this which are it from or an on at shall must may should will has have not any their its such",
    "fr": "le la les des du et est une dans pour que qui sur par au aux avec sont ces cette ou ne pas leur ses être",
    "de": "der die das und den dem des ist ein eine einer mit von zu für auf im nicht werden wird sind als auch bei oder sich durch",
    "es": "el la los las de del y en que es una para por con se su al como sus lo más o este deberán ser",
    "it": "il lo gli di e della delle dei che per una con sono nel nella alla è non le del al più essere",
    "pt": "o os as da do das dos em que para uma com não por no na ao são ou e de se mais ser",
    "nl": "de het een en van in op te dat die voor met zijn niet aan door worden wordt ook bij deze",
}
STOPWORDS: dict[str, frozenset[str]] = {
    code: frozenset(words.split()) for code, words in _FUNCTION_WORDS.items()
}
"""Frequent function words of the Latin-script languages that are told apart."""

SENTENCE_LANGUAGES = frozenset({"zh", "ja", *STOPWORDS, "ru", "uk"})
"""Languages with sentence rules; any other text is taken line by line."""

# Single characters on purpose: a map keeps lengths, so offsets hold in both forms.
_REMOVED = [
    *range(0x00, 0x09),
    *range(0x0E, 0x20),
    0x7F,
    *range(0x80, 0x85),
    *range(0x86, 0xA0),
    0xAD,  # soft hyphen
    0x061C,
    0x180E,
    *range(0x200B, 0x2010),  # zero-width and direction marks
    *range(0x202A, 0x202F),
    *range(0x2060, 0x2070),
    0xFEFF,
    *range(0xFFF9, 0xFFFC),
    *range(0xE0000, 0xE0080),  # tag characters can hide whole sentences from a reader
]
_LINE_BREAKS = [0x0B, 0x0C, 0x0D, 0x85, 0x2028, 0x2029]
_SPACES = [0xA0, 0x1680, *range(0x2000, 0x200B), 0x202F, 0x205F, 0x3000]
_NORMALISE: dict[int, str | None] = {
    **dict.fromkeys(_REMOVED),
    **dict.fromkeys(_LINE_BREAKS, "\n"),
    **dict.fromkeys(_SPACES, " "),
    **dict.fromkeys(range(0xD800, 0xE000), "\ufffd"),  # lone surrogates cannot be stored
}


def normalize_text(raw: str) -> str:
    """Bring text into the one form that all offsets refer to.

    Unicode NFC; every kind of line break becomes ``\\n``; byte order marks, soft hyphens,
    zero-width, direction and control characters go; no-break, ideographic and other spaces become
    a plain space; spaces at line ends go. Full-width forms stay, because quotes must be exact.

    Parameters
    ----------
    raw
        Text as decoded.

    Returns
    -------
    str
        The normal form; normalising it again changes nothing.
    """
    text = raw.replace("\r\n", "\n").translate(_NORMALISE)
    text = unicodedata.normalize("NFC", text)
    return "\n".join(line.rstrip(" \t") for line in text.split("\n"))


# --------------------------------------------------------------------------- scripts, languages

_SCRIPTS = {
    "han": re.compile("[\u3400-\u4dbf\u4e00-\u9fff\U00020000-\U000323af]"),
    "kana": re.compile("[\u3041-\u3096\u30a1-\u30fa]"),
    "hangul": re.compile("[\uac00-\ud7a3\u1100-\u11ff]"),
    "cyrillic": re.compile("[\u0400-\u04ff]+"),
    "arabic": re.compile("[\u0620-\u06ff]+"),
    "hebrew": re.compile("[\u05d0-\u05ea]+"),
    "greek": re.compile("[\u0370-\u03ff\u1f00-\u1fff]+"),
    "devanagari": re.compile("[\u0900-\u097f]+"),
    "thai": re.compile("[\u0e00-\u0e7f]{1,4}"),
    "latin": re.compile("[A-Za-z\u00c0-\u024f]+"),
}
_ONE_LANGUAGE = {"hangul": "ko", "hebrew": "he", "greek": "el", "devanagari": "hi", "thai": "th"}


def detect_language(text: str) -> str:
    """Tell the language of a text from its beginning.

    Scripts are weighed by units that carry about a word each: one Han character, one run of
    letters. A Chinese original followed by its English translation is therefore Chinese. Latin
    script is told apart by function words.

    Parameters
    ----------
    text
        Any text; the first :data:`LANGUAGE_SAMPLE` characters are read.

    Returns
    -------
    str
        ISO 639-1 code, ``"zh"`` for Simplified and Traditional Chinese alike, or ``"und"`` where
        the text does not say.
    """
    sample = text[:LANGUAGE_SAMPLE]
    if sample.isascii():
        return _latin_language(_SCRIPTS["latin"].findall(sample))
    found = {script: pattern.findall(sample) for script, pattern in _SCRIPTS.items()}
    weight = {script: len(units) for script, units in found.items()}
    east = weight["han"] + weight["kana"]
    weight["han"] = east
    del weight["kana"]
    script = max(weight, key=lambda name: weight[name])
    if not weight[script]:
        return "und"
    if script == "han":
        return "ja" if len(found["kana"]) > 0.1 * east else "zh"
    if script == "latin":
        return _latin_language(found["latin"])
    if script == "cyrillic":
        return _cyrillic_language("".join(found["cyrillic"]).lower())
    if script == "arabic":
        return _arabic_language("".join(found["arabic"]))
    return _ONE_LANGUAGE[script]


def _latin_language(words: list[str]) -> str:
    if not words:
        return "und"
    counts = Counter(word.lower() for word in words)
    scores = sorted(
        ((sum(counts[word] for word in stop), code) for code, stop in STOPWORDS.items()),
        reverse=True,
    )
    (best, code), (second, _) = scores[0], scores[1]
    # Running prose has a third or more of function words; tables and headings fewer.
    if best < max(1, 0.08 * len(words)) or best < 1.2 * second:
        return "und"
    # One word shared with another tongue ("on" is Finnish too) is no evidence in a whole sentence.
    if len(words) >= 12 and sum(counts[word] > 0 for word in STOPWORDS[code]) < 2:
        return "und"
    return code


def _cyrillic_language(letters: str) -> str:
    share = {name: sum(letters.count(c) for c in chars) / len(letters) for name, chars in
             {"uk": "іїєґ", "sr": "јљњђћџ", "ru": "ыэё", "be": "ў"}.items()}  # fmt: skip
    if share["be"] or share["sr"] > 0.01:
        return "be" if share["be"] else "sr"
    if share["uk"] > 0.01 and share["uk"] > share["ru"]:
        return "uk"
    # Bulgarian and Macedonian lack ы and э; a long text without them is not Russian.
    return "ru" if share["ru"] > 0.002 or len(letters) < 200 else "und"


def _arabic_language(letters: str) -> str:
    if sum(letters.count(c) for c in "ٹڈڑےں") > 0.01 * len(letters):
        return "ur"
    if sum(letters.count(c) for c in "پچژگکی") > 0.02 * len(letters):
        return "fa"
    return "ar"


# --------------------------------------------------------------------------- Han variants


@cache
def _simplified_map() -> dict[int, str]:
    from importlib.resources import files

    source = files("opencc").joinpath("dictionary", "TSCharacters.txt").read_text("utf-8")
    table: dict[int, str] = {}
    for line in source.splitlines():
        traditional, _, choices = line.partition("\t")
        simplified = choices.split(" ")[0].strip()
        if len(traditional) == len(simplified) == 1 and traditional != simplified:
            table[ord(traditional)] = simplified
    return table


def to_simplified(text: str) -> str:
    """Map Traditional characters to Simplified ones, one to one.

    For matching only, never for quotes: words that differ between regions (網路, 网络) stay as
    they are, because only single characters are mapped and the length never changes.

    Parameters
    ----------
    text
        Any text.

    Returns
    -------
    str
        Text of the same length in code points.

    References
    ----------
    OpenCC, dictionary ``TSCharacters``, first choice of each entry.
    """
    return text if text.isascii() else text.translate(_simplified_map())


# --------------------------------------------------------------------------- sentences

# A full stop after one of these does not end a sentence, whatever follows.
_NEVER_LAST = re.compile(
    r"(?:^|[\s(\[“\"'‘/—–-])(?:"
    r"(?:Secs?|Subsecs?|Arts?|Nos?|Paras?|Pars?|Figs?|Eqs?|Chs?|Chap|Vols?|Pp?|Cl|Cls|Pt|Pts|Tit|"
    r"Sched|App|Cf|Ex|Exec|Fed|Reg|Pub|Stat|Cal|Gov|Sen|Rep|Reps|Dr|Mr|Mrs|Ms|Prof|Gen|Col|Lt|Hon|"
    r"St|Approx|Ca|Viz|Vs?|Dept|Div|Ed|Eds|Ref|Refs|art|nr|Abs|Nr|bzw|usw|vgl|"
    r"secs?|subsecs?|arts?|nos?|paras?|pars?|figs?|eqs?|chs?|chap|vols?|pp?|cl|pts?|app|cf|ex|"
    r"approx|ca|viz|vs?|dept|eds?|refs?)"
    r"|(?:Pub|Priv)\. ?L|i\. ?e|e\. ?g|I\.e|E\.g|et al|[A-Z])\.$"
)
# After these a sentence may end; it does not where the next word is a number or is lower case.
_OPENS_LOWER = re.compile(r"[a-z0-9§,;:)\]]")
_PARAGRAPH = re.compile(r"[^\n]+")
_HAN = re.compile(f"[{WRITTEN_WITHOUT_SPACES}]")
# Split on 。！？ but not on ；: clauses after ； share the subject.
_ZH_END = re.compile(
    r"(?:[。！？]|(?<=[^\x00-\x7f])[!?])[。！？!?…]*[”’」』）)】〕\"']*(?![》〉，、；：,;:])"
    r"|(?<=[A-Za-z0-9)”\"][.!?])(?=\s+[A-Z“\"(])"
)
_FINAL = tuple(".!?:;。！？：；")


def split_sentences(
    text: str, language: str, start: int = 0, end: int | None = None
) -> list[tuple[int, int]]:
    """Split text into sentences.

    Chinese and Japanese end a sentence at 。！？ with the closing quotes that follow, never at
    ；. European languages use sentencex, corrected for the abbreviations of legal citation
    (``Sec. 4.1``, ``No. 3``, ``Pub. L.``). A line break ends a sentence unless a wrapped line goes
    on in lower case. Any other language: one span a line.

    Parameters
    ----------
    text
        The whole text; offsets refer to it.
    language
        ISO 639-1 code or ``"und"``.
    start, end
        Part of the text to split.

    Returns
    -------
    list of (int, int)
        Offsets of the sentences in order, not overlapping, without surrounding white space, none
        empty.
    """
    end = len(text) if end is None else end
    spans: list[tuple[int, int]] = []
    for line_start, line_end in _lines(text, start, end, language):
        if language in ("zh", "ja") and _HAN.search(text, line_start, line_end):
            cuts = _han_sentences(text, line_start, line_end)
        elif language in SENTENCE_LANGUAGES:
            # A line without Han in a Chinese text is nearly always English.
            known = "en" if language in ("zh", "ja") else language
            cuts = _latin_sentences(text, line_start, line_end, known)
        else:
            cuts = [(line_start, line_end)]
        for left, right in cuts:
            while left < right and text[left].isspace():
                left += 1
            while left < right and text[right - 1].isspace():
                right -= 1
            if left < right:
                spans.append((left, right))
    return spans


def _lines(text: str, start: int, end: int, language: str) -> list[tuple[int, int]]:
    """Lines, joined where a wrapped line goes on in lower case."""
    lines: list[tuple[int, int]] = []
    for match in _PARAGRAPH.finditer(text, start, end):
        left, right = match.span()
        if (
            lines
            and language in SENTENCE_LANGUAGES
            and left - lines[-1][1] == 1
            and text[left : left + 1].islower()
            and not text[: lines[-1][1]].endswith(_FINAL, max(0, lines[-1][1] - 2))
        ):
            lines[-1] = (lines[-1][0], right)
        else:
            lines.append((left, right))
    return lines


def _han_sentences(text: str, start: int, end: int) -> list[tuple[int, int]]:
    cuts: list[tuple[int, int]] = []
    left = start
    for match in _ZH_END.finditer(text, start, end):
        if match.end() > left:
            cuts.append((left, match.end()))
            left = match.end()
    if left < end:
        cuts.append((left, end))
    return cuts


def _latin_sentences(text: str, start: int, end: int, language: str) -> list[tuple[int, int]]:
    from sentencex import get_sentence_boundaries

    part = text[start:end]
    cuts: list[tuple[int, int]] = []
    for boundary in get_sentence_boundaries(language, part):
        left, right = start + boundary["start_index"], start + boundary["end_index"]
        if cuts and _goes_on(text, cuts[-1], left):
            cuts[-1] = (cuts[-1][0], right)
        else:
            cuts.append((left, right))
    return cuts


def _goes_on(text: str, before: tuple[int, int], left: int) -> bool:
    """Whether the sentence before a cut goes on after it."""
    tail = text[max(before[0], before[1] - 24) : before[1]].rstrip()
    if not tail.endswith("."):
        return False
    if _NEVER_LAST.search(tail):
        return True
    follows = text[left : left + 1]
    return bool(_OPENS_LOWER.match(follows)) and not follows.isdigit()


# --------------------------------------------------------------------------- search

_TERM_OR_RUN = re.compile(f"[{WRITTEN_WITHOUT_SPACES}]+|[^\\W_{WRITTEN_WITHOUT_SPACES}]+")


def index_terms(text: str) -> list[str]:
    """Cut text into terms for full-text search, the same way for texts and for queries.

    Latin and similar scripts give lower-cased words. A run of Chinese characters gives each
    character and each pair, in order: ``网络安全`` → ``网 网络 络 络安 安 安全 全``. A query's terms are
    then a contiguous part of a text's terms exactly where the query is a part of the text, so a
    phrase search finds 安全 in 网络安全法 and in 人工智能安全治理; a search for all terms is nearly as
    sharp. A dictionary cut was rejected: it loses a word wherever it cuts across it. Traditional
    characters are indexed in their Simplified form.

    Parameters
    ----------
    text
        A text or a query, in any language.

    Returns
    -------
    list of str
        Terms of letters and digits only, in order of the text.
    """
    folded = unicodedata.normalize("NFKC", to_simplified(text)).lower()
    terms: list[str] = []
    for match in _TERM_OR_RUN.finditer(folded):
        run = match.group()
        if len(run) == 1 or not _HAN.match(run):
            terms.append(run)
            continue
        for first, second in pairwise(run):
            terms += (first, first + second)
        terms.append(run[-1])
    return terms
