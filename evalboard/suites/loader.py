"""Find and read a suite."""

from functools import lru_cache
from importlib import resources
from pathlib import Path

import yaml
from pydantic import ValidationError

from evalboard.errors import ConfigError, first_problem
from evalboard.settings import Settings, listed_words
from evalboard.suites.model import Suite

SHIPPED = Path(str(resources.files("evalboard.suites"))) / "files"


def shipped_suites() -> list[str]:
    """Return the names of the suites that come with the project."""
    return sorted(path.stem for path in SHIPPED.glob("*.yaml"))


def load_suite(name_or_file: str) -> Suite:
    """Read a suite by its shipped name or from a YAML file, as an operator names it.

    For what a request says, see `find_suite`.

    Raises:
        ConfigError: There is no such suite, or its file is invalid.
    """
    path = suite_path(name_or_file)
    try:
        suite = _parse(path.read_text(encoding="utf-8"))
    except OSError as exc:
        raise ConfigError(f"Suite file {str(path)!r} cannot be read: {exc}") from exc
    except (yaml.YAMLError, UnicodeDecodeError) as exc:
        what = " ".join(str(exc).split())  # one line
        raise ConfigError(f"Suite file {str(path)!r} is not YAML: {what}") from exc
    except ValidationError as exc:
        raise ConfigError(
            f"Suite file {str(path)!r} is invalid: {first_problem(exc)}. Correct the file."
        ) from exc
    return located(suite, path)


@lru_cache(maxsize=64)
def _parse(content: str) -> Suite:
    """Return the suite that a file contains. Every check of a request asks for all suites."""
    return Suite.model_validate(yaml.safe_load(content))


def located(suite: Suite, path: Path) -> Suite:
    """Return a suite whose files beside its own do not depend on the current folder."""
    beside = {"tasks": suite.tasks, "reported": suite.reported}
    places = {name: (path.parent / place).resolve() for name, place in beside.items() if place}
    return suite.model_copy(update=places)


def find_suite(name: str, settings: Settings) -> Suite | None:
    """Return the suite that a request names, None if there is no such suite.

    Requests come from strangers, so they name a suite by its name alone: the board's own suite,
    those in EVALBOARD_SUITES and the shipped ones, in this order. A path is no name, because the
    tasks of a suite file can be code.

    Args:
        name: What the request says. An empty name means the board's suite.
        settings: The board's suite, and the further ones.

    Raises:
        ConfigError: The file of a suite that the settings name is invalid, or two have one name.
    """
    own = load_suite(settings.suite)
    if name in ("", own.name):
        return own
    further = _further_suites(own, settings)
    if name in further:
        return further[name]
    return load_suite(name) if name in shipped_suites() else None


def board_suites(settings: Settings) -> tuple[Suite, ...]:
    """Return the suites that have a board, that of EVALBOARD_SUITE first; raises as `find_suite`."""
    own = load_suite(settings.suite)
    return tuple(({own.name: own} | _further_suites(own, settings)).values())


def suite_names(settings: Settings) -> list[str]:
    """Return the names that requests may use; raises as `find_suite` does."""
    own = load_suite(settings.suite)
    return sorted({own.name, *_further_suites(own, settings), *shipped_suites()})


def _further_suites(own: Suite, settings: Settings) -> dict[str, Suite]:
    """Return the suites of EVALBOARD_SUITES by name."""
    found: dict[str, Suite] = {}
    for file in listed_words(settings.suites):
        suite = load_suite(file)
        other = found.get(suite.name, own if suite.name == own.name else suite)
        if other.content_hash != suite.content_hash:
            raise ConfigError(
                f"Two suites have the name {suite.name!r}; one of them is {file!r}. Correct "
                "EVALBOARD_SUITES, or the `name` in that file."
            )
        found[suite.name] = suite
    return found


def suite_path(name_or_file: str) -> Path:
    """Return the file of a suite.

    Raises:
        ConfigError: There is no such suite.
    """
    shipped = SHIPPED / f"{name_or_file}.yaml"
    if name_or_file in shipped_suites():
        return shipped
    path = Path(name_or_file)
    if path.suffix in (".yaml", ".yml") and path.is_file():
        return path
    raise ConfigError(
        f"There is no suite {name_or_file!r}. Use a shipped suite ({', '.join(shipped_suites())}) "
        "or the path of a YAML file."
    )
