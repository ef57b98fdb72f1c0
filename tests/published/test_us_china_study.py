"""What the bundled study says, against what Siddiqui et al. (2025) published, by general rules alone.

The published findings are compared with what comes out as of 20 January 2025. Then codings,
thresholds, tensions and rows of the tables are changed, and the answer has to follow: nothing about
topics, codes or parties is written in code.
"""

import csv
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import qiutong
from qiutong.model import Grade, Recommendation, ScreenVerdict, Verdict
from qiutong.study import Study

PUBLISHED = "2025-01-20"
SOURCE = Path(qiutong.__file__).parent
FINDINGS = (
    "risk.transparency",
    "risk.reliability",
    "governance.multi-stakeholder",
    "governance.ai-for-safety",
)
RECOMMENDED = {
    "dangerous-capabilities": "track-1",
    "technical-standards": "standards-body",
    "content-provenance": "industry-consortium",
    "novel-governance": "track-2",
}
SENSITIVE = ("compute-export-controls", "military-ai", "surveillance", "content-rules")


@pytest.fixture(scope="module")
def bundled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Study]:
    """The bundled study, made once."""
    folder = tmp_path_factory.mktemp("study") / "us-china-ai"
    with Study.create(folder, like="us-china-ai", as_of=PUBLISHED) as study:
        yield study


@pytest.fixture
def changed(bundled: Study, tmp_path: Path) -> Callable[..., Study]:
    """A copy of the study with words of its files replaced."""

    def change(*edits: tuple[str, str, str]) -> Study:
        folder = tmp_path / "changed"
        shutil.copytree(bundled.folder, folder)
        for name, pattern, new in edits:
            path = folder / name
            text = path.read_text(encoding="utf-8")
            edited, count = re.subn(pattern, new, text, flags=re.MULTILINE)
            assert count, f"{name}: nothing matches {pattern}"
            path.write_text(edited, encoding="utf-8")
        return Study(folder)

    return change


def by_topic(study: Study, as_of: str = PUBLISHED) -> dict[str, Recommendation]:
    """What is said of every topic, by id."""
    return {one.topic: one for one in study.recommend(as_of)}


# ------------------------------------------------------------------------- what was published


def test_published_overlaps_come_out(bundled: Study) -> None:
    """Transparency, reliability, many stakeholders and AI used for safety: strong or moderate."""
    grades = {one.code: one.grade for one in bundled.overlap(PUBLISHED)}
    assert {code: grades[code] for code in FINDINGS}.keys() == set(FINDINGS)
    for code in FINDINGS:
        assert grades[code] in (Grade.STRONG, Grade.MODERATE), (code, grades[code])


def test_published_recommendations_come_out_with_their_tracks(bundled: Study) -> None:
    """All four are recommended, each on its published track, with rule, forum and evidence."""
    said = by_topic(bundled)
    for topic, track in RECOMMENDED.items():
        one = said[topic]
        assert one.verdict is Verdict.RECOMMENDED, (topic, one.why["en"])
        assert one.tracks[0].track == track
        assert one.rule
        assert one.fora
        assert one.evidence
        assert one.would_change


def test_many_topics_can_also_be_taken_up_multilaterally(bundled: Study) -> None:
    """As published, more than one of the recommended topics also fits a multilateral forum."""
    also = [
        one.topic
        for one in bundled.recommend(PUBLISHED)
        if one.verdict is Verdict.RECOMMENDED
        and "multilateral" in [track.track for track in one.tracks]
    ]
    assert len(also) > 1


def test_sensitive_topics_are_set_aside_with_dated_reasons(bundled: Study) -> None:
    """What is tied to existing tensions is reported with its reason, and is not dropped."""
    said = by_topic(bundled)
    for topic in SENSITIVE:
        one = said[topic]
        assert one.verdict is Verdict.SET_ASIDE
        assert one.screen is not None
        assert one.screen.verdict is ScreenVerdict.SET_ASIDE
        assert one.screen.reasons


def test_some_topics_are_to_be_handled_with_care(bundled: Study) -> None:
    """The middle verdict exists, so that care is not the same as silence."""
    assert Verdict.HANDLE_WITH_CARE in {one.verdict for one in bundled.recommend(PUBLISHED)}


def test_every_grade_has_its_stability_and_every_topic_what_would_change_it(
    bundled: Study,
) -> None:
    """No grade and no verdict is given without saying how firmly it stands."""
    for one in bundled.overlap(PUBLISHED):
        assert one.stability is not None or one.grade is Grade.UNDEFINED
    for said in bundled.recommend(PUBLISHED):
        assert said.would_change, said.topic


def test_today_differs_from_then(bundled: Study) -> None:
    """Documents rescinded since are out, new ones are in, and the comparison names both."""
    held = bundled.compare(PUBLISHED, "2026-11-01")
    assert "us-eo-14110" in held.ended
    assert "us-ai-action-plan-2025" in held.entered
    assert any(one.before != one.after for one in held.codes)
    assert any(one.changed for one in held.topics)


# ------------------------------------------------------------------------- the answer follows


def test_the_answer_follows_the_thresholds(changed: Callable[..., Study]) -> None:
    """With thresholds nobody reaches, nothing is supported."""
    study = changed(("study.toml", r"^strong = 0\.50", "strong = 1.0"),
                    ("study.toml", r"^moderate = 0\.25", "moderate = 1.0"),
                    ("playbook/topics.yaml", r"^    min_grade: .*\n", ""))  # fmt: skip
    said = by_topic(study)
    assert all(said[topic].verdict is not Verdict.RECOMMENDED for topic in RECOMMENDED)


def test_the_answer_follows_the_codings(changed: Callable[..., Study]) -> None:
    """A reader who finds a subject nowhere on one side takes the recommendation away."""
    study = changed(("study.toml", r"^coder = .*", 'coder = "doubter"'))
    target = "governance.content-provenance"
    path = study.folder / "doubter.csv"
    parties = {one.id: one.party for one in study.documents()}
    held = list(study.codings("adjudicated"))
    places = {one.id: one for one in study.segments()}
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(["document", "locator", "codes"])
        for segment in places.values():
            codes = [
                one.code
                for one in held
                if one.segment == segment.id
                and not (one.code == target and parties[segment.document] == "cn")
            ]
            table.writerow([segment.document, segment.locator, "; ".join(codes)])
    from qiutong.model import Coder, CoderKind

    study.import_codings(path, Coder(id="doubter", kind=CoderKind.PERSON))
    said = by_topic(study)
    assert said["content-provenance"].verdict is Verdict.NOT_SUPPORTED
    grades = {one.code: one.grade for one in study.overlap(PUBLISHED)}
    assert grades[target] is Grade.ONE_SIDED
    assert said["multi-stakeholder"].verdict is Verdict.RECOMMENDED


def test_the_answer_follows_the_tensions(changed: Callable[..., Study]) -> None:
    """Once a recommended topic is itself a dispute of the first rank, it is set aside."""
    study = changed(
        (
            "playbook/topics.yaml",
            r"(  - id: content-provenance\n(?:    .*\n)*?    tensions:\n)",
            r"\1      - {id: compute-export-controls, relation: is}\n",
        )
    )
    assert by_topic(study)["content-provenance"].verdict is Verdict.SET_ASIDE


def test_the_answer_follows_the_severity_of_a_tension(changed: Callable[..., Study]) -> None:
    """A tension judged less grave no longer sets its topic aside."""
    study = changed(
        (
            "playbook/tensions.yaml",
            r"(  - id: content-ideology\n(?:    .*\n)*?    severity: )set-aside",
            r"\1handle-with-care",
        )
    )
    assert by_topic(study)["content-rules"].verdict is not Verdict.SET_ASIDE


def test_the_answer_follows_the_decision_table(changed: Callable[..., Study]) -> None:
    """Without national-security codes no topic of the four goes to governments for that reason."""
    study = changed(
        (
            "playbook/tracks.yaml",
            r"^national_security_codes:\n(?:  - .*\n)+",
            "national_security_codes: []\n",
        )
    )
    one = by_topic(study)["dangerous-capabilities"]
    assert one.verdict is Verdict.RECOMMENDED
    assert one.tracks[0].track != RECOMMENDED["dangerous-capabilities"]


def test_the_answer_follows_the_register(bundled: Study, changed: Callable[..., Study]) -> None:
    """Counting documents that only touch the subject changes the shares."""
    study = changed(("study.toml", r"^count_context = false", "count_context = true"))
    wide = {one.code: one for one in study.overlap(PUBLISHED)}
    study.close()
    totals = wide["risk.privacy"].prevalence["cn"]
    narrow = {one.code: one for one in bundled.overlap(PUBLISHED)}
    assert totals.total > narrow["risk.privacy"].prevalence["cn"].total


def test_no_topic_party_or_code_is_named_in_the_program(bundled: Study) -> None:
    """The rules are general: ids of the study's files stand in no module."""
    ids = [one.id for one in bundled.codebook.codes]
    ids += [one.id for one in bundled.playbook.topics]
    ids += [one.id for one in bundled.playbook.tensions]
    # Words that also mean something else ("privacy", "minors") are looked for as quoted ids.
    pattern = re.compile("|".join(rf"[\"']{re.escape(one)}[\"']" for one in ids))
    code = re.compile(r'^\s*(?:"""|#|>>>|\.\.\.|\(\')')
    for path in SOURCE.rglob("*.py"):
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            found = pattern.search(line)
            assert not found or code.search(line) or "[(" in line, (path.name, number, line)
