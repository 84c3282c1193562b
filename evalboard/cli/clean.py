"""`evalboard clean`: remove what runs left behind long ago, and models that were not used for longest."""

import argparse
from datetime import UTC, datetime, timedelta

from evalboard.cleaning import old_files, remove
from evalboard.repositories.model_cache import GIB, free_space
from evalboard.settings import Settings


def do(arguments: argparse.Namespace, settings: Settings) -> int:
    """Remove old files, and models beyond the limit; or only list them."""
    age = timedelta(days=arguments.older_than)
    paths = old_files(settings, age=age, now=datetime.now(UTC))
    for path in paths:
        print(path)
    limit = round(arguments.model_cache * GIB) if arguments.model_cache is not None else None
    limit = settings.model_cache_bytes or None if limit is None else limit
    models: list[str] = []
    if limit is not None:
        models = free_space(0, settings, limit=limit, dry_run=arguments.dry_run)
    for model in models:
        print(model)
    counted = f"{len(paths)} old files and folders, {len(models)} models"
    if arguments.dry_run:
        print(f"Would remove: {counted}.")
    else:
        freed = remove(paths)
        print(f"Removed: {counted}. The old files had {freed / 2**20:.1f} MiB.")
    return 0
