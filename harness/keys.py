"""Stable hashes of values: what a result is looked up by."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

from harness.architecture import Part


def plain(value: Any) -> Any:
    """A value as JSON has it: dataclasses become objects, tuples lists, parts name and options."""
    if isinstance(value, Part):
        return {"name": value.name, "options": {k: plain(v) for k, v in value.options}}
    if is_dataclass(value) and not isinstance(value, type):
        return {each.name: plain(getattr(value, each.name)) for each in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(each) for each in value]
    return value


def key_of(**values: Any) -> str:
    """The sha256 of some named values, whatever their order."""
    text = json.dumps(plain(values), sort_keys=True, ensure_ascii=False, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()
