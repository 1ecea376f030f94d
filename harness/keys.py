"""Stable hashes of values: what a result is looked up by."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from json.encoder import encode_basestring
from typing import Any

from harness.architecture import Part


def plain(value: Any) -> Any:
    """A value as JSON has it: dataclasses become objects, tuples lists, parts name and options."""
    if value is None or type(value) in (str, int, float, bool):
        return value
    if isinstance(value, Part):
        return {"name": value.name, "options": {k: plain(v) for k, v in value.options}}
    if is_dataclass(value) and not isinstance(value, type):
        return {each.name: plain(getattr(value, each.name)) for each in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(each) for each in value]
    return value


_ENCODER = json.JSONEncoder(sort_keys=True, ensure_ascii=False, allow_nan=False)


class Written(str):
    """A value as the text that keys are hashed from, so that many keys can share the writing."""

    __slots__ = ()


def written(value: Any) -> Written:
    """A value as sorted JSON; ValueError for a number that JSON does not know."""
    if isinstance(value, Written):
        return value
    if type(value) is str:  # most values are, and the encoder's own way is longer
        return Written(encode_basestring(value))
    if type(value) is int:
        return Written(int.__repr__(value))
    return Written(_ENCODER.encode(plain(value)))


def joined(values: Mapping[str, Any]) -> Written:
    """An object of some values, of which those that are ``Written`` are not written again.

    Its names are those of Python, which JSON writes as they are.
    """
    inside = [f'"{name}": {written(values[name])}' for name in sorted(values)]
    return Written(f"{{{', '.join(inside)}}}")


def key_of(**values: Any) -> str:
    """The sha256 of some named values, whatever their order."""
    return hashlib.sha256(joined(values).encode()).hexdigest()
