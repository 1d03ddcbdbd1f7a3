"""`PairTokenizer`: Marian's own tokenizer, with a vocabulary per language; trained ones."""

import io
import json

import pytest
from seq2seq_models import toy

from simpletext.errors import CheckpointError, DataError
from simpletext.tokenization.pair_tokenizer import PairTokenizer


@pytest.fixture(scope="module")
def marian(tmp_path_factory):
    """The tokenizer files of an OPUS-MT checkpoint, learned from a toy language."""
    spm = pytest.importorskip("sentencepiece")
    folder, vocabulary = tmp_path_factory.mktemp("marian"), {"</s>": 0, "<unk>": 1}
    for side, texts in zip(("source", "target"), toy(300), strict=True):
        content = io.BytesIO()
        spm.SentencePieceTrainer.train(
            sentence_iterator=iter(texts), model_writer=content, vocab_size=40,
            hard_vocab_limit=False, minloglevel=2,
        )  # fmt: skip
        (folder / f"{side}.spm").write_bytes(content.getvalue())
        model = spm.SentencePieceProcessor(model_proto=content.getvalue())
        for i in range(model.get_piece_size()):
            vocabulary.setdefault(model.id_to_piece(i), len(vocabulary))
    vocabulary["<pad>"] = len(vocabulary)
    (folder / "vocab.json").write_text(json.dumps(vocabulary))
    settings = {"tokenizer_class": "MarianTokenizer", "source_lang": "de", "target_lang": "en"}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    (folder / "config.json").write_text('{"model_type": "marian"}')
    return folder


def test_marians_tokenizer_reads_each_side_with_its_own_model(marian, tmp_path):
    from transformers import MarianTokenizer

    tokenizer, theirs = PairTokenizer.load(marian), MarianTokenizer.from_pretrained(marian)
    sources, targets = toy(5, seed=1)
    assert tokenizer.encode_sources(sources, 50)[0] == theirs(sources)["input_ids"]
    written = tokenizer.encode_targets(targets)
    assert written == theirs(text_target=targets)["input_ids"]
    assert written != tokenizer.encode_sources(targets, 50)[0]
    assert tokenizer.decode(written) == targets
    tokenizer.save(tmp_path / "saved")
    assert PairTokenizer.load(tmp_path / "saved").encode_targets(targets) == written


@pytest.mark.parametrize("kind", ["bpe", "unigram"])
@pytest.mark.parametrize("shared", [True, False])
def test_trained_tokenizers_give_texts_back(tmp_path, kind, shared):
    sources, targets = toy(300)
    tokenizer = PairTokenizer.train(sources, targets, 60, kind, shared)
    ids, full = tokenizer.encode_sources(sources[:5], 4)
    assert tokenizer.is_shared is shared
    assert all(len(row) <= 4 and row[-1] == 1 for row in ids)
    assert full == [len(row) for row in tokenizer.encode_sources(sources[:5], 50)[0]]
    written = tokenizer.encode_targets(targets[:5])
    assert tokenizer.decode(written) == targets[:5]
    tokenizer.save(tmp_path / "saved")
    loaded = PairTokenizer.load(tmp_path / "saved")
    assert loaded.encode_targets(targets[:5]) == written
    assert loaded.is_shared is shared


def test_a_folder_without_a_tokenizer_is_refused(tmp_path):
    (tmp_path / "config.json").write_text('{"model_type": "marian"}')
    with pytest.raises(CheckpointError, match="The tokenizer in .* can't be read"):
        PairTokenizer.load(tmp_path)


def test_texts_that_are_not_valid_unicode_are_refused_with_their_row():
    tokenizer = PairTokenizer.train(*toy(300), 60, "bpe", True)
    for encode in (lambda texts: tokenizer.encode_sources(texts, 12), tokenizer.encode_targets):
        with pytest.raises(DataError, match="Row 1 has half a surrogate pair"):
            encode(["a", "b\ud800"])
