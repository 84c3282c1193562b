"""`evalboard clean`: remove what runs left behind long ago, and models that were not used for longest."""

import argparse
from datetime import UTC, datetime, timedelta

from evalboard.cleaning import old_files, remove
from evalboard.repositories.model_cache import GIB, drop_unused
from evalboard.settings import Settings
from evalboard.wording import counted


def do(arguments: argparse.Namespace, settings: Settings) -> int:
    """Remove old files, and models beyond the limit; or only list them."""
    age = timedelta(days=arguments.older_than)
    paths = old_files(settings, age=age, now=datetime.now(UTC))
    for path in paths:
        print(path)
    models = _drop_models(arguments, settings)
    for model in models:
        print(model)
    old = f"{counted(len(paths), 'old path')}, {counted(len(models), 'model')}"
    if arguments.dry_run:
        print(f"Would remove: {old}.")
    else:
        freed = remove(paths)
        print(f"Removed: {old}. The old files had {freed / 2**20:.1f} MiB.")
    return 0


def _drop_models(arguments: argparse.Namespace, settings: Settings) -> list[str]:
    """Remove models beyond the limit, or only look for them, and return their names."""
    asked = arguments.model_cache
    limit = settings.model_cache_bytes if asked is None else round(asked * GIB)
    if limit is None:
        return []
    return drop_unused(0, settings, limit=limit, dry_run=arguments.dry_run)
