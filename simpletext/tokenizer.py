"""A checkpoint's tokenizer: texts in, ids out."""

import contextlib
import json
import logging
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from .errors import CheckpointError, DataError

# One of these holds a tokenizer's vocabulary.
VOCABULARIES = ("tokenizer.json", "vocab.txt", "vocab.json", "*.model")
CHUNK = 1000  # texts a call: enough to keep all cores busy, few enough to stay small in memory


@dataclass(frozen=True)
class Layout:
    """How a batch is laid out for the model.

    Attributes:
        inputs: the model's inputs that the tokenizer makes, such as `input_ids`.
        pad_id, pad_type_id: what fills a batch's shorter rows.
        padding_side: "right" or "left".
    """

    inputs: tuple[str, ...]
    pad_id: int
    pad_type_id: int
    padding_side: str

    def for_inputs(self, names: Sequence[str]) -> "Layout":
        """The same layout for a model that takes these inputs."""
        return replace(self, inputs=tuple(names))


@dataclass(frozen=True)
class Encodings:
    """Some texts as ids, one text after the other.

    Attributes:
        ids, type_ids: their tokens, (tokens,), int32 and uint8.
        lengths: tokens of each text, (texts,).
        full_lengths: tokens of each text before it was cut, (texts,).
    """

    ids: np.ndarray
    type_ids: np.ndarray
    lengths: np.ndarray
    full_lengths: np.ndarray

    @classmethod
    def gather(
        cls,
        ids: Sequence[Sequence[int]],
        type_ids: Sequence[Sequence[int]],
        full_lengths: Sequence[int],
    ) -> "Encodings":
        """From one list of ids a text; without an array a text, which would cost more than it."""
        lengths = np.fromiter(map(len, ids), "int64", len(ids))
        total = int(lengths.sum())
        return cls(
            np.fromiter(chain.from_iterable(ids), "int32", total),
            np.fromiter(chain.from_iterable(type_ids), "uint8", total),
            lengths,
            np.asarray(full_lengths, dtype="int64"),
        )


class Tokenizer:
    """The tokenizer of a Hugging Face folder."""

    def __init__(self, hf: Any) -> None:
        self._hf = hf
        self.layout = Layout(
            inputs=tuple(hf.model_input_names),
            pad_id=hf.pad_token_id if hf.pad_token_id is not None else 0,
            pad_type_id=hf.pad_token_type_id,
            padding_side=hf.padding_side,
        )

    @classmethod
    def load(cls, folder: Path) -> "Tokenizer":
        """The tokenizer whose files are in `folder`.

        Raises:
            CheckpointError: there is none, it is damaged, or it needs a missing package.
        """
        if not any(next(folder.glob(name), None) for name in VOCABULARIES):
            raise CheckpointError(  # transformers would go on with an empty vocabulary
                f"The tokenizer in {folder} is missing: there is no tokenizer.json and no "
                "vocabulary file. Get the checkpoint again, whole."
            )
        with _quiet_transformers():
            from transformers import AutoTokenizer

            try:
                return cls(AutoTokenizer.from_pretrained(folder, local_files_only=True))
            except (OSError, ValueError, ImportError, KeyError, TypeError) as error:
                reason = str(error).strip().splitlines()[0] if str(error).strip() else error
                raise CheckpointError(
                    f"The tokenizer in {folder} can't be read: {reason} A tokenizer.json, or the "
                    "family's vocabulary file, must stand there whole."
                ) from error

    def encode(
        self, texts: Sequence[str], pairs: Sequence[str] | None, maxlen: int
    ) -> Iterator[Encodings]:
        """The ids of the texts, or of the pairs of texts, cut to `maxlen` tokens, in chunks.

        Raises:
            DataError: a text with half a surrogate pair in it, which is no Unicode.
        """
        for start in range(0, len(texts), CHUNK):
            chunk = list(texts[start : start + CHUNK])
            second = None if pairs is None else list(pairs[start : start + CHUNK])
            try:
                yield self._encode_chunk(chunk, second, maxlen)
            except (TypeError, UnicodeEncodeError) as error:
                _explain_surrogates(chunk, second, start, error)
                raise

    def _encode_chunk(self, texts: list[str], pairs: list[str] | None, maxlen: int) -> Encodings:
        if not self._hf.is_fast:
            return self._encode_slowly(texts, pairs, maxlen)
        backend = self._hf.backend_tokenizer
        backend.no_padding()
        backend.enable_truncation(maxlen, direction=self._hf.truncation_side)
        batch = texts if pairs is None else list(zip(texts, pairs, strict=True))
        special = backend.num_special_tokens_to_add(pairs is not None)
        encoded = backend.encode_batch_fast(batch)
        ids = [e.ids for e in encoded]
        # Asking for what was cut off copies it, so only a text that fills maxlen is asked.
        full = [
            len(tokens) if len(tokens) < maxlen else _full_length(e, special)
            for tokens, e in zip(ids, encoded, strict=True)
        ]
        return Encodings.gather(ids, [e.type_ids for e in encoded], full)

    def _encode_slowly(self, texts: list[str], pairs: list[str] | None, maxlen: int) -> Encodings:
        """For the few families whose tokenizer is written in Python."""
        options = {"return_token_type_ids": True}
        with _quiet_transformers():
            whole = self._hf(texts, pairs, **options)
            cut = self._hf(texts, pairs, truncation=True, max_length=maxlen, **options)
        full = [len(ids) for ids in whole["input_ids"]]
        return Encodings.gather(cut["input_ids"], cut["token_type_ids"], full)

    @property
    def unk_id(self) -> int | None:
        """What stands for a piece of text that isn't in the vocabulary, if there is such an id."""
        return self._hf.unk_token_id

    def fingerprint(self) -> bytes:
        """What tells this tokenizer from another one: all that decides a text's ids."""
        hf = self._hf
        if hf.is_fast:
            hf.backend_tokenizer.no_truncation()
            hf.backend_tokenizer.no_padding()
            state = hf.backend_tokenizer.to_str()
        else:
            state = json.dumps([hf.get_vocab(), repr(hf)], sort_keys=True)
        return f"{type(hf).__name__} {hf.truncation_side} {state}".encode()

    def save(self, folder: Path) -> None:
        """Write the tokenizer's files into an existing folder."""
        if self._hf.is_fast:
            self._hf.backend_tokenizer.no_truncation()
            self._hf.backend_tokenizer.no_padding()
        self._hf.save_pretrained(folder)
        path = folder / "tokenizer_config.json"
        config = json.loads(path.read_text(encoding="utf-8"))
        for name in ("is_local", "local_files_only"):  # where it came from is nobody's business
            config.pop(name, None)
        path.write_text(json.dumps(config, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _explain_surrogates(
    texts: list[str], pairs: list[str] | None, start: int, error: Exception
) -> None:
    """Name the row that has no UTF-8 form, if that is what the tokenizer stumbled over."""
    for column in (texts, pairs or []):
        for row, text in enumerate(column):
            try:
                text.encode()
            except UnicodeEncodeError:
                raise DataError(
                    f"Row {start + row} holds half a surrogate pair, which is no Unicode text: "
                    f"{text[:60]!a}. Read it with the right encoding, or clean it with "
                    'text.encode("utf-8", "replace").decode().'
                ) from error


def _full_length(encoding: Any, special: int) -> int:
    overflow = encoding.overflowing
    return len(encoding.ids) + sum(len(part.ids) - special for part in overflow)


@contextlib.contextmanager
def _quiet_transformers() -> Iterator[None]:
    """Keep transformers from remarking that PyTorch is missing, or a text long, as we know."""
    name = "TRANSFORMERS_VERBOSITY"  # read at its import, which sets the logger's level
    before = os.environ.get(name)
    os.environ[name] = before or "error"
    try:
        import transformers  # noqa: F401 - imported here so that it is quiet
    finally:
        os.environ.pop(name) if before is None else None
    logger = logging.getLogger("transformers")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)
