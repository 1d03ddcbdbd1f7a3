"""Whole Keras models of keras_bert, as ktrain's `text_classifier("bert")` saved them.

They are read as data: the sizes come from the model's own description, and the weights get the
names of PyTorch's BERT (https://github.com/CyberZHG/keras-bert).
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import WeightsError
from .hdf5 import data_sets, local_array, opened, values_of

BLOCK = r"Encoder-(\d+)-"
# keras_bert's name within a layer -> PyTorch's, for the parts of one encoder block.
PARTS = {
    "MultiHeadSelfAttention_Wq": "attention.self.query.weight",
    "MultiHeadSelfAttention_bq": "attention.self.query.bias",
    "MultiHeadSelfAttention_Wk": "attention.self.key.weight",
    "MultiHeadSelfAttention_bk": "attention.self.key.bias",
    "MultiHeadSelfAttention_Wv": "attention.self.value.weight",
    "MultiHeadSelfAttention_bv": "attention.self.value.bias",
    "MultiHeadSelfAttention_Wo": "attention.output.dense.weight",
    "MultiHeadSelfAttention_bo": "attention.output.dense.bias",
    "MultiHeadSelfAttention-Norm/gamma": "attention.output.LayerNorm.weight",
    "MultiHeadSelfAttention-Norm/beta": "attention.output.LayerNorm.bias",
    "FeedForward_W1": "intermediate.dense.weight",
    "FeedForward_b1": "intermediate.dense.bias",
    "FeedForward_W2": "output.dense.weight",
    "FeedForward_b2": "output.dense.bias",
    "FeedForward-Norm/gamma": "output.LayerNorm.weight",
    "FeedForward-Norm/beta": "output.LayerNorm.bias",
}
OTHERS = {
    "Embedding-Token/embeddings": "bert.embeddings.word_embeddings.weight",
    "Embedding-Segment/embeddings": "bert.embeddings.token_type_embeddings.weight",
    "Embedding-Position/embeddings": "bert.embeddings.position_embeddings.weight",
    "Embedding-Norm/gamma": "bert.embeddings.LayerNorm.weight",
    "Embedding-Norm/beta": "bert.embeddings.LayerNorm.bias",
    "NSP-Dense/kernel": "bert.pooler.dense.weight",
    "NSP-Dense/bias": "bert.pooler.dense.bias",
}


def read_keras_bert(path: Path) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """The config and the tensors of a keras_bert classifier, in the form of PyTorch's BERT.

    Raises:
        WeightsError: another model, or a damaged file.
    """
    with opened(path) as file:
        layers = _layers(file.attrs.get("model_config"), path)
        head = _head(layers, path)
        tensors = dict(_tensors(file, head, path))
        return _config(layers, head, tensors), tensors


def _layers(description: Any, path: Path) -> dict[str, dict[str, Any]]:
    """Each layer's settings by its name, in the model's order."""
    text = description.decode() if isinstance(description, bytes) else description
    try:
        layers = json.loads(text or "{}").get("config", {}).get("layers", [])
    except RecursionError as error:
        raise WeightsError(f"{path} has a description that is nested too deeply.") from error
    named = {layer["name"]: layer["config"] | {"class": layer["class_name"]} for layer in layers}
    if "Encoder-1-MultiHeadSelfAttention" not in named or "NSP-Dense" not in named:
        raise WeightsError(f"{path} isn't a keras_bert model: it lacks its layers' names.")
    return named


def _head(layers: dict[str, dict[str, Any]], path: Path) -> str:
    """The name of the output layer: the one dense layer behind the pooler."""
    names = list(layers)
    behind = names[names.index("NSP-Dense") + 1 :]
    dense = [name for name in behind if layers[name]["class"] == "Dense"]
    if len(dense) != 1:
        raise WeightsError(f"{path} has {len(dense)} dense layers as its head; 1 is supported.")
    return dense[0]


def _tensors(file: Any, head: str, path: Path) -> Iterator[tuple[str, np.ndarray]]:
    """Each tensor under its PyTorch name; kernels transposed."""
    for name in data_sets(file["model_weights"]):
        place = f"model_weights/{name}"
        layer, leaf = place.split("/")[-2:]
        key = _torch_key(f"{layer}/{leaf.split(':')[0]}", head)
        if key is None:
            raise WeightsError(f"{path} has a weight without a place in BERT: {place!r}.")
        value = values_of(local_array(file, path, place)).astype("float32")
        is_kernel = value.ndim == 2 and "embeddings" not in key
        yield key, np.ascontiguousarray(value.T if is_kernel else value)


def _torch_key(name: str, head: str) -> str | None:
    """PyTorch's name for a layer's weight, such as "Embedding-Norm/gamma"."""
    if name in OTHERS:
        return OTHERS[name]
    layer, _, leaf = name.partition("/")
    if layer == head:
        return {"kernel": "classifier.weight", "bias": "classifier.bias"}.get(leaf)
    # A custom layer's weight repeats the layer's name: Encoder-1-FeedForward_W1.
    full = leaf if leaf.startswith("Encoder-") else name
    match = re.match(BLOCK, full)
    part = PARTS.get(full[match.end() :]) if match else None
    if match is None or part is None:
        return None
    return f"bert.encoder.layer.{int(match[1]) - 1}.{part}"


def _config(
    layers: dict[str, dict[str, Any]], head: str, tensors: dict[str, np.ndarray]
) -> dict[str, Any]:
    """A config.json for the model."""
    attention, norm = layers["Encoder-1-MultiHeadSelfAttention"], layers["Embedding-Norm"]
    vocabulary, hidden = tensors["bert.embeddings.word_embeddings.weight"].shape
    dropout = float(layers.get("Embedding-Dropout", {}).get("rate", 0.1))
    return {
        "model_type": "bert",
        "architectures": ["BertForSequenceClassification"],
        "vocab_size": vocabulary,
        "hidden_size": hidden,
        "num_hidden_layers": sum(name.endswith("SelfAttention") for name in layers),
        "num_attention_heads": int(attention["head_num"]),
        "intermediate_size": len(tensors["bert.encoder.layer.0.intermediate.dense.bias"]),
        "hidden_act": "gelu_new",  # keras_bert's gelu is the tanh approximation
        "max_position_embeddings": len(tensors["bert.embeddings.position_embeddings.weight"]),
        "type_vocab_size": len(tensors["bert.embeddings.token_type_embeddings.weight"]),
        "layer_norm_eps": float(norm["epsilon"]),
        "hidden_dropout_prob": dropout,
        "attention_probs_dropout_prob": dropout,
        "pad_token_id": 0,
        "num_labels": len(tensors["classifier.bias"]),
        "head_activation": str(layers[head].get("activation")),
    }
