"""Full weights in one folder, for every kind of submission.

An adapter is merged into its base, and a delta added to it, once, into a folder under the work
folder; from there every backend loads the result like any model. The folder's name identifies its
sources, and the folder appears only when it is complete: engines share it, and later runs reuse it.
It can be deleted while no engine runs.
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
    """The files for a backend."""

    weights: Path
    """Full weights, config and tokenizer."""
    adapter: Path | None = None
    """Adapter to apply after loading, None if it is merged or there is none."""


class ModelFiles:
    """The files of an engine's model."""

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
        """The files for loading. They are created if necessary.

        Raises:
            OutOfMemory: Merging needs more memory than the machine has.
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
        """Return the folder without an adapter, which transformers would apply."""
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
        """The base's weights with the config and the tokenizer for the adapter."""

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
        """The type for combining weights: the requested one, as in lm_eval."""
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
