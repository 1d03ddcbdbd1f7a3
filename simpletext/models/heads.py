"""Pooling and task heads: hidden states in, logits out.

A head is a small frozen object: `__call__` puts its layers on top of symbolic hidden states, and
`table` names their weights in the original file (see `weightmap`). Its `mask` is the attention
mask, or the input that the head names as `reads`.
"""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import keras
from keras import ops

from ..errors import UnsupportedModelError
from ..layers.activations import activation
from ..layers.base import Part
from ..layers.dense import Dense
from ..layers.dropout import dropout
from ..layers.transformer_block import TransformerBlock
from ..utils import backend


@keras.saving.register_keras_serializable("simpletext")
class Dropout(Part):
    """Dropout with its own seed."""

    def __init__(self, rate, seed=0, **kwargs):
        super().__init__(**kwargs)
        self.rate, self.seed = rate, seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def compute_output_shape(self, shape):
        return shape

    def call(self, x, training=None):
        return dropout(x, self.rate, self.seed_generator, training)


@keras.saving.register_keras_serializable("simpletext")
class FirstToken(Part):
    """The hidden state of the first token: (batch, length, hidden) -> (batch, hidden)."""

    def compute_output_shape(self, shape):
        return (shape[0], shape[2])

    def call(self, x):
        return x[:, 0]


def first_token(hidden, dtype):
    """The state of the first token: (batch, length, hidden) -> (batch, hidden), both symbolic.

    If possible, the last block is called again for that token alone. That saves most of its work:
    with six blocks, a seventh of the model's.
    """
    block, arguments, options = backend.producing_call(hidden)
    takes = inspect.signature(block.call).parameters
    if isinstance(block, TransformerBlock) and "only_first" in takes:
        hidden = block(*arguments, **options, only_first=True)
    return FirstToken(name="first_token", dtype=dtype)(hidden)


@keras.saving.register_keras_serializable("simpletext")
class MaskedMean(Part):
    """The mean over a text's tokens, without padding: (batch, length, hidden) -> (batch, hidden).

    Summed in float32, like the original in sentence-transformers.
    """

    def compute_output_shape(self, x_shape, attention_mask_shape):
        return (x_shape[0], x_shape[2])

    def call(self, x, attention_mask):
        weights = ops.cast(attention_mask, "float32")[:, :, None]
        total = ops.sum(ops.cast(x, "float32") * weights, axis=1)
        count = ops.maximum(ops.sum(weights, axis=1), 1e-9)
        return ops.cast(total / count, self.compute_dtype)


@dataclass(frozen=True)
class MeanHead:
    """simpletext's: a masked mean and one dense layer, saved as a sentence-transformers model."""

    output = "classifier"
    table = {"classifier": "linear"}

    def __call__(self, config, hidden, mask, num_labels, dtype, seed):
        if mask is None:  # the family has no dropout rate
            x = TokenSummary("mean", name="mean_pooling", dtype=dtype)(hidden)
        else:
            x = MaskedMean(name="mean_pooling", dtype=dtype)(hidden, mask)
        return output_layer(config, num_labels, seed)(x)


@dataclass(frozen=True)
class PoolerHead:
    """BERT's: the first token through the pooler (dense, tanh), dropout, classifier.

    Attributes:
        pooler: the pooler's dense layer in the original file.
    """

    pooler: str = "{base}pooler.dense"
    output = "classifier"

    @property
    def table(self):
        return {"pooler": self.pooler, "classifier": "classifier"}

    def __call__(self, config, hidden, mask, num_labels, dtype, seed):
        x = first_token(hidden, dtype)
        x = Dense(
            config.hidden_size,
            "tanh",
            config.initializer_range,
            seed=seed,
            name="pooler",
            dtype=dtype,
        )(x)
        x = Dropout(dropout_rate(config), seed + 1, name="classifier_dropout", dtype=dtype)(x)
        return output_layer(config, num_labels, seed + 2)(x)


@dataclass(frozen=True)
class DenseHead:
    """RoBERTa's: the first token through dropout, dense, activation, dropout, classifier.

    Attributes:
        activation: after the dense layer; None for the config's own `hidden_act`.
        dense, classifier: the two layers in the original file.
        drop_first: whether there is dropout before the dense layer, too.
    """

    activation: str | None = "tanh"
    dense: str = "classifier.dense"
    classifier: str = "classifier.out_proj"
    drop_first: bool = True
    output = "classifier"

    @property
    def table(self):
        return {"classifier_dense": self.dense, "classifier": self.classifier}

    def __call__(self, config, hidden, mask, num_labels, dtype, seed):
        rate = dropout_rate(config)
        x = self.token(config, hidden, mask, dtype)
        if self.drop_first:
            x = Dropout(rate, seed + 3, name="classifier_dense_dropout", dtype=dtype)(x)
        x = Dense(
            config.hidden_size,
            self.activation or config.hidden_act,
            config.initializer_range,
            seed=seed,
            name="classifier_dense",
            dtype=dtype,
        )(x)
        x = Dropout(rate, seed + 1, name="classifier_dropout", dtype=dtype)(x)
        return output_layer(config, num_labels, seed + 2)(x)

    def token(self, config, hidden, mask, dtype):
        """The state that is classified: (batch, length, hidden) -> (batch, hidden)."""
        return first_token(hidden, dtype)


@dataclass(frozen=True)
class TokenHead:
    """Nearly every family's for token classification: dropout and classifier, on every token.

    Attributes:
        rate: config -> the dropout rate.
    """

    rate: Callable | None = None
    output = "classifier"
    table: ClassVar = {"classifier": "classifier"}

    def __call__(self, config, hidden, mask, num_labels, dtype, seed):
        rate = (self.rate or dropout_rate)(config)
        x = Dropout(rate, seed + 1, name="classifier_dropout", dtype=dtype)(hidden)
        return output_layer(config, num_labels, seed + 2)(x)


TOKEN_HEAD = TokenHead()  # of the families that name no other


def dropout_rate(config):
    """The head's dropout rate: its own in the config, or else the encoder's."""
    rate = config.classifier_dropout
    return config.hidden_dropout_prob if rate is None else rate


@keras.saving.register_keras_serializable("simpletext")
class TokenSummary(Part):
    """One vector per text: of the "first" or "last" token, or the "mean"; padding counts."""

    def __init__(self, kind, **kwargs):
        super().__init__(**kwargs)
        self.kind = kind

    def compute_output_shape(self, shape):
        return (shape[0], shape[2])

    def call(self, x):  # (batch, length, hidden) -> (batch, hidden)
        if self.kind == "mean":
            return ops.cast(ops.mean(ops.cast(x, "float32"), axis=1), self.compute_dtype)
        return x[:, 0 if self.kind == "first" else -1]


@keras.saving.register_keras_serializable("simpletext")
class Activation(Part):
    """An activation function by its Hugging Face name."""

    def __init__(self, activation, **kwargs):
        super().__init__(**kwargs)
        self.activation = activation

    def compute_output_shape(self, shape):
        return shape

    def call(self, x):
        return activation(self.activation)(x)


@keras.saving.register_keras_serializable("simpletext")
class TargetScaling(Part):
    """A regression's values in the user's units: x * scale + shift, (batch, targets) both.

    Outside of training, scale is 1 and shift 0 (see `target_scaling`). The checkpoint has neither,
    so they aren't created by `Part.add_weight`, which would look there.
    """

    def build(self, shape):
        options = {"shape": (shape[-1],), "trainable": False, "dtype": "float32"}
        add = super(Part, self).add_weight
        self.scale = add(name="scale", initializer="ones", **options)
        self.shift = add(name="shift", initializer="zeros", **options)

    def compute_output_shape(self, shape):
        return shape

    def call(self, x):
        return x * self.scale + self.shift

    def set(self, scale, shift):
        """Assign both, (targets,)."""
        self.scale.assign(scale)
        self.shift.assign(shift)


@dataclass(frozen=True)
class SummaryHead:
    """XLNet's: a summary of the tokens, dropout, dense, activation, dropout, classifier."""

    output = "classifier"
    table: ClassVar = {"summary_dense": "sequence_summary.summary", "classifier": "logits_proj"}

    def __call__(self, config, hidden, mask, num_labels, dtype, seed):
        act, policy = config.summary_activation or "linear", {"dtype": dtype}
        x = TokenSummary(summary_kind(config), name="summary", **policy)(hidden)
        x = Dropout(config.summary_first_dropout, seed + 3, name="summary_dropout", **policy)(x)
        if config.summary_use_proj:
            x = Dense(
                config.hidden_size, act, config.initializer_range, seed=seed, name="summary_dense",
                **policy,
            )(x)  # fmt: skip
        else:
            x = Activation(act, name="summary_activation", **policy)(x)
        x = Dropout(config.summary_last_dropout, seed + 1, name="classifier_dropout", **policy)(x)
        return output_layer(config, num_labels, seed + 2)(x)


@dataclass(frozen=True)
class LabelSummaryHead:
    """XLM's: a summary of the tokens, dropout, classifier, activation, dropout."""

    output = "classifier"
    table: ClassVar = {"classifier": "sequence_summary.summary"}

    def __call__(self, config, hidden, mask, num_labels, dtype, seed):
        for name in ("summary_use_proj", "summary_proj_to_labels"):
            if not getattr(config, name):
                raise UnsupportedModelError(
                    f"config.json has {name}=False; simpletext supports only True: otherwise the "
                    "outputs aren't classes."
                )
        x = TokenSummary(summary_kind(config), name="summary", dtype=dtype)(hidden)
        x = Dropout(config.summary_first_dropout, seed + 3, name="summary_dropout", dtype=dtype)(x)
        x = output_layer(config, num_labels, seed + 2)(x)
        if config.summary_activation:
            x = Activation(config.summary_activation, name="activation", dtype="float32")(x)
        return Dropout(config.summary_last_dropout, seed + 1, name="dropout", dtype="float32")(x)

    def has_activation(self, config):
        """Whether logits go through an activation."""
        return bool(config.summary_activation)


def summary_kind(config) -> str:
    """The argument of `TokenSummary` for the config's `summary_type`."""
    kinds = {"first": "first", "last": "last", "mean": "mean", "cls_index": "last"}
    if config.summary_type not in kinds:
        raise UnsupportedModelError(
            f"config.json has summary_type={config.summary_type!r}; simpletext supports "
            f"{', '.join(map(repr, kinds))}."
        )
    return kinds[config.summary_type]


def pooled(config, first: str, hidden, mask, dtype):
    """One vector per text: the mean, or the first token's if `classifier_pooling` is `first`."""
    kind = config.classifier_pooling
    if kind == first:
        return first_token(hidden, dtype)
    if kind == "mean":
        return MaskedMean(name="mean_pooling", dtype=dtype)(hidden, mask)
    raise UnsupportedModelError(
        f"config.json has classifier_pooling={kind!r}, which simpletext doesn't support."
    )


def output_layer(config, num_labels, seed, name="classifier"):
    """The last layer, always in float32: losses and probabilities need its precision."""
    return Dense(
        num_labels, "linear", config.initializer_range, seed=seed, name=name, dtype="float32"
    )
