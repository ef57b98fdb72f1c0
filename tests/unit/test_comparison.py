"""Two answers of one study side by side: what stands, what fell away, what is new."""

from datetime import date

import pytest
from msgspec import structs

from qiutong.comparison import compare_results
from qiutong.errors import InputError
from qiutong.model import (
    Codebook,
    Document,
    Estimate,
    Grade,
    Overlap,
    Recommendation,
    Results,
    TrackAdvice,
    Verdict,
)

EARLY, LATE = date(2025, 1, 20), date(2026, 3, 1)
BOOK = Codebook(id="b", version="1", title={"en": "B"}, dimensions={}, codes=())


def topic(identity: str, verdict: Verdict, *tracks: str, why: str = "") -> Recommendation:
    return Recommendation(
        topic=identity,
        title={"en": identity.title()},
        verdict=verdict,
        why={"en": why},
        tracks=tuple(
            TrackAdvice(track=one, name={"en": f"Track {one}"}, rule="r", why={}) for one in tracks
        ),
    )


def overlap(code: str, grade: Grade, **documents: tuple[str, ...]) -> Overlap:
    return Overlap(
        code=code, grade=grade, lowest=None, documents=documents, salience={},
        prevalence={party: Estimate(value=None) for party in documents},
    )  # fmt: skip


def results(
    day: date,
    topics: tuple[Recommendation, ...] = (),
    overlaps: tuple[Overlap, ...] = (),
    documents: tuple[str, ...] = (),
) -> Results:
    return Results(
        study="s", as_of=day, parties=(), codebook=BOOK, coders=(), left_out={}, segments={},
        documents=tuple(Document(id=one, party="us", title=one) for one in documents),
        overlaps=overlaps, evidence={}, counter_evidence={}, screens={}, recommendations=topics,
        fora=(), method={},
    )  # fmt: skip


def test_the_earlier_day_comes_first_whatever_the_order() -> None:
    """Asked from today back or from then on, the answer is one."""
    one = results(EARLY, (topic("labels", Verdict.RECOMMENDED),), documents=("a", "b"))
    other = results(LATE, (topic("labels", Verdict.SET_ASIDE),), documents=("b", "c"))
    held = compare_results(one, other)
    assert held == compare_results(other, one)
    assert (held.before, held.after) == (EARLY, LATE)


def test_the_same_day_twice_is_refused() -> None:
    """Nothing could differ, so the question was another one."""
    with pytest.raises(InputError, match="2025-01-20"):
        compare_results(results(EARLY), structs.replace(results(EARLY), study="other"))


def test_a_topic_has_the_verdict_of_both_days_and_the_reason_of_the_later() -> None:
    """Verdict and tracks before and after, with the names of all tracks that occur."""
    held = compare_results(
        results(EARLY, (topic("labels", Verdict.RECOMMENDED, "one", "two", why="then"),)),
        results(LATE, (topic("labels", Verdict.NOT_SUPPORTED, "three", why="now"),)),
    )
    (one,) = held.topics
    assert (one.before, one.after) == (Verdict.RECOMMENDED, Verdict.NOT_SUPPORTED)
    assert (one.tracks_before, one.tracks_after) == (("one", "two"), ("three",))
    assert set(one.track_names) == {"one", "two", "three"}
    assert one.track_names["two"] == {"en": "Track two"}
    assert one.why == {"en": "now"}
    assert one.changed


def test_a_topic_that_stands_is_not_changed_though_its_reason_is() -> None:
    """Other words for the same answer are no change; another track is."""
    before = results(EARLY, (topic("labels", Verdict.RECOMMENDED, "one", why="then"),))
    same = results(LATE, (topic("labels", Verdict.RECOMMENDED, "one", why="now"),))
    other = results(LATE, (topic("labels", Verdict.RECOMMENDED, "two", why="then"),))
    assert not compare_results(before, same).topics[0].changed
    assert compare_results(before, other).topics[0].changed


def test_topics_of_one_day_only_are_shown_with_nothing_on_the_other() -> None:
    """The later day's order first, then what is no longer asked."""
    held = compare_results(
        results(EARLY, (topic("gone", Verdict.RECOMMENDED, "one"), topic("a", Verdict.SET_ASIDE))),
        results(LATE, (topic("new", Verdict.RECOMMENDED), topic("a", Verdict.SET_ASIDE))),
    )
    assert [one.topic for one in held.topics] == ["new", "a", "gone"]
    new, _, gone = held.topics
    assert (new.before, new.after, new.tracks_before) == (None, Verdict.RECOMMENDED, ())
    assert (gone.before, gone.after, gone.tracks_after) == (Verdict.RECOMMENDED, None, ())
    assert gone.why == {}
    assert gone.title == {"en": "Gone"}
    assert new.changed
    assert gone.changed


def test_documents_that_ended_and_entered_are_named_in_order() -> None:
    """Those that stand on both days are in neither list."""
    held = compare_results(
        results(EARLY, documents=("a", "b", "c")), results(LATE, documents=("d", "c", "e"))
    )
    assert held.ended == ("a", "b")
    assert held.entered == ("d", "e")


def test_codes_name_their_grades_and_the_documents_behind_the_change() -> None:
    """Who carried the code then and no longer, and who does now."""
    held = compare_results(
        results(EARLY, overlaps=(overlap("x", Grade.STRONG, us=("a", "b"), cn=("k",)),)),
        results(LATE, overlaps=(overlap("x", Grade.ONE_SIDED, us=("b", "c"), cn=()),)),
    )
    (one,) = [code for code in held.codes if code.code == "x"]
    assert (one.before, one.after) == (Grade.STRONG, Grade.ONE_SIDED)
    assert one.gone["us"] == ("a",)
    assert one.gone["cn"] == ("k",)
    assert one.new["us"] == ("c",)


def test_nothing_that_differs_gives_nothing_that_changed() -> None:
    """Two days with the same documents and answers."""
    topics = (topic("labels", Verdict.RECOMMENDED, "one"),)
    overlaps = (overlap("x", Grade.STRONG, us=("a",), cn=("b",)),)
    held = compare_results(
        results(EARLY, topics, overlaps, ("a", "b")), results(LATE, topics, overlaps, ("a", "b"))
    )
    assert not any(one.changed for one in held.topics)
    assert held.codes == ()
    assert held.ended == held.entered == ()
