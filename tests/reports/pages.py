"""A written page taken apart: the scripts it came with, its data, and all the rest."""

import json
import re
from html.parser import HTMLParser

from reports.scripts import scripts

DATA = re.compile(r'<script id="chart-data" type="application/json">(.*?)</script>')


def rest_of(page):
    """The page without the scripts and the data that belong to it; any other script stays."""
    for script in scripts():
        page = page.replace(f"<script>{script.text}</script>", "", 1)
    return DATA.sub("", page, count=1)


def data_of(page):
    """What the interactive chart is given, as a browser would parse it."""
    (found,) = DATA.findall(page)
    return json.loads(found)


class Tags(HTMLParser):
    """The elements of a page in order, as (tag, attributes)."""

    def __init__(self, text: str):
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))

    def all(self, *tags):
        """The attributes of all elements of some tags."""
        return [attrs for tag, attrs in self.found if tag in tags]
