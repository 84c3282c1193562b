"""Check that the repository has the submitted weight type."""

from evalboard.repositories.selection import ADAPTER_CONFIG, ADAPTER_FILE, ADAPTER_PICKLE
from evalboard.validation.evidence import Evidence
from evalboard.validation.findings import Outcome, error


def check(evidence: Evidence) -> Outcome:
    """Check for the files of an adapter."""
    files = evidence.repository.files()
    if evidence.is_adapter:
        pickled = ADAPTER_PICKLE in files  # of which the check of the weights speaks
        wanted = (ADAPTER_CONFIG,) if pickled else (ADAPTER_CONFIG, ADAPTER_FILE)
        missing = [name for name in wanted if name not in files]
        if not missing:
            return Outcome()
        finding = error(
            "no_adapter",
            f"The repository is not an adapter. Missing: {' and '.join(missing)}.",
            fix="Save the adapter with peft's `save_pretrained`, or submit the model as Original.",
            where=missing[0],
        )
        return Outcome((finding,))
    if ADAPTER_CONFIG in files and "config.json" not in files:
        finding = error(
            "is_adapter",
            "The repository contains an adapter, but the submission says "
            f"{evidence.subject.weight_type}.",
            fix="Submit it as Adapter and name its base model.",
            where=ADAPTER_CONFIG,
        )
        return Outcome((finding,))
    return Outcome()
