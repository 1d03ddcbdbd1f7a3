"""Token classification: each word has exactly one tag; entities are scored by seqeval."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from ..data.labels import is_row
from ..data.tags import NONE, OUTSIDE, in_order, part_of, scheme_of, spans_of, tags_of
from ..errors import DataError
from ..utils.ragged import flattened, is_ragged, ragged, split_as
from .losses import FOCUS, TokenCrossentropy
from .metrics import EntityF1, TokenAccuracy
from .single_label import SingleLabel
from .task import TOKENS, register

if TYPE_CHECKING:
    from .labels import Labels

STRICT = ("IOB2", "IOB1", "IOBES", "BILOU")  # schemes that seqeval has a strict mode for


class TokenClassification(SingleLabel):
    """Softmax over the tags; labels are rows of tag numbers, one per word (see `utils.ragged`).

    Values are rows too, (words, outputs) each. Methods that follow from single words take flat
    arrays as well.
    """

    name = TOKENS
    title = "token classification"
    per_token = True
    losses: ClassVar = {
        None: lambda smoothing: TokenCrossentropy(0.0, smoothing),
        "focal": lambda smoothing: TokenCrossentropy(FOCUS, smoothing, "focal"),
    }
    metrics: ClassVar = {
        "f1": lambda name, classes: EntityF1(list(classes), name=name),
        "accuracy": lambda name, classes: TokenAccuracy(name=name),
    }
    default_metric = "f1"
    clipnorm = 1.0  # half a point of entity F1 on WNUT17 and NCBI disease

    # ---- labels --------------------------------------------------------------------------

    def classes_in(self, rows: list) -> tuple:
        """The tags, `O` first, then by type."""
        if not all(map(is_row, rows)):
            raise DataError("Token classification needs a list of tags per sentence.")
        return in_order(tag for row in rows for tag in row)

    def encode(self, labels: "Labels", rows: list) -> np.ndarray:
        """Rows of tag numbers, (words,) int32 each."""
        known = {tag: i for i, tag in enumerate(labels.classes)}
        return ragged(
            np.array(
                [known[tag] if tag in known else labels.index_of(tag, i) for tag in row], "int32"
            )
            for i, row in enumerate(rows)
        )

    def decode(self, labels: "Labels", ids: np.ndarray) -> list:
        """The tags of each sentence."""
        return [[labels.classes[i] for i in row] for row in ids]

    def describe(self, labels: "Labels") -> str:
        """The task, the scheme and the types."""
        scheme = scheme_of([labels.classes])
        types = entity_types(labels.classes, scheme)
        shown = ", ".join(types[:5]) + (", ..." if len(types) > 5 else "")
        what = ("class", "classes") if scheme == "plain" else ("entity type", "entity types")
        return (
            f"task: {self.title}, {len(types)} {what[len(types) != 1]} ({shown}), scheme {scheme}, "
            f"{len(labels.classes)} tags"
        )

    def strata(self, ids: np.ndarray) -> np.ndarray | None:
        """None: a sentence has several tags."""
        return None

    def counts(self, ids: np.ndarray, outputs: int) -> np.ndarray:
        """Words per tag, (outputs,)."""
        return np.bincount(flattened(ids), minlength=outputs)

    def flat(self, values: np.ndarray) -> np.ndarray:
        """One row per word."""
        return flattened(values)

    def displayed(
        self, labels: "Labels", ids: np.ndarray, texts: Any, words: Any
    ) -> list[list[tuple[str, str]]]:
        """The entities of each sentence: their text and their type."""
        scheme = scheme_of([labels.classes])
        rows = zip(self.decode(labels, ids), texts, words, strict=True)
        return [
            [
                (text[places[first, 0] : places[end - 1, 1]], kind)
                for kind, first, end in spans_of(tags, scheme)
            ]
            for tags, text, places in rows
        ]

    # ---- predictions ---------------------------------------------------------------------

    def probabilities(self, logits: np.ndarray) -> np.ndarray:
        """Logits as probabilities, (words, outputs) float32 in each row."""
        return _by_word(super().probabilities, logits)

    def predicted(self, values: np.ndarray, thresholds: np.ndarray | float = 0.5) -> np.ndarray:
        """The most probable tag of each word."""
        return _by_word(super().predicted, values)

    # ---- evaluation ----------------------------------------------------------------------

    def row_losses(self, y: np.ndarray, values: np.ndarray) -> np.ndarray:
        """The mean cross-entropy of each sentence's words, (rows,); of flat arrays each word's."""
        if not is_ragged(values):
            return super().row_losses(y, values)
        losses = split_as(super().row_losses(flattened(y), flattened(values)), y)
        return np.array([row.mean() if len(row) else 0.0 for row in losses])

    def is_wrong(self, y: np.ndarray, predicted: np.ndarray) -> np.ndarray:
        """Sentences with a wrong tag; of flat arrays, words with one."""
        if not is_ragged(y):
            return super().is_wrong(y, predicted)
        return np.array([bool((a != b).any()) for a, b in zip(y, predicted, strict=True)])

    def confidence(self, values: np.ndarray) -> np.ndarray | None:
        """The probability of each sentence's least certain word, (rows,)."""
        return np.array([row.max(axis=1).min(initial=1.0) for row in values])

    def headline(self, y: np.ndarray, values: np.ndarray) -> dict[str, float]:
        """Accuracy over all words, and the mean F1 of the tags that occur."""
        found = super().headline(flattened(y), flattened(values))
        return {"accuracy of words": found["accuracy"], "macro F1 of tags": found["macro F1"]}

    def card_scores(self, y: np.ndarray, values: np.ndarray, names: list[str]) -> dict[str, float]:
        """Precision, recall and F1 of whole entities, micro-averaged."""
        found = self.scores(y, values, names)["micro avg"]
        return {f"entity {name}": found[column] for name, column in CARD.items()}

    def confusion(self, y: np.ndarray, values: np.ndarray) -> Any:
        """The confusion matrix over tags, (tags, tags); plots have one over types."""
        return super().confusion(flattened(y), flattened(values))

    def plotted_confusion(
        self, y: np.ndarray, values: np.ndarray, names: list[str]
    ) -> tuple[np.ndarray, list[str]]:
        """Words by entity type, rows true and columns predicted, and the types' names."""
        scheme = scheme_of([names])
        shown = entity_types(names, scheme) + ([OUTSIDE] if OUTSIDE in names else [])
        type_of = np.array([shown.index(part_of(name, scheme)[1] or OUTSIDE) for name in names])
        matrix = np.zeros((len(shown), len(shown)), dtype=int)
        true, found = flattened(y), flattened(self.predicted(values))
        np.add.at(matrix, (type_of[true], type_of[found]), 1)
        return matrix, shown

    def scores(self, y: np.ndarray, values: np.ndarray, names: list[str]) -> dict[str, Any]:
        """Precision, recall, F1 and support by type, their averages, and `strict` ones."""
        from seqeval.metrics import classification_report

        scheme = scheme_of([names])
        true, found = (_named(rows, names) for rows in (y, self.predicted(values)))
        both = [_as_iob2(rows, scheme) for rows in (true, found)]
        if not any(tag != OUTSIDE for rows in both for row in rows for tag in row):
            return {"micro avg": dict.fromkeys(("precision", "recall", "f1-score"), 0.0)
                    | {"support": 0}}  # fmt: skip
        scores = _plain(classification_report(*both, output_dict=True, zero_division=0))
        return scores | {"strict": _strict(true, found, scheme)}

    def report(self, y: np.ndarray, values: np.ndarray, names: list[str]) -> str:
        """The report of seqeval, and a line with the strict scores."""
        scores = self.scores(y, values, names)
        width = max(map(len, scores))
        lines = [" " * width + "".join(f"{name:>11}" for name in COLUMNS)]
        for name, row in scores.items():
            numbers = "".join(f"{row[column]:>11.3f}" for column in COLUMNS[:3])
            lines.append(f"{name:>{width}}{numbers}{row['support']:>11}")
        accuracy = np.mean(flattened(y) == flattened(self.predicted(values)))
        entities = scores["micro avg"]["support"]
        lines.append(
            f"accuracy {accuracy:.4f} on {len(flattened(y))} words of {len(y)} sentences, "
            f"{entities} entities"
        )
        return "\n".join(lines)


CARD = {"precision": "precision", "recall": "recall", "F1": "f1-score"}
COLUMNS = ("precision", "recall", "f1-score", "support")


def entity_f1(true: list[list[Any]], found: list[list[Any]]) -> float:
    """The F1 of whole entities in tags, as seqeval's micro average in its default mode.

    Example:
        >>> entity_f1([["B-PER", "I-PER", "O"]], [["B-PER", "O", "O"]])
        0.0
    """
    from seqeval.metrics import f1_score

    scheme = scheme_of(true)
    return float(f1_score(_as_iob2(true, scheme), _as_iob2(found, scheme), zero_division=0))


def entity_types(classes: Sequence[Any], scheme: str) -> list[str]:
    """The types in tags, sorted.

    Example:
        >>> entity_types(("O", "B-PER", "I-PER", "B-LOC"), "IOB2")
        ['LOC', 'PER']
    """
    return sorted({part_of(tag, scheme)[1] for tag in classes if part_of(tag, scheme) != NONE})


def _by_word(function: Callable[[np.ndarray], np.ndarray], rows: np.ndarray) -> np.ndarray:
    """A function of single words applied to rows of them, or to a flat array."""
    return split_as(function(flattened(rows)), rows) if is_ragged(rows) else function(rows)


def _named(rows: np.ndarray, names: Sequence[str]) -> list[list[str]]:
    return [[names[i] for i in row] for row in rows]


def _as_iob2(rows: list[list[str]], scheme: str) -> list[list[str]]:
    """The same entities as the only tags that seqeval's default mode reads alike in any scheme."""
    return [tags_of(spans_of(row, scheme), len(row), "IOB2") for row in rows]


def _strict(true: list[list[str]], found: list[list[str]], scheme: str) -> dict[str, Any]:
    """The averages in seqeval's strict mode; of tags without prefixes, the same as the default."""
    from seqeval import scheme as schemes
    from seqeval.metrics.v1 import precision_recall_fscore_support

    if scheme not in STRICT:
        true, found, scheme = _as_iob2(true, scheme), _as_iob2(found, scheme), "IOB2"
    options = {"scheme": getattr(schemes, scheme), "zero_division": 0}
    numbers = precision_recall_fscore_support(true, found, average="micro", **options)
    return _plain(dict(zip(COLUMNS, numbers, strict=True)))


def _plain(scores: Any) -> Any:
    """NumPy's numbers as Python's."""
    if isinstance(scores, dict):
        return {name: _plain(value) for name, value in scores.items()}
    return scores.item() if hasattr(scores, "item") else scores


register(TokenClassification())
