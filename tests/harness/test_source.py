"""The digest of a part's source sees what the part does, and not how it is written."""

import importlib
import sys
from itertools import count

import pytest

from harness import source
from harness.components import REGISTRIES
from harness.plugins import load_file
from harness.source import source_digest

PART = '''
"""A file."""

import math
from zz_helper import scale, unused

WIDTH = 3


class Base:
    def width(self):
        return WIDTH


class Mine(Base):
    """Does something."""

    def forward(self, x):
        return scale(x) + math.pi * self.width()


class Other:
    def forward(self, x):
        return unused(x)
'''
HELPER = '''
FACTOR = 2


def scale(x):
    """Scales."""
    return _twice(x)


def _twice(x):
    return FACTOR * x


def unused(x):
    return x
'''
NUMBER = count()


@pytest.fixture
def digest(tmp_path, monkeypatch):
    """Writes files to a new folder and gives the digest of a class in ``zz_part.py``."""
    monkeypatch.setattr(sys, "path", list(sys.path))

    def of(part=PART, helper=HELPER, *, cls="Mine", folder="", **more):
        root = tmp_path / str(next(NUMBER)) / folder
        for name, text in {"zz_part": part, "zz_helper": helper, **more}.items():
            path = (root / name.replace(".", "/")).with_suffix(".py")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        sys.path.insert(0, str(root))
        importlib.invalidate_caches()
        forget()
        module = importlib.import_module("zz_pack.part" if "zz_pack.part" in more else "zz_part")
        return source_digest(getattr(module, cls))

    yield of
    forget()


def forget():
    """Lets every file be read anew, as in a new process."""
    for name in [name for name in sys.modules if name.startswith("zz_")]:
        del sys.modules[name]
    source._file.cache_clear()
    source._definitions.cache_clear()


BLIND = {
    "a comment": (PART.replace("WIDTH = 3", "WIDTH = 3  # three"), HELPER),
    "a docstring": (PART.replace("Does something", "Does it"), HELPER.replace("Scales.", "Oh.")),
    "no docstring": (PART.replace('    """Does something."""\n', ""), HELPER),
    "the layout": (PART.replace("scale(x) + math", "(\n            scale(x)\n            + math"
                   ).replace("self.width()", "self.width()\n        )"), HELPER),
    "the order": ("from zz_helper import unused, scale\nimport math\n" + PART.replace(
        "import math\nfrom zz_helper import scale, unused\n", ""), HELPER),
    "another class": (PART.replace("unused(x)", "unused(x) + 1"), HELPER),
    "a helper of another class": (PART, HELPER.replace("    return x\n", "    return -x\n")),
    "one more function": (PART + "\n\ndef more():\n    return 1\n", HELPER + "\n\nMORE = 1\n"),
    "the text of the file": (PART.replace("A file", "The file"), HELPER),
}  # fmt: skip


@pytest.mark.parametrize("change", BLIND)
def test_the_digest_does_not_see(digest, change):
    assert BLIND[change] != (PART, HELPER)
    assert digest(*BLIND[change]) == digest()


SEEN = {
    "its own body": (PART.replace("+ math.pi", "- math.pi"), HELPER),
    "a constant": (PART.replace("WIDTH = 3", "WIDTH = 4"), HELPER),
    "a constant that a base class uses": (PART.replace("return WIDTH", "return 2 * WIDTH"), HELPER),
    "another base class": (PART.replace("Mine(Base)", "Mine(Base, dict)"), HELPER),
    "a helper": (PART, HELPER.replace("_twice(x)\n\n", "_twice(-x)\n\n", 1)),
    "a helper's helper": (PART, HELPER.replace("FACTOR * x", "x * FACTOR")),
    "a helper's constant": (PART, HELPER.replace("FACTOR = 2", "FACTOR = 3")),
    "a constant that is changed later": (PART + "\nWIDTH += 1\n", HELPER),
    "a helper that is replaced": (PART, HELPER + "\n\ndef _twice(x):\n    return 2 * x\n"),
    "what an import gives": (PART.replace("import math", "import cmath as math"), HELPER),
}


@pytest.mark.parametrize("change", SEEN)
def test_the_digest_sees(digest, change):
    assert SEEN[change] != (PART, HELPER)
    assert digest(*SEEN[change]) != digest()


WAYS = {
    "an attribute of a module": "import zz_helper\nclass Mine:\n    a = zz_helper.scale(1)\n",
    "an alias of a module": "import zz_helper as h\nclass Mine:\n    a = h.scale(1)\n",
    "an alias": "from zz_helper import scale as s\nclass Mine:\n    a = s(1)\n",
    "a star": "from zz_helper import *\nclass Mine:\n    a = scale(1)\n",
    "a method's own import": (
        "class Mine:\n    def f(self):\n"
        "        from zz_helper import scale\n        return scale(1)\n"
    ),
    "a guarded import": (
        "try:\n    from zz_helper import scale\nexcept ImportError:\n    scale = abs\n"
        "class Mine:\n    a = scale(1)\n"
    ),
    "a function under an if": (
        "from zz_helper import scale\nif True:\n    def f(x):\n        return scale(x)\n"
        "class Mine:\n    a = f(1)\n"
    ),
    "a table that is filled later": (
        "from zz_helper import scale\nclass Mine:\n    def f(self):\n        return T\n"
        "T = {}\nT['a'] = scale(1)\n"
    ),
    "a table that is updated later": (
        "from zz_helper import scale\nclass Mine:\n    def f(self):\n        return T\n"
        "T = {}\nT.update(a=scale(1))\n"
    ),
    "a decorator": (
        "from zz_helper import scale\ndef keep(cls):\n    scale(1)\n    return cls\n"
        "@keep\nclass Mine: pass\n"
    ),
    "a factory": (
        "from zz_helper import scale\ndef make():\n    class Made:\n        a = scale(1)\n"
        "    return Made\nMine = make()\n"
    ),
}


@pytest.mark.parametrize("way", WAYS)
def test_a_helper_is_found_by(digest, way):
    edited = HELPER.replace("FACTOR * x", "x * FACTOR")
    assert digest(WAYS[way]) == digest(WAYS[way])
    assert digest(WAYS[way], edited) != digest(WAYS[way])


def test_a_method_of_a_nested_class_belongs_to_the_class_around_it(digest):
    nested = "class Outer:\n    class Inner:\n        a = 1\nMine = Outer.Inner\n"
    assert digest(nested) != digest(nested.replace("a = 1", "a = 2"))


def test_a_package_with_relative_imports_is_followed(digest):
    pack = {
        "zz_pack.__init__": "from .layers import block\n",
        "zz_pack.part": "from . import layers\nfrom .deep.more import depth\n"
        "from zz_pack import block\nclass Mine:\n    a = layers.block(depth)\n    b = block(1)\n",
        "zz_pack.layers": "from .deep import more\ndef block(x):\n    return x + more.depth\n",
        "zz_pack.deep.__init__": "",
        "zz_pack.deep.more": "depth = 3\n",
    }
    first = digest(**pack)
    assert digest(**pack) == first
    for name, old, new in [
        ("zz_pack.part", "block(1)", "block(2)"),
        ("zz_pack.layers", "x + more", "x - more"),
        ("zz_pack.deep.more", "3", "4"),
    ]:
        edited = {**pack, name: pack[name].replace(old, new)}
        assert digest(**edited) != first, name


@pytest.mark.parametrize("installed", ["site-packages", "dist-packages"])
def test_an_installed_plugin_is_followed_and_a_library_is_not(digest, installed):
    pack = {
        "zz_pack.__init__": "",
        "zz_pack.part": "import zz_lib\nfrom zz_pack.own import f\n"
        "class Mine:\n    a = f(zz_lib.g)\n",
        "zz_pack.own": "def f(x):\n    return x\n",
        "zz_lib": "g = 1\n",
    }
    first = digest(folder=installed, **pack)
    own = {**pack, "zz_pack.own": pack["zz_pack.own"].replace("return x", "return -x")}
    assert digest(folder=installed, **own) != first
    assert digest(folder=installed, **{**pack, "zz_lib": "g = 2\n"}) == first
    assert digest(**{**pack, "zz_lib": "g = 2\n"}) != digest(**pack), "beside it, it is its own"


def test_a_file_has_the_digest_of_its_source_whatever_it_is_called(tmp_path, digest):
    plain = "def f(x):\n    return x\n\n\nclass Mine:\n    a = f(1)\n"
    path = tmp_path / "json.py"
    path.write_text(plain)
    module = load_file(path)
    assert module.__name__ != "json"
    assert source_digest(module.Mine) == digest(plain)
    del sys.modules[module.__name__]


def test_code_that_moves_to_another_file_is_the_same_code(digest):
    moved = PART.replace("zz_helper", "aa_helper")
    assert digest(moved, "", aa_helper=HELPER) == digest()
    sys.modules.pop("aa_helper")


def test_a_file_that_was_not_imported_yet_is_read_all_the_same(digest):
    lazy = "class Mine:\n    def f(self):\n        import zz_late\n        return zz_late.g\n"
    first = digest(lazy, zz_late="g = 1\n")
    assert "zz_late" not in sys.modules
    importlib.import_module("zz_late")
    source._file.cache_clear()
    assert source_digest(sys.modules["zz_part"].Mine) == first
    assert digest(lazy, zz_late="g = 2\n") != first


def test_the_order_of_classes_does_not_matter():
    classes = [registry.get(name) for registry in REGISTRIES.values() for name in registry]
    assert source_digest(*classes) == source_digest(*reversed(classes))
    assert len({source_digest(cls) for cls in classes}) == len(classes)
