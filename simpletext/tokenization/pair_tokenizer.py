"""`PairTokenizer`: the tokenizers of two languages; loaded, or trained on the user's texts."""

import json
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from ..errors import ArgumentError, CheckpointError
from ..utils.files import read_json, write_json
from .tokenizer import CONFIG, TOKENIZER, errors_explained, quiet_transformers, unreadable

TARGET = "target"  # the folder of the target's tokenizer, if it is another one
PAD, EOS, UNKNOWN = "<pad>", "</s>", "<unk>"
KINDS = ("bpe", "unigram")


class PairTokenizer:
    """Sources and targets as ids, and ids as texts.

    Args:
        source: transformers' tokenizer of the sources.
        target: that of the targets; the same one if both languages share it.

    Raises:
        ArgumentError: a tokenizer that doesn't end texts, or has no padding.
    """

    def __init__(self, source: Any, target: Any) -> None:
        self.source, self.target = source, target
        for name, hf in (("source", source), ("target", target)):
            ids = hf(text_target="a")["input_ids"]
            if hf.eos_token_id is None or ids[-1:] != [hf.eos_token_id]:
                raise ArgumentError(
                    f"The tokenizer of the {name} texts puts no end-of-sequence token behind a "
                    f"text (eos_token={hf.eos_token!r}), so a model couldn't learn where a "
                    "translation ends. Give it an eos_token, and a post-processor that adds it."
                )
            if hf.pad_token_id is None:
                raise ArgumentError(f"The tokenizer of the {name} texts has no pad_token; set one.")

    @classmethod
    def load(cls, folder: Path) -> "PairTokenizer":
        """The tokenizers in a folder.

        Raises:
            CheckpointError: none, a damaged one, or one that needs a missing package.
        """
        source = _loaded(folder)
        separate = (folder / TARGET / TOKENIZER).is_file()
        return cls(source, _loaded(folder / TARGET) if separate else source)

    @classmethod
    def train(
        cls,
        sources: Sequence[str],
        targets: Sequence[str],
        vocab_size: int,
        kind: str = "bpe",
        shared: bool = True,
    ) -> "PairTokenizer":
        """Tokenizers of subwords, learned from texts.

        Args:
            sources: texts of the one language.
            targets: texts of the other.
            vocab_size: subwords per tokenizer at most; few texts give fewer.
            kind: "bpe" (https://arxiv.org/abs/1508.07909) or "unigram"
                (https://arxiv.org/abs/1804.10959).
            shared: one tokenizer for both languages.
        """
        if shared:
            both = _trained([*sources, *targets], vocab_size, kind)
            return cls(both, both)
        return cls(_trained(sources, vocab_size, kind), _trained(targets, vocab_size, kind))

    @property
    def is_shared(self) -> bool:
        """Whether both languages have one tokenizer."""
        return self.source is self.target

    @property
    def pad_id(self) -> int:
        """What fills a batch's shorter rows."""
        return self.source.pad_token_id

    def encode_sources(self, texts: Sequence[str], maxlen: int) -> tuple[list, list[int]]:
        """The ids of sources, cut to `maxlen` tokens, and their numbers of tokens before that."""
        rows = _ids(lambda chunk: self.source(chunk), texts)
        end = self.source.eos_token_id
        cut = [row if len(row) <= maxlen else [*row[: maxlen - 1], end] for row in rows]
        return cut, [len(row) for row in rows]

    def encode_targets(self, texts: Sequence[str]) -> list[list[int]]:
        """The ids of targets, with their end."""
        return _ids(lambda chunk: self.target(text_target=chunk), texts)

    def decode(self, rows: Iterable[Sequence[int]]) -> list[str]:
        """Written ids as texts, without the marks of the model."""
        return [self.target.decode(row, skip_special_tokens=True).strip() for row in rows]

    def tokens(self, ids: Sequence[int], *, of_source: bool) -> list[str]:
        """The tokens behind ids, as they are in the vocabulary."""
        hf = self.source if of_source else self.target
        return hf.convert_ids_to_tokens(list(ids))

    @property
    def is_fast(self) -> bool:
        """Whether both have a tokenizer.json."""
        return self.source.is_fast and self.target.is_fast

    def save_backends(self, folder: Path) -> list[str]:
        """Write tokenizer.json of both; returns the names of the source's and target's files."""
        names = [TOKENIZER, TOKENIZER if self.is_shared else f"{TARGET}_{TOKENIZER}"]
        for name, hf in zip(names, (self.source, self.target), strict=True):
            content = json.loads(hf.backend_tokenizer.to_str())
            write_json(folder / name, content | {"truncation": None, "padding": None})
        return names

    def save(self, folder: Path) -> None:
        """Write the files of both into an existing folder."""
        _write(self.source, folder)
        if not self.is_shared:
            _write(self.target, folder / TARGET)


def _ids(encode: Callable, texts: Sequence[str]) -> list[list[int]]:
    rows = list(texts)
    with quiet_transformers(), errors_explained(rows, None):
        return encode(rows)["input_ids"]


def _loaded(folder: Path) -> Any:
    with quiet_transformers():
        from transformers import AutoTokenizer

        try:
            return AutoTokenizer.from_pretrained(
                folder, local_files_only=True, trust_remote_code=False
            )
        except BaseException as error:
            raise unreadable(folder, error) from error


def _write(hf: Any, folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    with quiet_transformers():
        hf.save_pretrained(folder)
    path = folder / CONFIG
    content = read_json(path)
    if not isinstance(content, dict):
        raise CheckpointError(f"{path} holds {type(content).__name__}, not an object.")
    for name in ("is_local", "local_files_only"):  # where it came from is nobody's business
        content.pop(name, None)
    write_json(path, content)


def _trained(texts: Sequence[str], vocab_size: int, kind: str) -> Any:
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
    from tokenizers.processors import TemplateProcessing

    special = [PAD, EOS, UNKNOWN]
    options: dict[str, Any] = {
        "vocab_size": vocab_size,
        "special_tokens": special,
        "show_progress": False,
    }
    makers: dict[str, Callable] = {
        "bpe": lambda: (models.BPE(unk_token=UNKNOWN), trainers.BpeTrainer(**options)),
        "unigram": lambda: (
            models.Unigram(),
            trainers.UnigramTrainer(unk_token=UNKNOWN, **options),
        ),
    }
    model, trainer = makers[kind]()
    tokenizer = Tokenizer(model)
    tokenizer.normalizer = normalizers.NFKC()
    # Punctuation is a token of its own, as the scores count it.
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Metaspace(), pre_tokenizers.Punctuation()]
    )
    tokenizer.decoder = decoders.Metaspace()
    tokenizer.train_from_iterator(texts, trainer)
    end = (EOS, tokenizer.token_to_id(EOS))
    tokenizer.post_processor = TemplateProcessing(single=f"$A {EOS}", special_tokens=[end])
    return _as_hf(tokenizer)


def _as_hf(tokenizer: Any) -> Any:
    with quiet_transformers():
        from transformers import PreTrainedTokenizerFast

        return PreTrainedTokenizerFast(
            tokenizer_object=tokenizer, pad_token=PAD, eos_token=EOS, unk_token=UNKNOWN,
            model_input_names=["input_ids", "attention_mask"], clean_up_tokenization_spaces=False,
        )  # fmt: skip
