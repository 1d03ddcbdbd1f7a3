"""The encoder families, by the `model_type` of config.json."""

from collections.abc import Mapping
from importlib import import_module
from typing import Any

from ...errors import UnsupportedModelError
from .family import Family

# model_type -> its module, and the name of its Family there.
MODULES = {
    "bert": ("bert", "FAMILY"),
    "distilbert": ("distilbert", "FAMILY"),
    "roberta": ("roberta", "FAMILY"),
    "xlm-roberta": ("roberta", "XLM_ROBERTA"),
    "camembert": ("roberta", "CAMEMBERT"),
    "electra": ("electra", "FAMILY"),
    "albert": ("albert", "FAMILY"),
    "mpnet": ("mpnet", "FAMILY"),
    "ernie": ("ernie", "FAMILY"),
    "data2vec-text": ("roberta", "DATA2VEC_TEXT"),
    "roberta-prelayernorm": ("roberta", "PRELAYERNORM"),
    "nomic_bert": ("nomic_bert", "FAMILY"),
    "rembert": ("rembert", "FAMILY"),
    "bart": ("bart", "FAMILY"),
    "mobilebert": ("mobilebert", "FAMILY"),
    "squeezebert": ("squeezebert", "FAMILY"),
    "convbert": ("convbert", "FAMILY"),
    "deberta": ("deberta", "DEBERTA"),
    "deberta-v2": ("deberta", "DEBERTA_V2"),
    "big_bird": ("big_bird", "FAMILY"),
    "funnel": ("funnel", "FAMILY"),
    "fnet": ("fnet", "FAMILY"),
    "longformer": ("longformer", "FAMILY"),
    "eurobert": ("eurobert", "FAMILY"),
    "modernbert": ("modernbert", "FAMILY"),
    "xlm": ("xlm", "XLM"),
    "flaubert": ("xlm", "FLAUBERT"),
    "xlnet": ("xlnet", "FAMILY"),
}
# Families that transformers lacks: only simpletext loads their checkpoints.
OWN_MODULES = {"talking_heads_bert": ("talking_heads_bert", "FAMILY")}


def family_of(config: Mapping[str, Any]) -> Family:
    """The family of a checkpoint, from its config.json as a dict.

    Raises:
        UnsupportedModelError: the model_type has no family here; lists the supported ones.
    """
    model_type = config.get("model_type")
    modules = MODULES | OWN_MODULES
    if model_type not in modules:
        raise UnsupportedModelError(
            f"config.json has model_type={model_type!r}, which simpletext has no encoder for. "
            f"Supported: {', '.join(modules)}."
        )
    module, name = modules[model_type]
    return getattr(import_module(f".{module}", __name__), name)
