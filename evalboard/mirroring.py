"""Questions and models in folders, for machines without internet.

    {folder}/datasets/{repo}/{config or default}/{split}.parquet   read by EVALBOARD_DATASETS
    {folder}/models/{org}/{name}/                                  read by EVALBOARD_MODELS

Each file and each model appears under its name only when it is complete, so an interrupted copy is
completed by repeating it.
"""

from collections.abc import Iterator
from pathlib import Path

from evalboard.engine.benchmarks.library import TaskLibrary
from evalboard.repositories import find_repository
from evalboard.repositories.copying import copy_files, made_once
from evalboard.repositories.names import check_board_name
from evalboard.settings import Settings
from evalboard.suites.model import Benchmark, Suite

DATASETS = "datasets"
MODELS = "models"


def copy_questions(
    suite: Suite, folder: Path, settings: Settings
) -> Iterator[tuple[Benchmark, list[Path]]]:
    """Copy what each benchmark of a suite asks, and give the files that are new.

    Args:
        suite: The suite.
        folder: Folder of the copies.
        settings: Where the questions are found, as for an evaluation.

    Raises:
        DataMissing: The questions of a benchmark cannot be loaded.
        HarnessError: A mirror cannot contain them.
    """
    library = TaskLibrary(
        suite.benchmarks,
        definitions=suite.tasks,
        mirror=settings.datasets,
        offline=settings.offline,
    )
    for benchmark in suite.benchmarks:
        yield benchmark, library.copy(benchmark, folder / DATASETS)


def copy_model(model: str, revision: str, folder: Path, settings: Settings) -> Path:
    """Copy what loading and checking a model needs, and return its folder.

    Raises:
        ConfigError: The name of the model or of the revision is invalid.
        ModelNotFound: There is no such model or revision.
        StoreError: The Hub did not answer.
    """
    check_board_name(model)

    def fill(place: Path) -> None:
        files = find_repository(model, revision, settings).weights()
        copy_files(
            files, [str(p.relative_to(files)) for p in files.rglob("*") if p.is_file()], place
        )

    return made_once(folder / MODELS / model, fill)
