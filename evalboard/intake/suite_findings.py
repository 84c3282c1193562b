"""Findings on the suite that a submission names, and on whether the model can answer it."""

from evalboard.records.choice import ModelChoice
from evalboard.records.report import Finding, Report
from evalboard.settings import Settings
from evalboard.suites.loader import board_suites, find_suite, load_suite, suite_names
from evalboard.suites.model import Suite
from evalboard.validation.findings import error, listed, quoted, warning
from evalboard.wording import plain


def suite_name(suite: str, settings: Settings) -> str:
    """Return the name under which a request stores its suite, also that of an unknown one.

    Raises:
        ConfigError: A suite that the settings name cannot be loaded.
    """
    found = find_suite(suite, settings)
    return found.name if found else plain(suite, 100)


def named_suite(name: str, settings: Settings, *, allow_file: bool = False) -> Suite | None:
    """Return the suite of a submission, None if there is no such suite.

    Args:
        name: What the submission says; an empty name means the first board's suite.
        settings: The suites.
        allow_file: Whether it can be a YAML file of this machine.

    Raises:
        ConfigError: A suite that the settings name cannot be loaded, or the user's own file.
    """
    found = find_suite(name, settings)
    return load_suite(name) if found is None and allow_file else found


def suite_findings(
    suite: str, settings: Settings, *, allow_file: bool = False
) -> tuple[Finding, ...]:
    """Return the findings on a submission's suite: whether it exists, and whether it has a board.

    Raises:
        ConfigError: As `named_suite` does.
    """
    if unknown := unknown_suite(suite, settings, allow_file=allow_file):
        return (unknown,)
    boards = [board.name for board in board_suites(settings)]
    found = find_suite(suite, settings)
    if found is None or found.name in boards:
        return ()
    without = warning(
        "suite_without_board",
        f"The suite {quoted(suite)} has no board here. Its results are stored but not shown.",
        fix=f"Use one of {listed(boards, shown=10)}, or ask the board's operators to add a board "
        "for the suite.",
    )
    return (without,)


def unknown_suite(suite: str, settings: Settings, *, allow_file: bool = False) -> Finding | None:
    """Return the finding on a suite that does not exist, None for one that does.

    Raises:
        ConfigError: As `named_suite` does.
    """
    if named_suite(suite, settings, allow_file=allow_file):
        return None
    return error(
        "unknown_suite",
        f"There is no suite {quoted(suite)}.",
        fix=f"Use one of {listed(suite_names(settings), shown=10)}, or leave it empty for the "
        "board's suite.",
    )


def generation_findings(
    choice: ModelChoice, suite: Suite | None, report: Report
) -> tuple[Finding, ...]:
    """Return the findings on a submission to a suite that asks for answers in words.

    Args:
        choice: The submission.
        suite: The suite, None for one that does not exist.
        report: The other checks of the submission.
    """
    policy = suite.generation if suite else None
    if suite is None or policy is None:
        return ()
    found: list[Finding] = []
    if policy.template == "required" and not choice.use_chat_template:
        found.append(_without_template(suite))
    can_think = report.facts.get("has_thinking_switch") and choice.use_chat_template
    if policy.thinking == "expected" and can_think and not choice.enable_thinking:
        found.append(_without_thinking(suite))
    length = report.facts.get("max_length")
    if isinstance(length, int) and length <= policy.min_tokens:
        found.append(_too_short(suite, length, policy.min_tokens))
    return tuple(found)


def _too_short(suite: Suite, length: int, least: int) -> Finding:
    return error(
        "context_too_short",
        f"The model's context has {length:,} tokens. The suite {quoted(suite.name)} needs {least:,} "
        "for an answer, and more for the question.",
        fix="Submit a model with a longer context.",
        where="config.json",
    )


def _without_template(suite: Suite) -> Finding:
    return error(
        "template_required",
        f"The suite {quoted(suite.name)} asks chat models for answers in words, but the submission "
        "does not use the chat template.",
        fix="Submit the model with its chat template. A model without one belongs to suites in which "
        "it ranks choices.",
        where="use_chat_template",
    )


def _without_thinking(suite: Suite) -> Finding:
    return warning(
        "thinking_expected",
        f"The chat template has a switch for thinking, and the suite {quoted(suite.name)} expects "
        "models that can think to do so. Without thinking, the model has a row of its own.",
        fix="Submit the model with thinking, too.",
        where="enable_thinking",
    )
