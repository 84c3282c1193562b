"""Check that the card says where a model comes from: its base, a merge, a mixture of experts."""

from collections.abc import Iterator
from typing import Any

from evalboard.records.choice import WeightType
from evalboard.records.report import Finding
from evalboard.records.request import ModelType
from evalboard.validation.evidence import Evidence
from evalboard.validation.findings import Outcome, error, info, warning
from evalboard.validation.model_card import CARD_NAME, ModelCard, texts

TRAINED_FURTHER = (ModelType.FINE_TUNED, ModelType.CONTINUOUSLY_PRETRAINED)
"""Made from another model by definition. Chat models may have been trained from the start."""
OFTEN_TRAINED_FURTHER = (ModelType.INSTRUCTION_TUNED, ModelType.RL_TUNED, ModelType.CHAT)
MERGE_TAGS = frozenset({"merge", "mergekit", "lazymergekit"})
MIXTURE_TAGS = frozenset({"moe", "mixture-of-experts", "mixtral"})
EXPERT_KEYS = ("num_local_experts", "num_experts", "n_routed_experts", "moe_num_experts")


def check(evidence: Evidence) -> Outcome:
    """Compare the card with what the model was submitted as."""
    card = evidence.card or ModelCard({}, "")
    merged, mixed = _is_merge(card), _is_mixture(evidence.config.content)
    findings = (
        *_base(card, evidence),
        *_merge(evidence.subject.model_type, merged=merged),
        *_mixture(card, mixed=mixed),
    )
    facts = {key: True for key, holds in (("merged", merged), ("moe", mixed)) if holds}
    return Outcome(findings, facts)


def _base(card: ModelCard, evidence: Evidence) -> Iterator[Finding]:
    subject = evidence.subject
    if texts(card.metadata.get("base_model")) or evidence.card is None:
        return
    where = f"{CARD_NAME}: base_model"
    fix = "Write `base_model: org/name` into the front matter of README.md."
    if subject.weight_type is not WeightType.ORIGINAL:
        message = f"The card of the {subject.weight_type.lower()} does not name its base model."
        yield info("base_model_not_in_card", message, fix=fix, where=where)
    elif subject.model_type in TRAINED_FURTHER and not subject.base_model:
        message = f"A {subject.model_type} model was made from another, which nobody names."
        yield error("base_model_not_in_card", message, fix=fix, where=where)
    elif subject.model_type in OFTEN_TRAINED_FURTHER and not subject.base_model:
        message = "The card does not say from which model this one was made."
        yield warning("base_model_not_in_card", message, fix=fix, where=where)


def _merge(model_type: ModelType, *, merged: bool) -> Iterator[Finding]:
    if merged and model_type not in (ModelType.MERGE, ModelType.UNKNOWN):
        yield warning(
            "merge_not_marked",
            f"The card says that the model is a merge, and it is submitted as {model_type}.",
            fix="Submit it as merge; the board marks it as one.",
            where=CARD_NAME,
        )
    elif model_type is ModelType.MERGE and not merged:
        yield warning(
            "merge_not_marked",
            "The model is submitted as a merge, and its card does not mark it as one.",
            fix="Write `merge` into `tags` of the front matter of README.md.",
            where=f"{CARD_NAME}: tags",
        )


def _mixture(card: ModelCard, *, mixed: bool) -> Iterator[Finding]:
    if mixed and not _tags(card) & MIXTURE_TAGS:
        yield info(
            "moe_not_marked",
            "The model is a mixture of experts, which its card does not mark; the board does.",
            fix="Write `moe` into `tags` of the front matter of README.md.",
            where=f"{CARD_NAME}: tags",
        )


def _is_merge(card: ModelCard) -> bool:
    relation = texts(card.metadata.get("base_model_relation"))
    return "merge" in relation or bool(_tags(card) & MERGE_TAGS)


def _is_mixture(config: dict[str, Any]) -> bool:
    """Return whether a config has several experts; in some it lies in the part for texts."""
    text = config.get("text_config")
    parts = [config, text] if isinstance(text, dict) else [config]
    numbers = [part.get(key) for part in parts for key in EXPERT_KEYS]
    return any(type(number) is int and number > 1 for number in numbers)


def _tags(card: ModelCard) -> set[str]:
    return {tag.lower() for tag in texts(card.metadata.get("tags"), most=64)}
