"""Sizes and SHA-256 of a folder's files."""

from simpletext.utils.checksums import (
    changed_files,
    checksums_match,
    checksums_of,
    write_checksums,
)


def test_changes_are_found(tmp_path):
    (tmp_path / "part").mkdir()
    (tmp_path / "part" / "a.bin").write_bytes(b"one")
    (tmp_path / "b.txt").write_bytes(b"two")
    (tmp_path / "left_out").write_bytes(b"")
    known = checksums_of(tmp_path, ["left_out"])
    assert list(known) == ["b.txt", "part/a.bin"]
    assert known["b.txt"]["size"] == 3
    assert changed_files(tmp_path, known) == []
    (tmp_path / "part" / "a.bin").write_bytes(b"ONE")  # of the same size
    (tmp_path / "b.txt").unlink()
    assert changed_files(tmp_path, known) == ["b.txt", "part/a.bin"]


def test_a_folder_knows_its_own(tmp_path):
    assert not checksums_match(tmp_path)
    (tmp_path / "a").write_bytes(b"1")
    write_checksums(tmp_path)
    assert checksums_match(tmp_path)
    (tmp_path / "a").write_bytes(b"2")
    assert not checksums_match(tmp_path)
