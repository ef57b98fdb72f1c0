"""Carrying codings from a digest to the official text.

A digest restates provisions and names their places. When the official text is there, each digested
provision is looked for in it: first by its locator, then by likeness of meaning. What cannot be
placed surely is listed and not carried: a coding on the wrong provision is a wrong quote.
"""

from collections.abc import Callable, Mapping, Sequence
from statistics import median
from typing import TYPE_CHECKING

import msgspec

from qiutong.locators import find_place
from qiutong.model import Coding, Segment, Value
from qiutong.position import classify_position
from qiutong.segment import find_lead_in

if TYPE_CHECKING:
    import numpy as np

LEAST_LIKENESS = 0.45
"""Cosine from which a provision may be placed by likeness alone; see docs/method/carrying.md."""

LEAST_LIKENESS_BY_LOCATOR = 0.30
"""Cosine below which even the same locator is not believed: the words are about something else."""

LEAST_PLACED = 0.5
"""Share of a digest's provisions that must be placed before a text is taken for the document."""

LEAST_TYPICAL_LIKENESS = 0.50
"""Median cosine of the placed provisions below which a text is not taken for the document.

Both bounds are measured in docs/method/carrying.md, on right texts and on texts of other documents.
"""


class Placed(Value, frozen=True, kw_only=True):
    """Where one digested provision was found.

    Parameters
    ----------
    locator
        Its locator in the digest.
    segments
        Ids of the segments in the official text, the nearest in meaning first; empty where it was
        not placed.
    how
        ``locator``, ``likeness`` or ``unplaced``.
    likeness
        Cosine between the digested provision and the place, or None where none was found.
    """

    segment: str
    locator: str
    segments: tuple[str, ...] = ()
    how: str = "unplaced"
    likeness: float | None = None


Embed = Callable[[Sequence[str]], "np.ndarray"]
"""Gives unit vectors, shape (texts, dimensions)."""


def plain_case(text: str) -> str:
    """Lower-case a text in capitals: statutes are printed so, and embeddings tell case apart."""
    letters = [sign for sign in text if sign.isalpha() and sign.lower() != sign.upper()]
    capitals = sum(sign.isupper() for sign in letters)
    return text.lower() if len(letters) > 20 and capitals > 0.6 * len(letters) else text


def place_provisions(
    digest: Sequence[Segment], official: Sequence[Segment], embed: Embed
) -> tuple[Placed, ...]:
    """Find each digested provision in the official text.

    Parameters
    ----------
    digest
        Segments of the digest.
    official
        Segments of the official text, in any language that the embedding knows.
    embed
        Gives vectors of texts.

    Returns
    -------
    tuple of Placed
        In the order of the digest. A locator counts only where the words agree with it: likeness
        of :data:`LEAST_LIKENESS_BY_LOCATOR`, and among the nearer half of the text, or a text with other numbering would take the
        codings of another article. Without a locator that fits, the nearest provision counts if it
        is the nearest by far: likeness of :data:`LEAST_LIKENESS` or more, and the digested
        provision the nearest to it in turn.
    """
    if not digest:
        return ()
    if not official:
        return tuple(Placed(segment=one.id, locator=one.locator) for one in digest)
    likeness = (
        embed([plain_case(one.text) for one in digest])
        @ embed([plain_case(one.text) for one in official]).T
    )
    locators = [one.locator for one in official]
    placed = []
    for number, one in enumerate(digest):
        row = likeness[number]
        found = sorted(find_place(one.locator, locators), key=lambda at: -float(row[at]))
        nearest = int(row.argmax())
        if (
            found
            and row[found[0]] >= LEAST_LIKENESS_BY_LOCATOR
            and (row > row[found[0]]).sum() <= len(official) // 2
        ):
            how, places = "locator", found
        elif row[nearest] >= LEAST_LIKENESS and int(likeness[:, nearest].argmax()) == number:
            how, places = "likeness", [nearest]
        else:
            placed.append(Placed(segment=one.id, locator=one.locator))
            continue
        placed.append(
            Placed(
                segment=one.id,
                locator=one.locator,
                segments=tuple(official[at].id for at in places),
                how=how,
                likeness=float(row[places[0]]),
            )
        )
    return tuple(placed)


def is_doubtful(placed: Sequence[Placed]) -> bool:
    """Whether a text may not be the document that the digest restates.

    Parameters
    ----------
    placed
        Where the digested provisions were found in it.

    Returns
    -------
    bool
        True where fewer than :data:`LEAST_PLACED` were placed, or where those placed are typically
        less like their places than :data:`LEAST_TYPICAL_LIKENESS`.
    """
    likeness = [one.likeness for one in placed if one.likeness is not None]
    if len(likeness) < LEAST_PLACED * len(placed):
        return True
    return bool(likeness) and median(likeness) < LEAST_TYPICAL_LIKENESS


def carry_codings(
    codings: Sequence[Coding], placed: Sequence[Placed], official: Mapping[str, Segment]
) -> tuple[tuple[Coding, ...], tuple[Coding, ...]]:
    """Move codings to the places found.

    Parameters
    ----------
    codings
        Codings of the digest, and of the document as a whole.
    placed
        Where its provisions were found; see :func:`place_provisions`.
    official
        Segments of the official text by id.

    Returns
    -------
    carried
        One coding each, on the nearest segment of its place, with that segment as evidence, its
        position read anew, and a memo that says where it came from. A code stands once on a
        segment. Codings of a whole document are carried as they are.
    left
        Codings whose provision was not placed.
    """
    place = {one.segment: one for one in placed}
    carried: dict[tuple[str, str, str], Coding] = {}
    left = []
    for coding in codings:
        if not coding.segment:
            carried[coding.coder, "", coding.code] = coding
            continue
        where = place.get(coding.segment)
        if where is None or not where.segments:
            left.append(coding)
            continue
        segment = official[where.segments[0]]
        note = f"carried from the digest, {where.locator}, by {where.how}"
        moved = msgspec.structs.replace(
            coding,
            segment=segment.id,
            evidence_start=segment.start,
            evidence_end=segment.end,
            position=classify_position(
                segment.text, segment.language, find_lead_in(segment, official.values())
            ),
            memo=f"{coding.memo} ({note})" if coding.memo else note,
        )
        carried.setdefault((coding.coder, segment.id, coding.code), moved)
    return tuple(carried.values()), tuple(left)
