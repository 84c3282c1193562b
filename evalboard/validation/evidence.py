"""What a check may look at."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from evalboard.repositories import Repository
from evalboard.settings import Settings
from evalboard.validation.documents import Document, read_document
from evalboard.validation.model_card import ModelCard, read_card
from evalboard.validation.subject import Subject
from evalboard.validation.tensors import Shards, Survey, find_shards, survey


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

    @cached_property
    def config(self) -> Document:
        """The model's `config.json`."""
        return read_document(self.folder / "config.json")

    @cached_property
    def tokenizer_config(self) -> Document:
        """The model's `tokenizer_config.json`."""
        return read_document(self.folder / "tokenizer_config.json")

    @cached_property
    def card(self) -> ModelCard | None:
        """The model card at the revision that is checked."""
        return read_card(self.folder)

    @cached_property
    def shards(self) -> Shards:
        """The files that make up the weights."""
        return find_shards(self.repository)

    @cached_property
    def survey(self) -> Survey:
        """What their headers say."""
        return survey(self.repository, self.shards.present)
