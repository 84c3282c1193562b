"""Models, wherever they lie: on the Hub, in the mirror folder, or in any folder.

`finding` finds one by its name, `repository` says what can be asked of it, `folder` and `hub` are
the two kinds, `names` says what a model may be called and `selection` which files are worth having.
`composing` puts the small files of an adapter or a delta together with its base's, and `copying`
makes folders.
Nothing here looks at what the files mean.
"""

from evalboard.repositories.finding import find_repository
from evalboard.repositories.repository import Repository, UnusableFile

__all__ = ["Repository", "UnusableFile", "find_repository"]
