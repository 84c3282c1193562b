"""The settings of a run."""

from prefect.runtime import deployment

from evalboard import settings as core
from evalboard.errors import ConfigError
from evalboard.process_environment import relative_folders
from evalboard.settings import Settings


def load_settings() -> Settings:
    """Read the settings from the environment of this process.

    Raises:
        ConfigError: A variable has a value that its setting does not allow; or a folder is relative
            in a run of a worker, which has a temporary working directory.
    """
    settings = core.load_settings()
    if deployment.id and (relative := relative_folders(settings)):
        raise ConfigError(
            f"{', '.join(relative)} must be absolute where a worker is started, because each run "
            "has a temporary working directory. Set EVALBOARD_HOME to an absolute path."
        )
    return settings
