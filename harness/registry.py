"""A name becomes a class, checked when it is registered and again when it is built."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Hashable, Iterator
from functools import cache
from types import UnionType
from typing import Any, Generic, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from harness.architecture import Part
from harness.names import unknown

T = TypeVar("T")
C = TypeVar("C", bound=type)


class Registry(Generic[T]):
    """The known classes of one kind, by name.

    ``inputs`` are the names of the positional arguments that the harness passes when it builds;
    every other argument of a class is an option: keyword-only, with a default.
    """

    def __init__(self, kind: str, contract: type[T], inputs: tuple[str, ...]) -> None:
        self.kind = kind
        self.contract = contract
        self.inputs = inputs
        self._classes: dict[str, type[T]] = {}

    def register(self, name: str) -> Callable[[C], C]:
        """Registers a class under a name.

        ValueError or TypeError, naming the class and its file: a name already taken, a class
        that is not of the contract, other inputs, an option without a default or with one that
        it would refuse itself.
        """
        if not isinstance(name, str) or not name:
            given = place(name) if isinstance(name, type) else repr(name)
            raise TypeError(f"a {self.kind} is registered under a name, not under {given}")

        def decorate(cls: C) -> C:
            self._check(name, cls)
            self._classes[name] = cls
            return cls

        return decorate

    def _check(self, name: str, cls: type) -> None:
        where = f"{self.kind} {name!r} ({place(cls)})"
        if not isinstance(cls, type):
            raise TypeError(f"{where}: must be a class that subclasses {self.contract.__name__}")
        if name in self._classes:
            taken = self._classes[name]
            raise ValueError(f"{where}: the name is taken by {place(taken)}")
        if not issubclass(cls, self.contract):
            raise TypeError(f"{where}: must subclass {self.contract.__name__}")
        if inspect.isabstract(cls):
            missing = ", ".join(sorted(cls.__abstractmethods__))  # type: ignore[attr-defined]
            raise TypeError(f"{where}: does not define {missing}")
        self._check_signature(where, cls)
        self._check_defaults(where, name, cls)

    def _check_signature(self, where: str, cls: type) -> None:
        parameters = list(inspect.signature(cls).parameters.values())
        positional = [p for p in parameters if p.kind is not p.KEYWORD_ONLY]
        if tuple(p.name for p in positional) != self.inputs or any(
            p.kind is not p.POSITIONAL_OR_KEYWORD for p in positional
        ):
            raise TypeError(
                f"{where}: __init__ takes ({', '.join(map(str, positional))}); "
                f"a {self.kind} takes ({', '.join(self.inputs)}), then options after a *"
            )
        for p in parameters:
            if p.kind is p.KEYWORD_ONLY and p.default is p.empty:
                raise TypeError(f"{where}: option {p.name!r} has no default")

    def _check_defaults(self, where: str, name: str, cls: Any) -> None:
        try:
            for key, default in Part(name, **_options(cls)).options:
                self._check_value(name, key, default, _hints(cls).get(key, Any))
        except (NameError, TypeError, ValueError) as error:
            raise TypeError(f"{where}: a default is refused: {error}") from error

    def get(self, name: str) -> type[T]:
        """The class of a name; KeyError with the nearest known one."""
        if name not in self._classes:
            raise KeyError(unknown(self.kind, name, self.names()))
        return self._classes[name]

    def options(self, name: str) -> dict[str, Any]:
        """The options of a registered class with their defaults."""
        cls: Any = self.get(name)
        return dict(_options(cls))

    def resolve(self, part: Part) -> Part:
        """The part with every option written out; KeyError or TypeError for one it has not."""
        known = self.options(part.name)
        cls: Any = self.get(part.name)
        hints = _hints(cls)
        for key, value in part.options:
            if key not in known:
                raise KeyError(unknown(f"option of {self.kind} {part.name!r}:", key, known))
            self._check_value(part.name, key, value, hints.get(key, Any))
        return Part(part.name, **{**known, **dict(part.options)})

    def _check_value(self, name: str, key: str, value: Any, hint: Any) -> None:
        where = f"option {key!r} of {self.kind} {name!r}"
        if get_origin(hint) is Literal:
            if value not in get_args(hint):
                raise ValueError(unknown(f"value for {where}:", value, map(str, get_args(hint))))
        elif not _fits(value, hint):
            spelt = hint.__name__ if isinstance(hint, type) else str(hint)
            raise TypeError(f"{where} is {spelt}, not {value!r}")

    def build(self, part: Part, *inputs: Any) -> T:
        """An instance for a part; options it does not have are refused."""
        assert len(inputs) == len(self.inputs), (self.kind, self.inputs)
        return self.get(part.name)(*inputs, **dict(self.resolve(part).options))

    def names(self) -> tuple[str, ...]:
        """All registered names, sorted."""
        return tuple(sorted(self._classes))

    def __contains__(self, name: object) -> bool:
        return name in self._classes

    def __iter__(self) -> Iterator[str]:
        return iter(self.names())


@cache
def _options(cls: Hashable) -> dict[str, Any]:
    assert isinstance(cls, type)
    parameters = inspect.signature(cls).parameters.values()
    return {p.name: p.default for p in parameters if p.kind is p.KEYWORD_ONLY}


@cache
def _hints(cls: Hashable) -> dict[str, Any]:
    assert isinstance(cls, type)
    return get_type_hints(cls.__init__)  # type: ignore[misc]


_PLAIN: dict[Any, tuple[type, ...]] = {
    int: (int,),
    float: (int, float),
    bool: (bool,),
    str: (str,),
    type(None): (type(None),),
}


def _fits(value: Any, hint: Any) -> bool:
    """Whether a value is of an annotated type; True for annotations that are not understood."""
    inside = get_args(hint)
    if get_origin(hint) in (Union, UnionType):
        return any(_fits(value, each) for each in inside)
    if get_origin(hint) is tuple and inside[-1] is Ellipsis:
        return isinstance(value, tuple) and all(_fits(item, inside[0]) for item in value)
    if get_origin(hint) is Literal:
        return value in inside
    if isinstance(value, bool) and hint in (int, float):
        return False
    return hint not in _PLAIN or isinstance(value, _PLAIN[hint])


def place(thing: Any) -> str:
    """A class, or what was taken for one, and the file it was written in, for messages."""
    return f"{getattr(thing, '__qualname__', repr(thing))} in {source_file(thing)}"


def source_file(cls: type) -> str:
    """The file a class was written in, for messages."""
    try:
        return inspect.getsourcefile(cls) or "<unknown>"
    except TypeError:
        return "<unknown>"
