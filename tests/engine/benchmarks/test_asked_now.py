"""What a suite asks now, against what its engine would note in a document."""

from pathlib import Path

import pyarrow.parquet as pq

from evalboard.engine.benchmarks.asked_now import Asked, asked_now
from evalboard.engine.benchmarks.library import TaskLibrary
from evalboard.settings import Settings
from evalboard.suites.model import Benchmark, Suite
from tests.engine.benchmarks.conftest import FOLDERS


def test_questions_that_change_are_other_questions(open_llm_mirror: Path, tmp_path: Path) -> None:
    group = Benchmark(key="some", title="Some", tasks=("mmlu_anatomy", "mmlu_virology"))
    suite = Suite(name="small", title="Small", benchmarks=(group,))
    mirror = tmp_path / "mirror"
    for task in group.tasks:
        folder = mirror / FOLDERS[task]
        folder.mkdir(parents=True)
        for file in (open_llm_mirror / FOLDERS[task]).iterdir():
            (folder / file.name).write_bytes(file.read_bytes())
    settings = Settings.model_validate({"home": tmp_path, "datasets": mirror, "offline": True})
    loaded = TaskLibrary((group,), mirror=mirror, offline=True).load(group)
    versions = tuple(str(task.task.VERSION) for task in loaded.tasks)
    before = asked_now(suite, ["some"], settings)
    assert before == {"some": Asked(versions, loaded.dataset_fingerprint)}

    file = mirror / FOLDERS["mmlu_virology"] / "test.parquet"
    pq.write_table(pq.read_table(file).slice(1), file)
    after = asked_now(suite, ["some"], settings)
    assert after["some"].task_versions == versions
    assert after["some"].questions != before["some"].questions
