"""Plain text: the encoding found, hard-wrapped lines joined."""

import codecs
import re
from itertools import pairwise

from qiutong.errors import EmptyDocument, OversizedFile, UndecodableText, WrongFormat
from qiutong.model import SourceText
from qiutong.readers.layout import BULLET, Piece, assemble, join_lines, opens_provision, squeeze
from qiutong.text import detect_language, normalize_text

MAX_TEXT_BYTES = 30_000_000
"""A text is held several times while it is read; the longest statutes are under 10 MB."""

# Characters that make up a third to two thirds of running text. A wrong encoding gives rare ones.
_FAMILIAR = frozenset(
    "的一是在不了有和人这中大为上个国我以要他时来用们生到作地于出就分对成会可主发年动同工也能下过子说产种面而方后多定行学法所民得经"
    "这中为个国时来们产发动会过说种对后经应当规务数据与进网络据设关开实点问题机管条术统权义责险监"
    "這中為個國時來們產發動會過說種對後經應當規務數據與進網絡據設關開實點問題機管條術統權義責險監總體電網"
    "，。、；：？！（）《》“”「」『』【】　智能人工安全信息技术技術服务服務系统系統"
    "のにはをたがでてとしれさあるいかなもすりうこっきまくどよ"
    "이다의는을를에하고가한로기사인지도서자해대"
    "éèàçñäöüßêîôûíóáúæøåã’‘–—•§©®°ëïìòùœ"
    "оеаинтсрвлкмдпуяыьгзбчйхжшюцщэфії"
)
_STRICT = ("gb18030", "big5hkscs", "shift_jis", "euc_jp", "cp949", "cp1251", "cp1252")
_DISPLAY = {"big5hkscs": "big5", "cp1252": "windows-1252", "cp1251": "windows-1251"}
_LETTERLESS = re.compile(r"[\x00-\x7f]+")


def looks_binary(data: bytes) -> bool:
    """Whether bytes are no text in any encoding read here."""
    if data.startswith((codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return False
    sample = data[:65_536]
    if _utf16_without_mark(sample):
        return False
    controls = sum(byte < 9 or 14 <= byte < 27 or 28 <= byte < 32 for byte in sample)
    return b"\0" in sample or controls > 0.02 * len(sample)


def _utf16_without_mark(sample: bytes) -> str:
    """Name of the UTF-16 form of mostly Latin text without a mark, or an empty string."""
    pairs = len(sample) // 2
    if pairs < 8 or len(sample) % 2:
        return ""
    even, odd = sample[0::2].count(0), sample[1::2].count(0)
    if odd > 0.6 * pairs and not even:
        return "utf-16-le"
    if even > 0.6 * pairs and not odd:
        return "utf-16-be"
    return ""


def decode_text(data: bytes, name: str, declared: str = "") -> tuple[str, str, tuple[str, ...]]:
    """Decode bytes, finding the encoding.

    Marks first, then UTF-8, then what the source declares, then the encoding among GB18030, Big5
    and others in which the most characters are ones that running text is made of. GB18030 and Big5
    use the same bytes, so validity alone does not tell them apart.

    Parameters
    ----------
    data
        The bytes.
    name
        For messages.
    declared
        Encoding that the source names, such as an HTML meta element.

    Returns
    -------
    tuple
        The text as decoded, the encoding's name, and warnings.

    Raises
    ------
    WrongFormat
        The bytes are no text at all.
    UndecodableText
        No encoding fits.
    """
    for mark, encoding in (
        (codecs.BOM_UTF8, "utf-8-sig"),
        (codecs.BOM_UTF32_LE, "utf-32"),
        (codecs.BOM_UTF16_LE, "utf-16"),
        (codecs.BOM_UTF16_BE, "utf-16"),
    ):
        if data.startswith(mark):
            try:
                return data.decode(encoding), encoding, ()
            except UnicodeDecodeError:
                text = data.decode(encoding, errors="replace")
                return text, encoding, (_lost(text),)
    if looks_binary(data):
        raise WrongFormat(
            name, "this is binary data, not text", "Check that it is the file you meant."
        )
    wide = _utf16_without_mark(data[:65_536])
    if wide:
        return data.decode(wide, errors="replace"), wide, ()
    try:
        return data.decode("utf-8"), "utf-8", ()
    except UnicodeDecodeError as error:
        where = error.start
    declared = {"gb2312": "gb18030", "gbk": "gb18030", "x-gbk": "gb18030", "big5": "big5hkscs",
                "iso-8859-1": "cp1252"}.get(declared.lower(), declared)  # fmt: skip
    candidates = []
    for encoding in dict.fromkeys([declared, *_STRICT] if declared else _STRICT):
        try:
            text = data.decode(encoding)
        except (UnicodeDecodeError, LookupError):
            continue
        score = _familiarity(text, encoding)
        if encoding == declared and score > 0.2:
            return text, _DISPLAY.get(encoding, encoding), ()
        candidates.append((score, encoding, text))
    if candidates:
        score, encoding, text = max(candidates, key=lambda found: found[0])
        if score > 0.3:
            return text, _DISPLAY.get(encoding, encoding), ()
    repaired = _decode_damaged(data)
    if repaired:
        return repaired
    found = _ask_charset_normalizer(data)
    if found:
        return found
    raise UndecodableText(
        name,
        f"no text encoding fits (byte {where:,} is not UTF-8; GB18030, Big5 and others give no "
        "readable text)",
        "Save the file as UTF-8 and add it again.",
    )


def _familiarity(text: str, encoding: str = "") -> float:
    """Share of the characters beyond ASCII that running text is made of."""
    beyond = _LETTERLESS.sub("", text[:200_000])
    if not beyond:
        return 0.0
    share = sum(map(_FAMILIAR.__contains__, beyond)) / len(beyond)
    odd = sum("\ue000" <= c <= "\uf8ff" or "\x80" <= c < "\xa0" or c == "\ufffd" for c in beyond)
    if encoding.startswith("cp125"):
        # These decode any bytes, so they must fit well: Western text is mostly ASCII, Cyrillic text
        # mostly not, and both are mostly lower case.
        letters = max(1, sum(c.isalpha() for c in text[:200_000]))
        cyrillic = encoding == "cp1251"
        mostly = len(beyond) > (0.5 if cyrillic else 0.25) * letters
        if mostly != cyrillic or share < 0.7:
            return 0.0
    return share - 3 * odd / len(beyond)


def _decode_damaged(data: bytes) -> tuple[str, str, tuple[str, ...]] | None:
    """Decode text with a few broken bytes, which a cut-off or patched file has."""
    best: tuple[float, str, str] | None = None
    for encoding in ("utf-8", "gb18030", "big5hkscs"):
        text = data.decode(encoding, errors="replace")
        if text.count("\ufffd") > max(2, len(text) // 500):
            continue
        score = _familiarity(text.replace("\ufffd", ""))
        if score > 0.35 and (best is None or score > best[0]):
            best = (score, encoding, text)
    if best is None:
        return None
    return best[2], _DISPLAY.get(best[1], best[1]), (_lost(best[2]),)


def _lost(text: str) -> str:
    count = text.count("\ufffd")
    at = text.index("\ufffd") if count else 0
    return (
        f"{count} character(s) could not be decoded and stand as \ufffd, the first near "
        f'"{text[max(0, at - 15) : at + 15].strip()}"; do not quote these places.'
    )


def _ask_charset_normalizer(data: bytes) -> tuple[str, str, tuple[str, ...]] | None:
    from charset_normalizer import from_bytes

    best = from_bytes(data[:500_000]).best()
    if best is None or best.chaos > 0.1 or best.coherence < 0.3:
        return None
    try:
        text = data.decode(best.encoding)
    except (UnicodeDecodeError, LookupError):
        return None
    return text, best.encoding, (f"The encoding is a guess: {best.encoding}.",)


# --------------------------------------------------------------------------- lines


def unwrap_lines(text: str) -> list[str]:
    """Paragraphs of a text, with hard-wrapped lines joined.

    A line was broken by a margin where the next word would not have fitted; only then, or where
    the next line goes on in lower case, is it joined. A text that is not hard-wrapped keeps a
    paragraph for each line.

    Parameters
    ----------
    text
        Normalised text.
    """
    lines = text.split("\n")
    width = _margin(lines)
    if not width:
        return [line.strip() for line in lines if line.strip()]
    # Lines run together by an earlier conversion still show the indent of the next provision.
    text = re.sub(r"(?<=\S) {6,}(?=\(\w{1,5}\)\s)", "\n", text)
    lines = text.split("\n")
    vocabulary = _vocabulary(text)
    paragraphs: list[str] = []
    current = ""
    for number, line in enumerate(lines):
        previous = lines[number - 1] if number else ""
        if not line.strip() or not current or not previous.strip() or _opens(line, previous):
            goes_on = False
        elif line.strip() in ("and", "or"):
            goes_on = True
        elif previous.rstrip().endswith((".", ";", ":", "--", "。", "；", "：", "—")):
            goes_on = _forced(previous, line, width) and not line.startswith("    ")
        else:
            goes_on = _forced(previous, line, width) or line.strip()[0].islower()
        if goes_on:
            current = join_lines(current, line, vocabulary.__contains__)
        else:
            if current:
                paragraphs.append(squeeze(current))
            current = line.strip()
    if current:
        paragraphs.append(squeeze(current))
    return paragraphs


def _opens(line: str, previous: str = "") -> bool:
    return bool(BULLET.match(line)) or opens_provision(line, previous)


def _forced(line: str, following: str, width: int) -> bool:
    """Whether the next word would have run over the margin."""
    word = following.split(maxsplit=1)[0]
    need = 1 if _breaks_anywhere(word) else len(word) + 1
    return len(line) + need > width - 3


def _breaks_anywhere(word: str) -> bool:
    """Whether a word begins in a script whose lines break between any two characters."""
    return bool(word) and "\u2e80" <= word[0] <= "\uffee"


def _margin(lines: list[str]) -> int:
    """Width at which the lines were broken, or 0 where they were not."""
    lengths = sorted(len(line) for line in lines if line.strip())
    if len(lengths) < 8:
        return 0
    width = lengths[int(0.9 * (len(lengths) - 1))]
    if not 30 <= width <= 115:
        return 0
    pairs = [(a, b) for a, b in pairwise(lines) if a.strip() and b.strip() and not _opens(b, a)]
    if len(pairs) < 5:
        return 0
    forced = sum(_forced(a, b, width) or len(a) > width for a, b in pairs)
    return width if forced >= 0.5 * len(pairs) else 0


def _vocabulary(text: str) -> frozenset[str]:
    """Words and hyphenated compounds inside the lines of a text, in lower case."""
    inside = re.findall(r"[^\W\d_]+(?:-[^\W\d_]+)*(?![-\w])", text.lower())
    return frozenset(inside) | frozenset(
        part for word in inside if "-" in word for part in word.split("-")
    )


def pieces_of_plain_text(text: str) -> list[Piece]:
    """Pieces of a plain text: paragraphs only, since nothing in it marks a heading."""
    return [Piece("paragraph", paragraph) for paragraph in unwrap_lines(normalize_text(text))]


class TextReader:
    """Plain text in any of the encodings found by :func:`decode_text`."""

    name = "plain text"
    extensions = (".txt", ".text")
    media_type = "text/plain"

    def sniff(self, data: bytes, name: str) -> bool:
        """Whether the bytes are no binary data."""
        return not looks_binary(data)

    def read(self, data: bytes, name: str) -> SourceText:
        """Read plain text into paragraphs."""
        check_text_size(data, name)
        raw, encoding, warnings = decode_text(data, name)
        pieces = pieces_of_plain_text(raw)
        text, blocks, _ = assemble(pieces)
        if not text:
            raise EmptyDocument(
                name, "the file holds no text", "Check that it is the file you meant."
            )
        return SourceText(
            text=text,
            blocks=blocks,
            title=_first_line_title(text),
            media_type=self.media_type,
            encoding=encoding,
            warnings=warnings,
        )


def check_text_size(data: bytes, name: str) -> None:
    """Refuse a text too long to be one document."""
    if len(data) > MAX_TEXT_BYTES:
        raise OversizedFile(
            name,
            f"{len(data) / 1e6:,.0f} MB of text is over the limit of {MAX_TEXT_BYTES / 1e6:,.0f} MB",
            "Split it into its documents.",
        )


def _first_line_title(text: str) -> str:
    """The first line where it looks like a title: short, and not a sentence."""
    first = text.split("\n", 1)[0]
    limit = 60 if detect_language(first) in ("zh", "ja") else 200
    if len(first) > limit or first.endswith((".", "。", "；", ";", "，", ",", ":", "：")):
        return ""
    return "" if _opens(first) else first
