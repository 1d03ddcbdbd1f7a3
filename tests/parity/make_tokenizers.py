"""Trains the tiny tokenizers on tokenizers/corpus.txt and writes the golden ids.

    python make_tokenizers.py              all kinds
    python make_tokenizers.py bert xlnet   the ones named

A kind has a folder tokenizers/<kind>-vocab with nothing but a config.json and the vocabulary in
its old form (vocab.txt, vocab.json with merges.txt, a sentencepiece model), and a folder
tokenizers/<kind> with what `save_pretrained` makes of it. Some have the latter only. Both hold
golden.json: the ids that AutoTokenizer of that folder gives, with a note where transformers 5.23
is known to err. Needs transformers, tokenizers, sentencepiece, protobuf, sacremoses.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import sentencepiece
import transformers
from tokenizers import (
    AddedToken,
    Regex,
    Tokenizer,
    models,
    normalizers,
    pre_tokenizers,
    processors,
)
from tokenizers import trainers as token_trainers
from transformers import AutoTokenizer, PreTrainedTokenizerFast

FOLDER = Path(__file__).resolve().parent / "tokenizers"
CORPUS = FOLDER / "corpus.txt"
WORDPIECES = 340
MERGES = 200
PIECES = 320
CODES = 160
# Instead of nmt_nfkc, whose table alone is 240 kB: a ligature, full-width and special spaces.
RULES = (("FB01", "66 69"), ("FF01", "21"), ("00A0", "20"), ("3000", "20"), ("2026", "2E 2E 2E"))

TEXTS: tuple[tuple[str, str | None], ...] = (
    ("The camera is light and cheap.", None),
    ("Our train left at seven", "and it rained: 12.5 % more!"),
    ("", None),
    ("Straße, café, mañana, ŁÓDŹ", None),
    ("Great cake 🎂👍🏽", "Emoji"),
    ("今天天气很好。本を読みます", None),
    ("الطقس جميل اليوم", "שמש"),
    ("  two  spaces\tand\na line ", None),
    ("Ünïcödé ﬁne…！ `quoted` ''text''", None),
    ("Сегодня, πάνω στο τραπέζι, 오늘은", ""),
    ("don't can't they're IT'S", None),
    ("a supercalifragilisticexpialidocious word", "<s> [CLS] <mask> [SEP]"),
)


# ------------------------------------------------------------------------------------ vocabularies


def corpus_words(lower: bool) -> Counter[str]:
    """The corpus' words as BERT and, nearly, Moses split them."""
    normalizer = normalizers.BertNormalizer(lowercase=lower)
    splitter = pre_tokenizers.BertPreTokenizer()
    text = normalizer.normalize_str(CORPUS.read_text(encoding="utf-8"))
    return Counter(word for word, _ in splitter.pre_tokenize_str(text))


def most(counted: Counter[Any], size: int) -> list[Any]:
    """The most frequent ones, in an order without chance (the trainers of tokenizers have some)."""
    return sorted(counted, key=lambda item: (-counted[item], item))[:size]


def train_wordpiece(folder: Path, specials: list[str], lower: bool = True) -> None:
    """All characters, then the pieces that cover most of the text."""
    letters: Counter[str] = Counter()
    pieces: Counter[str] = Counter()
    for word, count in corpus_words(lower).items():
        for start in range(len(word)):
            mark = "##" if start else ""
            letters[mark + word[start]] += count
            for end in range(start + 2, min(len(word), start + 8) + 1):
                pieces[mark + word[start:end]] += count * (end - start - 1)
    names = [*specials, *most(letters, 250)]
    names += most(pieces, WORDPIECES - len(names))
    text = "".join(f"{name}\n" for name in names)
    (folder / "vocab.txt").write_text(text, encoding="utf-8")


def train_byte_bpe(folder: Path, first: list[str], last: list[str]) -> None:
    """Byte-level BPE whose special tokens stand before and after the others, as in RoBERTa."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = token_trainers.BpeTrainer(
        vocab_size=256 + MERGES,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train([str(CORPUS)], trainer)
    tokens = sorted(tokenizer.get_vocab().items(), key=lambda item: item[1])
    names = [*first, *(token for token, _ in tokens), *last]
    write_json(folder / "vocab.json", {name: index for index, name in enumerate(names)})
    merges = json.loads(tokenizer.to_str())["model"]["merges"]
    lines = ["#version: 0.2", *(" ".join(pair) for pair in merges)]
    (folder / "merges.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")


def train_sentencepiece(folder: Path, file: str, **options: Any) -> None:
    """A unigram model; `options` set its special pieces.

    The model keeps the names of the files that it was made from: short ones, in a folder's midst.
    """
    with tempfile.TemporaryDirectory() as scratch, contextlib.chdir(scratch):
        shutil.copy(CORPUS, "corpus.txt")
        rules = "".join(f"{source}\t{target}\n" for source, target in RULES)
        Path("rules.tsv").write_text(rules)
        sentencepiece.SentencePieceTrainer.train(
            input="corpus.txt",
            model_prefix="trained",
            model_type="unigram",
            vocab_size=PIECES,
            character_coverage=0.98,
            normalization_rule_tsv="rules.tsv",
            num_threads=1,
            minloglevel=2,
            **options,
        )
        shutil.copy("trained.model", folder / file)


def train_word_bpe(folder: Path, specials: list[str]) -> None:
    """XLM's BPE: characters, the last of a word marked with </w>."""
    words = {(*word[:-1], word[-1] + "</w>"): count for word, count in corpus_words(True).items()}
    letters: Counter[str] = Counter()
    for word, count in words.items():
        for letter in word:
            letters[letter] += count
    merges = []
    for _ in range(CODES):
        pairs: Counter[tuple[str, str]] = Counter()
        for word, count in words.items():
            for pair in pairwise(word):
                pairs[pair] += count
        best = most(pairs, 1)[0]
        merges.append((best, pairs[best]))
        words = {merged(word, best): count for word, count in words.items()}
    names = [*specials, *most(letters, 120), *("".join(pair) for pair, _ in merges)]
    write_json(folder / "vocab.json", {name: i for i, name in enumerate(dict.fromkeys(names))})
    lines = "".join(f"{left} {right} {count}\n" for (left, right), count in merges)
    (folder / "merges.txt").write_text(lines, encoding="utf-8")


def merged(word: tuple[str, ...], pair: tuple[str, str]) -> tuple[str, ...]:
    """The word with each occurrence of the pair made one piece."""
    pieces: list[str] = []
    for piece in word:
        if pieces and (pieces[-1], piece) == pair:
            pieces[-1] += piece
        else:
            pieces.append(piece)
    return tuple(pieces)


def write_json(path: Path, told: Any, indent: int | None = None) -> None:
    path.write_text(json.dumps(told, ensure_ascii=False, indent=indent) + "\n", encoding="utf-8")


# ------------------------------------------------------------------------------------ whole ones


def whole_modernbert(folder: Path) -> PreTrainedTokenizerFast:
    """Byte-level BPE in NFC, the special tokens behind the others."""
    names = {"unk": "[UNK]", "sep": "[SEP]", "pad": "[PAD]", "cls": "[CLS]", "mask": "[MASK]"}
    train_byte_bpe(folder, [], list(names.values()))
    tokenizer = _byte_level(folder)
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B [SEP]",
        special_tokens=[(name, tokenizer.token_to_id(name)) for name in ("[CLS]", "[SEP]")],
    )
    return _wrapped(tokenizer, {f"{key}_token": name for key, name in names.items()})


def whole_eurobert(folder: Path) -> PreTrainedTokenizerFast:
    """Llama 3's: a pattern of its own, whole words first, the end of text pads as well."""
    start, end, mask = "<|begin_of_text|>", "<|end_of_text|>", "<|mask|>"
    train_byte_bpe(folder, [], [start, end, mask])
    tokenizer = _byte_level(folder, ignore_merges=True)
    pattern = Regex(r"'(?i:s|t|re|ve|m|ll|d)|\s?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+|\s+")
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(pattern, "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{start} $A {end}",
        pair=f"{start} $A {end} $B:1 {end}:1",
        special_tokens=[(name, tokenizer.token_to_id(name)) for name in (start, end)],
    )
    names = {"bos_token": start, "eos_token": end, "pad_token": end, "mask_token": mask}
    return _wrapped(tokenizer, names)


def whole_fnet(folder: Path) -> PreTrainedTokenizerFast:
    """Unigram with case and accents kept; 5.23 can't build it from the sentencepiece model."""
    train_sentencepiece(folder, "spiece.model", **FNET_PIECES)
    proto = _read_pieces(folder / "spiece.model")
    tokenizer = Tokenizer(models.Unigram(proto["pieces"], unk_id=0))
    tokenizer.normalizer = normalizers.Sequence(
        [
            normalizers.Replace("``", '"'),
            normalizers.Replace("''", '"'),
            normalizers.Precompiled(proto["charsmap"]),
            normalizers.Replace(Regex(" {2,}"), " "),
        ]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace()]
    )
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS]:0 $A:0 [SEP]:0",
        pair="[CLS]:0 $A:0 [SEP]:0 $B:1 [SEP]:1",
        special_tokens=[(name, tokenizer.token_to_id(name)) for name in ("[CLS]", "[SEP]")],
    )
    names = {"unk": "<unk>", "sep": "[SEP]", "pad": "<pad>", "cls": "[CLS]", "mask": "[MASK]"}
    return _wrapped(tokenizer, {f"{key}_token": name for key, name in names.items()})


def _byte_level(folder: Path, **options: Any) -> Tokenizer:
    model = models.BPE.from_file(str(folder / "vocab.json"), str(folder / "merges.txt"), **options)
    return Tokenizer(model)


def _wrapped(tokenizer: Tokenizer, names: dict[str, str]) -> PreTrainedTokenizerFast:
    tokenizer.add_special_tokens(
        [AddedToken(name, lstrip="mask" in name.lower()) for name in dict.fromkeys(names.values())]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, model_input_names=["input_ids", "attention_mask"], **names
    )


def _read_pieces(path: Path) -> dict[str, Any]:
    from transformers.convert_slow_tokenizer import import_protobuf

    proto = import_protobuf().ModelProto()
    proto.ParseFromString(path.read_bytes())
    pieces = [(piece.piece, piece.score) for piece in proto.pieces]
    return {"pieces": pieces, "charsmap": proto.normalizer_spec.precompiled_charsmap}


# ------------------------------------------------------------------------------------ kinds


@dataclass(frozen=True)
class Kind:
    """How a family's tokenizer is made.

    train and its arguments write the vocabulary, or return a whole tokenizer where a family never
    had a vocabulary file that transformers reads; settings: what tokenizer_config.json says.
    """

    train: Callable[..., PreTrainedTokenizerFast | None]
    arguments: dict[str, Any] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)
    model_type: str | None = None
    note: str = ""


BERT_SPECIALS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
XLM_SPECIALS = ["<s>", "</s>", "<pad>", "<unk>", *(f"<special{i}>" for i in range(10))]
ROBERTA_SPECIALS = {"first": ["<s>", "<pad>", "</s>", "<unk>"], "last": ["<mask>"]}
# Ids of sentencepiece's own special pieces where a family has its own order; -1 leaves one out.
ALBERT_PIECES = {
    "file": "spiece.model",
    "pad_id": 0,
    "unk_id": 1,
    "bos_id": -1,
    "eos_id": -1,
    "control_symbols": ["[CLS]", "[SEP]", "[MASK]"],
}
FNET_PIECES = {
    "unk_id": 0,
    "bos_id": 1,
    "eos_id": 2,
    "pad_id": 3,
    "control_symbols": ["[CLS]", "[SEP]", "[MASK]"],
}
KINDS: dict[str, Kind] = {
    "bert": Kind(train_wordpiece, {"specials": BERT_SPECIALS}),
    "bert-cased": Kind(
        train_wordpiece,
        {"specials": BERT_SPECIALS, "lower": False},
        {"do_lower_case": False},
        "bert",
    ),
    "mpnet": Kind(train_wordpiece, {"specials": ["<s>", "<pad>", "</s>", "[UNK]", "<mask>"]}),
    "funnel": Kind(
        train_wordpiece, {"specials": ["<pad>", "<s>", "</s>", "<unk>", "<cls>", "<sep>", "<mask>"]}
    ),
    "roberta": Kind(train_byte_bpe, ROBERTA_SPECIALS),
    "deberta": Kind(
        train_byte_bpe,
        {"first": ["[CLS]", "[PAD]", "[SEP]", "[UNK]"], "last": ["[MASK]"]},
        note="5.23 puts two separators between a pair and gives it no segments; transformers 4 "
        "and the training had [CLS] A [SEP] B [SEP] with 0 and 1: pairs_as_trained.",
    ),
    "xlm-roberta": Kind(train_sentencepiece, {"file": "sentencepiece.bpe.model"}),
    "camembert": Kind(train_sentencepiece, {"file": "sentencepiece.bpe.model"}),
    "albert": Kind(train_sentencepiece, ALBERT_PIECES),
    "xlnet": Kind(
        train_sentencepiece,
        {
            "file": "spiece.model",
            "control_symbols": ["<cls>", "<sep>", "<pad>", "<mask>", "<eod>", "<eop>"],
        },
    ),
    "deberta-v2": Kind(
        train_sentencepiece,
        {
            "file": "spm.model",
            "pad_id": 0,
            "bos_id": 1,
            "eos_id": 2,
            "unk_id": 3,
            "pad_piece": "[PAD]",
            "bos_piece": "[CLS]",
            "eos_piece": "[SEP]",
            "unk_piece": "[UNK]",
        },
        note="5.23 leaves out the model's own normalisation table (here the ligature, full-width "
        "and special spaces): sentencepiece has it.",
    ),
    "rembert": Kind(
        train_sentencepiece,
        {
            "file": "sentencepiece.model",
            "pad_id": 0,
            "eos_id": 1,
            "unk_id": 2,
            "bos_id": 3,
            "control_symbols": ["[CLS]", "[SEP]", "[MASK]"],
        },
        note="From the model alone 5.23 adds no [CLS] and [SEP]; the ids here have them.",
    ),
    "big_bird": Kind(
        train_sentencepiece,
        {
            "file": "spiece.model",
            "pad_id": 0,
            "eos_id": 1,
            "bos_id": 2,
            "unk_id": 3,
            "control_symbols": ["[CLS]", "[SEP]", "[MASK]"],
        },
        note="5.23 leaves out the model's own normalisation table (here the ligature, full-width "
        "and special spaces): sentencepiece has it.",
    ),
    "fnet": Kind(
        whole_fnet,
        settings={
            "tokenizer_class": "FNetTokenizer",
            "model_input_names": ["input_ids", "token_type_ids"],
        },
    ),
    "modernbert": Kind(whole_modernbert),
    "eurobert": Kind(whole_eurobert),
    "xlm": Kind(train_word_bpe, {"specials": XLM_SPECIALS}),
    "flaubert": Kind(train_word_bpe, {"specials": XLM_SPECIALS}),
}


# ------------------------------------------------------------------------------------ golden


def golden(folder: Path) -> dict[str, Any]:
    """What AutoTokenizer of a folder makes of the texts, one by one and as two batches."""
    tokenizer = AutoTokenizer.from_pretrained(folder)
    single = [text for text, pair in TEXTS if pair is None]
    pairs = [(text, pair) for text, pair in TEXTS if pair]
    return {
        "class": type(tokenizer).__name__,
        "inputs": list(tokenizer.model_input_names),
        "padding_side": tokenizer.padding_side,
        "pad_token_id": tokenizer.pad_token_id,
        "texts": [
            {"text": text, "pair": pair, **dict(tokenizer(text, pair))} for text, pair in TEXTS
        ],
        "segments": [
            tokenizer(text, pair, return_token_type_ids=True)["token_type_ids"]
            for text, pair in pairs
        ],
        "batch": dict(tokenizer(single, padding=True, truncation=True, max_length=12)),
        "pair_batch": dict(
            tokenizer(
                [one for one, _ in pairs],
                [other for _, other in pairs],
                padding=True,
                truncation="longest_first",
                max_length=16,
            )
        ),
    }


def pairs_as_trained(folder: Path) -> list[dict[str, Any]]:
    """DeBERTa's pairs as transformers 4 made them."""
    tokenizer = AutoTokenizer.from_pretrained(folder)
    start, end = [tokenizer.cls_token_id], [tokenizer.sep_token_id]
    answers = []
    for text, pair in TEXTS:
        if pair:
            one = [*start, *tokenizer(text, add_special_tokens=False)["input_ids"], *end]
            other = [*tokenizer(pair, add_special_tokens=False)["input_ids"], *end]
            segments = [0] * len(one) + [1] * len(other)
            answers.append({"input_ids": one + other, "token_type_ids": segments})
    return answers


def extra_golden(name: str, folder: Path) -> dict[str, Any]:
    """Beside what AutoTokenizer says: sentencepiece's own pieces, DeBERTa's pairs."""
    told: dict[str, Any] = {"note": KINDS[name].note} if KINDS[name].note else {}
    if name == "deberta":
        told["pairs_as_trained"] = pairs_as_trained(folder)
    for path in folder.glob("*.model"):
        model = sentencepiece.SentencePieceProcessor(model_file=str(path))
        told["sentencepiece"] = [model.encode(text, out_type=str) for text, _ in TEXTS]
    return told


def make_kind(name: str, kind: Kind) -> None:
    plain, full = FOLDER / f"{name}-vocab", FOLDER / name
    for folder in (plain, full):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
    config = {"model_type": kind.model_type or name}
    whole = kind.train(plain, **kind.arguments)
    write_json(plain / "config.json", config)
    if kind.settings and whole is None:
        write_json(plain / "tokenizer_config.json", kind.settings, 1)
    (whole or AutoTokenizer.from_pretrained(plain)).save_pretrained(full)
    write_json(full / "config.json", config)
    if whole is not None:
        shutil.rmtree(plain)
        path = full / "tokenizer_config.json"
        write_json(path, {**json.loads(path.read_text()), **kind.settings}, 2)
    finish_kind(name, [folder for folder in (full, plain) if folder.exists()])


def finish_kind(name: str, folders: list[Path]) -> None:
    """Write the golden ids; RemBERT's are the full folder's for both (see its note)."""
    told: dict[str, Any] = {}
    for folder in folders:
        if name != "rembert" or not told:
            told = golden(folder)
        text = lines_json({**told, **extra_golden(name, folder)})
        (folder / "golden.json").write_text(text, encoding="utf-8")
        size = sum(path.stat().st_size for path in folder.iterdir())
        print(f"{folder.name:20} {told['class']:22} {size / 1000:4.0f} kB", flush=True)


def lines_json(told: dict[str, Any]) -> str:
    """One line an entry."""
    entries = []
    for key, value in told.items():
        if key in ("texts", "sentencepiece"):
            inner = ",\n  ".join(json.dumps(text, ensure_ascii=False) for text in value)
            entries.append(f"{json.dumps(key)}: [\n  {inner}\n ]")
        else:
            entries.append(f"{json.dumps(key)}: {json.dumps(value, ensure_ascii=False)}")
    return "{\n " + ",\n ".join(entries) + "\n}\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("kinds", nargs="*", choices=[*KINDS, []], help="default: all")
    transformers.logging.set_verbosity_error()
    for name in parser.parse_args().kinds or list(KINDS):
        make_kind(name, KINDS[name])


if __name__ == "__main__":
    main()
