"""Where data sets lie: ``--data name=path`` strings, and one folder for all."""

from pathlib import Path

import pytest

from harness import Part
from harness.data import builtin  # noqa: F401 - registers the data sets
from harness.data.roots import DataRoots, data_roots, open_dataset


def test_a_named_root_is_absolute_and_its_home_expanded(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    roots = data_roots(["camvid=~/CamVid", " other = some/where "], {})
    assert roots.of("camvid") == tmp_path / "CamVid"
    assert roots.of("other") == tmp_path / "some" / "where"


def test_a_path_may_hold_an_equals_sign():
    assert data_roots(["camvid=/data/a=b"], {}).of("camvid") == Path("/data/a=b")


def test_the_shared_folder_holds_what_is_not_named():
    roots = data_roots(["camvid=/here"], {"TWOPATH_DATA": "/all"})
    assert roots.of("camvid") == Path("/here")
    assert roots.of("cityscapes") == Path("/all/cityscapes")


def test_the_environment_is_read(monkeypatch):
    monkeypatch.setenv("TWOPATH_DATA", "/all")
    assert data_roots().of("camvid") == Path("/all/camvid")


@pytest.mark.parametrize("environment", [{}, {"TWOPATH_DATA": ""}])
def test_nothing_said_is_no_folder(environment):
    assert data_roots([], environment).of("camvid") is None


@pytest.mark.parametrize("given", ["camvid", "camvid=", "=path", "", " = "])
def test_a_string_of_another_form_is_refused(given):
    with pytest.raises(ValueError, match=r"name=path, as in --data camvid=.*not ") as caught:
        data_roots([given], {})
    assert repr(given) in str(caught.value)


def test_a_name_given_twice_is_refused():
    with pytest.raises(ValueError, match=r"camvid was given twice: /one and /two"):
        data_roots(["camvid=/one", "camvid=/two"], {})


def test_a_root_for_an_unknown_data_set_names_the_nearest():
    roots = data_roots(["camvit=/here"], {})
    with pytest.raises(KeyError, match=r"--data camvit=.*camvid"):
        open_dataset(Part("streets"), roots)


def test_an_unknown_data_set_or_option_names_the_nearest():
    with pytest.raises(KeyError, match="streets"):
        open_dataset(Part("street"), DataRoots())
    with pytest.raises(KeyError, match="seed"):
        open_dataset(Part("streets", sead=1), DataRoots())


def test_a_data_set_is_opened_with_its_options():
    assert open_dataset(Part("streets", size=(40, 80), val=3), DataRoots()).size == (40, 80)


def test_a_data_set_without_a_folder_says_where_to_put_it(tmp_path):
    for roots in (DataRoots(), DataRoots(shared=tmp_path)):
        with pytest.raises(FileNotFoundError, match=r"--data camvid=PATH.*TWOPATH_DATA"):
            open_dataset(Part("camvid"), roots)
