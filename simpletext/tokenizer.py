"""A checkpoint's tokenizer: texts in, ids out."""

import contextlib
import json
import logging
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from .errors import CheckpointError

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
class Encoding:
    """One text's ids, its token types, and its length in tokens before it was cut."""

    ids: Sequence[int]
    type_ids: Sequence[int]
    full_length: int


class Tokenizer:
    """The tokenizer of a Hugging Face folder."""

    def __init__(self, hf: Any) -> None:
        self._hf = hf
        if hf.is_fast:
            _see_to_marks(hf)
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
    ) -> Iterator[Encoding]:
        """The ids of each text, or of each pair of texts, cut to `maxlen` tokens."""
        for start in range(0, len(texts), CHUNK):
            chunk = list(texts[start : start + CHUNK])
            second = None if pairs is None else list(pairs[start : start + CHUNK])
            yield from self._encode_chunk(chunk, second, maxlen)

    def _encode_chunk(
        self, texts: list[str], pairs: list[str] | None, maxlen: int
    ) -> Iterator[Encoding]:
        if not self._hf.is_fast:
            return self._encode_slowly(texts, pairs, maxlen)
        backend = self._hf.backend_tokenizer
        backend.no_padding()
        backend.enable_truncation(maxlen, direction=self._hf.truncation_side)
        batch = texts if pairs is None else list(zip(texts, pairs, strict=True))
        special = backend.num_special_tokens_to_add(pairs is not None)
        return (
            Encoding(e.ids, e.type_ids, _full_length(e, special))
            for e in backend.encode_batch_fast(batch)
        )

    def _encode_slowly(
        self, texts: list[str], pairs: list[str] | None, maxlen: int
    ) -> Iterator[Encoding]:
        """For the few families whose tokenizer is written in Python."""
        for i, text in enumerate(texts):
            pair = None if pairs is None else pairs[i]
            with _quiet_transformers():
                whole = self._hf(text, pair, return_token_type_ids=True)
                cut = self._hf(
                    text, pair, return_token_type_ids=True, truncation=True, max_length=maxlen
                )
            yield Encoding(cut["input_ids"], cut["token_type_ids"], len(whole["input_ids"]))

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


def _see_to_marks(hf: Any) -> None:
    """Frame texts with [CLS] and [SEP] where the library, lacking tokenizer.json, forgets to."""
    backend = hf.backend_tokenizer
    if backend.num_special_tokens_to_add(False) or not (hf.cls_token and hf.sep_token):
        return
    from tokenizers.processors import TemplateProcessing

    first, last = hf.cls_token, hf.sep_token
    backend.post_processor = TemplateProcessing(
        single=f"{first} $A {last}",
        pair=f"{first} $A {last} $B:1 {last}:1",
        special_tokens=[(first, hf.cls_token_id), (last, hf.sep_token_id)],
    )


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
