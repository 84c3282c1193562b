"""A property that is computed once, even for simultaneous threads."""

import threading
from collections.abc import Callable
from typing import Any, Generic, TypeVar, overload

Value = TypeVar("Value")


class once(Generic[Value]):
    """Like `functools.cached_property`, whose newer versions take no lock.

    Every property of every instance has its own lock, so one can use another.
    """

    def __init__(self, compute: Callable[[Any], Value]) -> None:
        self._compute = compute
        self._name = compute.__name__
        self.__doc__ = compute.__doc__

    @overload
    def __get__(self, instance: None, owner: type) -> "once[Value]": ...
    @overload
    def __get__(self, instance: object, owner: type) -> Value: ...
    def __get__(self, instance: object | None, owner: type) -> "once[Value] | Value":
        if instance is None:
            return self
        state = instance.__dict__
        if self._name not in state:
            with state.setdefault(f"{self._name} is computed", threading.Lock()):
                if self._name not in state:
                    state[self._name] = self._compute(instance)
        return state[self._name]
