"""`Translator`: a model that translates with its tokenizers, to predict, save and look at."""

import os
from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any

import keras
import numpy as np

from .data.texts import as_texts, listed
from .errors import DataError
from .inference.decoder import decoder_of
from .inference.generation import generate
from .inference.source_attention import SourceAttention
from .inference.streaming import streamed
from .inference.translating import padded, translate
from .models.seq2seq import require_seq2seq
from .saving.archive import SavedFolder, absolute, packed, unpacked
from .saving.translator_folder import read_translator, write_translator
from .tokenization.pair_tokenizer import PairTokenizer
from .utils import console
from .utils.notebook import Described
from .utils.validation import require_count, require_verbose, shown

BATCH_SIZE = 256  # texts at a time, by default


def _received(content: bytes | SavedFolder, batch_size: int) -> "Translator":
    """What `Translator.__reduce__` names: the translator that was sent."""
    with unpacked(content) as path:
        translator = Translator(*read_translator(path), batch_size)
    translator.folder = os.path.abspath(path)
    return translator


class Translator(Described):
    """Translations of raw texts. Made by `get_predictor` and `load_predictor`.

    Args:
        model: `Seq2Seq(...).get_model()`.
        tokenizer: that of the `Seq2Seq`.
        maxlen: maximum tokens per source; longer ones are truncated, with a message.
        batch_size: texts at a time, by default 256; fewer where they are long or the vocabulary is
            large.

    Attributes:
        batch_size: texts at a time; may be changed.
        folder: where it was loaded from or saved to, absolute, or None.
    """

    def __init__(
        self, model: keras.Model, tokenizer: PairTokenizer, maxlen: int,
        batch_size: int | None = None,
    ) -> None:  # fmt: skip
        require_seq2seq(model)
        self.model, self.tokenizer, self.maxlen = model, tokenizer, maxlen
        size = BATCH_SIZE if batch_size is None else batch_size
        self.batch_size = require_count("batch_size", size)

    folder: str | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        """For pickle and copy: the saved folder's path or bytes."""
        content = packed(self.folder, write_translator, self.model, self.tokenizer, self.maxlen)
        return _received, (content, self.batch_size)

    def _facts(self) -> dict[str, Any]:
        return {"model": self.model.name, "maxlen": self.maxlen}

    def predict(
        self, texts: Any, *, top_k: int | None = None, verbose: int = 0, **options: Any
    ) -> Any:
        """Translate: a text for a text, a list for a list.

        Args:
            texts: one text, or a list of them.
            top_k: number of (translation, score) pairs per text, best first; the score is the
                log-probability / the length to the power of `length_penalty`.
            verbose: 1 shows a progress bar.
            options: how translations are written, such as num_beams, max_new_tokens and
                length_penalty, see `generate`; by default as the checkpoint says.

        Raises:
            DataError: texts that can't be used.
            ArgumentError: an unknown option, or a value outside of what is allowed.
        """
        require_verbose(verbose)
        single, rows = listed(texts)
        if top_k is not None:
            options["num_return_sequences"] = require_count("top_k", top_k)
            if not options.get("do_sample"):
                own = require_seq2seq(self.model).generation.get("num_beams", 1)
                options.setdefault("num_beams", max(own, top_k))
        sources = self._encode(rows, verbose)
        found = translate(self.model, self.tokenizer, sources, self.batch_size, verbose, **options)
        results: list[Any] = found if top_k is not None else [best[0][0] for best in found]
        return results[0] if single else results

    def predict_iter(
        self, texts: Iterable[str], *, chunk_size: int = 2048, verbose: int = 0, **options: Any
    ) -> Iterator[Any]:
        """Translations one after the other, for more texts than fit in memory.

        Args:
            texts: anything to iterate over: a generator, a file's lines.
            chunk_size: texts that are read and held at a time.
            verbose: 1 shows a progress bar.
            options: top_k and those of `generate`, as for `predict`.
        """
        require_verbose(verbose)
        return streamed(partial(self.predict, **options), texts, chunk_size, verbose)

    def attention(self, source: str, **options: Any) -> SourceAttention:
        """Translate a text and look at which words of it each word of the translation used.

        Attention is a view into the model, no explanation: https://arxiv.org/abs/1902.10186.

        Args:
            source: one text.
            options: how the translation is written, as for `predict`.

        Returns:
            Tokens and weights, with `plot()` for a figure.
        """
        if not isinstance(source, str):
            raise DataError(f"attention takes one text; this is {shown(source)}.")
        inputs = padded(self._encode([source], 0), self.tokenizer.pad_id)
        written = generate(self.model, inputs, **options).ids[:1]
        before = {"decoder_input_ids": written[:, :-1]}
        weights = decoder_of(self.model).attention(inputs | before)[0]
        return SourceAttention(
            self.tokenizer.tokens(inputs["input_ids"][0].tolist(), of_source=True),
            self.tokenizer.tokens(written[0, 1:].tolist(), of_source=False),
            weights,
            self.tokenizer.decode(written.tolist())[0],
        )

    def save(self, path: str | os.PathLike) -> None:
        """Write a Hugging Face checkpoint, the tokenizers and simpletext.json into a new folder.

        transformers loads it, a model from scratch as `MarianMTModel`, with the same numbers.

        Raises:
            FolderExistsError: the folder already exists.
        """
        write_translator(path, self.model, self.tokenizer, self.maxlen)
        self.folder = absolute(path)

    def export(
        self, path: str | os.PathLike, format: str = "saved_model", **options: Any
    ) -> dict[str, float]:
        """Write a model that translates without simpletext, with its tokenizers and a predict.py.

        The export is checked against the probe texts in a separate process.

        Args:
            path: the folder, which must not exist yet.
            format: "saved_model", which takes ids and returns ids, with the search inside; "onnx"
                (needs the extra `onnx`), an encoder and a decoder, with the search in predict.py.
            options: how the exported model writes translations, as for `predict`; num_beams=1 is
                greedy.

        Returns:
            The largest difference to the translator's scores on the probe texts.

        Raises:
            ArgumentError: an unknown option, or a value outside of what is allowed.
            ExportError: a missing package, a tokenizer without tokenizer.json, or scores that
                differ from the translator's.
            FolderExistsError: the folder already exists.
        """
        from .exporting.translators import export_translator

        return export_translator(self, path, format, **options)

    def _encode(self, rows: Any, verbose: int) -> list[list[int]]:
        texts, pairs = as_texts(rows)
        if pairs is not None:
            raise DataError("A translator takes single texts; these are pairs of texts.")
        ids, full = self.tokenizer.encode_sources(texts, self.maxlen)
        cut = int(np.sum(np.array(full) > self.maxlen))
        if cut:
            console.note(f"{cut} of {len(texts)} texts were cut to {self.maxlen} tokens.")
        return ids
