"""ktrain's readers of entities, which return (training data, validation data, preproc).

The data go to `get_learner`, and `preproc` is the `Transformer` that made them:
`preproc.get_classifier()` is the model for them, and `get_predictor(model, preproc)` takes it. Only
the last, keyword arguments aren't ktrain's: there the model was chosen later.

>>> words, tags = [["In", "Oslo"], ["Paris"]] * 4, [["O", "B-LOC"], ["B-LOC"]] * 4
>>> train, val, preproc = entities_from_array(words, tags, val_pct=0.5, maxlen=16, verbose=0)
>>> len(train), len(val), preproc.get_classes()
(4, 4, ['O', 'B-LOC'])
"""

import os
from collections.abc import Callable
from typing import Any

from ..data.conll import read_conll
from ..data.entity_files import read_entities
from ..data.tables import Examples
from ..errors import DataError
from ..preparation import Prepared, prepared
from ..tasks.task import TOKENS
from ..transformer import Transformer
from ..utils.defaults import DEFAULT_MODEL
from ..utils.validation import require_choice, require_flag, require_verbose
from .ktrain import say_unused

WORD, TAG, SENTENCE = "Word", "Tag", "SentenceID"
FORMATS = ("conll2003", "gmb")


def entities_from_array(
    x_train: Any,
    y_train: Any,
    x_test: Any = None,
    y_test: Any = None,
    use_char: bool = False,
    val_pct: float = 0.1,
    verbose: int = 1,
    *,
    checkpoint: str | os.PathLike = DEFAULT_MODEL,
    maxlen: int = 128,
    random_state: int | None = 0,
) -> Prepared:
    """Training and validation data from lists of words and lists of tags.

    Args:
        x_train: a list of words per sentence.
        y_train: a list of tags per sentence, one per word.
        x_test, y_test: validation data; by default a part of the training data.
        use_char: ktrain's; not used, the checkpoint has its own tokenizer.
        val_pct: share held out for validation if no data are passed.
        verbose: 0 prints nothing.
        checkpoint: a name on the Hub, or a folder.
        maxlen: maximum number of tokens per sentence.
        random_state: fixes which sentences become validation data.

    Returns:
        The training data, the validation data, and their `Transformer`.

    Raises:
        DataError: words or tags that can't be used, with their rows.
    """
    say_unused(use_char=require_flag("use_char", use_char) or None)
    val = None
    if x_test is not None or y_test is not None:
        if x_test is None or y_test is None:
            raise DataError("x_test and y_test go together: pass both, or neither for a split.")
        val = Examples(x_test, y_test)
    transformer = Transformer(checkpoint, maxlen, task=TOKENS)
    train = Examples(x_train, y_train)
    return prepared(transformer, train, val, val_pct, random_state, verbose)


def entities_from_df(
    train_df: Any,
    val_df: Any = None,
    word_column: str = WORD,
    tag_column: str = TAG,
    sentence_column: str = SENTENCE,
    use_char: bool = False,
    val_pct: float = 0.1,
    verbose: int = 1,
    **options: Any,
) -> Prepared:
    """Training and validation data from a DataFrame with one word per row.

    Args:
        train_df: the table.
        val_df: a table of the same columns to validate on; by default a part of the first.
        word_column, tag_column, sentence_column: the columns with the words, their tags, and the
            number or name of the sentence.
        use_char, val_pct, verbose: see `entities_from_array`.
        options: checkpoint, maxlen and random_state, see `entities_from_array`.
    """
    names = word_column, tag_column, sentence_column
    return _from_read(
        lambda table: read_entities(table, *names), train_df, val_df, use_char, val_pct, verbose,
        **options,
    )  # fmt: skip


def entities_from_txt(
    train_filepath: str | os.PathLike,
    val_filepath: str | os.PathLike | None = None,
    use_char: bool = False,
    word_column: str = WORD,
    tag_column: str = TAG,
    sentence_column: str = SENTENCE,
    data_format: str = "conll2003",
    encoding: str | None = None,
    val_pct: float = 0.1,
    verbose: int = 1,
    **options: Any,
) -> Prepared:
    """Training and validation data from a CoNLL file, or from a CSV file with one word per row.

    Args:
        train_filepath: the file.
        val_filepath: a file of the same format to validate on; by default a part of the first.
        data_format: "conll2003", or "gmb" for CSV.
        encoding: by default UTF-8, else detected, with a message.
        use_char, val_pct, verbose: see `entities_from_array`.
        word_column, tag_column, sentence_column: of a CSV file, see `entities_from_df`.
        options: checkpoint, maxlen and random_state, see `entities_from_array`.

    Raises:
        ArgumentError: another format.
        DataError: a file that can't be read, with the line.
    """
    require_choice("data_format", data_format, FORMATS)

    def read(path: str | os.PathLike) -> Examples:
        if data_format == "conll2003":
            return Examples(*read_conll(path, encoding=encoding))
        return read_entities(path, word_column, tag_column, sentence_column, encoding=encoding)

    return _from_read(read, train_filepath, val_filepath, use_char, val_pct, verbose, **options)


def entities_from_conll2003(
    train_filepath: str | os.PathLike,
    val_filepath: str | os.PathLike | None = None,
    use_char: bool = False,
    encoding: str | None = None,
    val_pct: float = 0.1,
    verbose: int = 1,
    **options: Any,
) -> Prepared:
    """`entities_from_txt` for CoNLL files, whose arguments it takes."""
    return entities_from_txt(
        train_filepath, val_filepath, use_char, encoding=encoding, val_pct=val_pct,
        verbose=verbose, **options,
    )  # fmt: skip


def _from_read(
    read: Callable[[Any], Examples], train: Any, val: Any, use_char: bool, val_pct: float,
    verbose: int, **options: Any,
) -> Prepared:  # fmt: skip
    """`entities_from_array` for what a reader gives of a training and a validation source."""
    require_verbose(verbose)
    words, tags = read(train)[:2]
    test = (None, None) if val is None else read(val)[:2]
    return entities_from_array(words, tags, test[0], test[1], use_char, val_pct, verbose, **options)
