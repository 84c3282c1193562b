"""Find and read a suite."""

from importlib import resources
from pathlib import Path

import yaml
from pydantic import ValidationError

from evalboard.errors import ConfigError, first_problem
from evalboard.suites.model import Suite

SHIPPED = Path(str(resources.files("evalboard.suites"))) / "files"


def shipped_suites() -> list[str]:
    """Return the names of the suites that come with the project."""
    return sorted(path.stem for path in SHIPPED.glob("*.yaml"))


def load_suite(name_or_file: str) -> Suite:
    """Read a suite by its shipped name or from a YAML file.

    Raises:
        ConfigError: There is no such suite, or its file is invalid.
    """
    path = _suite_path(name_or_file)
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        suite = Suite.model_validate(content)
    except OSError as exc:
        raise ConfigError(f"Suite file {str(path)!r} cannot be read: {exc}") from exc
    except (yaml.YAMLError, UnicodeDecodeError) as exc:
        what = " ".join(str(exc).split())  # one line
        raise ConfigError(f"Suite file {str(path)!r} is not YAML: {what}") from exc
    except ValidationError as exc:
        raise ConfigError(
            f"Suite file {str(path)!r} is invalid: {first_problem(exc)}. Correct the file."
        ) from exc
    if suite.tasks is None:
        return suite
    return suite.model_copy(update={"tasks": (path.parent / suite.tasks).resolve()})


def load_requested_suite(name: str, board: str) -> Suite:
    """Read the suite that a request names; one that names none means the board's.

    Args:
        name: What the request says.
        board: The board's own suite, as the settings name it.

    Raises:
        ConfigError: There is no such suite, or its file is invalid.
    """
    own = load_suite(board)
    return own if name in ("", own.name, board) else load_suite(name)


def _suite_path(name_or_file: str) -> Path:
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
