"""The data for the checks."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evalboard.engine.inspection.confinement import ResourceLimits
from evalboard.records.choice import WeightType
from evalboard.repositories import Repository
from evalboard.settings import Settings
from evalboard.validation import child
from evalboard.validation.child import LoadResult
from evalboard.validation.documents import Document, read_document
from evalboard.validation.lfs import is_pointer_file
from evalboard.validation.model_card import ModelCard, read_card
from evalboard.validation.once import once
from evalboard.validation.ranges import out_of_range
from evalboard.validation.subject import Subject
from evalboard.validation.tensors import Checkpoint

OUT_OF_RANGE = "OutOfRange"
"""Error name of a config that is out of range and therefore not loaded."""
TOKENIZER_SECONDS = 10
"""Processor time for the tokenizer and its template. The largest tokenizers take about 3 s."""


@dataclass(frozen=True)
class Base:
    """The base model of an adapter or a delta."""

    repository: Repository
    folder: Path
    """Local copies of its small files."""

    @once
    def weights(self) -> Checkpoint:
        """Its weights."""
        return Checkpoint(self.repository)

    @once
    def card(self) -> ModelCard | None:
        """Its model card."""
        return read_card(self.folder)


@dataclass(frozen=True)
class Evidence:
    """A submission and its repository. Shared data is read once."""

    subject: Subject
    settings: Settings
    repository: Repository
    folder: Path
    """Local copies of the repository's small files; no weights, no code."""
    scratch: Path
    """An empty folder for files that checks write."""
    base: Base | None
    """None for full weights, and if the base model was not found."""
    model_folder: Path
    """Folder of config, tokenizer and templates for loading. An adapter or a delta uses those of
    its base if it has none.
    """

    @property
    def has_libraries(self) -> bool:
        """Whether this installation can load config, tokenizer and model."""
        return child.has_libraries()

    def load(
        self,
        part: str,
        inputs: Mapping[str, Any] | None = None,
        limits: ResourceLimits | None = None,
    ) -> LoadResult:
        """Load one part of `model_folder` in a confined process.

        Raises:
            EngineError: It failed, but not because of the repository.
        """
        return child.load(part, self.model_folder, self.scratch, inputs, limits)

    @property
    def is_adapter(self) -> bool:
        """Whether the submission is an adapter."""
        return self.subject.weight_type is WeightType.ADAPTER

    @once
    def config(self) -> Document:
        """The model's `config.json`."""
        return read_document(self.model_folder / "config.json")

    @once
    def tokenizer_config(self) -> Document:
        """The model's `tokenizer_config.json`."""
        return read_document(self.model_folder / "tokenizer_config.json")

    @once
    def card(self) -> ModelCard | None:
        """The model card at the checked revision."""
        return read_card(self.folder)

    @once
    def weights(self) -> Checkpoint:
        """The weights in the repository."""
        return Checkpoint(self.repository, is_adapter=self.is_adapter)

    def is_pointer(self, name: str) -> bool:
        """Return whether a Git LFS pointer is in the place of a file for loading."""
        return is_pointer_file(self.model_folder / name)

    @once
    def loaded_config(self) -> LoadResult:
        """The outcome of loading the config. It is not tried for an impossible config."""
        wild = out_of_range(self.config.content)
        return LoadResult(problem=wild, error=OUT_OF_RANGE) if wild else self.load("config")

    @once
    def loaded_model(self) -> LoadResult:
        """The outcome of building the model without weights."""
        return self.load("model")

    @property
    def thinking(self) -> dict[str, Any]:
        """What is asked of the model's thinking, as inputs for loading."""
        return self.subject.model_dump(include={"enable_thinking", "think_end_token"})

    @property
    def loaded_tokenizer(self) -> LoadResult:
        """The outcome of loading the tokenizer."""
        return self._tokenizer_and_template["tokenizer"]

    @property
    def rendered_template(self) -> LoadResult:
        """The outcome of rendering the chat template with the tokenizer."""
        return self._tokenizer_and_template["template"]

    @once
    def _tokenizer_and_template(self) -> dict[str, LoadResult]:
        """Both, from one process: a large tokenizer takes seconds to load."""
        parts = ("tokenizer", "template")
        limits = ResourceLimits(cpu_seconds=TOKENIZER_SECONDS)
        return child.load_parts(parts, self.model_folder, self.scratch, self.thinking, limits)
