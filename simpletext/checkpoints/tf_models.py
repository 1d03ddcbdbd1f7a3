"""SavedModels and checkpoints of tf-models-official, as TF Hub and Kaggle have them.

BERT, its experts and small sizes, ALBERT, ELECTRA, talking-heads BERT, and classifiers on top of
them (https://github.com/tensorflow/models/tree/master/official). Variables are identified by their
full names in the object graph; their keys differ from model to model.
"""

import json
import re
from collections.abc import Iterator, Mapping
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
    OldTokenizer,
    find_config,
    find_tokenizer,
    layer_count,
    merged_heads,
    missing,
    read_object,
    with_sizes,
)
from .protobuf import fields
from .tensor_bundle import TensorBundle

VARIABLES = "variables/variables"  # the bundle of a SavedModel
METADATA = "keras_metadata.pb"
LARGEST_METADATA = 1 << 24  # bytes
BOOL = 10  # a DataType
EMBEDDINGS = {
    "word_embeddings/embeddings": "embeddings.word_embeddings.weight",
    "position_embedding/embeddings": "embeddings.position_embeddings.weight",
    "type_embeddings/embeddings": "embeddings.token_type_embeddings.weight",
    "embeddings/layer_norm/gamma": "embeddings.LayerNorm.weight",
    "embeddings/layer_norm/beta": "embeddings.LayerNorm.bias",
}
LAYER = re.compile(r"(?:.*/)?transformer(?:_scaffold)?(?:_(\d+))?(?:/layer_(\d+))?/(.+)/(\w+)")
SOFTMAX_WEIGHTS = re.compile(r"(?:.*/)?transformer_scaffold(?:_(\d+))?/self_attention/(\w+)_weight")
PARTS = {
    "self_attention/query": "attention.self.query",
    "self_attention/key": "attention.self.key",
    "self_attention/value": "attention.self.value",
    "self_attention/attention_output": "attention.output.dense",
    "self_attention_layer_norm": "attention.output.LayerNorm",
    "intermediate": "intermediate.dense",
    "output": "output.dense",
    "output_layer_norm": "output.LayerNorm",
    "feedforward/intermediate_0": "intermediate.dense",
    "feedforward/gate_0": "intermediate.gate",
    "feedforward/output_0": "output.dense",
    "feedforward/output_layer_norm_0": "output.LayerNorm",
}
ALBERT_PARTS = {
    "self_attention/query": "attention.query",
    "self_attention/key": "attention.key",
    "self_attention/value": "attention.value",
    "self_attention/attention_output": "attention.dense",
    "self_attention_layer_norm": "attention.LayerNorm",
    "intermediate": "ffn",
    "output": "ffn_output",
    "output_layer_norm": "full_layer_layer_norm",
}
LEAVES = {"kernel": "weight", "gamma": "weight"}
MASKED_LM = re.compile(
    r"(?:.*/)?cls/predictions/(?:transform/)?(dense|LayerNorm|output_bias)/(\w+)"
)
POOLER = re.compile(r"(?:.*/)?(?:pooler|cls)_transform/(\w+)")
PROJECTION = re.compile(r"(?:.*/)?embedding_projection/(\w+)")
IGNORED = re.compile(r"(?:.*/)?(Variable|save_counter|iteration|learning_rate|total|count)(_\d+)?")
ACTIVATIONS = {"gelu": "gelu_new", "relu": "relu", "swish": "silu", "silu": "silu", "tanh": "tanh"}
FAMILIES = {  # model_type -> title, prefix in PyTorch, class with the masked-language-model head
    "bert": ("BERT", "bert.", "BertForMaskedLM"),
    "albert": ("ALBERT", "albert.", "AlbertForMaskedLM"),
    "rembert": ("BERT with projected embeddings", "rembert.", None),
    "talking_heads_bert": ("talking-heads BERT", "bert.", None),
}


@dataclass(frozen=True)
class Metadata:
    """The layers' settings in keras_metadata.pb; all None if there is no such file."""

    version: str | None = None
    layers: int | None = None
    activation: str | None = None
    heads: Mapping[str, str] | None = None  # dense layer -> its activation


def read_tf_models(prefix: Path, layers: int | None = None) -> OldCheckpoint:
    """A SavedModel or a TensorFlow 2 checkpoint of tf-models-official.

    Args:
        prefix: the bundle's path without ".index"; of a SavedModel "variables/variables" in it.
        layers: the number of layers of an ALBERT that doesn't contain it.

    Raises:
        WeightsError: damaged, incomplete, or of another program.
        ArgumentError: `layers` is missing, or contradicts the checkpoint.
    """
    bundle = TensorBundle(prefix)
    saved = prefix.parent.name == "variables"
    folder = prefix.parent.parent if saved else prefix.parent
    names = {n: k for n, k in bundle.names().items() if not n.startswith(("Adam/", "AdamW/"))}
    model_type = _model_type(names, prefix)
    title, base, masked = FAMILIES[model_type]
    renamed, rest = _renamed(model_type, names)
    metadata = _metadata(folder / METADATA)
    config = _config(model_type, bundle, renamed, folder, metadata, layers)
    head, notes = _head(bundle, renamed, rest, config["hidden_size"], metadata)
    has_mask = any("predictions." in name for name in renamed)
    kind = "SavedModel" if saved else "TensorFlow 2 checkpoint"
    version = f", Keras {metadata.version}" if metadata.version else ""
    prefixed = {
        name if name.startswith(("cls.", "predictions.", "classifier.")) else base + name: key
        for name, key in renamed.items()
    }
    return OldCheckpoint(
        source=prefix,
        format=f"a {kind} of tf-models-official ({title}{version})",
        config=config,
        tensors=LazyTensors(str(prefix), dict(_readers(bundle, prefixed))),
        architecture=masked if has_mask and head is None else None,
        head=head,
        tokenizer=_tokenizer(bundle, names, folder, saved),
        notes=notes,
    )


def _model_type(names: Mapping[str, str], prefix: Path) -> str:
    def has(pattern: str) -> bool:
        return any(re.fullmatch(pattern, name) for name in names)

    if not has(r"(.*/)?word_embeddings/embeddings") or not has(r".*self_attention/query/kernel"):
        some = ", ".join(sorted(names)[:3]) or "none"
        raise WeightsError(
            f"{prefix} isn't an encoder of tf-models-official: its variables have other names "
            f"({some}). Load it with the program that wrote it."
        )
    if has(r".*/pre_softmax_weight"):
        return "talking_heads_bert"
    if has(r"(.*/)?transformer/self_attention/query/kernel"):
        return "albert"
    return "rembert" if has(r"(.*/)?embedding_projection/kernel") else "bert"


def _renamed(model_type: str, names: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """PyTorch's name (without the encoder's prefix) -> key; and the names without a counterpart."""
    order = _order_of_scaffolds(names)
    renamed, rest = {}, {}
    for name, key in names.items():
        theirs = _torch_name(model_type, name, order)
        if theirs is not None:
            renamed[theirs] = key
        elif not IGNORED.fullmatch(name):
            rest[name] = key
    return renamed, rest


def _order_of_scaffolds(names: Mapping[str, str]) -> dict[int, int]:
    """The number in a scaffold's name -> the layer's index."""
    found = [re.search(r"transformer_scaffold(?:_(\d+))?/", name) for name in names]
    numbers = sorted({int(match[1] or 0) for match in found if match})
    return {number: layer for layer, number in enumerate(numbers)}


def _torch_name(model_type: str, name: str, order: Mapping[int, int]) -> str | None:
    for theirs, own in EMBEDDINGS.items():
        if name == theirs or name.endswith("/" + theirs):
            return own
    if match := POOLER.fullmatch(name):
        module = "pooler" if model_type == "albert" else "pooler.dense"
        return f"{module}.{LEAVES.get(match[1], match[1])}"
    if match := PROJECTION.fullmatch(name):
        return f"encoder.embedding_hidden_mapping_in.{LEAVES.get(match[1], match[1])}"
    if match := MASKED_LM.fullmatch(name):
        return _masked_name(model_type, match[1], match[2])
    if match := SOFTMAX_WEIGHTS.fullmatch(name):
        return f"encoder.layer.{order[int(match[1] or 0)]}.attention.self.{match[2]}.weight"
    if match := LAYER.fullmatch(name):
        leaf = {"beta": "bias"}.get(match[4], LEAVES.get(match[4], match[4]))
        part = (ALBERT_PARTS if model_type == "albert" else PARTS).get(match[3])
        if part is None:
            return None
        if model_type == "albert":
            return f"encoder.albert_layer_groups.0.albert_layers.0.{part}.{leaf}"
        layer = int(match[2]) if match[2] else order.get(int(match[1] or 0), 0)
        return f"encoder.layer.{layer}.{part}.{leaf}"
    return None


def _masked_name(model_type: str, module: str, leaf: str) -> str | None:
    """PyTorch's name for a weight of the masked language model's head, for families with one."""
    base = {"bert": "cls.predictions.", "albert": "predictions."}.get(model_type)
    if base is None:
        return None
    if module == "output_bias":
        return base + "bias"
    inner = "transform." if model_type == "bert" else ""
    return f"{base}{inner}{module}.{ {'beta': 'bias'}.get(leaf, LEAVES.get(leaf, leaf)) }"


def _readers(bundle: TensorBundle, renamed: Mapping[str, str]) -> Iterator[tuple[str, Any]]:
    for name, key in renamed.items():
        yield name, partial(_value, bundle, key, name)


def _value(bundle: TensorBundle, key: str, name: str) -> np.ndarray:
    """A variable in PyTorch's orientation, which merges heads and widths into one axis."""
    value = bundle.get_tensor(key)
    if name.endswith(("embeddings.weight", "_softmax.weight")) or value.ndim == 1:
        return value
    return merged_heads(value, name.endswith(".bias"), _is_output(name))


def _is_output(name: str) -> bool:
    return name.endswith(("attention.output.dense.weight", "attention.dense.weight"))


def _config(
    model_type: str,
    bundle: TensorBundle,
    renamed: Mapping[str, str],
    folder: Path,
    metadata: Metadata,
    layers: int | None,
) -> dict[str, Any]:
    """The config.json, from the shapes, the metadata and the checkpoint's own config."""
    shapes = {name: bundle.shape(key) for name, key in renamed.items()}
    try:
        sizes = _sizes(model_type, shapes)
    except (KeyError, ValueError, IndexError) as error:
        raise missing(str(bundle.prefix), f"complete encoder ({error})") from error
    path = find_config(folder, folder / "assets")
    raw = read_object(path) if path else {}
    sizes["num_hidden_layers"] = _layer_count(bundle.prefix, renamed, raw, metadata, layers)
    known = {key: value for key, value in raw.items() if key in sizes}
    with_sizes(known, sizes, str(bundle.prefix))
    return {
        "model_type": model_type,
        **sizes,
        "hidden_act": _activation(metadata.activation or raw.get("hidden_act", "gelu"), folder),
        "hidden_dropout_prob": raw.get("hidden_dropout_prob", 0.1),
        "attention_probs_dropout_prob": raw.get("attention_probs_dropout_prob", 0.1),
        "initializer_range": raw.get("initializer_range", 0.02),
        "layer_norm_eps": 1e-12,
        "pad_token_id": 0,
    }


def _sizes(model_type: str, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, int]:
    albert = model_type == "albert"
    block = "encoder.albert_layer_groups.0.albert_layers.0." if albert else "encoder.layer.0."
    query, inner = ("attention.query", "ffn") if albert else (
        "attention.self.query", "intermediate.dense")  # fmt: skip
    vocabulary, width = shapes["embeddings.word_embeddings.weight"]
    hidden, heads, _ = shapes[f"{block}{query}.weight"]
    names = {"albert": "embedding_size", "rembert": "input_embedding_size"}
    return {
        "vocab_size": vocabulary,
        "hidden_size": hidden,
        "num_attention_heads": heads,
        "intermediate_size": shapes[f"{block}{inner}.bias"][0],
        "max_position_embeddings": shapes["embeddings.position_embeddings.weight"][0],
        "type_vocab_size": shapes["embeddings.token_type_embeddings.weight"][0],
        **({names[model_type]: width} if model_type in names else {}),
        **({"num_hidden_groups": 1, "inner_group_num": 1} if albert else {}),
    }


def _layer_count(
    prefix: Path,
    renamed: Mapping[str, str],
    raw: Mapping[str, Any],
    metadata: Metadata,
    layers: int | None,
) -> int:
    numbers = [int(m[1]) for name in renamed if (m := re.match(r"encoder\.layer\.(\d+)\.", name))]
    found = max(numbers) + 1 if numbers else metadata.layers or raw.get("num_hidden_layers")
    return layer_count(str(prefix), found, layers)


def _activation(value: Any, folder: Path) -> str:
    """Hugging Face's name of an activation; tf-models-official's gelu is the tanh approximation."""
    name = value.get("config") if isinstance(value, dict) else value
    short = str(name).rpartition(">")[2].lower()
    if short not in ACTIVATIONS:
        raise WeightsError(
            f"{folder} has the activation {name!r}; simpletext converts {', '.join(ACTIVATIONS)}."
        )
    return ACTIVATIONS[short]


def _head(
    bundle: TensorBundle,
    renamed: dict[str, str],
    rest: Mapping[str, str],
    hidden: int,
    metadata: Metadata,
) -> tuple[Head | None, list[str]]:
    """The one dense layer after the pooler, added to the tensors; else a note."""
    kernels = [n for n in rest if n.endswith("/kernel") and bundle.shape(rest[n])[:1] == (hidden,)]
    module = kernels[0].rpartition("/")[0] if len(kernels) == 1 else None
    if module is None or set(rest) != {f"{module}/kernel", f"{module}/bias"}:
        names = ", ".join(sorted({name.rpartition("/")[0] or name for name in rest})[:5])
        return None, [
            f"without a counterpart in PyTorch's model, left out: {names}"
        ] if rest else []
    renamed["classifier.weight"] = rest[f"{module}/kernel"]
    renamed["classifier.bias"] = rest[f"{module}/bias"]
    activation = (metadata.heads or {}).get(module.rpartition("/")[2])
    outputs = bundle.shape(rest[f"{module}/bias"])[0]
    return Head("classifier", outputs, activation if activation != "linear" else None), []


def _tokenizer(
    bundle: TensorBundle, names: Mapping[str, str], folder: Path, saved: bool
) -> OldTokenizer | None:
    flags = [key for key in names.values() if _is_flag(bundle, key)]
    lowercase = bool(bundle.get_tensor(flags[0])) if flags else None
    return find_tokenizer(folder / "assets" if saved else folder, lowercase=lowercase)


def _is_flag(bundle: TensorBundle, key: str) -> bool:
    """Whether a variable is do_lower_case, the only boolean."""
    entry = bundle.entries[key]
    return entry.dtype == BOOL and entry.shape == ()


def _metadata(path: Path) -> Metadata:
    """The content of keras_metadata.pb, which describes the layers in JSON in several fields."""
    if not path.is_file() or path.stat().st_size > LARGEST_METADATA:
        return Metadata()
    layers: list[dict[str, Any]] = []
    version = None
    try:
        for number, node in fields(path.read_bytes()):
            if number == 1:
                for text in _texts(node):
                    content = json.loads(text)
                    version = version or content.get("keras_version")
                    layers += _layers_in(content)
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        raise WeightsError(f"{path} can't be read ({error}). Get the model again.") from error
    encoder = next((one for one in layers if _is_encoder(one["class_name"])), None)
    options = encoder["config"] if encoder else {}
    inner = options.get("hidden_cfg") or {}
    return Metadata(
        version if isinstance(version, str) else None,
        options.get("num_layers"),
        options.get("inner_activation") or options.get("activation")
        or inner.get("intermediate_activation"),
        {o["config"]["name"]: _named(o["config"].get("activation")) for o in layers
         if o["class_name"] == "Dense" and isinstance(o["config"].get("name"), str)},
    )  # fmt: skip


def _named(activation: Any) -> str:
    return activation if isinstance(activation, str) else "linear"


def _texts(node: bytes) -> Iterator[bytes]:
    return (value for _, value in fields(node) if isinstance(value, bytes) and value[:1] == b"{")


def _is_encoder(name: str) -> bool:
    return name.rpartition(">")[2] in (
        "BertEncoder", "BertEncoderV2", "AlbertEncoder", "EncoderScaffold", "TransformerEncoder",
    )  # fmt: skip


def _layers_in(value: Any) -> Iterator[dict[str, Any]]:
    """All descriptions of layers, at any depth."""
    if isinstance(value, dict):
        if isinstance(value.get("class_name"), str) and isinstance(value.get("config"), dict):
            yield value
        value = list(value.values())
    if isinstance(value, list):
        for part in value:
            yield from _layers_in(part)
