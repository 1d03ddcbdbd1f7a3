"""Folders appear whole and lasting, or not at all; addresses are no local folders."""

import os
import time
from pathlib import Path

import pytest

import simpletext as st
from simpletext.errors import ArgumentError, CheckpointError, FolderExistsError
from simpletext.utils import files
from simpletext.utils.files import beside, local_path, new_folder, require_new_folder, whole_file


@pytest.mark.parametrize(
    "address", ["gs://bucket/model", "s3://b/x", "https://x.org/y", "dbfs:/cache", "hf://x/y"]
)
def test_addresses_are_refused_where_something_is_written(trained, tmp_path, monkeypatch, address):
    monkeypatch.chdir(tmp_path)
    transformer, predictor = trained.transformer, trained.predictor
    writers = (
        lambda: predictor.save(address),
        lambda: transformer.preprocess_test(["a"], cache_dir=address, verbose=0),
        lambda: st.write_tfrecord(transformer.preprocess_test(["a"], verbose=0), address),
    )
    for write in writers:
        with pytest.raises(ArgumentError, match="is an address; simpletext writes to local"):
            write()
    assert os.listdir() == []


def test_a_folder_whose_name_is_not_unicode_is_refused_before_the_work(trained, tmp_path):
    for name in ("a\udc80", "a\udc80/b"):
        with pytest.raises(ArgumentError, match=r"a.udc80.* isn't valid Unicode.*another folder"):
            trained.predictor.save(tmp_path / name)
        with pytest.raises(ArgumentError, match="isn't valid Unicode"):
            require_new_folder(tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_paths_of_this_machine(tmp_path):
    assert local_path(tmp_path) == tmp_path
    assert str(local_path("C:/models")) == "C:/models"
    assert local_path("~") != local_path(".")


def test_every_file_and_folder_is_synced_before_it_gets_its_name(tmp_path, monkeypatch):
    synced, real = [], files.sync

    def sync(path):
        synced.append((path.name, (tmp_path / "new").exists()))
        real(path)

    monkeypatch.setattr(files, "sync", sync)
    with new_folder(tmp_path / "new") as folder:
        (folder / "inner").mkdir()
        (folder / "inner" / "a.txt").write_text("a")
        (folder / "b.txt").write_text("b")
    names = [name for name, is_there in synced if not is_there]
    assert sorted(names)[-3:] == ["a.txt", "b.txt", "inner"]
    assert len(names) == 4  # the new folder itself
    assert synced[-1] == (tmp_path.name, True)


def test_litter_of_killed_saves_is_removed_and_running_ones_are_not(tmp_path):
    for name, age in ((".new-abcdefgh", 7200), (".new-12345678", 10), (".other-abcdefgh", 7200)):
        (tmp_path / name).mkdir()
        os.utime(tmp_path / name, (time.time() - age,) * 2)
    with new_folder(tmp_path / "new"):
        pass
    assert sorted(os.listdir(tmp_path)) == [".new-12345678", ".other-abcdefgh", "new"]


def test_a_folder_that_is_there_is_left(tmp_path):
    with pytest.raises(FolderExistsError, match="exists already"), new_folder(tmp_path):
        pass


def test_a_mistyped_path_does_not_ask_the_hub(trained):
    with pytest.raises(CheckpointError, match="There is no file or folder 'my/modle'"):
        trained.learner.load_model("my/modle")


def test_a_file_appears_only_once_it_is_whole(tmp_path):
    target = tmp_path / "a.csv"
    with pytest.raises(ZeroDivisionError), whole_file(target) as part:
        part.write_text("half")
        raise ZeroDivisionError
    assert list(tmp_path.iterdir()) == []
    with whole_file(target) as part:
        assert (part.parent, part.suffix) == (tmp_path, ".csv")
        part.write_text("whole")
    assert target.read_text() == "whole"
    with pytest.raises(FolderExistsError, match="exists already"), whole_file(target):
        pass


def test_a_planted_link_is_not_followed(tmp_path):
    """The name of the temporary file was known once: .a.csv.part."""
    victim = tmp_path / "victim"
    victim.write_text("precious")
    (tmp_path / ".a.csv.part").symlink_to(victim)
    with whole_file(tmp_path / "a.csv") as part:
        part.write_text("new")
    assert (victim.read_text(), (tmp_path / "a.csv").read_text()) == ("precious", "new")


def test_a_path_that_cannot_be_written_is_refused_at_once(tmp_path):
    (tmp_path / "file").write_text("")
    missing = r"none/a.csv' can't be written: No such file"
    with pytest.raises(ArgumentError, match=missing), whole_file(tmp_path / "none" / "a.csv"):
        pass
    with pytest.raises(ArgumentError, match="can't be written: (Not a directory|File exists)"):
        require_new_folder(tmp_path / "file" / "out")
    require_new_folder(tmp_path / "new" / "out")
    assert not (tmp_path / "new").exists()


def test_the_folder_in_which_one_is_has_no_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert beside(Path(), ".json") == tmp_path.with_name(tmp_path.name + ".json")
    with pytest.raises(CheckpointError, match=r"no simpletext.json in .\..,"):
        st.load_predictor(".")
