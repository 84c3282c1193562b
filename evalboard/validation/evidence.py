"""What a check may look at."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evalboard.engine.inspection.confinement import ResourceLimits
from evalboard.records.choice import WeightType
from evalboard.repositories import Repository
from evalboard.settings import Settings
from evalboard.validation import child
from evalboard.validation.child import Loaded
from evalboard.validation.documents import Document, read_document
from evalboard.validation.model_card import ModelCard, read_card
from evalboard.validation.once import once
from evalboard.validation.ranges import out_of_range
from evalboard.validation.subject import Subject
from evalboard.validation.tensors import Checkpoint

OUT_OF_RANGE = "OutOfRange"
"""What a config that is not loaded is said to have failed with."""


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
    """A submission and its repository. What several checks need is read once."""

    subject: Subject
    settings: Settings
    repository: Repository
    folder: Path
    """Local copies of the repository's small files; no weights, no code."""
    scratch: Path
    """An empty folder for whatever a check must write."""
    base: Base | None
    """None for whole weights, and where the base model was not found."""
    model_folder: Path
    """Config, tokenizer and templates that the model is loaded with. An adapter or a delta has
    those of its base where it has none of its own."""

    @property
    def has_libraries(self) -> bool:
        """Whether config, tokenizer and model can be loaded here; the viewer alone cannot."""
        return child.has_libraries()

    def load(
        self,
        part: str,
        inputs: Mapping[str, Any] | None = None,
        limits: ResourceLimits | None = None,
    ) -> Loaded:
        """Load one part of `model_folder` in a confined process.

        Raises:
            EngineError: It failed for a reason that is not the repository's.
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
        """The model card at the revision that is checked."""
        return read_card(self.folder)

    @once
    def weights(self) -> Checkpoint:
        """The weights in the repository itself."""
        return Checkpoint(self.repository, is_adapter=self.is_adapter)

    @once
    def loaded_config(self) -> Loaded:
        """How the config loads; it is not tried where no model could be built from it."""
        wild = out_of_range(self.config.content)
        return Loaded(problem=wild, error=OUT_OF_RANGE) if wild else self.load("config")

    @once
    def loaded_model(self) -> Loaded:
        """How the model is built without weights."""
        return self.load("model")

    @once
    def loaded_tokenizer(self) -> Loaded:
        """How the tokenizer loads."""
        return self.load("tokenizer")
