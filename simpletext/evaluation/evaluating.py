"""Running a model over a data source: predictions and labels in the data's own order."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import keras
import numpy as np

from ..data.labels import check_counts
from ..data.texts import as_texts
from ..errors import ArgumentError, DataError
from ..inference.forward import predict_batch, predict_logits
from ..inference.outputs import check_ids, probabilities_of, require_labels, truth_in
from ..inference.predictions import Predictions
from ..inference.translating import translated
from ..tokenization.encoded_pairs import EncodedPairs
from ..tokenization.encoded_texts import EncodedTexts
from ..tokenization.tagged_texts import encode_tagged
from ..training.sources import DataSource, Rows, one_pass
from ..utils import console
from ..utils.files import whole_file
from ..utils.ragged import ragged
from ..utils.validation import require_choice
from . import plots, report

OUTPUTS = ("matrix", "text", "dict", "dataframe")


def predict_source(model: keras.Model, source: DataSource, batch_size: int) -> Predictions:
    """Predictions and labels of the same pass over the data, so that they belong together."""
    if isinstance(source, Rows) and isinstance(source.data, EncodedPairs):
        return predict_pairs(model, source.data, batch_size)
    if isinstance(source, Rows) and isinstance(source.data, EncodedTexts):
        outputs = predict_logits(model, source.data, batch_size)
        y, labels = source.ids, require_labels(source.labels)
    else:
        outputs, given = _pass_over(model, source.ordered(batch_size))
        truth = truth_in(model, given, "val_data")
        y, labels = truth[0], require_labels(truth[1])
    values = probabilities_of(model, outputs, labels)
    words = source.data.read_places() if labels.kind.per_token else None
    return Predictions(values, labels, y, source.texts, source.pairs, words=words)


def refuse_pairs(source: DataSource, what: str) -> None:
    """Refuse translations, which have no labels.

    Raises:
        ArgumentError: sources with their translations.
    """
    if isinstance(source, Rows) and isinstance(source.data, EncodedPairs):
        raise ArgumentError(
            f"A translation has no {what}. validate() has its scores, and view_top_losses its "
            "worst pairs."
        )


def predict_pairs(model: keras.Model, data: EncodedPairs, batch_size: int) -> Predictions:
    """Translations of the sources, and the targets' losses."""
    values, targets = translated(model, data, batch_size), np.array(data.pairs, dtype=object)
    return Predictions(values, data.labels, targets, data.texts, data.pairs)


def predict_texts(
    model: keras.Model, texts: EncodedTexts, known: DataSource | None, batch_size: int
) -> np.ndarray:
    """Probabilities (regression: values) for texts without labels, (rows, outputs).

    Args:
        model: the model.
        texts: the texts.
        known: labelled data, from which the task is known.
        batch_size: texts per batch.
    """
    if known is None:
        raise DataError("Without labelled data the learner doesn't know the task.")
    check_ids(texts, model)
    outputs = predict_logits(model, texts, batch_size)
    return probabilities_of(model, outputs, require_labels(known.labels))


def evaluate_predictor(
    predictor: Any, texts: Any, y: Any, long_text: str = "truncate"
) -> Predictions:
    """A predictor's predictions for labelled texts, by its temperature, with the labels.

    Args:
        predictor: a `Predictor`.
        texts: texts or pairs; for token classification lists of words, or texts.
        y: their labels; for token classification lists of tags, or of spans.
        long_text: see `Predictor.predict_proba`.

    Raises:
        DataError: labels that the predictor doesn't have, or another number of them.
    """
    labels = predictor.labels
    if labels.kind.per_token:
        return _evaluate_words(predictor, texts, y, long_text)
    true = labels.encode(y)
    rows, pairs = as_texts(texts)
    check_counts(rows, y)
    values = predictor.predict_proba(texts, long_text=long_text)
    return Predictions(values, labels, true, rows, pairs)


def _evaluate_words(predictor: Any, texts: Any, y: Any, long_text: str) -> Predictions:
    """The same for a tag per word; words that the model doesn't read aren't scored."""
    _, tags = encode_tagged(predictor.encoder, texts, y, None, 0)
    true = predictor.labels.encode(tags)
    found = predictor.predictions(list(texts), long_text)
    read = zip(true, found.numbers, strict=True)
    return replace(found, y=ragged(row[numbers] for row, numbers in read))


def _pass_over(model: keras.Model, batches: Any) -> tuple[np.ndarray, np.ndarray]:
    """Outputs and labels, batch after batch."""
    outputs, labels = [], []
    for batch in one_pass(batches):
        if len(batch) < 2:
            raise DataError("val_data has no labels: let it yield (x, y).")
        labels.append(keras.ops.convert_to_numpy(batch[1]))
        outputs.append(predict_batch(model, batch[0], len(labels[-1])))
    return np.concatenate(outputs).astype("float32"), np.concatenate(labels)


def require_output(output: str) -> None:
    """Refuse a form of report that does not exist."""
    require_choice("output", output, OUTPUTS)


def validation_report(
    seen: Predictions,
    print_report: bool,
    save_path: str | None,
    class_names: Sequence[Any],
    output: str,
) -> Any:
    """See `Learner.validate`."""
    text = report.describe_validation(seen, class_names)
    if print_report:
        console.say(text)
    if save_path is not None:
        with whole_file(save_path) as part:
            report.validation_table(seen, class_names).to_csv(part)
    if output == "text":
        return text
    if output == "dict":
        return report.validation_scores(seen, class_names)
    if output == "dataframe":
        return report.validation_table(seen, class_names)
    return report.confusion(seen)


def confusion_figure(seen: Predictions) -> Any:
    """The confusion matrix as a matplotlib figure.

    Raises:
        ArgumentError: the task has no classes.
    """
    if not seen.labels.kind.has_classes:
        raise ArgumentError("A regression has no confusion matrix; see validate().")
    kind, names = seen.labels.kind, report.names_of(seen.labels)
    return plots.plot_confusion(*kind.plotted_confusion(seen.y, seen.values, names))
