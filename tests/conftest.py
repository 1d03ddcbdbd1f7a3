"""What the tests share: a tiny checkpoint that trains in a second, and the real MiniLM."""

import gc
import itertools
import os

# Before the first import of TensorFlow, transformers or matplotlib.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
os.environ.setdefault("MPLBACKEND", "Agg")

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from parity.fixtures import read_fixture
from parity.weights import write_checkpoint

MINILM = "sentence-transformers/all-MiniLM-L6-v2"
GOOD, BAD = ["good", "nice", "great", "happy"], ["bad", "sad", "awful", "angry"]
PLAIN = ["the", "a", "film", "was", "it", "very"]
WORDS = [*GOOD, *BAD, *PLAIN]


def sentences(count: int = 96) -> tuple[list[str], list[str]]:
    """Sentences of a few plain words and one good or bad word, which is the label."""
    rng = np.random.RandomState(0)
    texts, labels = [], []
    for i in range(count):
        words = list(rng.choice(PLAIN, rng.randint(2, 8)))
        words.insert(rng.randint(len(words) + 1), str(rng.choice(BAD if i % 2 else GOOD)))
        texts.append(" ".join(words))
        labels.append("neg" if i % 2 else "pos")
    return texts, labels


TEXTS, LABELS = sentences()


def pytest_collection_finish():
    """What is imported stays: the garbage collector needn't look through it time and again."""
    gc.collect()
    gc.freeze()


def write_tokenizer(folder: Path, words=WORDS):
    """A WordPiece tokenizer of a few words, with BERT's files."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

    letters = [chr(code) for code in range(ord("a"), ord("z") + 1)]
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *words]
    vocabulary += [letter for letter in letters if letter not in vocabulary]
    vocabulary += [f"##{letter}" for letter in letters]
    ids = {word: i for i, word in enumerate(vocabulary)}
    tokenizer = Tokenizer(models.WordPiece(ids, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    tokenizer.save(str(folder / "tokenizer.json"))
    (folder / "vocab.txt").write_text("\n".join(vocabulary) + "\n", encoding="utf-8")
    (folder / "tokenizer_config.json").write_text(
        '{"tokenizer_class": "BertTokenizer", "do_lower_case": true, "model_max_length": 20}'
    )


@pytest.fixture(scope="session", autouse=True)
def no_bfloat16():
    """The same numbers on every processor; tests that want reduced precision say so."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("simpletext.models.precision.has_bfloat16", lambda: False)
        yield


@pytest.fixture
def slow_clock(monkeypatch):
    """A legend takes matplotlib long, by its clock."""
    monkeypatch.setattr("matplotlib.legend.time.perf_counter", itertools.count(step=5).__next__)


@pytest.fixture(scope="session")
def tiny(tmp_path_factory) -> Path:
    """A tiny BERT without a head, with a tokenizer: 2 layers, hidden 32, 20 positions."""
    folder = tmp_path_factory.mktemp("tiny") / "bert"
    checkpoint = read_fixture("bert").checkpoints["encoder"]
    write_checkpoint(folder, checkpoint.config, checkpoint.shapes)
    write_tokenizer(folder)
    return folder


@pytest.fixture(scope="session")
def minilm() -> str:
    """The Hub name of MiniLM, where it is in the local cache."""
    from huggingface_hub import try_to_load_from_cache

    if not isinstance(try_to_load_from_cache(MINILM, "model.safetensors"), str):
        pytest.skip(
            "all-MiniLM-L6-v2 isn't in the Hub cache: "
            "run `python scripts/fill_hub_cache.py --offline`"
        )
    return MINILM


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """The folder with the public data sets."""
    folder = Path(__file__).parents[2] / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"the public data sets aren't at {folder}")
    return folder


class Trained(NamedTuple):
    """What the fixture `trained` gives."""

    transformer: Any
    learner: Any
    predictor: Any


@pytest.fixture(scope="session")
def trained(tiny) -> Trained:
    """A Transformer, a learner and a predictor on the tiny checkpoint, trained for real."""
    import simpletext as st

    transformer = st.Transformer(str(tiny), maxlen=16)
    train = transformer.preprocess_train(TEXTS, LABELS, verbose=0)
    learner = st.get_learner(transformer.get_classifier(), train, train, batch_size=8)
    learner.fit_onecycle(2e-3, 15, verbose=0)  # with 10 PyTorch's draws leave a text wrong
    return Trained(transformer, learner, st.get_predictor(learner.model, transformer))
