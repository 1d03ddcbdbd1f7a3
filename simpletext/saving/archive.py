"""A predictor's folder as bytes, for pickle, copy and joblib: open formats, nothing that runs."""

import io
import tempfile
import zipfile
from pathlib import Path

import keras

from ..tokenization.tokenizer import Tokenizer
from .predictor_folder import read_predictor, write_predictor
from .settings import Settings


def to_bytes(model: keras.Model, tokenizer: Tokenizer, settings: Settings) -> bytes:
    """The folder that `write_predictor` writes, as a zip file."""
    buffer = io.BytesIO()
    with tempfile.TemporaryDirectory() as temporary, zipfile.ZipFile(buffer, "w") as archive:
        folder = Path(temporary) / "predictor"
        write_predictor(folder, model, tokenizer, settings)
        for path in sorted(folder.rglob("*")):
            archive.write(path, path.relative_to(folder))
    return buffer.getvalue()


def from_bytes(content: bytes) -> tuple[keras.Model, Tokenizer, Settings]:
    """The parts of the predictor in a zip file of `to_bytes`.

    Raises:
        CheckpointError: a folder that is damaged; see `read_predictor`.
    """
    with tempfile.TemporaryDirectory() as temporary:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            archive.extractall(temporary)  # zipfile keeps names inside of the folder
        return read_predictor(temporary)
