"""The encoder-decoder families, which write texts, by the `model_type` of config.json."""

from collections.abc import Mapping
from importlib import import_module
from typing import Any

from ...errors import UnsupportedModelError
from ..families.family import Family

MODULES = ("marian", "bart")  # model_type and file


def seq2seq_family_of(config: Mapping[str, Any]) -> Family:
    """The family of a checkpoint that writes texts, from its config.json as a dict.

    Raises:
        UnsupportedModelError: the model_type has no family here; names those that have.
    """
    model_type = config.get("model_type")
    if model_type not in MODULES:
        raise UnsupportedModelError(
            f"config.json has model_type={model_type!r}, which simpletext can't write texts with. "
            f"Supported for translation: {', '.join(MODULES)}."
        )
    return import_module(f".{model_type}", __name__).FAMILY
