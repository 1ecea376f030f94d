"""Named networks: a name is given once, to an architecture without open places."""

import pytest

from harness import Architecture, choice, networks
from studies.published import BISENETV2, BISENETV2_SMALL

NET = Architecture(detail="d", semantic="s", fusion="f")


@pytest.fixture(autouse=True)
def own_names(monkeypatch):
    monkeypatch.setattr(networks, "_known", {"bisenetv2": BISENETV2})


def test_a_network_is_found_by_its_name():
    networks.register("a_net", NET)
    assert networks.get("a_net") is NET
    assert networks.names() == ("a_net", "bisenetv2")


def test_a_misspelt_name_is_answered_with_the_nearest():
    with pytest.raises(KeyError) as caught:
        networks.get("bisenet2")
    assert caught.value.args[0].startswith("unknown network 'bisenet2'. Did you mean 'bisenetv2'?")


def test_a_name_that_is_taken_is_refused():
    with pytest.raises(ValueError, match="network 'bisenetv2': the name is taken"):
        networks.register("bisenetv2", BISENETV2_SMALL)
    assert networks.get("bisenetv2") is BISENETV2


def test_what_is_no_architecture_is_refused():
    with pytest.raises(TypeError, match="network 'x' is a str; it must be an Architecture"):
        networks.register("x", "bisenetv2")


def test_an_open_architecture_is_refused():
    space = Architecture(detail="d", semantic="s", fusion=choice("sum", "bga"))
    with pytest.raises(ValueError, match="network 'x' is still open at fusion"):
        networks.register("x", space)
