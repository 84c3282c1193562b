"""Questions that are not in the mirror, for a real engine that has no network."""

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from evalboard.engine.placing.placement import EngineHandle
from evalboard.suites.model import Benchmark, DataSource, Suite
from tests.engine_specs import engine_spec
from tests.validation.corpus.material import write_good

QUESTIONS = [
    {"question": f"Which bone is number {n}?", "choices": list("abcd"), "answer": n % 4}
    for n in range(3)
]


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[EngineHandle]:
    model = tmp_path / "models" / "test" / "model"
    model.mkdir(parents=True)
    write_good(model)
    file = tmp_path / "elsewhere.parquet"
    pq.write_table(pa.Table.from_pylist(QUESTIONS), file)
    present, absent = (
        Benchmark(
            key=key, title=key, task=f"mmlu_{key}", source=DataSource(files={"test": str(path)})
        )
        for key, path in (("anatomy", file), ("virology", tmp_path / "absent.parquet"))
    )
    spec = engine_spec(
        tmp_path,
        settings={"models": tmp_path / "models", "offline": False},
        folder=model,
        revision="main",
        is_only_run=True,
        suite=Suite(name="two", title="Two", benchmarks=(present, absent)),
        benchmarks=("anatomy", "virology"),
    )
    handle = EngineHandle(spec)
    yield handle
    handle.close()


def test_another_process_fetches_them_and_the_plan_says_what_is_nowhere(
    engine: EngineHandle, tmp_path: Path
) -> None:
    (anatomy, virology), _ = engine.plan()
    assert (anatomy.n, anatomy.problem) == (len(QUESTIONS), None)
    assert virology.problem
    assert virology.problem["code"] == "data_missing"
    assert "absent.parquet" in virology.problem["message"]
    (folder,) = (tmp_path / "work" / "questions").iterdir()
    assert [file.name for file in folder.iterdir()] == ["test.parquet"]
