"""Check the repository as a whole: its access, its name and its list of files."""

from collections.abc import Iterator

from evalboard.records.report import Finding
from evalboard.repositories import Repository
from evalboard.repositories.names import is_folder_path
from evalboard.repositories.selection import oversized_files
from evalboard.validation.evidence import Evidence
from evalboard.validation.findings import Outcome, error, info, of_base, quoted

MAX_PATHS_LISTED = 5
OPEN = "Submit a public model, or ask the board's operators."


def check(evidence: Evidence) -> Outcome:
    """Check the repository and that of its base model."""
    repository, asked = evidence.repository, evidence.subject.model
    findings = [*_judge(repository, closed_allowed=evidence.settings.closed_models)]
    if not is_folder_path(asked) and repository.model != asked:
        findings.append(
            info(
                "renamed",
                f"{quoted(asked)} is now called {quoted(repository.model)} and is evaluated under "
                "that name.",
            )
        )
    if evidence.base:
        base = evidence.base.repository
        found = _judge(base, closed_allowed=evidence.settings.closed_models)
        findings += [of_base(finding, base.model) for finding in found]
    return Outcome(tuple(findings))


def _judge(repository: Repository, *, closed_allowed: bool) -> Iterator[Finding]:
    yield from _standing(repository, closed_allowed=closed_allowed)
    refused = list(repository.refused().items())
    for path, reason in refused[:MAX_PATHS_LISTED]:
        yield error(
            "unsafe_path",
            f"File {quoted(path)} is ignored: {reason}.",
            fix="Delete or rename the file.",
            where=path,
        )
    if len(refused) > MAX_PATHS_LISTED:
        yield error("unsafe_path", f"{len(refused) - MAX_PATHS_LISTED:,} more files are ignored.")
    for path, most in oversized_files(repository.files()).items():
        yield error(
            "file_too_large",
            f"File {quoted(path)} has {repository.files()[path]:,} bytes; at most {most:,} are "
            "read.",
            fix="Upload the file as the libraries write it.",
            where=path,
        )


def _standing(repository: Repository, *, closed_allowed: bool) -> Iterator[Finding]:
    standing = repository.standing
    if standing.disabled:
        yield error("model_disabled", "The Hub has disabled the repository.", fix=OPEN)
    if closed_allowed:
        return
    if standing.gated:
        yield error(
            "model_gated",
            "The repository is gated: the Hub gives its files only to users whom the owner has "
            "approved.",
            fix=OPEN,
        )
    if standing.private:
        yield error("model_private", "The repository is private.", fix=OPEN)
