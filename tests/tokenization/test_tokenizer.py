"""The tokenizers of every kind, against what the original library answers."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from simpletext.errors import CheckpointError, DataError
from simpletext.tokenization.tokenizer import Tokenizer

FOLDER = Path(__file__).parents[1] / "parity" / "tokenizers"
KINDS = sorted(path.parent.name for path in FOLDER.glob("*/golden.json"))
LONG = 10_000


def golden(kind):
    return json.loads((FOLDER / kind / "golden.json").read_text(encoding="utf-8"))


def load(kind):
    """The tokenizer; without the small packages that a few kinds need, the test is left out."""
    if kind.startswith(("xlm", "flaubert")) and not kind.startswith("xlm-roberta"):
        pytest.importorskip("sacremoses")
    if list((FOLDER / kind).glob("*.model")):
        pytest.importorskip("sentencepiece")
    return Tokenizer.load(FOLDER / kind)


@pytest.mark.parametrize("kind", KINDS)
def test_ids_and_segments_are_the_originals(kind):
    tokenizer, told = load(kind), golden(kind)
    assert tokenizer.layout.padding_side == told["padding_side"]
    assert tokenizer.layout.pad_id == told["pad_token_id"]
    segments = iter(told["segments"])  # of the pairs
    for row in told["texts"]:
        if row["pair"] == "":  # called with one text, the original takes it for no pair
            continue
        pairs = None if row["pair"] is None else [row["pair"]]
        (encoding,) = tokenizer.encode([row["text"]], pairs, LONG)
        assert list(encoding.ids) == row["input_ids"], row["text"]
        if pairs:
            assert list(encoding.type_ids) == next(segments), row["text"]
        assert encoding.full_lengths.tolist() == [len(row["input_ids"])]


@pytest.mark.parametrize("kind", [kind for kind in KINDS if not kind.endswith("-vocab")])
def test_texts_are_cut_with_their_marks_kept(kind):
    tokenizer = load(kind)
    (whole,) = tokenizer.encode(["word " * 30], None, LONG)
    (cut,) = tokenizer.encode(["word " * 30], None, 12)
    assert len(cut.ids) == 12
    assert cut.full_lengths.tolist() == whole.full_lengths.tolist() == [len(whole.ids)]
    assert (cut.ids[0], cut.ids[-1]) == (whole.ids[0], whole.ids[-1])


@pytest.mark.parametrize("kind", [kind for kind in KINDS if not kind.endswith("-vocab")])
def test_saved_and_loaded_it_is_the_same(kind, tmp_path):
    tokenizer, texts = load(kind), [row["text"] for row in golden(kind)["texts"]]
    tokenizer.encode(texts, None, 12)  # leaves no trace in the saved files
    tokenizer.save(tmp_path)
    again = Tokenizer.load(tmp_path)
    for one, other in zip(
        tokenizer.encode(texts, None, LONG), again.encode(texts, None, LONG), strict=True
    ):
        assert list(one.ids) == list(other.ids)
        assert list(one.type_ids) == list(other.type_ids)
    assert tokenizer.layout == again.layout


def test_a_damaged_tokenizer_is_an_error_that_names_the_folder(tmp_path):
    folder = shutil.copytree(FOLDER / "bert", tmp_path / "copy")
    (folder / "tokenizer.json").write_text('{"version": "1.0"')
    with pytest.raises(CheckpointError, match=f"The tokenizer in {folder} can't be read"):
        Tokenizer.load(folder)


def test_a_missing_vocabulary_is_not_guessed(tmp_path):
    shutil.copy(FOLDER / "bert" / "tokenizer_config.json", tmp_path)
    with pytest.raises(CheckpointError, match="is missing: there is no tokenizer.json"):
        Tokenizer.load(tmp_path)


WITHOUT = """
import sys, importlib.util as u; from pathlib import Path
packages = {"sacremoses": None, "sentencepiece": None}
sys.modules.update(packages); find = u.find_spec
u.find_spec = lambda name, *rest: None if name in packages else find(name, *rest)
from simpletext.errors import CheckpointError, DataError
from simpletext.tokenization.tokenizer import Tokenizer
for folder in sys.argv[1:]:
    try: Tokenizer.load(Path(folder))
    except CheckpointError as error: print(error)
"""


def test_a_missing_package_is_named_with_its_extra():
    """In a process where the packages can't be imported, as where they aren't installed."""
    kinds = ("xlm", "flaubert", "xlnet-vocab", "xlm-roberta-vocab")
    folders = [str(FOLDER / kind) for kind in kinds]
    command = [sys.executable, "-P", "-c", WITHOUT, *folders]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    needs = "needs the package {}: pip install 'simpletext-keras[{}]'".format
    for folder, line in zip(folders, done.stdout.splitlines(), strict=True):
        xlm = needs("sacremoses", "xlm")
        wanted = needs("sentencepiece", "sentencepiece") if folder.endswith("-vocab") else xlm
        assert line == f"The tokenizer in {folder} {wanted}"


@pytest.mark.parametrize("content", ["{", "[]", '{"model_input_names": 3}'])
def test_a_damaged_setting_of_a_saved_tokenizer_is_an_error(content, tmp_path):
    folder = shutil.copytree(FOLDER / "bert", tmp_path / "copy")
    options = Tokenizer.load(folder).options
    (folder / "tokenizer_config.json").write_text(content)
    with pytest.raises(CheckpointError, match=f"The tokenizer in {folder} can't be read"):
        Tokenizer.load_saved(folder, options)


def test_a_saved_tokenizer_says_what_it_makes(tmp_path):
    tokenizer = load("albert")
    tokenizer.save(tmp_path, ["input_ids", "token_type_ids"])
    config = json.loads((tmp_path / "tokenizer_config.json").read_text(encoding="utf-8"))
    assert config["model_input_names"] == ["input_ids", "token_type_ids"]
    again = Tokenizer.load_saved(tmp_path, tokenizer.options)
    assert again.layout.inputs == ("input_ids", "token_type_ids")


INVALID = ["a", "b\ud800"]
WAYS = {
    "encode": lambda tokenizer: list(tokenizer.encode(INVALID, None, 12)),
    "encode pairs": lambda tokenizer: list(tokenizer.encode(["a", "b"], INVALID, 12)),
    "windows": lambda tokenizer: list(tokenizer.windows(INVALID, 12, 2)),
    "encodings": lambda tokenizer: tokenizer.encodings(INVALID, 12),
}


@pytest.mark.parametrize("way", WAYS)
def test_text_that_is_not_valid_unicode_is_refused_with_its_row(way):
    with pytest.raises(DataError, match="Row 1 has half a surrogate pair.*'b.ud800'.*clean it"):
        WAYS[way](load("bert"))


def test_the_places_of_a_text_that_is_not_valid_unicode():
    with pytest.raises(DataError, match="half a surrogate pair"):
        load("bert").places("b\ud800", None, 12)
