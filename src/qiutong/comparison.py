"""Two answers of one study side by side: what still stands, what fell away and what is new."""

from qiutong.errors import InputError
from qiutong.model import Comparison, Recommendation, Results, TopicChange
from qiutong.overlap import compare_overlaps


def compare_results(one: Results, other: Results) -> Comparison:
    """Compare what a study says on two days.

    Parameters
    ----------
    one, other
        Results of the same study, in any order of their days.

    Returns
    -------
    Comparison
        The earlier day first.

    Raises
    ------
    InputError
        Both are of the same day.
    """
    if one.as_of == other.as_of:
        raise InputError(f"both answers are as of {one.as_of}; compare two different days.")
    before, after = sorted((one, other), key=lambda held: held.as_of)
    was = {held.topic: held for held in before.recommendations}
    now = {held.topic: held for held in after.recommendations}
    earlier = [document.id for document in before.documents]
    later = [document.id for document in after.documents]
    return Comparison(
        before=before.as_of,
        after=after.as_of,
        topics=tuple(
            _topic(was.get(topic), now.get(topic))
            for topic in [*now, *(topic for topic in was if topic not in now)]
        ),
        codes=compare_overlaps(before.overlaps, after.overlaps),
        ended=tuple(one for one in earlier if one not in set(later)),
        entered=tuple(one for one in later if one not in set(earlier)),
    )


def _topic(was: Recommendation | None, now: Recommendation | None) -> TopicChange:
    latest = now or was
    if latest is None:  # the topic came from one of the two
        raise InputError("a topic of neither answer was compared.")
    tracks = [*(was.tracks if was else ()), *(now.tracks if now else ())]
    return TopicChange(
        topic=latest.topic,
        title=latest.title,
        before=was.verdict if was else None,
        after=now.verdict if now else None,
        tracks_before=tuple(track.track for track in was.tracks) if was else (),
        tracks_after=tuple(track.track for track in now.tracks) if now else (),
        track_names={track.track: track.name for track in tracks},
        why=now.why if now else {},
    )
