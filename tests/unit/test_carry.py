"""Carrying codings from a digest to the official text: placed surely, or listed."""

from collections.abc import Sequence

import numpy as np
import pytest
from msgspec import structs

from qiutong.carry import LEAST_LIKENESS, Placed, carry_codings, place_provisions, plain_case
from qiutong.model import Coding, Position, Segment

THEMES = {
    "label": ("label", "标识"),
    "test": ("test", "测试"),
    "report": ("report", "报告"),
    "weapon": ("weapon", "武器"),
    "child": ("child", "未成年人"),
    "energy": ("energy", "能源"),
    "court": ("court", "法院"),
    "tax": ("tax", "税"),
}


def embed(texts: Sequence[str]) -> np.ndarray:
    """A fake embedding that knows a few subjects in two languages, and tells case apart."""
    vectors = np.zeros((len(texts), len(THEMES) + 1), dtype=np.float32)
    for row, text in enumerate(texts):
        for column, words in enumerate(THEMES.values()):
            vectors[row, column] = sum(text.count(word) for word in words)
        if not vectors[row].any():
            vectors[row, -1] = 1
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def segments(owner: str, *provisions: tuple[str, str], language: str = "en") -> list[Segment]:
    """Provisions one after another, with offsets in their text."""
    held, at = [], 0
    for locator, text in provisions:
        held.append(
            Segment(
                id=f"{owner}:{at}", document="act", locator=locator, start=at, end=at + len(text),
                text=text, language=language,
            )
        )  # fmt: skip
        at += len(text) + 1
    return held


OFFICIAL = segments(
    "official",
    ("Sec. 1", "Each developer must test its model."),
    ("Sec. 2(a)", "Pictures carry a label."),
    ("Sec. 2(b)", "Sounds carry a label, and the label is told in a report."),
    ("Sec. 3", "A report is due every year."),
    ("Sec. 4", "No weapon may be designed."),
    ("Sec. 5", "A child is protected in schools."),
)


def place(digest: Sequence[Segment], official: Sequence[Segment] = OFFICIAL) -> list[Placed]:
    return list(place_provisions(digest, official, embed))


# --------------------------------------------------------------------------- placing


def test_a_locator_with_words_that_agree_is_the_place() -> None:
    """However the two texts write it."""
    (one,) = place(segments("digest", ("Section 3", "Developers report yearly.")))
    assert (one.how, one.segments) == ("locator", (OFFICIAL[3].id,))
    assert one.likeness == pytest.approx(1.0)
    assert one.locator == "Section 3"


def test_a_place_cut_finer_gives_all_its_parts_the_nearest_first() -> None:
    """The coding goes to the part whose words are nearest."""
    report = "A label for sounds, with a report."
    (one,) = place(segments("digest", ("Sec. 2", report)))
    assert one.segments == (OFFICIAL[2].id, OFFICIAL[1].id)
    (other,) = place(segments("digest", ("Sec. 2", "A label for pictures.")))
    assert other.segments == (OFFICIAL[1].id, OFFICIAL[2].id)


def test_a_number_that_stands_for_something_else_is_refused() -> None:
    """A text with other numbering must not take the codings of another article."""
    digest = segments("digest", ("Sec. 1", "No weapon may be made."))
    # Another edition: all its other provisions are nearer to the words than its Sec. 1.
    edition = segments(
        "edition",
        ("Sec. 1", "Each court decides."),
        ("Sec. 2", "A weapon and energy."),
        ("Sec. 3", "A weapon, and a tax on the weapon."),
        ("Sec. 4", "A weapon is banned."),
    )
    (one,) = place(digest, edition)
    assert (one.how, one.segments) == ("likeness", (edition[3].id,))


def test_without_its_number_a_provision_goes_to_its_mutual_nearest() -> None:
    """Likeness alone is enough where it points both ways."""
    (one,) = place(segments("digest", ("Art. 40", "The child comes first.")))
    assert (one.how, one.segments) == ("likeness", (OFFICIAL[5].id,))


def test_likeness_that_points_one_way_places_nothing() -> None:
    """Two provisions cannot both be the nearest of one; the lesser is listed."""
    digest = segments(
        "digest", ("Art. 40", "A child, and a tax."), ("Art. 41", "The child comes first.")
    )
    lesser, nearest = place(digest)
    assert (lesser.how, lesser.segments, lesser.likeness) == ("unplaced", (), None)
    assert nearest.segments == (OFFICIAL[5].id,)


def test_too_little_likeness_places_nothing() -> None:
    """Below the bound even the nearest of all is another subject."""
    faint = "weapon tax court energy label label label test test"
    row = embed([faint]) @ embed([one.text for one in OFFICIAL]).T
    nearer = segments("official", ("Sec. 1", "No weapon."), ("Sec. 2", "A child."))
    (one,) = place(segments("digest", ("Art. 40", faint)), nearer)
    assert 0 < float((embed([faint]) @ embed(["No weapon."]).T)[0, 0]) < LEAST_LIKENESS
    assert one.how == "unplaced"
    assert row.max() >= LEAST_LIKENESS  # the same words are placed where something is like them
    (other,) = place(segments("digest", ("Art. 40", faint)))
    assert other.how == "likeness"


def test_a_digest_in_another_language_is_placed_in_a_translation() -> None:
    """Numbers are read in either language, and so is likeness."""
    digest = segments(
        "digest",
        ("第三条", "每年提交报告。"),
        ("第二条（b）", "声音应有标识，并须报告。"),
        ("附则", "保护未成年人。"),
        language="zh",
    )
    by_number, by_item, by_words = place(digest)
    assert (by_number.how, by_number.segments) == ("locator", (OFFICIAL[3].id,))
    assert (by_item.how, by_item.segments) == ("locator", (OFFICIAL[2].id,))
    assert (by_words.how, by_words.segments) == ("likeness", (OFFICIAL[5].id,))


def test_a_statute_in_capitals_is_compared_in_lower_case() -> None:
    """Statutes are printed so, and this embedding sees nothing in capitals."""
    loud = [structs.replace(one, text=one.text.upper()) for one in OFFICIAL]
    (one,) = place(segments("digest", ("Art. 40", "The child comes first.")), loud)
    assert (one.how, one.segments) == ("likeness", (loud[5].id,))
    assert loud[5].text == "A CHILD IS PROTECTED IN SCHOOLS."


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("THE DEVELOPER SHALL TEST EACH MODEL.", "the developer shall test each model."),
        ("The developer shall ask the NIST and the FTC.", None),
        ("NIST AND THE FTC", None),
        ("提供者应当开展红队测试，并向主管部门报告。", None),
        ("", None),
    ],
)
def test_only_a_text_in_capitals_is_lowered(text: str, plain: str | None) -> None:
    """Acronyms, short names and Chinese stay as they are."""
    assert plain_case(text) == (text if plain is None else plain)


def test_an_empty_side_places_nothing() -> None:
    """No text, no place; no digest, nothing to place, and nothing is embedded."""
    digest = segments("digest", ("Sec. 1", "A test."), ("Sec. 2", "A label."))

    def never(_texts: Sequence[str]) -> np.ndarray:
        raise AssertionError("embedded")

    assert [one.how for one in place_provisions(digest, [], never)] == ["unplaced", "unplaced"]
    assert place_provisions([], OFFICIAL, never) == ()


def test_every_provision_is_answered_for_in_the_order_of_the_digest() -> None:
    """None is left out silently."""
    digest = segments(
        "digest", ("Sec. 4", "A weapon."), ("Art. 99", "Ships and harbours."), ("Sec. 1", "A test.")
    )
    placed = place(digest)
    assert [one.segment for one in placed] == [one.id for one in digest]
    assert [one.how for one in placed] == ["locator", "unplaced", "locator"]


# --------------------------------------------------------------------------- carrying


def coding(segment: str, code: str = "x", coder: str = "anna", **fields: object) -> Coding:
    return Coding(document="act", code=code, coder=coder, codebook="b@1", segment=segment, **fields)


def carry(codings: Sequence[Coding], placed: Sequence[Placed]) -> tuple[tuple[Coding, ...], ...]:
    return carry_codings(codings, placed, {one.id: one for one in OFFICIAL})


def found(segment: str, *places: Segment, how: str = "locator") -> Placed:
    return Placed(
        segment=segment,
        locator=f"§ {segment}",
        segments=tuple(one.id for one in places),
        how=how if places else "unplaced",
    )


def test_a_carried_coding_stands_on_the_nearest_segment_of_its_place() -> None:
    """The whole segment is its evidence, and a memo says where it came from."""
    given = coding(
        "d1", evidence_start=900, evidence_end=910, confidence=0.5, position=Position.WARNS
    )
    (one,), left = carry([given], [found("d1", OFFICIAL[4], OFFICIAL[3])])
    assert one.segment == OFFICIAL[4].id
    assert (one.evidence_start, one.evidence_end) == (OFFICIAL[4].start, OFFICIAL[4].end)
    assert (one.code, one.coder, one.codebook, one.confidence) == ("x", "anna", "b@1", 0.5)
    assert one.memo == "carried from the digest, § d1, by locator"
    assert left == ()


def test_position_is_read_anew_from_the_official_words() -> None:
    """What the digest's words did is not what the text's words do."""
    given = coding("d1", position=Position.MENTIONS)
    (one,), _ = carry([given], [found("d1", OFFICIAL[0])])
    assert one.position is Position.REQUIRES


def test_a_memo_is_kept_before_the_note() -> None:
    """The coder's words come first."""
    (one,), _ = carry(
        [coding("d1", memo="see the annex")], [found("d1", OFFICIAL[0], how="likeness")]
    )
    assert one.memo == "see the annex (carried from the digest, § d1, by likeness)"


def test_codings_without_a_place_are_left_as_they_were() -> None:
    """Not placed, or on a provision nobody looked for."""
    lost, strange = coding("d1"), coding("d9")
    moved, left = carry([lost, strange], [found("d1")])
    assert moved == ()
    assert left == (lost, strange)


def test_codings_of_the_whole_document_are_carried_as_they_are() -> None:
    """They name no provision that could be lost."""
    whole = coding("", memo="tag")
    moved, left = carry([whole], [])
    assert moved == (whole,)
    assert left == ()


def test_a_code_stands_once_on_a_segment_for_each_coder() -> None:
    """Two provisions of the digest may lie in one segment of the text."""
    placed = [found("d1", OFFICIAL[0]), found("d2", OFFICIAL[0]), found("d3", OFFICIAL[1])]
    codings = [
        coding("d1"), coding("d2"), coding("d2", code="y"), coding("d3"), coding("d2", coder="ben"),
    ]  # fmt: skip
    moved, left = carry(codings, placed)
    assert [(one.coder, one.segment, one.code) for one in moved] == [
        ("anna", OFFICIAL[0].id, "x"),
        ("anna", OFFICIAL[0].id, "y"),
        ("anna", OFFICIAL[1].id, "x"),
        ("ben", OFFICIAL[0].id, "x"),
    ]
    assert "§ d1" in moved[0].memo
    assert left == ()
