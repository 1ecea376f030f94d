"""A small tree of each layout that data sets come in."""

import pytest
from trees import LAYOUTS, grow


@pytest.fixture(params=LAYOUTS)
def layout(request):
    return request.param


@pytest.fixture
def known(layout):
    return LAYOUTS[layout]


@pytest.fixture
def root(layout, tmp_path):
    return grow(layout, tmp_path / "data")
