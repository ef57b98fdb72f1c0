"""Codebooks: the bundled one is whole; loading, comparing, migrating and matching keep their word."""

import re
import time
from pathlib import Path

import msgspec
import pytest
import yaml

from qiutong.codebook import (
    CueMatcher,
    ancestors,
    bundled_codebooks,
    check_codebook,
    codebook_markdown,
    compare_codebooks,
    descendants,
    explain_migration,
    load_codebook,
    match_cues,
    migrate_code,
    migrate_rows,
)
from qiutong.errors import BadSettings, UnknownName
from qiutong.model import Change, Code, Codebook

REPOSITORY = Path(__file__).parents[2]
SHARED = REPOSITORY.parent / "shared" / "data"
BOOK = load_codebook("ai-governance")
LANGUAGES = ("en", "zh")
CODES = pytest.mark.parametrize("code", BOOK.codes, ids=[code.id for code in BOOK.codes])


def _small(**changes: object) -> dict[str, object]:
    """A codebook of two codes as plain values, with fields replaced."""
    book: dict[str, object] = {
        "id": "small",
        "version": "1",
        "title": {"fr": "Petit"},
        "dimensions": {"d": {"fr": "Dimension"}},
        "codes": [
            _code("a", cues={"fr": ["essai*", "droit ... recours"]}),
            _code("a.b", parent="a", cues={"fr": ["contrôle humain"]}),
        ],
    }
    return book | changes


def _code(id: str, **fields: object) -> dict[str, object]:
    return {
        "id": id,
        "dimension": "d",
        "label": {"fr": id},
        "definition": {"fr": f"Définition de {id}."},
    } | fields


def _write(folder: Path, book: dict[str, object]) -> Path:
    path = folder / "book.yaml"
    path.write_text(yaml.safe_dump(book, allow_unicode=True, sort_keys=False), encoding="utf-8")
    return path


def _book(**cues: tuple[str, ...]) -> Codebook:
    """A codebook in memory with one code that has these cues by language."""
    code = Code(id="x", dimension="d", label={}, definition={}, cues=dict(cues))
    return Codebook(id="t", version="1", title={}, dimensions={"d": {}}, codes=(code,))


def _found(text: str, language: str, *cues: str) -> list[str]:
    return [
        text[start:end]
        for _, start, end in CueMatcher(_book(**{language: cues}), language).find(text)
    ]


# --------------------------------------------------------------------------- the bundled codebook


def test_bundled_codebook_has_fifty_to_sixty_five_codes_in_two_dimensions() -> None:
    """The codebook keeps to the size a person can hold, in the two dimensions of the method."""
    assert 50 <= len(BOOK.codes) <= 65
    assert set(BOOK.dimensions) == {"risk", "governance"}
    assert {code.dimension for code in BOOK.codes} == set(BOOK.dimensions)
    assert bundled_codebooks() == ("ai-governance",)


@CODES
def test_code_is_complete_in_both_languages(code: Code) -> None:
    """Nobody should meet a code that can be applied in one language only."""
    for language in LANGUAGES:
        assert code.label[language]
        assert code.include[language]
        assert code.exclude[language]
        assert len(re.findall(r"[.。]", code.definition[language])) == 2
        assert 3 <= len(code.anchors[language]) <= 5
        assert len(code.cues[language]) >= 6
        assert len(set(code.cues[language])) == len(code.cues[language])


@CODES
def test_texts_stand_in_the_language_they_claim(code: Code) -> None:
    """English fields hold no Han characters in anchors, and Chinese fields are mostly Han."""
    han = re.compile(r"[\u4e00-\u9fff]")
    for anchor in code.anchors["en"]:
        assert not han.search(anchor)
    for text in (*code.anchors["zh"], code.definition["zh"], code.exclude["zh"]):
        assert len(han.findall(text)) > len(text) / 2


@CODES
def test_anchors_take_different_positions(code: Code) -> None:
    """An anchor set of obligations alone would teach force instead of subject."""
    for language in LANGUAGES:
        openings = {anchor[:2] for anchor in code.anchors[language]}
        assert len(openings) >= 2


@pytest.mark.parametrize("language", LANGUAGES)
def test_four_of_five_anchors_hold_a_cue_of_their_code(language: str) -> None:
    """Cues that miss the codebook's own examples would miss real provisions too."""
    matcher = CueMatcher(BOOK, language)
    outcomes = [
        code.id in {hit[0] for hit in matcher.find(anchor)}
        for code in BOOK.codes
        for anchor in code.anchors[language]
    ]
    rate = sum(outcomes) / len(outcomes)
    print(f"{language}: {sum(outcomes)} of {len(outcomes)} anchors hold a cue ({rate:.0%})")
    assert rate >= 0.80


def test_bundled_codebook_gives_no_warnings() -> None:
    """What we ask of a user's codebook ours does."""
    assert check_codebook("ai-governance") == ()


@pytest.mark.parametrize(
    "code",
    [
        "risk.transparency",
        "risk.reliability",
        "governance.multi-stakeholder",
        "governance.ai-for-safety",
        "risk.dangerous-capabilities",
        "risk.proliferation",
        "governance.technical-standards",
        "governance.evaluation.adversarial-testing",
        "governance.content-provenance",
        "governance.safety-research",
    ],
)
def test_published_findings_can_be_coded(code: str) -> None:
    """The subjects of the published overlaps and recommendations each have a code."""
    assert code in {entry.id for entry in BOOK.codes}


def test_safety_and_security_are_kept_apart_in_chinese() -> None:
    """The word 安全 alone decides nothing; the object does."""
    assert match_cues(BOOK, "加强安全工作。", "zh") == []
    people = {hit[0] for hit in match_cues(BOOK, "危及乘客生命安全的，应当召回。", "zh")}
    systems = {hit[0] for hit in match_cues(BOOK, "防止模型遭受投毒和数据泄露。", "zh")}
    nation = {hit[0] for hit in match_cues(BOOK, "不得危害国家安全。", "zh")}
    assert "risk.safety" in people
    assert "risk.security" in systems
    assert "risk.national-security" in nation
    assert not people & {"risk.security", "risk.national-security"}
    assert "risk.safety" not in systems | nation


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("The harbour office opens at nine and sells tickets for the ferry.", "en"),
        ("Mix the flour with two eggs and let the dough rest for an hour.", "en"),
        ("图书馆每天上午九点开门，读者凭证入内。", "zh"),
        ("把面粉和鸡蛋拌匀，静置一小时后下锅。", "zh"),
    ],
)
def test_unrelated_text_gets_no_cue(text: str, language: str) -> None:
    """Text on other matters is left alone."""
    assert match_cues(BOOK, text, language) == []


@pytest.mark.real
def test_every_agora_column_of_risk_and_governance_is_accounted_for() -> None:
    """Each AGORA column is mapped by a code or listed as unmapped with a reason, and exists."""
    table = SHARED / "agora" / "documents.csv"
    if not table.is_file():
        pytest.skip("needs ../shared/data/agora")
    import csv

    with table.open(encoding="utf-8", newline="") as file:
        header = next(csv.reader(file))
    kinds = ("Risk factors", "Harms", "Strategies", "Incentives")
    columns = {name for name in header if name.split(":")[0] in kinds}
    mapped = {column for code in BOOK.codes for column in code.agora}
    assert mapped | set(BOOK.unmapped) == columns


@pytest.mark.real
def test_no_anchor_is_copied_from_a_real_text() -> None:
    """Anchors are our own: none shares a long run of words with a real text."""
    if not SHARED.is_dir():
        pytest.skip("needs ../shared/data")
    chinese = "".join(
        re.sub(r"\s+", "", path.read_text(encoding="utf-8")) for path in SHARED.glob("zh/*.txt")
    )
    english = " ".join(
        " ".join(path.read_text(encoding="utf-8", errors="replace").lower().split())
        for path in SHARED.glob("agora/fulltext/*.txt")
    )
    for code in BOOK.codes:
        for anchor in code.anchors["zh"]:
            runs = [anchor[i : i + 13] for i in range(len(anchor) - 12)]
            assert not [run for run in runs if run in chinese], (code.id, anchor)
        for anchor in code.anchors["en"]:
            words = anchor.lower().split()
            runs = [" ".join(words[i : i + 7]) for i in range(len(words) - 6)]
            assert not [run for run in runs if run in english], (code.id, anchor)


@pytest.mark.real
def test_cues_agree_with_human_tags_about_as_far_as_measured() -> None:
    """Cue presence against AGORA's tags: macro-F1 around 0.5 on codes with 15 documents or more."""
    table = SHARED / "agora" / "documents.csv"
    if not table.is_file():
        pytest.skip("needs ../shared/data/agora")
    import csv

    with table.open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["split"] == "dev"]
    matcher = CueMatcher(BOOK, "en")
    found: dict[str, set[str]] = {}
    began, size = time.perf_counter(), 0
    for row in rows:
        text = (SHARED / "agora" / "fulltext" / f"{row['AGORA ID']}.txt").read_text("utf-8")
        size += len(text)
        for code, _, _ in matcher.find(text):
            found.setdefault(code, set()).add(row["AGORA ID"])
    seconds = time.perf_counter() - began
    scores = []
    for code in BOOK.codes:
        tagged = {
            row["AGORA ID"] for row in rows if any(row[name] == "True" for name in code.agora)
        }
        if len(tagged) < 15:
            continue
        said = set().union(
            *(found.get(name, set()) for name in (code.id, *descendants(BOOK, code.id)))
        )
        scores.append(2 * len(said & tagged) / (len(said) + len(tagged)))
    macro = sum(scores) / len(scores)
    print(f"macro-F1 {macro:.3f} over {len(scores)} codes; {size / 1e6:.1f} M in {seconds:.1f} s")
    assert macro >= 0.50
    assert seconds / size * 2e6 < 6


# --------------------------------------------------------------------------- cues


@pytest.mark.parametrize(
    ("text", "cues", "expected"),
    [
        ("An audit; audits; auditors.", ("audit",), ["audit"]),
        ("An audit; audits; auditors.", ("audit*",), ["audit", "audits", "auditors"]),
        ("RED-TEAM and red\nteam", ("red team",), ["RED-TEAM", "red\nteam"]),
        ("open-source, open source", ("open-source",), ["open-source", "open source"]),
        ("report each such incident", ("report ... incident",), ["report each such incident"]),
        (
            "report one two three four five incident",
            ("report ... incident",),
            ["report one two three four five incident"],
        ),
        ("report one two three four five six incident", ("report ... incident",), []),
        ("We report. An incident came.", ("report ... incident",), []),
        ("report incident", ("report ... incident",), ["report incident"]),
        ("an attorney’s fee", ("attorney's fee",), ["attorney’s fee"]),
        ("safe, secure systems", ("safe, secure",), ["safe, secure"]),
        ("safe secure systems", ("safe, secure",), []),
        ("insecure", ("secure",), []),
        ("risk management plan", ("risk", "risk management"), ["risk management"]),
    ],
)
def test_english_cues_match_words(text: str, cues: tuple[str, ...], expected: list[str]) -> None:
    """Whole words, stars, gaps of up to five words inside a sentence, the longest hit kept."""
    assert _found(text, "en", *cues) == expected


@pytest.mark.parametrize(
    ("text", "cues", "expected"),
    [
        ("推进網絡安全建設", ("网络安全",), ["網絡安全"]),
        ("添加显著的提示标识", ("添加 ... 标识",), ["添加显著的提示标识"]),
        ("添加内容。标识", ("添加 ... 标识",), []),
        ("添加一二三四五六七八九十一标识", ("添加 ... 标识",), []),
        ("开展AI安全评测", ("ai安全",), ["AI安全"]),
        ("依照《网络安全法》处理", ("网络安全",), []),
        ("𠮷祥：数据安全", ("数据安全",), ["数据安全"]),
    ],
)
def test_chinese_cues_match_strings(text: str, cues: tuple[str, ...], expected: list[str]) -> None:
    """Strings in either script, gaps inside a sentence, names of laws left out, exact offsets."""
    assert _found(text, "zh", *cues) == expected


def test_offsets_are_those_of_the_whole_text() -> None:
    """A stretch inside a text is searched alone, and its hits count from the text's start."""
    text = "audit before; audit inside; audit after"
    matcher = CueMatcher(_book(en=("audit",)), "en")
    assert matcher.find(text, 13, 27) == [("x", 14, 19)]


def test_language_without_cues_finds_nothing() -> None:
    """An unknown language is no error."""
    assert CueMatcher(BOOK, "und").find("audit 安全评估") == []


def test_script_subtag_falls_back_on_the_language() -> None:
    """zh-Hant uses the cues of zh."""
    assert CueMatcher(_book(zh=("备案",)), "zh-Hant").find("履行備案手續") == [("x", 2, 4)]


# --------------------------------------------------------------------------- loading and checking


def test_codebook_in_another_language_loads(tmp_path: Path) -> None:
    """Languages are the title's: a French codebook needs no English."""
    path = _write(tmp_path, _small())
    book = load_codebook(path)
    assert book.name == "small@1"
    assert CueMatcher(book, "fr").find("Essais : le droit à un recours.")[0][0] == "a"
    assert any("no anchor" in warning for warning in check_codebook(path))


def test_code_without_cues_is_a_warning(tmp_path: Path) -> None:
    """A code may live by its definition alone, and the user is told."""
    warnings = check_codebook(_write(tmp_path, _small(codes=[_code("a")])))
    assert any(warning.startswith("a: no cues in fr") for warning in warnings)


def test_a_changed_file_is_read_again(tmp_path: Path) -> None:
    """The cache notices a new version of a file."""
    path = _write(tmp_path, _small())
    assert len(load_codebook(path).codes) == 2
    _write(tmp_path, _small(codes=[_code("a")]))
    assert len(load_codebook(path).codes) == 1


@pytest.mark.parametrize(
    ("changes", "expected", "on_line_with"),
    [
        ({"codes": [_code("a"), _code("a")]}, "used twice", "id: a"),
        ({"codes": [_code("a", parent="z")]}, "parent does not exist", "parent: z"),
        ({"codes": [_code("a", parent="b"), _code("b", parent="a")]}, "circle", "parent: b"),
        ({"codes": [_code("a", parent="a")]}, "circle", "parent: a"),
        ({"codes": [_code("a", dimension="e")]}, "unknown dimension", "dimension: e"),
        ({"codes": [_code("a b")]}, "no code id", "id: a b"),
        ({"codes": [_code("a", definition={"en": "x"})]}, 'no definition in "fr"', "definition:"),
        ({"codes": [_code("a", cues={"fr": ["ok", "* x"]})]}, "star alone", "* x"),
        ({"codes": [_code("a", cues={"fr": ["x*y"]})]}, "end of a word", "x*y"),
        ({"codes": [_code("a", cues={"fr": ["x...y"]})]}, "gap", "x...y"),
        ({"codes": [_code("a", cues={"fr": [" x"]})]}, "no space at its ends", "' x'"),
        ({"codes": [_code("a", cues={"zh": ["安*"]})]}, "no meaning", "安*"),
        ({"codes": [_code("a", anchors={"fr": [""]})]}, "empty anchor", "''"),
        ({"codes": [_code("a", lable={})]}, 'unknown name "lable"', "lable"),
        ({"codes": []}, "at least one code", "codes"),
        (
            {"history": [{"version": "1", "kind": "lost", "codes": ["a"]}]},
            "unknown kind",
            "kind: lost",
        ),
        (
            {"history": [{"version": "2", "kind": "added", "codes": ["a"]}]},
            "later than",
            "version: '2'",
        ),
        ({"history": [{"version": "1", "kind": "added", "codes": ["q"]}]}, "not there", "codes:"),
        (
            {"history": [{"version": "1", "kind": "renamed", "codes": ["q"], "into": ["r"]}]},
            "not there",
            "into:",
        ),
        (
            {"history": [{"version": "1", "kind": "split", "codes": ["q"], "into": ["a"]}]},
            "two or more",
            "version",
        ),
    ],
)
def test_wrong_codebook_names_file_and_line(
    tmp_path: Path, changes: dict[str, object], expected: str, on_line_with: str
) -> None:
    """The message says what is wrong, and the line named is the line at fault."""
    path = _write(tmp_path, _small(**changes))
    with pytest.raises(BadSettings) as caught:
        load_codebook(path)
    assert expected in str(caught.value)
    assert str(path) in str(caught.value)
    assert caught.value.line is not None
    assert on_line_with in path.read_text("utf-8").splitlines()[caught.value.line - 1]


def test_parent_in_another_dimension_is_refused(tmp_path: Path) -> None:
    """A child's coding counts for its parent, so both answer the same question."""
    book = _small(
        dimensions={"d": {"fr": "D"}, "e": {"fr": "E"}},
        codes=[_code("a"), _code("b", parent="a", dimension="e")],
    )
    with pytest.raises(BadSettings, match="must be the same"):
        load_codebook(_write(tmp_path, book))


def test_unknown_codebook_offers_those_there_are() -> None:
    """A misspelt id or a version we do not hold is named with what is known."""
    with pytest.raises(UnknownName, match="ai-governance"):
        load_codebook("ai-governence")
    with pytest.raises(UnknownName, match="ai-governance@2"):
        load_codebook("ai-governance@99")


def test_missing_file_is_named(tmp_path: Path) -> None:
    """A path that leads nowhere is no traceback."""
    with pytest.raises(BadSettings, match="does not exist"):
        load_codebook(str(tmp_path / "none.yaml"))


# --------------------------------------------------------------------------- hierarchy


def test_ancestors_come_nearest_first_and_mirror_descendants() -> None:
    """Up and down the tree agree with each other for every code."""
    assert ancestors(BOOK, "risk.cbrn") == ("risk.dangerous-capabilities",)
    for code in BOOK.codes:
        for above in ancestors(BOOK, code.id):
            assert code.id in descendants(BOOK, above)
        assert code.id not in descendants(BOOK, code.id)


def test_unknown_code_is_named() -> None:
    """Asking for a code that is not there offers the nearest."""
    with pytest.raises(UnknownName, match=r"risk\.cbrn"):
        ancestors(BOOK, "risk.cbrm")


# --------------------------------------------------------------------------- versions


def _plain(id: str, definition: str = "") -> Code:
    return Code(id=id, dimension="d", label={"en": id}, definition={"en": definition or id})


def _versioned(version: str, *codes: Code, history: tuple[Change, ...] = ()) -> Codebook:
    return Codebook(
        id="t",
        version=version,
        title={"en": "t"},
        dimensions={"d": {}},
        codes=codes,
        history=history,
    )


def test_comparing_a_codebook_with_itself_finds_nothing() -> None:
    """No change, no report."""
    assert compare_codebooks(BOOK, BOOK) == ()


def test_comparison_tells_renamed_removed_redefined_and_added() -> None:
    """Each difference is told once, under its kind."""
    old = _versioned("1", _plain("a", "same"), _plain("b"), _plain("c", "before"))
    new = _versioned("2", _plain("a2", "same"), _plain("c", "after"), _plain("n"))
    renamed_label = msgspec.structs.replace(new.codes[0], label=old.codes[0].label)
    new = msgspec.structs.replace(new, codes=(renamed_label, *new.codes[1:]))
    changes = compare_codebooks(old, new)
    assert [(change.kind, change.codes, change.into) for change in changes] == [
        ("renamed", ("a",), ("a2",)),
        ("removed", ("b",), ()),
        ("redefined", ("c",), ("c",)),
        ("added", ("n",), ()),
    ]
    assert "definition" in changes[2].why


HISTORY = (
    Change(version="2", kind="renamed", codes=("old",), into=("mid",)),
    Change(version="3", kind="merged", codes=("mid", "other"), into=("joined",), why="One idea."),
    Change(version="9", kind="removed", codes=("gone",), why="Never used."),
    Change(version="10", kind="split", codes=("joined",), into=("left", "right")),
    Change(version="10", kind="redefined", codes=("kept",)),
)
TENTH = _versioned("10", _plain("left"), _plain("right"), _plain("kept"), history=HISTORY)


@pytest.mark.parametrize(
    ("code", "version", "expected"),
    [
        ("old", "1", ("left", "right")),
        ("mid", "2", ("left", "right")),
        ("joined", "9", ("left", "right")),
        ("other", "1", ("left", "right")),
        ("left", "10", ("left",)),
        ("kept", "1", ("kept",)),
        ("gone", "1", ()),
    ],
)
def test_migration_follows_the_chain(code: str, version: str, expected: tuple[str, ...]) -> None:
    """Renamed, merged and split in turn, with version 10 after 9."""
    assert migrate_code(TENTH, code, version) == expected


def test_migration_gives_its_reasons() -> None:
    """A removal says why, and each step of a chain is told."""
    assert explain_migration(TENTH, "gone", "1") == ("gone was removed in version 9: Never used.",)
    assert len(explain_migration(TENTH, "old", "1")) == 3


@pytest.mark.parametrize(("code", "version"), [("nonsense", "1"), ("kept", "11"), ("kept", "")])
def test_migration_refuses_what_the_history_does_not_know(code: str, version: str) -> None:
    """No code and no version is guessed."""
    with pytest.raises(UnknownName):
        migrate_code(TENTH, code, version)


def test_rows_move_and_splits_wait_for_a_person() -> None:
    """Rows keep their other columns; what cannot be decided is handed back with its choices."""
    rows = [
        {"code": "kept", "codebook": "t@1", "segment": "s1"},
        {"code": "old", "codebook": "t@1", "segment": "s2"},
        {"code": "gone", "codebook": "t@1", "segment": "s3"},
    ]
    result = migrate_rows(TENTH, rows)
    assert result.rows == ({"code": "kept", "codebook": "t@10", "segment": "s1"},)
    assert [(row.number, row.choices) for row in result.undecided] == [
        (3, ("left", "right")),
        (4, ()),
    ]
    assert rows[0]["codebook"] == "t@1"


def test_unknown_code_in_a_row_names_the_row() -> None:
    """The person who mends the file is told where."""
    with pytest.raises(UnknownName, match="row 4"):
        migrate_rows(TENTH, [{"code": "kept"}, {"code": ""}, {"code": "typo"}], "1")


# --------------------------------------------------------------------------- pages


def test_reference_page_is_up_to_date() -> None:
    """The committed page is what the codebook gives today."""
    page = REPOSITORY / "docs" / "reference" / "codebook.md"
    assert page.read_text(encoding="utf-8") == codebook_markdown(BOOK)


def test_page_names_every_code_in_both_languages() -> None:
    """The page leaves no code out."""
    page = codebook_markdown(BOOK)
    for code in BOOK.codes:
        assert f"### `{code.id}` {code.label['en']} · {code.label['zh']}" in page
