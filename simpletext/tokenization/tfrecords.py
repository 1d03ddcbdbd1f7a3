"""Encoded texts as TFRecord files of `tf.train.Example`, for pipelines that use them.

`data.tfrecord.json`, beside `data.tfrecord`, holds what isn't in the records: padding, task and
classes.
"""

import os
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from ..data.text_files import existing_file
from ..errors import DataError
from ..tasks.labels import Labels
from ..tasks.task import TASKS
from ..utils.checksums import sha256
from ..utils.files import beside, check_absent, local_path, read_json, whole_file, write_json
from ..utils.validation import shown
from .encoded_texts import EncodedTexts, LabelledTexts
from .layout import Layout

FORMAT = 1
CHUNK = 1000  # records decoded at a time


def write_tfrecord(data: EncodedTexts, path: str | os.PathLike) -> None:
    """Write encoded texts, and their labels if they have any, into a new TFRecord file.

    Each record is a `tf.train.Example` with `input_ids`, `token_type_ids`, `full_length`, `text`,
    and, if the data have them, `pair` and `label` (a class number, or a float per class or target).

    Args:
        data: the result of `preprocess_train` or `preprocess_test`.
        path: the file; a second one, its name with `.json` appended, is written beside it.

    Raises:
        FolderExistsError: one of the files is there already.
        DataError: data of another kind, or with tags of words.
    """
    import tensorflow as tf

    if not isinstance(data, EncodedTexts):
        raise DataError(
            f"data must come from preprocess_train or preprocess_test; got {shown(data)}."
        )
    if data.word_ids is not None:
        raise DataError("TFRecord files hold labels of whole texts; these data have tags of words.")
    path = local_path(path)
    side = beside(path, ".json")
    check_absent(side)
    with whole_file(path) as part:
        with tf.io.TFRecordWriter(str(part)) as writer:
            for row in range(len(data)):
                writer.write(_example(tf, data, row).SerializeToString())
        write_json(side, _settings(data) | {"records": len(data), "sha256": sha256(part)})


def read_tfrecord(path: str | os.PathLike) -> EncodedTexts:
    """The encoded texts in a file of `write_tfrecord`, with their labels if they have any.

    Raises:
        DataError: no such file, no settings beside it, or a damaged record.
    """
    file = existing_file(path)
    side = beside(file, ".json")
    settings = read_json(existing_file(side))
    if not isinstance(settings, dict) or settings.get("format") != FORMAT:
        raise DataError(f"{side} wasn't written by write_tfrecord, or by a newer simpletext.")
    if settings.get("sha256", "") not in ("", sha256(file)):
        raise DataError(
            f"{file} isn't the file that {side} was written for: its checksum differs. Copy both "
            "again, or write them anew."
        )
    layout = Layout(**(settings["layout"] | {"inputs": tuple(settings["layout"]["inputs"])}))
    texts: list[str] = []
    pairs: list[str] = []
    y: list[Any] = []
    chunks = _chunks(file, settings, layout, texts, pairs, y)
    data = EncodedTexts.concat(chunks, layout, texts)
    data = EncodedTexts(**(vars(data) | {"pairs": pairs if settings["pairs"] else None}))
    if settings["task"] is None:
        return data
    labels = Labels(settings["task"], tuple(settings["classes"]))
    kind = labels.kind
    numbers = np.array(y, kind.label_dtype)
    return data.with_labels(numbers.reshape(-1) if kind.has_one_class else numbers, labels)


def _settings(data: EncodedTexts) -> dict[str, Any]:
    labels = data.labels if isinstance(data, LabelledTexts) else None
    return {
        "format": FORMAT,
        "layout": asdict(data.layout),
        "pairs": data.pairs is not None,
        "task": labels.task if labels else None,
        "classes": list(labels.classes) if labels else None,
    }


def _example(tf: Any, data: EncodedTexts, row: int) -> Any:
    train = tf.train
    part = slice(data.offsets[row], data.offsets[row + 1])

    def whole(values: Any) -> Any:
        return train.Feature(int64_list=train.Int64List(value=values))

    def text(value: str) -> Any:
        return train.Feature(bytes_list=train.BytesList(value=[value.encode()]))

    features = {
        "input_ids": whole(data.ids[part]),
        "token_type_ids": whole(data.type_ids[part]),
        "full_length": whole([data.full_lengths[row]]),
        "text": text(data.texts[row]),
    }
    if data.pairs is not None:
        features["pair"] = text(data.pairs[row])
    if isinstance(data, LabelledTexts):
        y = np.atleast_1d(data.y[row])
        floats = train.Feature(float_list=train.FloatList(value=y))
        features["label"] = whole(y) if y.dtype.kind == "i" else floats
    return train.Example(features=train.Features(feature=features))


def _chunks(
    path: Path,
    settings: dict[str, Any],
    layout: Layout,
    texts: list[str],
    pairs: list[str],
    y: list[Any],
) -> Iterator[EncodedTexts]:
    """Yield the records' ids in chunks; append their texts, pairs and labels to the lists."""
    import tensorflow as tf

    task = TASKS.get(settings["task"])
    kind = "int64_list" if task and task.label_dtype == "int32" else "float_list"
    records = tf.data.TFRecordDataset(str(path)).batch(CHUNK).as_numpy_iterator()
    try:
        for chunk in records:
            ids, types, full = [], [], []
            for record in chunk:
                feature = tf.train.Example.FromString(record).features.feature
                ids.append(feature["input_ids"].int64_list.value)
                types.append(feature["token_type_ids"].int64_list.value)
                full.append(feature["full_length"].int64_list.value[0])
                texts.append(feature["text"].bytes_list.value[0].decode())
                if settings["pairs"]:
                    pairs.append(feature["pair"].bytes_list.value[0].decode())
                if settings["task"] is not None:
                    y.append(list(getattr(feature["label"], kind).value))
            yield EncodedTexts.gather(ids, types, full, layout)
    except (tf.errors.DataLossError, IndexError) as error:
        raise DataError(f"{path} is damaged or not from write_tfrecord: {error}.") from error
