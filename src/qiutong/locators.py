"""Locators as values: when two ways of citing a provision mean the same place.

A digest cites ``第十七条第二款（三）`` or ``Sec. 4.1(a)(i)``; the segments of the official text, or of
its translation, carry locators of their own. Both are read into the same steps, outermost first,
so that codings can be carried from one to the other.
"""

import re
import unicodedata
from collections.abc import Iterable

_DIGITS = {"〇": 0, "零": 0, **{sign: n for n, sign in enumerate("一二三四五六七八九", 1)}, "两": 2}
_UNITS = {"十": 10, "百": 100}
_HAN = "〇零一二三四五六七八九十百两"

# Words that only say what kind of place follows. An appendix stays: "Appendix B" is not "Sec. B".
_KINDS = {
    *("sec", "section", "sections", "§", "§§", "art", "article", "principle", "point", "item"),
    *("items", "clause", "subsection", "part", "no", "number", "bullet"),
}
_PARAGRAPHS = {"para", "paras", "paragraph", "paragraphs"}
_CHAPTERS = {"chapter", "chapters"}

_STEP = re.compile(
    rf"第\s*\(?(?P<ordinal>[{_HAN}]+|\d+)\)?\s*(?P<kind>[条款项段章节句点部分]+)"
    rf"|\(\s*(?P<bracket>[^()\s]{{1,6}})\s*\)"
    rf"|(?P<list>[{_HAN}]+)\s*、"
    r"|(?P<number>\d+(?:\.\d+)*)(?=\D|$)"
    r"|(?P<single>\b[a-z])\)"
    r"|(?P<word>[a-z][a-z’'\-]*|[\u3400-\u9fff]+|§+)"
)


def read_han_number(text: str) -> int | None:
    """Read a Chinese numeral below a thousand, such as ``二十三``; None where it is none."""
    if not text or any(sign not in _DIGITS and sign not in _UNITS for sign in text):
        return None
    total, digit = 0, 0
    for sign in text:
        if sign in _UNITS:
            total += (digit or 1) * _UNITS[sign]
            digit = 0
        else:
            digit = digit * 10 + _DIGITS[sign]
    return total + digit


def locator_steps(locator: str) -> tuple[str, ...]:
    """Read a locator into comparable steps, outermost first.

    Parameters
    ----------
    locator
        In any style this package writes, English or Chinese; ``第（三）项`` is ``（三）``.

    Returns
    -------
    tuple of str
        Numbers and letters of the steps; a paragraph is marked ``p``, a chapter ``chapter``. ``第四条第二款（三）`` and
        ``Art. 4, para. 2(3)`` both give ``("4", "p2", "3")``. Words of a named place are kept in
        lower case.
    """
    text = unicodedata.normalize("NFKC", locator).lower()
    # A part of a provision, cut for length, is still that provision.
    text = re.sub(
        r",?\s*(?:sentences?\s*\d+(?:\s*[-–]\s*\d+)?|第\d+(?:\s*[-–—至]\s*\d+)?句)", "", text
    )
    text = re.sub(r"\s*\[\d+\]", "", text)
    # An operative paragraph of a resolution is cited by its number, not counted.
    text = re.sub(r"\b(?:op\.?|operative)\s+para(?:s|graph|graphs)?\.?(?=\s*\d)", "", text)
    steps: list[str] = []
    mark = ""
    for hit in _STEP.finditer(text):
        if hit["ordinal"]:
            number = read_han_number(hit["ordinal"])
            value = hit["ordinal"] if number is None else str(number)
            if hit["kind"] in ("款", "段"):
                value = f"p{value}"
            elif hit["kind"] in ("章", "节", "部分"):
                value = f"chapter{value}"
            steps.append(value)
        elif hit["bracket"] or hit["list"]:
            inner = hit["bracket"] or hit["list"]
            number = read_han_number(inner)
            steps.append(inner if number is None else str(number))
        elif hit["number"]:
            steps.append(mark + hit["number"])
        elif hit["single"]:
            steps.append(hit["single"])
        else:
            word = hit["word"].strip("'’")
            if word in _PARAGRAPHS or word in _CHAPTERS:
                mark = "p" if word in _PARAGRAPHS else "chapter"
                continue
            if word not in _KINDS:
                number = read_han_number(word)
                steps.append(word if number is None else str(number))
        mark = ""
    return tuple(steps)


def find_place(locator: str, locators: Iterable[str]) -> tuple[int, ...]:
    """Find the provisions that a locator names.

    Parameters
    ----------
    locator
        The place looked for.
    locators
        Locators of the segments of one text, in reading order.

    Returns
    -------
    tuple of int
        Numbers (from 0) of the segments with the same locator and of those below it, since a text
        may be cut finer than it is cited; ``4.1`` lies below ``4``. Empty where there is no such
        place.
    """
    wanted = locator_steps(locator)
    if not wanted:
        return ()
    outer, last = wanted[:-1], len(wanted) - 1
    return tuple(
        number
        for number, steps in enumerate(locator_steps(one) for one in locators)
        if len(steps) > last
        and steps[:last] == outer
        and (steps[last] == wanted[last] or steps[last].startswith(f"{wanted[last]}."))
    )
