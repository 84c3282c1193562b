"""Tasks that ask the Hub about the models of the board."""

from datetime import UTC, datetime

from prefect import get_run_logger, task
from prefect.cache_policies import NO_CACHE

from evalboard import refreshing
from evalboard.wording import plain
from evalboard_prefect.tasks.settings import load_settings


@task(name="Ask Hub", cache_policy=NO_CACHE)
def ask_hub() -> bool:
    """Note what the Hub says of all models, and return whether anything changed."""
    log = get_run_logger()
    found = refreshing.refresh_models(load_settings(), now=datetime.now(UTC))
    if found is None:
        log.info(
            "The Hub is not asked about the models: EVALBOARD_OFFLINE or HF_HUB_OFFLINE is set."
        )
        return False
    for model in found.gone:
        log.warning("%s is not on the Hub any more, or it is private", plain(model))
    for model in found.found_again:
        log.info("%s is on the Hub again", plain(model))
    for model, name in found.renamed:
        log.warning(
            "%s is called %s on the Hub: evalboard flag %s --renamed-to %s",
            *map(plain, (model, name, model, name)),
        )
    if found.unanswered:
        log.warning(
            "The Hub did not answer for %d of %d models. What was known of them stays.",
            len(found.unanswered),
            found.asked,
        )
    return found.changed
