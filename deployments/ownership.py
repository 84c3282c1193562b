"""Which installation has deployed its flows to a Prefect server.

Two installations on one server would each run the other's deployments with their own stores. An
installation is known by its signing key, which all its machines share.
"""

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.actions import VariableCreate

from evalboard.errors import ConfigError
from evalboard.settings import Settings
from evalboard.signing import KeySource

VARIABLE = "evalboard_installation"
"""Variable of Prefect with the id of the installation's signing key."""


def require_own(client: SyncPrefectClient, settings: Settings) -> bool:
    """Make sure that no other installation has deployed to a server.

    Returns:
        Whether this installation has deployed to it.

    Raises:
        ConfigError: Another installation has deployed to it, or there is no signing key and none
            can be made.
    """
    key = KeySource(settings).obtain()
    noted = client.read_variable_by_name(VARIABLE)
    if noted is None:
        return False
    if noted.value != key.id:
        raise ConfigError(
            f"The Prefect server {settings.prefect_api_url!r} belongs to another installation of "
            f"evalboard: its signing key is {noted.value}, that of this machine is {key.id}. "
            "Correct PREFECT_API_URL, or set EVALBOARD_SIGNING_KEY to the key of that "
            "installation. If that installation no longer exists, run `evalboard deploy --take-over`."
        )
    return True


def take(client: SyncPrefectClient, settings: Settings, *, over: bool = False) -> None:
    """Note on a server that this installation deploys to it.

    Args:
        client: A client of the server.
        settings: The signing key, and the server's address for messages.
        over: Whether to take the server over from another installation.

    Raises:
        ConfigError: As `require_own`, except that the server may be another installation's.
    """
    key = KeySource(settings).obtain()
    noted = client.read_variable_by_name(VARIABLE)
    if over and noted and noted.value != key.id:
        client.delete_variable_by_name(VARIABLE)
    if not require_own(client, settings):
        client.create_variable(VariableCreate(name=VARIABLE, value=key.id))
