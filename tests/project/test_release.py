"""What a release is made of: the changelog, the notes, the version, the source distribution."""

import re
import subprocess
import sys
import tarfile
import tomllib
from pathlib import Path

import pytest
import release_notes
import run_versions

import simpletext

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
CHANGELOG = """# Changelog

Words.

## [Unreleased]

## [0.2.0] - 2026-12-01

### Added

- A thing.

### Fixed

- A fault.

## [0.1.0] - 2026-11-21

### Added

- All.
"""


def test_the_notes_of_a_release():
    assert release_notes.notes(CHANGELOG, "0.2.0") == (
        "# simpletext 0.2.0\n\n## Added\n\n- A thing.\n\n## Fixed\n\n- A fault.\n\n"
        "## Install\n\n    pip install simpletext-keras==0.2.0\n"
    )
    assert list(release_notes.sections(CHANGELOG)) == ["Unreleased", "0.2.0", "0.1.0"]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("## [0.2.0] - 2026-12-01", "## 0.2.0", "a heading isn't of the form"),
        ("## [0.2.0] - 2026-12-01", "## [0.2.0]", "0.2.0: a release has a date"),
        ("## [0.2.0]", "## [0.1.0]", "0.1.0 stands there twice"),
        ("### Fixed", "### Repaired", "no kind 'Repaired'; allowed are Added, Changed"),
    ],
)
def test_a_changelog_that_is_not_kept_is_told(old, new, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        release_notes.notes(CHANGELOG.replace(old, new), "0.1.0")


def test_a_heading_alone_is_enough():
    notes = release_notes.notes(CHANGELOG.replace("- All.\n", ""), "0.1.0")
    assert notes.startswith("# simpletext 0.1.0\n\n## Added\n")


@pytest.mark.parametrize("version", ["0.3.0", "Unreleased"])
def test_a_version_without_a_word_is_told(version):
    with pytest.raises(ValueError, match=r"nothing is written under .*; there is Unreleased, 0"):
        release_notes.notes(CHANGELOG, version)


def test_our_changelog_is_kept():
    parts = release_notes.sections((ROOT / "CHANGELOG.md").read_text(encoding="utf-8"))
    assert next(iter(parts)) == "Unreleased"
    assert {PROJECT["project"]["version"], "Unreleased"} & set(parts)


def test_the_script_ends_with_a_message(tmp_path):
    done = subprocess.run(
        [sys.executable, release_notes.__file__, "9.9.9"], capture_output=True, text=True
    )
    assert done.returncode == 1
    assert done.stderr.startswith("release_notes: CHANGELOG.md: nothing is written under [9.9.9]")


def test_the_version_is_a_semantic_one_and_the_same_everywhere():
    version = PROJECT["project"]["version"]
    assert re.fullmatch(r"\d+\.\d+\.\d+((a|b|rc)\d+)?", version)
    assert simpletext.__version__ == version


def test_the_source_distribution_holds_what_it_takes_to_build_and_test(tmp_path):
    pytest.importorskip("hatchling")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "sdist", "-d", str(tmp_path)]
    done = subprocess.run(build, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    archive = next(tmp_path.glob("*.tar.gz"))
    with tarfile.open(archive) as tar:
        names = [name.partition("/")[2] for name in tar.getnames()]
        sizes = sum(member.size for member in tar.getmembers())
    tops = {name.partition("/")[0] for name in names}
    assert tops == {
        ".gitignore", "CHANGELOG.md", "CONTRIBUTING.md", "LICENSE", "PKG-INFO", "README.md",
        "SECURITY.md", "dev.py", "docs", "examples", "pyproject.toml", "scripts", "simpletext",
        "tests",
    }  # fmt: skip
    wanted = {p.relative_to(ROOT).as_posix() for p in (ROOT / "simpletext").rglob("*.py")}
    assert wanted | {"simpletext/py.typed", "tests/conftest.py"} <= set(names)
    assert not [name for name in names if "__pycache__" in name or name.endswith(".ipynb")]
    assert sizes < 20e6


PUBLIC = {
    simpletext: """
        AdamW Learner Predictor Seq2Seq SimpletextError Transformer Translator check compare
        convert generate get_learner get_predictor load_classifier load_encoder load_predictor
        read_entities read_pairs read_stream read_texts read_tfrecord repair_tags save_checkpoint
        scale text train tune write_tfrecord
    """,
    simpletext.scale: "predict train tune",
    simpletext.text: """
        Transformer entities_from_array entities_from_conll2003 entities_from_df
        entities_from_txt text_classifier text_regression_model texts_from_array texts_from_csv
        texts_from_df texts_from_folder
    """,
    simpletext.Transformer: """
        encode files get_classes get_classifier get_model get_regression_model is_tagged paired
        preprocess_test preprocess_train text_encoder tokenizer undo
    """,
    simpletext.Seq2Seq: """
        config files get_model new preprocess_test preprocess_train tokenizer
    """,
    simpletext.Translator: "attention export folder predict predict_iter save",
    simpletext.Learner: """
        autofit evaluate fit fit_linear fit_noam fit_onecycle freeze get_weight_decay ground_truth
        layer_output load_model lr_estimate lr_find lr_plot plot predict print_layers report
        reset_weights save_model set_lr set_model set_weight_decay settings suspects top_losses
        unfreeze validate view_top_losses
    """,
    simpletext.Predictor: """
        calibrate explain export folder from_labels from_pretrained get_classes labels learner
        maxlen pick predict predict_df predict_iter predict_proba predictions push_to_hub report
        save thresholds tune_thresholds tuning
    """,
}


@pytest.mark.parametrize("owner", PUBLIC, ids=lambda owner: owner.__name__)
def test_the_public_names_are_these(owner):
    """A name that comes or goes is a change that users see: it belongs into the changelog."""
    names = getattr(owner, "__all__", None) or [n for n in dir(owner) if not n.startswith("_")]
    assert sorted(names) == sorted(PUBLIC[owner].split())


def test_public_modules_are_typed_strictly():
    """Only what goes through Keras layers, which have no types, is let off."""
    mypy = PROJECT["tool"]["mypy"]
    assert mypy["strict"] is True
    let_off = {module for rule in mypy["overrides"] if "disallow_untyped_defs" in rule
               for module in rule["module"]}  # fmt: skip
    assert let_off == {
        "simpletext.layers.*",
        "simpletext.models.families.*",
        "simpletext.models.heads",
    }  # fmt: skip


def test_every_dependency_has_a_lower_bound():
    wanted = PROJECT["project"]["dependencies"]
    for extra in PROJECT["project"]["optional-dependencies"].values():
        wanted = wanted + extra
    others = [line for line in wanted if not line.startswith("simpletext-keras[")]
    assert [
        line for line in others if not re.fullmatch(r"[\w.-]+(\[[\w,]+\])?>=[\d.]+", line)
    ] == []


def test_lowest_versions_are_those_of_pyproject():
    lines = run_versions.constraints(["numpy>=2.1", "huggingface_hub>=1.3"])
    assert lines == ["numpy==2.1", "huggingface_hub==1.3"]
    with pytest.raises(ValueError, match="'numpy' has no lower bound"):
        run_versions.constraints(["numpy"])


def test_no_page_and_no_message_advises_the_other_package():
    """`simpletext` on the package index is somebody else's; ours is simpletext-keras."""
    advice = re.compile(r"pip install[^|\n`]*(?<![\w/.-])simpletext(?![\w/.-])|simpletext\[[\w{]")
    kinds = {".py", ".md", ".toml", ".ipynb", ".yml", ".sh", ".cff"}
    folders = ("simpletext", "docs", "tutorials", "examples", "scripts", "benchmarks", ".github")
    files = [path for path in ROOT.iterdir() if path.is_file()]
    files += [path for folder in folders for path in (ROOT / folder).rglob("*")]
    texts = {p: p.read_text(encoding="utf-8") for p in files if p.suffix in kinds}
    found = {str(path): advice.findall(text) for path, text in texts.items()}
    assert {path: words for path, words in found.items() if words} == {}
    assert advice.search("pip install 'simpletext'")
    assert advice.search('pip install -U "simpletext[onnx]"')
    assert not advice.search("pip install 'simpletext-keras[onnx]'")
    assert PROJECT["project"]["name"] == "simpletext-keras"
