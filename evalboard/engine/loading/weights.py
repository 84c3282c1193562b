"""What a model is loaded from: whole weights in one folder, whatever was submitted.

An adapter is merged into its base, and a delta added to it, once, into a folder under the work
folder; from there either backend loads the result like any model. The folder's name says what it
was made of, and it is there when it is whole: engines share it, and later runs use it again. It
may be deleted whenever no engine runs.
"""

import tempfile
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from evalboard.engine.loading.adapters import merge_adapter
from evalboard.engine.loading.deltas import add_delta
from evalboard.engine.loading.failures import loading_errors
from evalboard.engine.spec import EngineSpec
from evalboard.records.choice import WeightType
from evalboard.records.precision import Precision
from evalboard.repositories import Repository, find_repository
from evalboard.repositories.composing import compose_small_files
from evalboard.repositories.copying import copy_files, linked_folder, made_once
from evalboard.repositories.selection import is_adapter_file, loadable_files, weight_files

CONFIG_NAME = "config.json"


class LoadableFiles(NamedTuple):
    """What a backend loads."""

    weights: Path
    """Whole weights, config and tokenizer."""
    adapter: Path | None = None
    """Adapter to put on the weights when they are loaded; None where it is merged, or none."""


class ModelFiles:
    """The files of the model that an engine is to hold."""

    def __init__(self, spec: EngineSpec) -> None:
        self._spec = spec
        self._weight_type = WeightType(spec.weight_type)
        self._place = spec.settings.work_folder / "models"

    @cached_property
    def small(self) -> Path:
        """A folder with config, tokenizer and templates. No weights are downloaded for it."""
        return made_once(self._place / f"{self._name}_files", self._fill_small)

    @cached_property
    def loadable(self) -> LoadableFiles:
        """What the model is loaded from; made where that is needed.

        Raises:
            OutOfMemory: Merging takes more memory than there is.
            LoadFailed: The adapter or the delta does not fit its base.
        """
        with loading_errors({"precision": self._spec.precision}):
            own = self._own.weights()
            match self._weight_type:
                case WeightType.ORIGINAL:
                    return LoadableFiles(self._without_adapter(own))
                case WeightType.DELTA:
                    return LoadableFiles(self._with_delta(own))
                case WeightType.ADAPTER if self._is_quantised:
                    # A quantised weight cannot take up an adapter: it stays beside it in full
                    # precision, which is how such adapters are trained.
                    return LoadableFiles(self._on_base, adapter=own)
                case WeightType.ADAPTER:
                    return LoadableFiles(self._with_adapter(own))

    def _without_adapter(self, folder: Path) -> Path:
        """Return the folder without an adapter in it: transformers would put it on the weights."""
        files = self._own.files()
        if not any(map(is_adapter_file, files)):
            return folder
        whole = [path for path in loadable_files(files) if not is_adapter_file(path)]
        return linked_folder(folder, whole, views=self._place)

    def _with_adapter(self, adapter: Path) -> Path:
        def fill(folder: Path) -> None:
            merge_adapter(self._on_base, adapter, folder, number_type=self._number_type)
            # The config is the base's, with the merged model's number of tokens.
            copy_files(self.small, self._small_names - {CONFIG_NAME}, folder)

        return made_once(self._place / f"{self._name}_{self._number_type}", fill)

    def _with_delta(self, delta: Path) -> Path:
        def fill(folder: Path) -> None:
            copy_files(self.small, self._small_names, folder)
            add_delta(self._base.weights(), delta, folder, number_type=self._number_type)

        return made_once(self._place / f"{self._name}_{self._number_type}", fill)

    @cached_property
    def _on_base(self) -> Path:
        """The base's weights beside the config and the tokenizer that go with the adapter."""

        def fill(folder: Path) -> None:
            copy_files(self.small, self._small_names, folder)
            source = self._base.weights()
            for file in source.iterdir():
                if weight_files([file.name]) or file.name.endswith(".index.json"):
                    (folder / file.name).symlink_to(file.resolve())

        return made_once(self._place / f"{self._name}_base", fill)

    def _fill_small(self, folder: Path) -> None:
        if self._weight_type is WeightType.ORIGINAL:
            self._own.small_files(folder)
            return
        with tempfile.TemporaryDirectory() as scratch:
            compose_small_files(
                self._own.small_files(Path(scratch) / "own"),
                self._base.small_files(Path(scratch) / "base"),
                folder,
                own_config=self._weight_type is WeightType.DELTA,
            )

    @property
    def _small_names(self) -> set[str]:
        files = self.small.rglob("*")
        return {file.relative_to(self.small).as_posix() for file in files if file.is_file()}

    @property
    def _is_quantised(self) -> bool:
        return Precision(self._spec.precision).facts.is_made_by_loading

    @property
    def _number_type(self) -> str:
        """The type that weights are put together in: the one asked for, as lm_eval does it."""
        return Precision(self._spec.precision).facts.dtype

    @property
    def _name(self) -> str:
        spec = self._spec
        if self._weight_type is WeightType.ORIGINAL:
            return spec.revision
        return f"{self._weight_type.lower()}_{spec.revision}_{spec.base_revision}"

    @cached_property
    def _own(self) -> Repository:
        spec = self._spec
        return find_repository(str(spec.folder or spec.model), spec.revision, spec.settings)

    @cached_property
    def _base(self) -> Repository:
        spec = self._spec
        address = str(spec.base_folder or spec.base_model)
        return find_repository(address, spec.base_revision, spec.settings)
