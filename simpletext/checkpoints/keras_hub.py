"""Presets of keras-hub and keras_nlp: config.json, model.weights.h5, task.weights.h5, assets/.

https://github.com/keras-team/keras-hub. Keras names the layers in the weight file after their
classes, in the model's order: `layers/transformer_encoder_1/_self_attention_layer/...`.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import UnsupportedModelError, WeightsError
from .hdf5 import data_sets, local_array, opened, values_of
from .hub import CONFIG
from .old_checkpoint import (
    MOST_LAYERS,
    Head,
    LazyTensors,
    OldCheckpoint,
    OldTokenizer,
    merged_heads,
    missing,
    read_object,
)

WEIGHTS, TASK_WEIGHTS, SHARDS = "model.weights.h5", "task.weights.h5", "model.weights.json"
ENCODER = "transformer_encoder"
BLOCK = {
    "_self_attention_layer/query_dense": "attention.self.query",
    "_self_attention_layer/key_dense": "attention.self.key",
    "_self_attention_layer/value_dense": "attention.self.value",
    "_self_attention_layer/output_dense": "attention.output.dense",
    "_self_attention_layer_norm": "attention.output.LayerNorm",
    "_feedforward_intermediate_dense": "intermediate.dense",
    "_feedforward_output_dense": "output.dense",
    "_feedforward_layer_norm": "output.LayerNorm",
}
ALBERT_BLOCK = {
    "_self_attention_layer/query_dense": "attention.query",
    "_self_attention_layer/key_dense": "attention.key",
    "_self_attention_layer/value_dense": "attention.value",
    "_self_attention_layer/output_dense": "attention.dense",
    "_self_attention_layer_norm": "attention.LayerNorm",
    "_feedforward_intermediate_dense": "ffn",
    "_feedforward_output_dense": "ffn_output",
    "_feedforward_layer_norm": "full_layer_layer_norm",
}
DISTILBERT_BLOCK = {
    "_self_attention_layer/query_dense": "attention.q_lin",
    "_self_attention_layer/key_dense": "attention.k_lin",
    "_self_attention_layer/value_dense": "attention.v_lin",
    "_self_attention_layer/output_dense": "attention.out_lin",
    "_self_attention_layer_norm": "sa_layer_norm",
    "_feedforward_intermediate_dense": "ffn.lin1",
    "_feedforward_output_dense": "ffn.lin2",
    "_feedforward_layer_norm": "output_layer_norm",
}
DEBERTA_BLOCK = BLOCK | {
    "_self_attention_layer/_query_dense": "attention.self.query_proj",
    "_self_attention_layer/_key_dense": "attention.self.key_proj",
    "_self_attention_layer/_value_dense": "attention.self.value_proj",
    "_self_attention_layer/_output_dense": "attention.output.dense",
}
FNET_BLOCK = {
    "_mixing_layer_norm": "fourier.output.LayerNorm",
    "_intermediate_dense": "intermediate.dense",
    "_output_dense": "output.dense",
    "_output_layer_norm": "output.LayerNorm",
}
EMBEDDINGS = {
    "reversible_embedding": "embeddings.word_embeddings",
    "position_embedding": "embeddings.position_embeddings",
    "embedding": "embeddings.token_type_embeddings",
    "layer_normalization": "embeddings.LayerNorm",
}
TWO_EMBEDDINGS = {
    "token_and_position_embedding/token_embedding": "embeddings.word_embeddings",
    "token_and_position_embedding/position_embedding": "embeddings.position_embeddings",
    "layer_normalization": "embeddings.LayerNorm",
}
SIZES = {
    "vocabulary_size": "vocab_size",
    "num_layers": "num_hidden_layers",
    "num_heads": "num_attention_heads",
    "hidden_dim": "hidden_size",
    "intermediate_dim": "intermediate_size",
    "max_sequence_length": "max_position_embeddings",
}
SEGMENTS = SIZES | {"num_segments": "type_vocab_size"}
DISTILBERT_SIZES = {
    "vocabulary_size": "vocab_size",
    "num_layers": "n_layers",
    "num_heads": "n_heads",
    "hidden_dim": "dim",
    "intermediate_dim": "hidden_dim",
    "max_sequence_length": "max_position_embeddings",
}
GOOGLE = {"hidden_act": "gelu_new", "layer_norm_eps": 1e-12, "pad_token_id": 0}
ROBERTA = {
    "hidden_act": "gelu", "layer_norm_eps": 1e-5, "type_vocab_size": 1,
    "pad_token_id": 1, "bos_token_id": 0, "eos_token_id": 2,
}  # fmt: skip
DEBERTA = {
    "hidden_act": "gelu", "layer_norm_eps": 1e-7, "type_vocab_size": 0, "pad_token_id": 0,
    "relative_attention": True, "share_att_key": True, "pos_att_type": ["p2c", "c2p"],
    "position_biased_input": False, "norm_rel_ebd": "layer_norm", "pooler_hidden_act": "gelu",
    "pooler_dropout": 0.0,
}  # fmt: skip


@dataclass(frozen=True)
class Backbone:
    """One of keras-hub's encoders.

    Attributes:
        model_type: in config.json.
        others: layers besides the blocks -> modules in PyTorch, without the prefix.
        block: the parts of a block -> modules in PyTorch.
        places: PyTorch's name of a block; `{i}` is its number.
        layer: the blocks' class in snake case, as in the file.
        sizes: keras-hub's names -> those of config.json.
        constants: further values of config.json.
        base: the prefix in PyTorch.
        head: a task's dense layers in PyTorch, the output layer last.
        padding_rows: rows of zeros that PyTorch has before the positions.
    """

    model_type: str
    others: Mapping[str, str]
    block: Mapping[str, str] = field(default_factory=lambda: BLOCK)
    places: str = "encoder.layer.{i}."
    layer: str = ENCODER
    sizes: Mapping[str, str] = field(default_factory=lambda: SEGMENTS)
    constants: Mapping[str, Any] = field(default_factory=lambda: GOOGLE)
    base: str = "bert."
    head: tuple[str, ...] = ("classifier",)
    padding_rows: int = 0


BERT = Backbone("bert", EMBEDDINGS | {"dense": "pooler.dense"})
PROJECTED = {"dense": "encoder.embedding_hidden_mapping_in", "dense_1": "pooler.dense"}
ELECTRA_SIZES = {k: v for k, v in SEGMENTS.items() if k != "vocabulary_size"} | {
    "vocab_size": "vocab_size"
}
ROBERTA_LIKE = Backbone(
    "roberta", TWO_EMBEDDINGS, sizes=SIZES, constants=ROBERTA, base="roberta.",
    head=("classifier.dense", "classifier.out_proj"), padding_rows=2,
)  # fmt: skip
BACKBONES = {
    "BertBackbone": BERT,
    "RobertaBackbone": ROBERTA_LIKE,
    "XLMRobertaBackbone": Backbone(
        "xlm-roberta", TWO_EMBEDDINGS, sizes=SIZES, constants=ROBERTA, base="roberta.",
        head=ROBERTA_LIKE.head, padding_rows=2,
    ),
    "DistilBertBackbone": Backbone(
        "distilbert", TWO_EMBEDDINGS, DISTILBERT_BLOCK, "transformer.layer.{i}.",
        sizes=DISTILBERT_SIZES, constants={"activation": "gelu", "pad_token_id": 0},
        base="distilbert.", head=("pre_classifier", "classifier"),
    ),
    "AlbertBackbone": Backbone(
        "albert", EMBEDDINGS | {"dense": PROJECTED["dense"], "dense_1": "pooler"}, ALBERT_BLOCK,
        "encoder.albert_layer_groups.{i}.albert_layers.{j}.",
        sizes=SEGMENTS | {"embedding_dim": "embedding_size", "num_groups": "num_hidden_groups",
                          "num_inner_repetitions": "inner_group_num"},
        base="albert.",
    ),
    # ELECTRA with a pooler is BERT, or RemBERT if its embeddings are projected.
    "ElectraBackbone": Backbone("bert", BERT.others, sizes=ELECTRA_SIZES),
    "ProjectedElectraBackbone": Backbone(
        "rembert", EMBEDDINGS | PROJECTED, base="rembert.",
        sizes=ELECTRA_SIZES | {"embedding_dim": "input_embedding_size"},
    ),
    "FNetBackbone": Backbone(
        "fnet", EMBEDDINGS | {"dense": "embeddings.projection", "dense_1": "pooler.dense"},
        FNET_BLOCK, layer="f_net_encoder", base="fnet.",
        sizes={key: name for key, name in SEGMENTS.items() if key != "num_heads"},
        constants=GOOGLE | {"pad_token_id": 3},
    ),
    "DebertaV3Backbone": Backbone(
        "deberta-v2",
        {"reversible_embedding": "embeddings.word_embeddings",
         "layer_normalization": "embeddings.LayerNorm",
         "relative_embedding": "encoder.rel_embeddings",
         "relative_embedding/layer_norm": "encoder.LayerNorm"},
        DEBERTA_BLOCK, layer="disentangled_attention_encoder",
        sizes=SIZES | {"bucket_size": "position_buckets"}, constants=DEBERTA, base="deberta.",
        head=("pooler.dense", "classifier"),
    ),
}  # fmt: skip


def read_keras_hub(folder: Path) -> OldCheckpoint:
    """A preset in the form of a PyTorch checkpoint.

    Raises:
        UnsupportedModelError: the backbone isn't an encoder of a supported family.
        WeightsError: damaged or incomplete weights.
        CheckpointError: damaged JSON.
    """
    kind, options = _backbone(folder)
    path = folder / WEIGHTS
    if not path.is_file():
        lies = f"; {SHARDS} names shards, which simpletext doesn't read" if (
            folder / SHARDS).is_file() else ""  # fmt: skip
        raise WeightsError(f"There is no {WEIGHTS} in {folder}{lies}. Get the preset again, whole.")
    layers = _count(options, "num_layers")
    places = dict(_places(path, kind, options, layers))
    readers: dict[str, Callable[[], np.ndarray]] = {
        kind.base + name: partial(_value, path, place, name, kind.padding_rows)
        for name, place in places.items()
    }
    config = _config(kind, options)
    if kind.padding_rows:  # RoBERTa has one token type, whose row keras-hub leaves out
        hidden = config["hidden_size"]
        types = f"{kind.base}embeddings.token_type_embeddings.weight"
        readers[types] = partial(np.zeros, (1, hidden), "float32")
    head, notes = _head(folder, kind, config, readers)
    return OldCheckpoint(
        source=folder,
        format=f"a preset of {_program(folder)}",
        config=config,
        tensors=LazyTensors(str(path), readers),
        head=head,
        tokenizer=_tokenizer(folder),
        notes=notes,
    )


def _backbone(folder: Path) -> tuple[Backbone, dict[str, Any]]:
    """The backbone and its options."""
    config = read_object(folder / CONFIG)
    name, options = config.get("class_name"), config.get("config")
    if not isinstance(options, dict):
        raise WeightsError(f"{folder / CONFIG} has no options of its backbone. Get it again.")
    if name == "ElectraBackbone" and options.get("embedding_dim") != options.get("hidden_dim"):
        name = "ProjectedElectraBackbone"
    if name not in BACKBONES:
        known = ", ".join(key for key in BACKBONES if not key.startswith("Projected"))
        raise UnsupportedModelError(
            f"{folder} is a preset of {name!r}; simpletext converts {known}."
        )
    return BACKBONES[str(name)], options


def _count(options: Mapping[str, Any], name: str) -> int:
    value = options.get(name, 1)
    if type(value) is not int or not 1 <= value <= MOST_LAYERS:
        raise WeightsError(f"config.json has {name}={value!r}, which can't be. Get it again.")
    return value


def _places(
    path: Path, kind: Backbone, options: Mapping[str, Any], layers: int
) -> Iterator[tuple[str, str]]:
    """Each tensor's name in PyTorch, and its place in the file; every weight is used."""
    blocks = [kind.places.format(i=i, j=0) for i in range(layers)]
    if kind.model_type == "albert":
        groups, inner = _count(options, "num_groups"), _count(options, "num_inner_repetitions")
        blocks = [kind.places.format(i=i, j=j) for i in range(groups) for j in range(inner)]
    modules = dict(kind.others)
    for number, block in enumerate(blocks):
        layer = kind.layer + (f"_{number}" if number else "")
        modules |= {f"{layer}/{own}": block + theirs for own, theirs in kind.block.items()}
    with opened(path) as file:
        for place in data_sets(file["layers"]):
            module, _, index = place.partition("/vars/")
            leaf = {"0": "weight", "1": "bias"}.get(index)
            if module not in modules or leaf is None:
                raise WeightsError(
                    f"{path} has a weight without a place in {kind.model_type}: {place!r}. "
                    "config.json is of another checkpoint, or the file is damaged."
                )
            yield f"{modules[module]}.{leaf}", f"layers/{place}"


def _value(path: Path, place: str, name: str, padding_rows: int) -> np.ndarray:
    """A tensor in PyTorch's orientation, which merges heads and widths into one axis."""
    with opened(path) as file:
        value = values_of(local_array(file, path, place))
    if name.endswith("position_embeddings.weight") and padding_rows:
        return np.concatenate([np.zeros((padding_rows, value.shape[-1]), value.dtype), value])
    is_embedding = "embeddings." in name and not name.endswith("projection.weight")
    if is_embedding or value.ndim < 2:
        return value
    return merged_heads(value, name.endswith(".bias"), "/output_dense/" in place)


def _config(kind: Backbone, options: Mapping[str, Any]) -> dict[str, Any]:
    """The config.json of a backbone."""
    sizes = {theirs: options.get(own) for own, theirs in kind.sizes.items()}
    wrong = [own for own in kind.sizes if type(options.get(own)) is not int or options[own] < 1]
    if wrong:
        raise missing(CONFIG, f"whole number as {', '.join(wrong)}")
    config: dict[str, Any] = {"model_type": kind.model_type, **kind.constants, **sizes}
    config["max_position_embeddings"] += kind.padding_rows
    if kind.model_type == "deberta-v2":
        config["max_relative_positions"] = config["max_position_embeddings"]
    dropout = options.get("dropout", 0.1)
    if kind.model_type == "distilbert":
        return config | {"dropout": dropout, "attention_dropout": dropout}
    return config | {"hidden_dropout_prob": dropout, "attention_probs_dropout_prob": dropout}


def _head(
    folder: Path, kind: Backbone, config: Mapping[str, Any], readers: dict[str, Any]
) -> tuple[Head | None, list[str]]:
    """The classification head of a task; adds its tensors to `tensors`."""
    task = folder / "task.json"
    if not task.is_file() or not (folder / TASK_WEIGHTS).is_file():
        return None, []
    described = read_object(task)
    name, options = str(described.get("class_name")), described.get("config")
    if not name.endswith("Classifier") or not isinstance(options, dict):
        return None, [f"the head of {name} has no counterpart here and is left out"]
    path = folder / TASK_WEIGHTS
    with opened(path) as file:
        found = sorted(p for p in data_sets(file["layers"]) if p.count("/") == 2)
        shapes = {p: tuple(local_array(file, path, f"layers/{p}").shape) for p in found}
    modules = ["dense", "dense_1"][: len(kind.head)]
    if sorted(shapes) != [f"{module}/vars/{i}" for module in modules for i in (0, 1)]:
        raise WeightsError(
            f"{path} doesn't hold the {len(modules)} dense layers of a {name}. Get it again."
        )
    for module, theirs in zip(modules, kind.head, strict=True):
        for index, leaf in enumerate(("weight", "bias")):
            place = f"layers/{module}/vars/{index}"
            key = f"{theirs}.{leaf}"
            readers[key] = partial(_value, path, place, key, 0)
    activation = options.get("activation")
    known = activation if activation in ("softmax", "sigmoid") else None
    return Head(kind.head[-1], shapes[f"{modules[-1]}/vars/1"][0], known), []


def _program(folder: Path) -> str:
    """The program that wrote a preset, with its version."""
    path = folder / "metadata.json"
    metadata = read_object(path) if path.is_file() else {}
    for key, name in (("keras_hub_version", "keras-hub"), ("keras_nlp_version", "keras_nlp")):
        if isinstance(metadata.get(key), str):
            return f"{name} {metadata[key]}"
    return "keras-hub or keras_nlp"


def _tokenizer(folder: Path) -> OldTokenizer | None:
    """The tokenizer's files; older presets have them in assets/ itself."""
    path = folder / "tokenizer.json"
    described = read_object(path).get("config") if path.is_file() else None
    options = described if isinstance(described, dict) else {}
    for assets in (folder / "assets" / "tokenizer", folder / "assets"):
        for name in ("vocabulary.txt", "vocabulary.spm", "vocabulary.json"):
            if (assets / name).is_file():
                merges = assets / "merges.txt"
                return OldTokenizer(
                    assets / name,
                    merges if merges.is_file() else None,
                    _flag(options.get("lowercase")),
                    _flag(options.get("strip_accents")),
                )
    return None


def _flag(value: Any) -> bool | None:
    return value if isinstance(value, bool) else None
