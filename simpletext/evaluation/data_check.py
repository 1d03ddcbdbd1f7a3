"""Check data before training: statistics and problems.

>>> report = check(["good", "bad", "good"], ["pos", "neg", "neg"])
>>> [finding.problem for finding in report.findings][:2]
['1 duplicate text', 'the same text with different labels']
"""

import os
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from copy import copy
from typing import Any

import numpy as np

from ..data.labels import as_rows, check_counts, collected
from ..data.sentences import are_tagged
from ..data.texts import as_texts
from ..errors import ArgumentError
from ..labelling.suspects import label_quality, require_judgeable, transformer_vectors
from ..models.families import family_of
from ..models.loading import max_positions
from ..tasks.labels import Labels, infer_labels
from ..tasks.task import task_named
from ..transformer import Transformer
from ..utils.defaults import DEFAULT_MODEL
from ..utils.validation import require_flag, shown
from .data_report import DataReport, Finding, class_counts

FEW = 10  # texts of a class below which little can be learned from them
UNKNOWN = 0.05  # share of unknown tokens above which the tokenizer is of another language


def check(
    texts: Any,
    labels: Any = None,
    val: Any = None,
    preproc: Transformer | str | None = None,
    *,
    class_names: Sequence[Any] | None = None,
    task: str | None = None,
    suspects: bool = False,
) -> DataReport:
    """Look at texts and labels before the training: repetitions, contradictions, leaks, lengths.

    Args:
        texts: the training texts, or pairs of texts.
        labels: their labels, or None.
        val: validation data to compare with: (texts, labels), or (texts, None).
        preproc: the `Transformer` to be trained, or a model's name, for the lengths in tokens,
            what maxlen cuts, and a better maxlen. Without it lengths are in characters.
        class_names: fixes the classes, as in `Transformer`.
        task: overrides the task inferred from the labels, as in `Transformer`.
        suspects: also look for labels that are probably wrong, as `Learner.suspects` does; this
            encodes the texts by the model of `preproc`, by default all-MiniLM-L6-v2.

    Returns:
        A report: print it, or convert it to a DataFrame or a figure.

    Raises:
        DataError: texts or labels that can't be used at all, with their rows.
        ArgumentError: with `suspects`, no labels or those of another task than classification.
    """
    suspects = require_flag("suspects", suspects)
    transformer = _transformer(DEFAULT_MODEL if suspects and preproc is None else preproc)
    if transformer is not None:
        class_names, task = class_names or transformer.class_names, task or transformer.task
    if are_tagged(texts, labels) or (task is not None and task_named(task).per_token):
        raise ArgumentError(
            "check is for labels of whole texts. For tags of words, preprocess_train reports what "
            "the scheme doesn't allow and what is behind maxlen."
        )
    if val is not None and not (isinstance(val, (tuple, list)) and len(val) == 2):
        raise ArgumentError("val must be a pair: (texts, labels), or (texts, None).")
    given = {"train": (texts, collected(labels))}
    if val is not None:
        given["val"] = (val[0], collected(val[1]))
    columns = {part: as_texts(each[0]) for part, each in given.items()}
    for part, (_, y) in given.items():
        if y is not None:
            check_counts(columns[part][0], as_rows(y))
    known = None if labels is None else infer_labels(labels, class_names, task)
    encoded = {p: known.encode(y) for p, (_, y) in given.items() if known and y is not None}
    rows = {part: _rows(*both) for part, both in columns.items()}
    if suspects:
        require_judgeable(known, len(rows["train"]))
    lengths, unknown = _lengths(columns, transformer)
    findings = _findings(rows, encoded, known, unknown, transformer)
    if suspects and known is not None and transformer is not None:
        findings += _suspects(columns["train"], encoded["train"], known, transformer)
        findings.sort(key=lambda finding: finding.part != "train")
    return DataReport(
        texts=rows,
        labels=known,
        y=encoded,
        findings=findings,
        lengths=lengths,
        unit="characters" if transformer is None else "tokens",
        maxlen=None if transformer is None else transformer.maxlen,
        suggested_maxlen=_suggested(lengths["train"], transformer),
    )


def _transformer(preproc: Any) -> Transformer | None:
    if preproc is None or isinstance(preproc, Transformer):
        return preproc
    if isinstance(preproc, (str, os.PathLike)):
        return Transformer(preproc)
    raise ArgumentError(f"preproc={shown(preproc)}; it must be a Transformer or a model's name.")


def _findings(
    rows: Mapping[str, list[Any]],
    y: Mapping[str, np.ndarray],
    labels: Labels | None,
    unknown: Mapping[str, float],
    transformer: Transformer | None,
) -> list[Finding]:
    """All that is wrong, the training data first."""
    findings = [*_text_findings(rows), *_label_findings(rows, y, labels), *_leaks(rows)]
    findings += _unknown_tokens(unknown, transformer)
    return sorted(findings, key=lambda finding: finding.part != "train")


def _rows(texts: list[str], pairs: list[str] | None) -> list[Any]:
    return texts if pairs is None else list(zip(texts, pairs, strict=True))


def _lengths(
    columns: Mapping[str, Any], transformer: Transformer | None
) -> tuple[dict[str, np.ndarray], dict[str, float]]:
    """The lengths of the texts, and the share of unknown tokens."""
    lengths, unknown = {}, {}
    for part, (texts, pairs) in columns.items():
        if transformer is None:
            both = zip(texts, pairs or [""] * len(texts), strict=True)
            lengths[part] = np.array([len(text) + len(pair) for text, pair in both])
        else:
            # Not the transformer's own encoder, which would remember that these are pairs.
            data = copy(transformer).encode(texts, pairs)
            lengths[part] = data.full_lengths
            unk_id = transformer.tokenizer.unk_id
            unknown[part] = float(np.mean(data.ids == unk_id)) if unk_id is not None else 0.0
    return lengths, unknown


def _suggested(lengths: np.ndarray, transformer: Transformer | None) -> int | None:
    """The next multiple of 8 that truncates at most 1 % of the texts, up to the model's limit."""
    if transformer is None:
        return None
    wanted = -(-int(np.ceil(np.percentile(lengths, 99))) // 8) * 8
    config = transformer.files.config
    limit = max_positions(family_of(config), config)
    return wanted if limit is None else min(wanted, limit)


def _text_findings(rows: Mapping[str, list[Any]]) -> Iterator[Finding]:
    for part, texts in rows.items():
        empty = [i for i, row in enumerate(texts) if not "".join(row).strip()]
        if empty:
            advice = "Remove them, unless an empty text is valid input."
            yield Finding(f"{len(empty)} empty texts", part, empty, advice)
        first: dict[Any, int] = {}
        again = [(i, first[row]) for i, row in enumerate(texts) if first.setdefault(row, i) != i]
        if again:
            yield Finding(
                f"{len(again)} duplicate text{'s' * (len(again) != 1)}",
                part,
                [i for i, _ in again],
                "Remove the repetitions, unless they are meant to count more.",
                [other for _, other in again],
            )


def _label_findings(
    rows: Mapping[str, list[Any]], y: Mapping[str, np.ndarray], labels: Labels | None
) -> Iterator[Finding]:
    if labels is None:
        return
    for part, ids in y.items():
        yield from _contradictions(part, rows[part], ids)
    if not labels.kind.has_classes:
        return
    counts = class_counts(y["train"], labels)
    for few, problem, advice in (
        (counts == 0, "no text has the label", "The model can't learn it: add texts, or drop it."),
        ((counts > 0) & (counts < FEW), f"fewer than {FEW} texts have the label",
         "Little can be learned from them: add texts, or join it with another label."),
    ):  # fmt: skip
        names = [labels.names[i] for i in np.flatnonzero(few)]
        if names:
            shown = ", ".join(names[:10]) + (", ..." if len(names) > 10 else "")
            yield Finding(f"{problem} {shown}", "train", [], advice)
    if len(labels.classes) > 20 and len(labels.classes) > 0.5 * len(y["train"]):
        problem = f"{len(labels.classes)} classes for {len(y['train'])} texts"
        yield Finding(problem, "train", [], "Is this the right column? Numbers may need task=.")


def _contradictions(part: str, texts: list[Any], ids: np.ndarray) -> Iterator[Finding]:
    places = defaultdict(list)
    for i, row in enumerate(texts):
        places[row].append(i)
    found = [
        (i, rows[0])
        for rows in places.values()
        if len(rows) > 1
        for i in rows[1:]
        if not np.array_equal(ids[i], ids[rows[0]])
    ]
    if found:
        yield Finding(
            "the same text with different labels",
            part,
            [i for i, _ in found],
            "One of the labels is wrong, or a text can have several.",
            [other for _, other in found],
        )


def _leaks(rows: Mapping[str, list[Any]]) -> Iterator[Finding]:
    if "val" not in rows:
        return
    train = {row: i for i, row in enumerate(rows["train"])}
    leaked = [i for i, row in enumerate(rows["val"]) if row in train]
    if leaked:
        yield Finding(
            f"{len(leaked)} texts are training texts as well",
            "val",
            leaked,
            "Remove them from one part, or the validation flatters the model.",
            [train[rows["val"][i]] for i in leaked],
        )


def _suspects(
    column: tuple[list[str], list[str] | None], y: np.ndarray, labels: Labels,
    transformer: Transformer,
) -> Iterator[Finding]:  # fmt: skip
    """Training labels that are probably wrong, the most doubtful first."""
    quality = label_quality(transformer_vectors(transformer, *column), y, labels)
    found = quality.rows()
    if len(found):
        yield Finding(
            f"{len(found)} labels are probably wrong",
            "train",
            found.tolist(),
            "Read these texts, the most doubtful first, and correct their labels.",
            suggested=quality.suggestions(found),
        )


def _unknown_tokens(unknown: Mapping[str, float], transformer: Any) -> Iterator[Finding]:
    for part, share in unknown.items():
        if share > UNKNOWN:
            yield Finding(
                f"{share:.0%} of the tokens are unknown to {transformer.checkpoint}",
                part,
                [],
                "It was trained on another language or script: choose a model for yours.",
            )
