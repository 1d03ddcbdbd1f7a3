"""Which words an entity's label depends on."""

from typing import Any

import numpy as np

from ..data.tags import part_of, scheme_of
from ..errors import DataError
from ..inference.forward import predict_batch
from ..utils.validation import require_choice, require_count
from .explanation import Explanation, Target, Word

MASKS = ("[MASK]", "<mask>")  # neutral tokens, where the tokenizer has one
METHODS = ("gradient", "occlusion")


def explain_entity(
    predictor: Any, doc: Any, method: str | None, entity: int | None, top_n: int | None
) -> Explanation:
    """A weight for each word of a text: how much the label of one of its entities depends on it.

    The score is the probability of the tag of the entity's first word. "occlusion" puts a neutral
    token in a word's place; the words don't move.

    Args:
        predictor: of entities.
        doc: the text.
        method: "gradient", the default, or "occlusion".
        entity: the number of the entity in what `predict` returns; by default the first.
        top_n: number of words to keep; None for all.

    Raises:
        ArgumentError: another method, or a number that no entity has.
        DataError: a text without entities.
    """
    method = require_choice("method", "gradient" if method is None else method, METHODS)
    entity = 0 if entity is None else entity
    if not isinstance(doc, str):
        raise DataError(f"explain takes one text, a string; this is a {type(doc).__name__}.")
    found = predictor.predict(doc)
    if not found:
        raise DataError(f"There is no entity in {doc!r:.60}, so there is nothing to explain.")
    chosen = found[require_count("entity", entity, 0, len(found) - 1)]
    data = predictor.encoder.encode_words([doc])
    inputs, numbers = data.padded(np.arange(1)), data.word_ids_of(0)
    places = data.read_places()[0]
    word = int(np.flatnonzero(places[:, 0] == chosen["start"])[0])
    token = int(np.flatnonzero(numbers == data.read_words(0)[word])[0])
    index = _tag_of(predictor, doc, word, chosen["label"])
    weigh = _by_gradient if method == "gradient" else _by_occlusion
    groups = _words_of_tokens(numbers)
    weights = weigh(predictor, inputs, groups, token, index)
    words = [
        Word(doc[start:end], int(start), int(end), float(weight), 0)
        for (start, end), weight in zip(places, weights, strict=True)
    ]
    strongest = sorted(words, key=lambda each: -abs(each.weight))[:top_n]
    kept = tuple(each for each in words if each in strongest)
    target = Target(f"{chosen['label']}: {chosen['text']}", chosen["probability"], kept, None)
    return Explanation((doc,), (target,), method)


def _tag_of(predictor: Any, doc: str, word: int, label: str) -> int:
    """The most probable tag of the entity's first word, of the entity's type."""
    values = predictor.predict_proba(doc)[word]
    scheme = scheme_of([predictor.get_classes()])
    types = [part_of(tag, scheme)[1] == label for tag in predictor.get_classes()]
    return int(np.where(types, values, -1.0).argmax())


def _words_of_tokens(numbers: np.ndarray) -> np.ndarray:
    """For each token the place of its word among those that have a token; -1 before the first."""
    return np.cumsum(numbers >= 0) - 1


def _neutral(predictor: Any) -> int:
    tokenizer = predictor.tokenizer
    return next(filter(None, map(tokenizer.token_id, MASKS)), tokenizer.layout.pad_id)


def _marks(predictor: Any, inputs: dict[str, np.ndarray]) -> np.ndarray:
    """Which tokens are marks of the model, such as [SEP]."""
    empty = predictor.encoder.encode_words([""]).ids
    return np.isin(inputs["input_ids"][0], empty)


def _by_occlusion(
    predictor: Any, inputs: dict[str, np.ndarray], groups: np.ndarray, token: int, index: int
) -> np.ndarray:
    count = int(groups.max()) + 1
    rows = {name: np.repeat(array, count + 1, axis=0) for name, array in inputs.items()}
    marks = _marks(predictor, inputs)
    for word in range(count):
        rows["input_ids"][word + 1, (groups == word) & ~marks] = _neutral(predictor)
    logits = predict_batch(predictor.model, rows, count + 1)[:, token]
    flat = predictor.labels.kind.probabilities(logits / predictor.settings.temperature)
    values = flat[:, index].astype("float64")
    return values[0] - values[1:]


def _by_gradient(
    predictor: Any, inputs: dict[str, np.ndarray], groups: np.ndarray, token: int, index: int
) -> np.ndarray:
    marks = _marks(predictor, inputs)
    ids = np.where(marks[None], inputs["input_ids"], _neutral(predictor))
    weights = predictor.gradients.token_weights(
        inputs, inputs | {"input_ids": ids}, index, predictor.settings.temperature, token
    )
    sums = np.zeros(int(groups.max()) + 1)
    np.add.at(sums, groups[(groups >= 0) & ~marks], weights[(groups >= 0) & ~marks])
    return sums
