"""ERNIE (https://arxiv.org/abs/1904.09223, https://arxiv.org/abs/2107.02137): BERT with tasks."""

from dataclasses import dataclass, replace

import keras
from keras import ops

from ...layers.embeddings import Embeddings
from . import bert


@dataclass(frozen=True)
class ErnieConfig(bert.BertConfig):
    """The config.json settings of an ERNIE encoder; defaults as in the original."""

    task_type_vocab_size: int = 3
    use_task_id: bool = False


@keras.saving.register_keras_serializable("simpletext")
class ErnieEmbeddings(Embeddings):
    """BERT's embeddings plus the embedding of task 0.

    Tokenizers return no task id; 0 is the original's default, too.
    """

    def __init__(self, *args, tasks, **kwargs):
        super().__init__(*args, **kwargs)
        self.tasks = tasks

    def tables(self):
        return super().tables() | {"task_type_embeddings": (self.tasks, self.hidden_size)}

    def sum(self, ids, types):
        task = self.task_type_embeddings(ops.zeros((1, 1), "int32"))
        return super().sum(ids, types) + task


def encode(config: ErnieConfig, inputs: dict, dtype, seed: int):
    """Hidden states (batch, length, hidden) of the ids in `inputs` (batch, length)."""
    if not config.use_task_id:
        return bert.encode(config, inputs, dtype, seed)
    tasks = config.task_type_vocab_size
    return bert.encode(config, inputs, dtype, seed, layer=ErnieEmbeddings, tasks=tasks)


FAMILY = replace(
    bert.FAMILY,
    model_type="ernie",
    config=ErnieConfig,
    encode=encode,
    table=bert.TABLE | {"embeddings/task_type_embeddings": "embeddings.task_type_embeddings"},
    base="ernie.",
    encoder_class="ErnieModel",
    classifier_class="ErnieForSequenceClassification",
)
