"""The scripts that a page holds, with what its security policy lets run: these and no others."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files

from plotly.offline import get_plotlyjs


@dataclass(frozen=True, kw_only=True)
class Script:
    """A script's text and the source expression that allows it, by its sha256."""

    text: str

    @property
    def allowed(self) -> str:
        """The text's hash as a content security policy has it."""
        digest = hashlib.sha256(self.text.encode()).digest()
        return f"'sha256-{base64.b64encode(digest).decode()}'"


@lru_cache(maxsize=1)
def scripts() -> tuple[Script, ...]:
    """Plotly's script (MIT, 4.8 MB) and the page's own, in the order in which they run."""
    own = files("reports").joinpath("page.js").read_text(encoding="utf-8")
    found = tuple(Script(text=text) for text in (get_plotlyjs(), own))
    assert not any("</script" in each.text.lower() for each in found), "a script would be cut off"
    return found
