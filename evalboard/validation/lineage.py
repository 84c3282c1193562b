"""Check that the card gives a model's origin: base model, merge, mixture of experts."""

from collections.abc import Iterator
from typing import Any

from huggingface_hub.errors import HFValidationError
from huggingface_hub.utils import validate_repo_id

from evalboard.records.choice import WeightType
from evalboard.records.report import Finding
from evalboard.records.request import ModelType
from evalboard.validation.evidence import Evidence
from evalboard.validation.findings import Outcome, error, info, listed, warning
from evalboard.validation.model_card import CARD_NAME, ModelCard, texts
from evalboard.validation.subject import Subject

TRAINED_FURTHER = (ModelType.FINE_TUNED, ModelType.CONTINUOUSLY_PRETRAINED)
"""Types that are made from another model by definition. Chat models may be trained from scratch."""
OFTEN_TRAINED_FURTHER = (ModelType.INSTRUCTION_TUNED, ModelType.RL_TUNED, ModelType.CHAT)
MAX_BASES = 64
MERGE_TAGS = frozenset({"merge", "mergekit", "lazymergekit"})
MIXTURE_TAGS = frozenset({"moe", "mixture-of-experts", "mixtral"})
EXPERT_KEYS = ("num_local_experts", "num_experts", "n_routed_experts", "moe_num_experts")


def check(evidence: Evidence) -> Outcome:
    """Compare the card with the submission."""
    card = evidence.card or ModelCard({}, "")
    merged, mixed = _is_merge(card), _is_mixture(evidence.config.content)
    findings = (
        *_base(card, evidence),
        *(() if card.problem else _merge(evidence.subject.model_type, merged=merged)),
        *_mixture(card, mixed=mixed),
    )
    facts = {key: True for key, holds in (("merged", merged), ("moe", mixed)) if holds}
    return Outcome(findings, facts)


def _base(card: ModelCard, evidence: Evidence) -> Iterator[Finding]:
    subject = evidence.subject
    names = texts(card.metadata.get("base_model"), most=MAX_BASES)
    if names:
        yield from _strange_bases(names, needed=_needs_base(subject))
        return
    if evidence.card is None or card.problem:
        return
    where = f"{CARD_NAME}: base_model"
    fix = "Add `base_model: org/name` to the front matter of README.md."
    if subject.weight_type is not WeightType.ORIGINAL:
        message = (
            f"The model card of the {subject.weight_type.lower()} does not name its base model."
        )
        yield info("base_model_not_in_card", message, fix=fix, where=where)
    elif _needs_base(subject):
        message = (
            f"A {subject.model_type} model needs a base model, but neither the submission nor the "
            "card names one."
        )
        fix = (
            "Name the base model in the submission (`base_model` of a request file), or add "
            "`base_model: org/name` to the front matter of README.md."
        )
        yield error("base_model_not_in_card", message, fix=fix, where=where)
    elif subject.model_type in OFTEN_TRAINED_FURTHER and not subject.base_model:
        message = "The model card does not name the model from which this one was made."
        yield warning("base_model_not_in_card", message, fix=fix, where=where)


def _needs_base(subject: Subject) -> bool:
    """Return whether the card has to name the base model."""
    return (
        subject.weight_type is WeightType.ORIGINAL
        and subject.model_type in TRAINED_FURTHER
        and not subject.base_model
    )


def _strange_bases(names: list[str], *, needed: bool) -> Iterator[Finding]:
    """Yield a finding on base models that nobody can find. The Hub refuses such cards, too."""
    strange = [name for name in names if not _is_hub_name(name)]
    if strange:
        make = error if needed and len(strange) == len(names) else warning
        yield make(
            "invalid_base_model",
            f"The model card names the base model {listed(strange)}, which is not the name of a "
            "model on the Hub.",
            fix="Write `base_model: org/name` in the front matter of README.md.",
            where=f"{CARD_NAME}: base_model",
        )


def _is_hub_name(name: str) -> bool:
    try:
        validate_repo_id(name)
    except HFValidationError:
        return False
    return True


def _merge(model_type: ModelType, *, merged: bool) -> Iterator[Finding]:
    if merged and model_type not in (ModelType.MERGE, ModelType.UNKNOWN):
        yield warning(
            "merge_not_marked",
            f"The model card says that the model is a merge, but the submission says {model_type}.",
            fix="Submit the model as merge. The board marks it as a merge either way.",
            where=CARD_NAME,
        )
    elif model_type is ModelType.MERGE and not merged:
        yield warning(
            "merge_not_marked",
            "The submission says that the model is a merge, but the model card does not.",
            fix="Add `merge` to `tags` in the front matter of README.md.",
            where=f"{CARD_NAME}: tags",
        )


def _mixture(card: ModelCard, *, mixed: bool) -> Iterator[Finding]:
    if mixed and not _tags(card) & MIXTURE_TAGS:
        yield info(
            "moe_not_marked",
            "The model is a mixture of experts, but the model card does not say so. The board "
            "marks it.",
            fix="Add `moe` to `tags` in the front matter of README.md.",
            where=f"{CARD_NAME}: tags",
        )


def _is_merge(card: ModelCard) -> bool:
    relation = texts(card.metadata.get("base_model_relation"))
    return "merge" in relation or bool(_tags(card) & MERGE_TAGS)


def _is_mixture(config: dict[str, Any]) -> bool:
    """Return whether a config has several experts, possibly in its text part."""
    text = config.get("text_config")
    parts = [config, text] if isinstance(text, dict) else [config]
    numbers = [part.get(key) for part in parts for key in EXPERT_KEYS]
    return any(type(number) is int and number > 1 for number in numbers)


def _tags(card: ModelCard) -> set[str]:
    return {tag.lower() for tag in texts(card.metadata.get("tags"), most=64)}
