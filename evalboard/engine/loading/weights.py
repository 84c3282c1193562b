"""Full weights in one folder, for every kind of submission.

An adapter is merged into its base, and a delta added to it, once, into a folder under the work
folder; from there every backend loads the result like any model. The folder's name identifies its
sources, and the folder appears only when it is complete: engines share it, and later runs reuse it.
It can be deleted while no engine runs.

This module only finds and arranges files. What reads the weights to combine them is passed in,
because it must be confined.
"""

import tempfile
from collections.abc import Callable
from functools import cached_property
from pathlib import Path

from evalboard.engine.keeping import LoadableFiles
from evalboard.engine.loading.combining import Combination
from evalboard.engine.spec import EngineSpec
from evalboard.records.choice import WeightType
from evalboard.records.precision import Precision
from evalboard.repositories import Repository, find_repository, places_of
from evalboard.repositories.composing import compose_small_files
from evalboard.repositories.copying import copy_files, linked_folder, made_once
from evalboard.repositories.selection import is_adapter_file, loadable_files, weight_files

CONFIG_NAME = "config.json"


class ModelFiles:
    """The files of an engine's model.

    Args:
        spec: Specification of the engine.
        combine: Combines the weights of two repositories; see
            `evalboard.engine.loading.combining.combine`.
    """

    def __init__(self, spec: EngineSpec, combine: Callable[[Combination], None]) -> None:
        self._spec = spec
        self._combine = combine
        self._weight_type = WeightType(spec.weight_type)
        self._place = spec.settings.work_folder / "models"

    @cached_property
    def small(self) -> Path:
        """A folder with config, tokenizer and templates. No weights are downloaded for it."""
        return made_once(self._place / f"{self.name}_files", self._fill_small)

    def download(self) -> list[Path]:
        """Download the weights of the model and of its base. Return their folders."""
        own = self._own.weights()
        return [own] if self._weight_type is WeightType.ORIGINAL else [own, self._base.weights()]

    @cached_property
    def loadable(self) -> LoadableFiles:
        """The files for loading. They are created if necessary.

        Raises:
            OutOfMemory: Merging needs more memory than the machine has.
            LoadFailed: The adapter or the delta does not fit its base.
        """
        own = self._own.weights()
        match self._weight_type:
            case WeightType.ORIGINAL:
                return LoadableFiles(self._without_adapter(own))
            case WeightType.DELTA:
                return LoadableFiles(self._combined(own, self._base.weights()))
            case WeightType.ADAPTER if self._is_quantised:
                # A quantised weight cannot take up an adapter: it stays beside it in full
                # precision, which is how such adapters are trained.
                return LoadableFiles(self._on_base, adapter=own)
            case WeightType.ADAPTER:
                return LoadableFiles(self._combined(own, self._on_base))

    @property
    def places(self) -> list[Path]:
        """Folders that contain, or will contain, the files of the model and of its base."""
        spec = self._spec
        own = places_of(str(spec.folder or spec.model), spec.settings)
        if self._weight_type is WeightType.ORIGINAL:
            return own
        return [*own, *places_of(str(spec.base_folder or spec.base_model), spec.settings)]

    @property
    def name(self) -> str:
        """A name for the contents: the commits of the model and of its base."""
        spec = self._spec
        if self._weight_type is WeightType.ORIGINAL:
            return spec.revision
        return f"{self._weight_type.lower()}_{spec.revision}_{spec.base_revision}"

    def _without_adapter(self, folder: Path) -> Path:
        """Return the folder without an adapter, which transformers would apply."""
        files = self._own.files()
        if not any(map(is_adapter_file, files)):
            return folder
        whole = [path for path in loadable_files(files) if not is_adapter_file(path)]
        return linked_folder(folder, whole, views=self._place)

    def _combined(self, own: Path, base: Path) -> Path:
        is_adapter = self._weight_type is WeightType.ADAPTER

        def fill(folder: Path) -> None:
            if not is_adapter:
                copy_files(self.small, self._small_names, folder)
            self._combine(Combination(is_adapter, base, own, folder, self._number_type))
            if is_adapter:
                # The config is the base's, with the merged model's number of tokens.
                copy_files(self.small, self._small_names - {CONFIG_NAME}, folder)

        return made_once(self._place / f"{self.name}_{self._number_type}", fill)

    @cached_property
    def _on_base(self) -> Path:
        """The base's weights with the config and the tokenizer for the adapter."""

        def fill(folder: Path) -> None:
            copy_files(self.small, self._small_names, folder)
            source = self._base.weights()
            for file in source.iterdir():
                if weight_files([file.name]) or file.name.endswith(".index.json"):
                    (folder / file.name).symlink_to(file.resolve())

        return made_once(self._place / f"{self.name}_base", fill)

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

    @cached_property
    def _own(self) -> Repository:
        spec = self._spec
        return find_repository(str(spec.folder or spec.model), spec.revision, spec.settings)

    @cached_property
    def _base(self) -> Repository:
        spec = self._spec
        address = str(spec.base_folder or spec.base_model)
        return find_repository(address, spec.base_revision, spec.settings)
