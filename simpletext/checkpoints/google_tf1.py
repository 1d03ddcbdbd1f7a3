"""Checkpoints of Google's TensorFlow 1 code: BERT, ALBERT, ELECTRA and XLNet.

https://github.com/google-research/bert, .../albert, .../electra, https://github.com/zihangdai/xlnet
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import WeightsError
from .old_checkpoint import (
    Head,
    LazyTensors,
    OldCheckpoint,
    find_config,
    find_tokenizer,
    layer_count,
    missing,
    read_object,
    with_sizes,
)
from .tensor_bundle import TensorBundle

LEAVES = {"kernel": "weight", "gamma": "weight", "beta": "bias"}
TRAINING = re.compile(
    r"(.+/)?(adam_[mv]|lamb_[mv]|Adam|Adam_1|Momentum|beta[12]_power|global_step|loss_scale\w*|"
    r"good_steps|ExponentialMovingAverage)"
)
HEAD_WIDTH = 64  # width of an attention head in all of Google's BERTs and ELECTRAs
HEAD_WIDTHS = {2048: 128}  # ALBERT xlarge, by hidden size
# The heads: pattern of the variable's name -> the name in PyTorch.
BERT_HEADS = (
    (r"cls/predictions/output_bias", "cls.predictions.bias"),
    (r"cls/predictions/transform/(\w+)/(\w+)", r"cls.predictions.transform.\1.\2"),
    (r"cls/seq_relationship/output_weights", "cls.seq_relationship.weight"),
    (r"cls/seq_relationship/output_bias", "cls.seq_relationship.bias"),
    (r"cls/squad/output_weights", "qa_outputs.weight"),
    (r"cls/squad/output_bias", "qa_outputs.bias"),
    (r"output_weights", "classifier.weight"),
    (r"output_bias", "classifier.bias"),
)
ALBERT_HEADS = (
    (r"cls/predictions/output_bias", "predictions.bias"),
    (r"cls/predictions/transform/(\w+)/(\w+)", r"predictions.\1.\2"),
    (r"cls/seq_relationship/output_weights", "sop_classifier.classifier.weight"),
    (r"cls/seq_relationship/output_bias", "sop_classifier.classifier.bias"),
    (r"output_weights", "classifier.weight"),
    (r"output_bias", "classifier.bias"),
)
ELECTRA_HEADS = (
    (r"discriminator_predictions/dense/(\w+)", r"discriminator_predictions.dense.\1"),
    (r"discriminator_predictions/dense_1/(\w+)", r"discriminator_predictions.dense_prediction.\1"),
)
XLNET_HEADS = (
    (r"model/lm_loss/bias", "lm_loss.bias"),
    (r"model/sequnece_summary/summary/(\w+)", r"sequence_summary.summary.\1"),  # [sic]
    (r"model/(?:classification|regression)_\w+/logit/(\w+)", r"logits_proj.\1"),
)
ALBERT_PARTS = {
    "attention_1/output/dense": "attention/dense",
    "attention_1/self": "attention",
    "ffn_1/intermediate/output/dense": "ffn_output",
    "ffn_1/intermediate/dense": "ffn",
    "LayerNorm_1": "full_layer_layer_norm",
    "LayerNorm": "attention/LayerNorm",
}
XLNET_STACKED = ("r_w_bias", "r_r_bias", "r_s_bias", "seg_embed")


@dataclass(frozen=True)
class Kind:
    """One of the four programs.

    Attributes:
        title: its name.
        model_type: in config.json.
        mark: the name of a variable that only this program has.
        scope: prefix of the encoder's variables.
        rename: from the name of an encoder's variable to that in PyTorch, or None.
        heads: the same for the heads, as patterns.
        pretrained: the class with the pre-training heads, and a prefix of their variables.
        sizes: the config's sizes, from the tensors' shapes.
    """

    title: str
    model_type: str
    mark: str
    scope: str
    rename: Callable[[str], str]
    heads: tuple[tuple[str, str], ...]
    pretrained: tuple[str, str]
    sizes: Callable[[Mapping[str, tuple[int, ...]]], dict[str, Any]]
    others: Mapping[str, Any]


def read_google(prefix: Path, layers: int | None = None) -> OldCheckpoint:
    """A checkpoint of Google's TensorFlow 1 programs.

    Args:
        prefix: its path without ".index".
        layers: the number of layers of an ALBERT without a config.

    Raises:
        WeightsError: damaged, incomplete, or of another program.
        ArgumentError: `layers` is missing, or contradicts the checkpoint.
    """
    bundle = TensorBundle(prefix)
    keys = {key.removeprefix("module/"): key for key in bundle.entries if not _is_training(key)}
    kind = _kind(keys, prefix)
    renamed, left = _renamed(kind, keys)
    shapes = {name: bundle.shape(key) for name, key in renamed.items()}
    config, notes = _config(kind, prefix, shapes, layers)
    tensors = LazyTensors(str(prefix), dict(_readers(kind, bundle, renamed, config)))
    architecture, head = _head(kind, keys, shapes)
    return OldCheckpoint(
        source=prefix,
        format=f"a TensorFlow 1 checkpoint of Google's {kind.title}",
        config=config,
        tensors=tensors,
        architecture=architecture,
        head=head,
        tokenizer=find_tokenizer(*_folders(prefix)),
        notes=(*notes, *_left_out(kind, left)),
    )


def _is_training(key: str) -> bool:
    return TRAINING.fullmatch(key) is not None


def _kind(keys: Mapping[str, str], prefix: Path) -> Kind:
    for kind in KINDS:
        if any(re.match(kind.mark, key) for key in keys):
            return kind
    some = ", ".join(sorted(keys)[:3]) or "none"
    raise WeightsError(
        f"{prefix} isn't a checkpoint of Google's BERT, ALBERT, ELECTRA or XLNet: its variables "
        f"have other names ({some}). Load it with the program that wrote it."
    )


def _renamed(kind: Kind, keys: Mapping[str, str]) -> tuple[dict[str, str], list[str]]:
    """PyTorch's name -> the variable's key; and the variables without a counterpart."""
    renamed, left = {}, []
    for name, key in keys.items():
        if name.startswith(kind.scope):
            renamed[kind.rename(name)] = key
        elif (other := _head_name(kind, name)) is not None:
            renamed[other] = key
        else:
            left.append(name)
    return renamed, left


def _head_name(kind: Kind, name: str) -> str | None:
    for pattern, theirs in kind.heads:
        if match := re.fullmatch(pattern, name):
            return _with_leaf(match.expand(theirs), ".")
    return None


def _with_leaf(name: str, sign: str) -> str:
    module, _, leaf = name.rpartition(sign)
    return f"{module}{sign}{LEAVES.get(leaf, leaf)}"


def _bert_name(name: str) -> str:
    name = re.sub(r"/layer_(\d+)/", r"/layer/\1/", name)
    if name.endswith("_embeddings"):
        name += "/weight"
    return _with_leaf(name, "/").replace("/", ".")


def _albert_name(name: str) -> str:
    group = re.match(r"bert/encoder/transformer/group_(\d+)/inner_group_(\d+)/(.+)/(\w+)", name)
    if group is None:
        name = name.replace("pooler/dense/", "pooler/")
        return "al" + _bert_name(name)
    module = ALBERT_PARTS.get(group[3])
    if module is None:  # the sublayers of attention: attention_1/self/query
        old, _, last = group[3].rpartition("/")
        module = f"{ALBERT_PARTS.get(old, old)}/{last}"
    place = f"albert_layer_groups/{group[1]}/albert_layers/{group[2]}"
    return "al" + _bert_name(f"bert/encoder/{place}/{module}/{group[4]}")


def _xlnet_name(name: str) -> str:
    name = name.removeprefix("model/")
    if name.startswith("transformer/word_embedding"):
        return "transformer.word_embedding.weight"
    if name.startswith("transformer/mask_emb"):
        return "transformer.mask_emb"
    name = re.sub(r"^transformer/layer_(\d+)/", r"transformer/layer/\1/", name)  # not ff/layer_1
    name = re.sub(r"/rel_attn/([qkvor])/kernel", r"/rel_attn/\1", name)
    return _with_leaf(name.replace("LayerNorm", "layer_norm"), "/").replace("/", ".")


def _readers(
    kind: Kind, bundle: TensorBundle, renamed: Mapping[str, str], config: Mapping[str, Any]
) -> Any:
    """Each tensor's name, and the function that reads it."""
    for name, key in renamed.items():
        leaf = name.rpartition(".")[2]
        if kind.model_type == "xlnet" and leaf in XLNET_STACKED:
            for layer in range(config["n_layer"]):
                own = name.replace(leaf, f"layer.{layer}.rel_attn.{leaf}")
                yield own, partial(_of_layer, bundle, key, layer)
        elif kind.model_type == "xlnet" and name == "transformer.mask_emb":
            yield name, partial(_reshaped, bundle, key, (1, 1, -1))
        elif key.endswith("/kernel") and leaf == "weight":
            yield name, partial(_transposed, bundle, key)
        else:
            yield name, partial(bundle.get_tensor, key)


def _transposed(bundle: TensorBundle, key: str) -> np.ndarray:
    return bundle.get_tensor(key).T


def _reshaped(bundle: TensorBundle, key: str, shape: tuple[int, ...]) -> np.ndarray:
    return bundle.get_tensor(key).reshape(shape)


def _of_layer(bundle: TensorBundle, key: str, layer: int) -> np.ndarray:
    """A layer's part of a variable for all layers; the whole, if the layers share it."""
    value = bundle.get_tensor(key)
    shared = value.ndim == 2
    return value if shared else value[layer]


def _bert_sizes(base: str, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, Any]:
    words = shapes[f"{base}.embeddings.word_embeddings.weight"]
    numbers = [int(m[1]) for name in shapes if (m := re.search(r"encoder\.layer\.(\d+)\.", name))]
    inner = shapes[f"{base}.encoder.layer.0.intermediate.dense.bias"]
    return {
        "vocab_size": words[0],
        "hidden_size": shapes[f"{base}.encoder.layer.0.output.dense.bias"][0],
        "num_hidden_layers": max(numbers) + 1,
        "intermediate_size": inner[0],
        "max_position_embeddings": shapes[f"{base}.embeddings.position_embeddings.weight"][0],
        "type_vocab_size": shapes[f"{base}.embeddings.token_type_embeddings.weight"][0],
        **({"embedding_size": words[1]} if base == "electra" else {}),
    }


def _albert_sizes(shapes: Mapping[str, tuple[int, ...]]) -> dict[str, Any]:
    words = shapes["albert.embeddings.word_embeddings.weight"]
    places = [
        m for name in shapes if (m := re.search(r"groups\.(\d+)\.albert_layers\.(\d+)", name))
    ]
    block = "albert.encoder.albert_layer_groups.0.albert_layers.0."
    return {
        "vocab_size": words[0],
        "embedding_size": words[1],
        "hidden_size": shapes[block + "ffn_output.bias"][0],
        "num_hidden_groups": max(int(m[1]) for m in places) + 1,
        "inner_group_num": max(int(m[2]) for m in places) + 1,
        "intermediate_size": shapes[block + "ffn.bias"][0],
        "max_position_embeddings": shapes["albert.embeddings.position_embeddings.weight"][0],
        "type_vocab_size": shapes["albert.embeddings.token_type_embeddings.weight"][0],
    }


def _xlnet_sizes(shapes: Mapping[str, tuple[int, ...]]) -> dict[str, Any]:
    vocabulary, hidden = shapes["transformer.word_embedding.weight"]
    numbers = [int(m[1]) for name in shapes if (m := re.search(r"\.layer\.(\d+)\.", name))]
    _, heads, width = shapes["transformer.layer.0.rel_attn.q"]
    return {
        "n_token": vocabulary,
        "d_model": hidden,
        "n_layer": max(numbers) + 1,
        "n_head": heads,
        "d_head": width,
        "d_inner": shapes["transformer.layer.0.ff.layer_1.bias"][0],
    }


def _config(
    kind: Kind, prefix: Path, shapes: Mapping[str, tuple[int, ...]], layers: int | None
) -> tuple[dict[str, Any], list[str]]:
    """The config.json, and what was assumed."""
    try:
        sizes = kind.sizes(shapes)
    except (KeyError, ValueError, IndexError) as error:
        raise missing(str(prefix), f"complete {kind.title} encoder ({error})") from error
    path = find_config(*_folders(prefix))
    raw = read_object(path) if path else {}
    names = {"vocab_size": "n_token"} if kind.model_type == "xlnet" else {}
    raw = {names.get(key, key): value for key, value in raw.items()}
    config = {"model_type": kind.model_type, **kind.others, **with_sizes(raw, sizes, str(prefix))}
    config["model_type"] = kind.model_type
    activation = "ff_activation" if kind.model_type == "xlnet" else "hidden_act"
    if kind.model_type != "electra":  # Google's gelu is the tanh approximation, but for ELECTRA
        name = raw.get(activation, "gelu")
        config[activation] = "gelu_new" if name == "gelu" else name
    notes = [] if path or kind.model_type == "xlnet" else _assume_heads(config, prefix)
    layers_key = "n_layer" if kind.model_type == "xlnet" else "num_hidden_layers"
    return {**config, layers_key: layer_count(str(prefix), config.get(layers_key), layers)}, notes


def _assume_heads(config: dict[str, Any], prefix: Path) -> list[str]:
    """Set the number of attention heads, which no shape shows."""
    hidden = config["hidden_size"]
    width = HEAD_WIDTHS.get(hidden, HEAD_WIDTH) if config["model_type"] == "albert" else HEAD_WIDTH
    if hidden % width:
        raise WeightsError(
            f"{prefix}: the number of attention heads is unknown: there is no *config.json "
            f"beside it, and {hidden} isn't a multiple of {width}. Add one, such as "
            'bert_config.json with {"num_attention_heads": 4}.'
        )
    config["num_attention_heads"] = hidden // width
    return [f"no *config.json was found: attention heads of {width} each are assumed"]


def _folders(prefix: Path) -> list[Path]:
    """Where a checkpoint's other files are: beside it, or in a module of TF Hub in its assets."""
    if prefix.parent.name != "variables":
        return [prefix.parent]
    return [prefix.parent.parent / "assets", prefix.parent.parent]


def _head(
    kind: Kind, keys: Mapping[str, str], shapes: Mapping[str, tuple[int, ...]]
) -> tuple[str | None, Head | None]:
    """PyTorch's class if the head isn't for classification; else the classification head."""
    module = "logits_proj" if kind.model_type == "xlnet" else "classifier"
    if f"{module}.weight" in shapes:
        shape = shapes[f"{module}.weight"]
        outputs = shape[-1] if kind.model_type == "xlnet" else shape[0]
        regression = any(name.startswith("model/regression_") for name in keys)
        return None, Head(module, outputs, task="regression" if regression else None)
    if "qa_outputs.weight" in shapes:
        return "BertForQuestionAnswering", None
    name, mark = kind.pretrained
    return (name if any(key.startswith(mark) for key in shapes) else None), None


def _left_out(kind: Kind, left: list[str]) -> list[str]:
    if not left:
        return []
    heads = sorted({"/".join(name.split("/")[:2]) for name in left})
    return [f"without a counterpart in PyTorch's {kind.title}, left out: {', '.join(heads[:5])}"]


BERT = {"layer_norm_eps": 1e-12, "pad_token_id": 0}
KINDS = (
    Kind("ELECTRA", "electra", r"electra/embeddings/", "electra/", _bert_name, ELECTRA_HEADS,
         ("ElectraForPreTraining", "discriminator_predictions."),
         partial(_bert_sizes, "electra"), {**BERT, "hidden_act": "gelu"}),
    Kind("ALBERT", "albert", r"bert/encoder/transformer/group_", "bert/", _albert_name,
         ALBERT_HEADS, ("AlbertForPreTraining", "predictions."), _albert_sizes, BERT),
    Kind("XLNet", "xlnet", r"model/transformer/", "model/transformer/", _xlnet_name, XLNET_HEADS,
         ("XLNetLMHeadModel", "lm_loss."), _xlnet_sizes, {"layer_norm_eps": 1e-12}),
    Kind("BERT", "bert", r"bert/embeddings/", "bert/", _bert_name, BERT_HEADS,
         ("BertForPreTraining", "cls."), partial(_bert_sizes, "bert"), BERT),
)  # fmt: skip
