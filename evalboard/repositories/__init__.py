"""Models on the Hub, in the mirror folder, or in any folder.

`lookup` finds a model by its name, `repository` is the interface of a repository, and `folder` and
`hub` are its two kinds. `names` contains the rules for names of models, `selection` the rules for
which files are needed. `composing` combines the small files of an adapter or a delta with those of
its base model, and `copying` makes folders. Nothing here interprets the content of files.
"""

from evalboard.repositories.lookup import find_repository, is_offline, places_of
from evalboard.repositories.repository import Repository, UnusableFile

__all__ = ["Repository", "UnusableFile", "find_repository", "is_offline", "places_of"]
