"""Find a model by its name."""

import logging
from pathlib import Path

from huggingface_hub import constants
from huggingface_hub.file_download import repo_folder_name

from evalboard.errors import ModelNotFound, StoreError
from evalboard.repositories.folder import FolderRepository, check_folder_revision
from evalboard.repositories.hub import open_hub_repository
from evalboard.repositories.names import (
    check_board_name,
    check_revision,
    folder_model_name,
    is_folder_path,
)
from evalboard.repositories.repository import Repository
from evalboard.settings import Settings

logger = logging.getLogger(__name__)


def find_repository(model: str, revision: str, settings: Settings) -> Repository:
    """Find a model and pin its revision.

    Args:
        model: `{org}/{name}`, looked up in EVALBOARD_MODELS and then on the Hub; or a folder that
            starts with `/`, `./` or `../`.
        revision: Branch, tag or commit sha. For a folder `main`, or at least the first 8 digits of
            its content hash.
        settings: Location of models, and whether the Hub may be used.

    Raises:
        ConfigError: The name of the model or of the revision is invalid.
        ModelNotFound: There is no such model, or it has no such revision.
        StoreError: The Hub did not answer, or the folder cannot be read.
    """
    check_revision(revision)
    if is_folder_path(model):
        folder = Path(model)
        return _open_folder(folder, folder_model_name(folder), revision, settings)
    check_board_name(model)
    if settings.models is not None and (settings.models / model).is_dir():
        return _open_folder(settings.models / model, model, revision, settings)
    if is_offline(settings):
        logger.warning(
            "Model %r is not in EVALBOARD_MODELS=%r. Put it there, or unset EVALBOARD_OFFLINE and "
            "HF_HUB_OFFLINE.",
            model,
            str(settings.models or ""),
        )
        raise ModelNotFound(
            f"Model {model!r} is not among the models of this board, and the Hub is not used "
            "(offline)."
        )
    return open_hub_repository(model, revision, settings)


def is_offline(settings: Settings) -> bool:
    """Return whether the Hub is not used."""
    return settings.offline or constants.is_offline_mode()


def places_of(model: str, settings: Settings) -> list[Path]:
    """Return the folders that contain a model's files, or will when they are downloaded.

    Args:
        model: As for `find_repository`.
        settings: Location of models.
    """
    if is_folder_path(model):
        return _folder_places(Path(model))
    if settings.models is not None and (settings.models / model).is_dir():
        return _folder_places(settings.models / model)
    cached = repo_folder_name(repo_id=model, repo_type="model")
    return [Path(constants.HF_HUB_CACHE) / cached]


def _folder_places(folder: Path) -> list[Path]:
    """Return a folder and, for a snapshot in the Hub client's cache, the folder of its blobs."""
    found = folder.resolve()
    is_snapshot = found.parent.name == "snapshots"
    return [found, found.parent.parent / "blobs"] if is_snapshot else [found]


def _open_folder(folder: Path, model: str, revision: str, settings: Settings) -> FolderRepository:
    if not folder.is_dir():
        raise ModelNotFound(f"Folder {str(folder)!r} does not exist. Correct the path.")
    repository = FolderRepository(folder, model=model, views=settings.work_folder / "models")
    try:
        check_folder_revision(repository, revision)
    except OSError as exc:
        raise StoreError(
            f"Folder {str(folder)!r} cannot be read: {exc}. Correct its permissions."
        ) from exc
    return repository
