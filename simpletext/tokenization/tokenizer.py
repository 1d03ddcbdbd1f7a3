"""A checkpoint's tokenizer: texts in, ids out."""

import contextlib
import importlib.util
import json
import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..errors import ArgumentError, CheckpointError, DataError
from ..utils import console
from ..utils.files import write_json
from .encoded_texts import EncodedTexts
from .layout import Layout

# Packages that some tokenizers need -> simpletext's extra with the package.
EXTRAS = {"sacremoses": "xlm", "sentencepiece": "sentencepiece"}
TOKENIZER = "tokenizer.json"
CONFIG, INPUTS = "tokenizer_config.json", "model_input_names"
# One of these holds a tokenizer's vocabulary.
VOCABULARIES = (TOKENIZER, "vocab.txt", "vocab.json", "*.model")
CHUNK = 1000  # texts per call: enough to keep all cores busy, few enough to save memory

Place = tuple[int, int, int]  # 0 for the text or 1 for its pair; its first character; its end


class Tokenizer:
    """The tokenizer of a Hugging Face folder, safe to use from several threads.

    Args:
        layout: how its batches are laid out.
        backend: a `tokenizers.Tokenizer`; None for the few that are written in Python.
        truncation_side: side on which long texts are truncated.
        hf: transformers' tokenizer, if it was loaded with transformers.
        files: the folder's other tokenizer files, if it was loaded without transformers.
    """

    def __init__(
        self,
        layout: Layout,
        backend: Any,
        truncation_side: str = "right",
        hf: Any = None,
        files: Mapping[str, bytes] | None = None,
    ) -> None:
        self.layout, self.truncation_side = layout, truncation_side
        self._backend, self._hf, self._files = backend, hf, dict(files or {})
        self._ready: dict[tuple[int, int], Any] = {}
        self._lock = threading.Lock()

    @classmethod
    def load(cls, folder: Path) -> "Tokenizer":
        """The tokenizer whose files are in `folder`.

        Raises:
            CheckpointError: there is none, it is damaged, or it needs a missing package.
        """
        if not any(next(folder.glob(name), None) for name in VOCABULARIES):
            raise CheckpointError(  # transformers would load an empty vocabulary
                f"The tokenizer in {folder} is missing: there is no tokenizer.json and no "
                "vocabulary file. Get the checkpoint again, whole."
            )
        with quiet_transformers():
            from transformers import AutoTokenizer

            try:
                hf = AutoTokenizer.from_pretrained(
                    folder, local_files_only=True, trust_remote_code=False
                )
            except BaseException as error:
                raise unreadable(folder, error) from error
        layout = Layout(
            inputs=tuple(hf.model_input_names),
            pad_id=hf.pad_token_id if hf.pad_token_id is not None else 0,
            pad_type_id=hf.pad_token_type_id,
            padding_side=hf.padding_side,
        )
        backend = hf.backend_tokenizer if hf.is_fast else None
        if hf.is_fast:
            _add_special_tokens(hf)
        return cls(layout, backend, hf.truncation_side, hf)

    @classmethod
    def load_saved(cls, folder: Path, options: Mapping[str, Any]) -> "Tokenizer":
        """The tokenizer in a folder that `save` wrote, from tokenizer.json alone.

        It doesn't import transformers, which would take longer than all the rest.

        Args:
            folder: the folder with tokenizer.json.
            options: the value of `options` when the folder was written.

        Raises:
            CheckpointError: tokenizer.json is missing or damaged.
        """
        from tokenizers import Tokenizer as Backend

        try:
            backend = Backend.from_file(str(folder / TOKENIZER))
            inputs = _model_inputs(folder / CONFIG)
        except BaseException as error:
            raise unreadable(folder, error) from error
        sides = options["pad_id"], options["pad_type_id"], options["padding_side"]
        layout = Layout(inputs, *sides)
        files = {
            path.name: path.read_bytes()
            for pattern in ("*token*.json", *VOCABULARIES)
            for path in folder.glob(pattern)
            if path.name != TOKENIZER and path.is_file()
        }
        return cls(layout, backend, options["truncation_side"], files=files)

    @property
    def size(self) -> int:
        """The number of tokens in the vocabulary."""
        return self._backend.get_vocab_size() if self.is_fast else len(self._hf)

    @property
    def is_fast(self) -> bool:
        """Whether it is one of Hugging Face's `tokenizers`, which return token offsets."""
        return self._backend is not None

    @property
    def options(self) -> dict[str, Any] | None:
        """What `load_saved` needs besides tokenizer.json; None if it can't load this tokenizer."""
        if not self.is_fast:
            return None
        return {
            "pad_id": self.layout.pad_id,
            "pad_type_id": self.layout.pad_type_id,
            "padding_side": self.layout.padding_side,
            "truncation_side": self.truncation_side,
        }

    def encode(
        self, texts: Sequence[str], pairs: Sequence[str] | None, maxlen: int
    ) -> Iterator[EncodedTexts]:
        """The ids of texts or pairs of texts, truncated to `maxlen` tokens, in chunks.

        Raises:
            DataError: a text with half a surrogate pair, which isn't valid Unicode.
        """
        for start in range(0, len(texts), CHUNK):
            chunk = list(texts[start : start + CHUNK])
            second = None if pairs is None else list(pairs[start : start + CHUNK])
            with errors_explained(chunk, second, start):
                encoded = self._encode_chunk(chunk, second, maxlen)
            yield encoded

    def windows(
        self, texts: Sequence[str], maxlen: int, stride: int
    ) -> Iterator[tuple[EncodedTexts, list[int]]]:
        """Windows of `maxlen` tokens that overlap by `stride`, and how many each text has."""
        for start in range(0, len(texts), CHUNK):
            part = list(texts[start : start + CHUNK])
            with errors_explained(part, None, start):
                encoded = self._set_to(maxlen, stride).encode_batch_fast(part)
            parts = [[whole, *whole.overflowing] for whole in encoded]
            flat = [part for windows in parts for part in windows]
            ids = [part.ids for part in flat]
            types = [part.type_ids for part in flat]
            lengths = [len(i) for i in ids]
            chunk = EncodedTexts.gather(ids, types, lengths, self.layout)
            yield chunk, [len(p) for p in parts]

    def places(self, text: str, pair: str | None, maxlen: int) -> list[Place | None]:
        """The characters of each token that `encode` returns; None for special tokens.

        Raises:
            ArgumentError: a tokenizer written in Python has no offsets.
        """
        if not self.is_fast:
            raise ArgumentError(
                "This model's tokenizer is written in Python and returns no token "
                "offsets; explain with method='lime' or 'occlusion'."
            )
        with errors_explained([text], None if pair is None else [pair]):
            encoding = self._set_to(maxlen).encode(text, pair)
        rows = zip(encoding.sequence_ids, encoding.offsets, strict=True)
        return [None if part is None else (part, *span) for part, span in rows]

    def encodings(
        self, texts: list[str], maxlen: int, stride: int = 0, *, first_row: int = 0
    ) -> list[Any]:
        """The texts as encodings of `tokenizers`, with offsets; what is cut is in `overflowing`.

        Raises:
            DataError: a text with half a surrogate pair; its row is counted from `first_row`.
        """
        with errors_explained(texts, None, first_row):
            return self._set_to(maxlen, stride).encode_batch(texts)

    @property
    def marks_subwords(self) -> bool:
        """Whether tokens within a word have a mark, such as WordPiece's ##."""
        return bool(getattr(self._backend.model, "continuing_subword_prefix", None))

    def token_id(self, token: str) -> int | None:
        """The id of a token; None if the vocabulary lacks it."""
        return self._backend.token_to_id(token)

    def _encode_chunk(self, texts: list[str], pairs: list[str] | None, maxlen: int) -> EncodedTexts:
        if not self.is_fast:
            return self._encode_slowly(texts, pairs, maxlen)
        backend = self._set_to(maxlen)
        batch = texts if pairs is None else list(zip(texts, pairs, strict=True))
        special = backend.num_special_tokens_to_add(pairs is not None)
        encoded = backend.encode_batch_fast(batch)
        ids = [e.ids for e in encoded]
        # Reading the overflow copies it, so only texts that fill maxlen are read.
        full = [
            len(tokens) if len(tokens) < maxlen else _full_length(e, special)
            for tokens, e in zip(ids, encoded, strict=True)
        ]
        return EncodedTexts.gather(
            ids, [e.type_ids for e in encoded], full, self.layout, texts, pairs
        )

    def _set_to(self, maxlen: int, stride: int = 0) -> Any:
        """The backend with this truncation.

        Its settings can't change while another thread uses it, so each setting has its own copy.
        """
        key = (maxlen, stride)
        with self._lock:
            if key not in self._ready:
                first = not self._ready
                backend = (
                    self._backend if first else type(self._backend).from_str(self._backend.to_str())
                )
                backend.no_padding()
                backend.enable_truncation(maxlen, stride=stride, direction=self.truncation_side)
                self._ready[key] = backend
            return self._ready[key]

    def _encode_slowly(
        self, texts: list[str], pairs: list[str] | None, maxlen: int
    ) -> EncodedTexts:
        """For the few families whose tokenizer is written in Python."""
        options = {"return_token_type_ids": True}
        with quiet_transformers():
            whole = self._hf(texts, pairs, **options)
            cut = self._hf(texts, pairs, truncation=True, max_length=maxlen, **options)
        full = [len(ids) for ids in whole["input_ids"]]
        types = cut["token_type_ids"]
        return EncodedTexts.gather(cut["input_ids"], types, full, self.layout, texts, pairs)

    @property
    def unk_id(self) -> int | None:
        """The id for text that isn't in the vocabulary, if there is one."""
        if self._hf is not None:
            return self._hf.unk_token_id
        return self.token_id(json.loads(self.backend_json())["model"].get("unk_token") or "")

    def fingerprint(self) -> bytes:
        """A fingerprint of everything that determines a text's ids."""
        if self.is_fast:
            state = json.dumps(self._content())
        else:
            state = json.dumps([self._hf.get_vocab(), repr(self._hf)], sort_keys=True)
        return f"{self.truncation_side} {state}".encode()

    def save(self, folder: Path, inputs: Sequence[str] | None = None) -> None:
        """Write the tokenizer's files into an existing folder.

        Args:
            folder: the folder.
            inputs: `model_input_names` for transformers; by default as loaded.
        """
        if self._hf is not None:
            self._hf.save_pretrained(folder)
        for name, content in self._files.items():
            (folder / name).write_bytes(content)
        if (folder / CONFIG).is_file():
            _set_up(folder / CONFIG, inputs)
        if self.is_fast:
            self.save_backend(folder)

    def save_backend(self, folder: Path) -> None:
        """Write tokenizer.json alone."""
        write_json(folder / TOKENIZER, self._content())

    def _content(self) -> dict[str, Any]:
        """The content of tokenizer.json, without truncation and padding."""
        return json.loads(self.backend_json()) | {"truncation": None, "padding": None}

    def backend_json(self) -> str:
        """The content of tokenizer.json."""
        return self._backend.to_str()


def unreadable(folder: Path, error: BaseException) -> BaseException:
    """The error for a tokenizer that can't be read; KeyboardInterrupt and SystemExit stay.

    A panic of tokenizers' Rust code is a BaseException without a public name.
    """
    if isinstance(error, (KeyboardInterrupt, SystemExit)):
        return error
    return CheckpointError(_why_unreadable(folder, error))


def _set_up(path: Path, inputs: Sequence[str] | None) -> None:
    """Set `model_input_names` in tokenizer_config.json, and remove how it was loaded."""
    config = json.loads(path.read_text(encoding="utf-8"))
    for name in ("is_local", "local_files_only"):
        config.pop(name, None)
    if inputs is not None:
        config[INPUTS] = list(inputs)
    write_json(path, config)


def _model_inputs(path: Path) -> tuple[str, ...]:
    """The tokenizer's outputs listed in a folder's tokenizer_config.json."""
    if not path.is_file():
        return ()
    return tuple(json.loads(path.read_text(encoding="utf-8")).get(INPUTS, ()))


def _why_unreadable(folder: Path, error: BaseException) -> str:
    message = str(error).lower()
    if any(folder.glob("*.model")) and not (folder / "tokenizer.json").is_file():
        message += " sentencepiece"  # transformers would name another package
    for package, extra in EXTRAS.items():
        if package in message and importlib.util.find_spec(package) is None:
            return (
                f"The tokenizer in {folder} needs the package {package}: "
                f"pip install 'simpletext-keras[{extra}]'"
            )
    reason = str(error).strip().splitlines()[0] if str(error).strip() else error
    return (
        f"The tokenizer in {folder} can't be read: {reason} A tokenizer.json, or the family's "
        "vocabulary file, must be present and complete."
    )


def _add_special_tokens(hf: Any) -> None:
    """Add [CLS] and [SEP] to texts if transformers, without tokenizer.json, doesn't."""
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


@contextlib.contextmanager
def errors_explained(
    texts: list[str], pairs: list[str] | None, first_row: int = 0
) -> Iterator[None]:
    """Turn what a tokenizer raises for texts into our errors; Ctrl-C stays.

    Raises:
        DataError: a text that isn't valid Unicode.
        CheckpointError: anything else, for which the tokenizer's files are to blame.
    """
    try:
        yield
    except BaseException as error:  # panics of Rust code are no Exceptions
        if isinstance(error, (KeyboardInterrupt, SystemExit, GeneratorExit)):
            raise
        _explain_surrogates(texts, pairs, first_row, error)
        raise CheckpointError(
            f"The tokenizer fails on these texts: {error}. Its tokenizer.json is damaged or "
            "incomplete; get the checkpoint again."
        ) from error


def _explain_surrogates(
    texts: list[str], pairs: list[str] | None, start: int, error: BaseException
) -> None:
    """Raise a DataError for the row that isn't valid Unicode, if that caused the error."""
    for column in (texts, pairs or []):
        for row, text in enumerate(column):
            try:
                text.encode()
            except UnicodeEncodeError:
                raise DataError(
                    f"Row {start + row} has half a surrogate pair, which isn't valid Unicode: "
                    f"{text[:60]!a}. Read it with the right encoding, or clean it with "
                    'text.encode("utf-8", "replace").decode().'
                ) from error


def _full_length(encoding: Any, special: int) -> int:
    overflow = encoding.overflowing
    return len(encoding.ids) + sum(len(part.ids) - special for part in overflow)


@contextlib.contextmanager
def quiet_transformers() -> Iterator[None]:
    """Silence transformers' messages about missing PyTorch and long texts."""
    name = "TRANSFORMERS_VERBOSITY"  # read at its import, which sets the logger's level
    before = os.environ.get(name)
    os.environ[name] = before or "error"
    try:
        import transformers  # noqa: F401 - imported here so that it is quiet
    finally:
        os.environ.pop(name) if before is None else None
    with console.silent("transformers"):
        yield
