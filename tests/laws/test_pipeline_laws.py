"""Laws of the whole way from files to overlap."""

from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qiutong.study import Study

TEXTS = {
    "us-a": ("us", "Sec. 1. A developer shall conduct red-team testing of its models.\n"),
    "us-b": ("us", "We will label synthetic content with a watermark of its provenance.\n"),
    "cn-a": ("cn", "第一条 提供者应当开展红队测试，提高模型的可靠性。\n"),
    "cn-b": ("cn", "我们承诺对生成合成内容添加显式标识和数字水印。\n"),
    "cn-c": ("cn", "第一条 本办法自公布之日起施行。\n"),
}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of invented documents."""
    folder = tmp_path_factory.mktemp("texts")
    for name, (_, text) in TEXTS.items():
        (folder / f"{name}.txt").write_text(text, encoding="utf-8")
    return folder


def measured(files: Path, folder: Path, order: list[str]) -> object:
    """Add one document after the other, code, and give the overlap without the order in it."""
    with Study.create(folder / "study", ["us", "cn"]) as study:
        for name in order:
            study.add(files / f"{name}.txt", party=TEXTS[name][0], date_issued="2024-01-01")
        study.code()
        return [
            {
                "code": one.code,
                "grade": one.grade.value,
                "prevalence": msgspec.to_builtins(one.prevalence),
                "documents": {side: sorted(held) for side, held in one.documents.items()},
            }
            for one in study.overlap("2024-06-01")
        ]


@pytest.fixture(scope="module")
def expected(files: Path, tmp_path_factory: pytest.TempPathFactory) -> object:
    """The overlap of the documents added in one order."""
    return measured(files, tmp_path_factory.mktemp("first"), list(TEXTS))


@settings(max_examples=3, deadline=None)
@given(order=st.permutations(list(TEXTS)))
def test_the_order_of_adding_changes_no_overlap(
    files: Path, expected: object, order: list[str]
) -> None:
    """Shares, intervals and grades are of the set of documents, not of its order."""
    with TemporaryDirectory() as folder:
        assert measured(files, Path(folder), order) == expected


@settings(max_examples=5, deadline=None)
@given(chosen=st.lists(st.sampled_from(list(TEXTS)), min_size=1, max_size=5, unique=True))
def test_adding_a_register_twice_is_adding_it_once(files: Path, chosen: list[str]) -> None:
    """Documents, segments and their order stay as they were."""
    with TemporaryDirectory() as folder:
        register = Path(folder) / "register.csv"
        rows = [f"{name},{files / name}.txt,{TEXTS[name][0]}" for name in chosen]
        register.write_text("\n".join(["id,file,party", *rows]), encoding="utf-8")
        with Study.create(Path(folder) / "study", ["us", "cn"]) as study:
            assert study.add(register).added == tuple(chosen)
            before = study.documents(), tuple(study.segments())
            again = study.add(register)
            assert (again.added, again.updated) == ((), ())
            assert again.unchanged == tuple(chosen)
            assert (study.documents(), tuple(study.segments())) == before
