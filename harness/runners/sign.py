"""The sign by which a driver asks its workers on Ray to leave; without Tune, which takes a second.

The processes of a trial look for it too, and need nothing else of what watches trials.
"""

from __future__ import annotations

import math
import time
import uuid

from ray.experimental.internal_kv import _internal_kv_exists, _internal_kv_put

_asked: dict[str, float] = {}
"""When this worker last asked whether it is to leave, for whom."""


def new_sign() -> str:
    """A name that no other driver has, under which one asks its workers to leave."""
    return f"twopath-leave-{uuid.uuid4().hex}"


def give_sign(sign: str) -> None:
    """Asks all workers that know of a sign to save and leave."""
    _internal_kv_put(sign, b"1")


def is_to_leave(sign: str, *, within_s: float = 0.0) -> bool:
    """Whether the driver has asked this worker, wherever it is, to save and leave.

    Of what it was told within some seconds it does not ask again: trials may be that short.
    """
    now = time.monotonic()
    if now - _asked.get(sign, -math.inf) < within_s:
        return False
    found = bool(_internal_kv_exists(sign))
    if not found:  # once it is to leave it stays so
        _asked.clear()
        _asked[sign] = now
    return found
