"""ktrain's readers: texts and labels from arrays, CSV files, tables and folders, ready to train on.

Each returns (training data, validation data, preproc), as in ktrain. The data go to `get_learner`,
and `preproc` is the `Transformer` that made them: `preproc.get_classifier()` is the model for them,
and `get_predictor(model, preproc)` takes it. `preprocess_mode` is the checkpoint: a name on
the Hub, a folder, or ktrain's "bert" and "distilbert".

>>> texts, y = ["good", "bad", "great", "awful"], ["pos", "neg", "pos", "neg"]
>>> train, val, preproc = texts_from_array(texts, y, val_pct=0.5, maxlen=16, verbose=0)
>>> len(train), len(val), preproc.get_classes()
(2, 2, ['neg', 'pos'])
"""

import os
from collections.abc import Hashable, Sequence
from typing import Any

from ..data.class_folders import class_folders, read_folder
from ..data.tables import Examples, read_texts
from ..errors import ArgumentError, DataError
from ..preparation import Prepared, prepared
from ..tasks.labels import checked_names
from ..transformer import Transformer
from ..utils.defaults import DEFAULT_MODEL
from ..utils.files import plain_path
from ..utils.validation import require_list, shown
from .ktrain import model_for, say_unused, task_for


def texts_from_array(
    x_train: Any,
    y_train: Any,
    x_test: Any = None,
    y_test: Any = None,
    class_names: Sequence[Hashable] = (),
    max_features: int | None = None,
    maxlen: int = 400,
    val_pct: float = 0.1,
    ngram_range: int | None = None,
    preprocess_mode: str = DEFAULT_MODEL,
    lang: str | None = None,
    random_state: int | None = 0,
    verbose: int = 1,
    *,
    task: str | None = None,
) -> Prepared:
    """Training and validation data from lists or arrays of texts and labels.

    Args:
        x_train: texts, or pairs of texts.
        y_train: their labels, in any form that `simpletext.tasks.labels` takes.
        x_test, y_test: validation data; by default a part of the training data.
        class_names: fixes the classes and their order; integer labels count into them.
        max_features, ngram_range: ktrain's, for its bag-of-words models; not used.
        maxlen: maximum number of tokens per text; longer texts are truncated.
        val_pct: share held out for validation if no data are passed, stratified by class.
        preprocess_mode: a name on the Hub, a folder, "bert" or "distilbert".
        lang: for "bert" and "distilbert" a language other than "en" takes the multilingual one.
        random_state: fixes which texts become validation data; None for others each time.
        verbose: 0 prints nothing.
        task: overrides the task inferred from the labels (see `Transformer`).

    Returns:
        The training data, the validation data, and their `Transformer`.

    Raises:
        DataError: texts or labels that can't be used, with their rows.
        ArgumentError: an argument that is out of its range.
    """
    say_unused(max_features=max_features, ngram_range=ngram_range)
    transformer = Transformer(
        model_for(preprocess_mode, lang), maxlen, checked_names(class_names) or None, task=task
    )
    train, val = Examples(x_train, y_train), None
    if x_test is not None or y_test is not None:
        if x_test is None or y_test is None:
            raise DataError("x_test and y_test go together: pass both, or neither for a split.")
        val = Examples(x_test, y_test)
    return prepared(transformer, train, val, val_pct, random_state, verbose)


def texts_from_df(
    train_df: Any,
    text_column: str | Sequence[str],
    label_columns: str | Sequence[str] = (),
    val_df: Any = None,
    max_features: int | None = None,
    maxlen: int = 400,
    val_pct: float = 0.1,
    ngram_range: int | None = None,
    preprocess_mode: str = DEFAULT_MODEL,
    lang: str | None = None,
    is_regression: bool = False,
    random_state: int | None = 0,
    verbose: int = 1,
    *,
    task: str | None = None,
    label_sep: str | None = None,
) -> Prepared:
    """Training and validation data from a DataFrame, or any table `read_texts` can read.

    Args:
        train_df: the table.
        text_column: the column with the texts, or two of them with pairs of texts.
        label_columns: the column with the labels, or a 0/1 column a class; with regression a
            column a target.
        val_df: a table of the same columns to validate on; by default a part of the first.
        is_regression: whether the labels are amounts, also where they are whole numbers.
        label_sep: what separates several labels in one field (see `read_texts`).

    For the other arguments, returns and errors see `texts_from_array`.
    """
    label, options = _named(label_columns), {"label_sep": label_sep}
    return _from_tables(
        read_texts(train_df, text_column, label, **options),
        None if val_df is None else read_texts(val_df, text_column, label, **options),
        {"max_features": max_features, "ngram_range": ngram_range},
        (model_for(preprocess_mode, lang), maxlen, task_for(is_regression, task)),
        (val_pct, random_state, verbose),
    )


def texts_from_csv(
    train_filepath: str | os.PathLike,
    text_column: str | Sequence[str],
    label_columns: str | Sequence[str] = (),
    val_filepath: str | os.PathLike | None = None,
    max_features: int | None = None,
    maxlen: int = 400,
    val_pct: float = 0.1,
    ngram_range: int | None = None,
    preprocess_mode: str = DEFAULT_MODEL,
    encoding: str | None = None,
    lang: str | None = None,
    sep: str | None = None,
    is_regression: bool = False,
    random_state: int | None = 0,
    verbose: int = 1,
    *,
    task: str | None = None,
    label_sep: str | None = None,
) -> Prepared:
    """Training and validation data from a file: CSV, and .jsonl, .json and .parquet as well.

    Args:
        train_filepath: the file.
        text_column: the column with the texts, or two of them with pairs of texts.
        label_columns: the column with the labels, or a 0/1 column a class; with regression a
            column a target. A column of nothing but numbers holds numbers.
        val_filepath: a file of the same columns to validate on; by default a part of the first.
        encoding: by default UTF-8, else detected, with a message.
        sep: what separates fields; by default a comma, a tab in a .tsv file.
        is_regression: whether the labels are amounts, also where they are whole numbers.
        label_sep: what separates several labels in one field (see `read_texts`).

    For the other arguments, returns and errors see `texts_from_array`.
    """
    options: dict[str, Any] = {"encoding": encoding, "sep": sep, "label_sep": label_sep}
    label = _named(label_columns)
    return _from_tables(
        read_texts(train_filepath, text_column, label, **options),
        None if val_filepath is None else read_texts(val_filepath, text_column, label, **options),
        {"max_features": max_features, "ngram_range": ngram_range},
        (model_for(preprocess_mode, lang), maxlen, task_for(is_regression, task)),
        (val_pct, random_state, verbose),
    )


def texts_from_folder(
    datadir: str | os.PathLike,
    classes: Sequence[str] | None = None,
    max_features: int | None = None,
    maxlen: int = 400,
    ngram_range: int | None = None,
    train_test_names: Sequence[str] = ("train", "test"),
    preprocess_mode: str = DEFAULT_MODEL,
    encoding: str | None = None,
    lang: str | None = None,
    val_pct: float = 0.1,
    random_state: int | None = 0,
    verbose: int = 1,
) -> Prepared:
    """Training and validation data from folders of text files, one folder a class.

    The files are `datadir/train/<class>/*` and, where there is a test folder,
    `datadir/test/<class>/*`; hidden files are left out.

    Args:
        datadir: the folder.
        classes: the class folders to read, which also fixes their order; by default all.
        train_test_names: what the two folders are called.
        encoding: of the files; by default UTF-8, else detected, with a message.

    For the other arguments, returns and errors see `texts_from_array`.
    """
    say_unused(max_features=max_features, ngram_range=ngram_range)
    folder = plain_path(datadir)
    parts = require_list("train_test_names", train_test_names)
    if len(parts) != 2:
        raise ArgumentError(f"train_test_names={shown(train_test_names)}; pass two folders' names.")
    train_folder, test_folder = (folder / plain_path(name) for name in parts)
    if not train_folder.is_dir():
        raise DataError(
            f"There is no folder {str(train_folder)!r}. The layout is {folder.name}/"
            f"{train_folder.name}/<class>/*.txt; name the folders with train_test_names."
        )
    wanted = None if classes is None else checked_names(classes)
    names = list(map(str, wanted or class_folders(train_folder)))
    train = read_folder(train_folder, names, encoding)
    val = read_folder(test_folder, names, encoding) if test_folder.is_dir() else None
    transformer = Transformer(model_for(preprocess_mode, lang), maxlen, names)
    return prepared(transformer, train, val, val_pct, random_state, verbose)


def _named(label_columns: Any) -> str | Sequence[str]:
    if isinstance(label_columns, str) and label_columns:
        return label_columns
    is_empty = isinstance(label_columns, str)
    names = [] if is_empty else require_list("label_columns", label_columns)
    if not names:
        raise DataError("label_columns is empty: name the column (or columns) with the labels.")
    return names[0] if len(names) == 1 else names


def _from_tables(
    train: Examples,
    val: Examples | None,
    unused: dict[str, Any],
    model: tuple[str, int, str | None],
    split: tuple[float, int | None, int],
) -> Prepared:
    say_unused(**unused)
    name, maxlen, task = model
    transformer = Transformer(name, maxlen, train.class_names, task=task)
    return prepared(transformer, train, val, *split)
