import gc

import pytest

from evalboard.collecting import importing, without_collector


def _fail_without_collector() -> None:
    with without_collector():
        with without_collector():
            pass
        assert not gc.isenabled()
        raise ValueError("inside")


def test_the_collector_rests_within_the_context_and_works_after_it() -> None:
    with pytest.raises(ValueError, match="inside"):
        _fail_without_collector()
    assert gc.isenabled()


def test_what_was_imported_is_never_looked_through_again() -> None:
    gc.unfreeze()
    try:
        with importing():
            imported = [[]]
        assert not any(one is imported for one in gc.get_objects())
    finally:
        gc.unfreeze()
    assert any(one is imported for one in gc.get_objects())
