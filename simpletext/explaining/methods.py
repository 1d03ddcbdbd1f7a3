"""Methods that weight words: LIME, eli5, integrated gradients, occlusion."""

from collections.abc import Callable, Iterable, Sequence
from importlib import import_module
from typing import Any

import numpy as np

from ..errors import ArgumentError, DataError
from ..tasks.labels import Labels
from ..utils.validation import require_choice, require_count
from .explanation import Explanation, Target, Word
from .words import Passage, passage_of

SEED = 42  # as in ktrain: the same text always has the same explanation
MASKS = ("[MASK]", "<mask>")  # neutral tokens, where the tokenizer has one

Predict = Callable[[Iterable[Sequence[int]]], np.ndarray]
Weighed = tuple[np.ndarray, float | None]  # a weight for each word, and the fidelity


def explain(
    predictor: Any,
    doc: Any,
    method: str | None,
    truncate_len: int,
    all_targets: bool,
    n_samples: int,
    top_n: int | None,
) -> Explanation:
    """See `Predictor.explain`."""
    method = "lime" if method is None else method
    _check(method, predictor.labels, truncate_len, n_samples, top_n)
    passage = passage_of(doc, predictor.tokenizer, truncate_len)
    values = predictor.predict_proba(passage.doc)
    indices = _targets(predictor, values, all_targets)
    weighed = METHODS[method](predictor, passage, indices, n_samples)
    targets = tuple(
        Target(
            predictor.get_classes()[index],
            float(values[index]),
            _words(passage, weights, top_n),
            fidelity,
        )
        for index, (weights, fidelity) in zip(indices, weighed, strict=True)
    )
    return Explanation(passage.texts, targets, method)


def by_lime(
    predictor: Any, passage: Passage, indices: list[int], n_samples: int
) -> Iterable[Weighed]:
    """LIME (https://arxiv.org/abs/1602.04938): a linear model on variations of the text."""
    _require("lime")
    from lime.lime_text import LimeTextExplainer

    count, predict = len(passage.words), _predict_kept(predictor, passage)
    for index in indices:
        explainer = LimeTextExplainer(
            split_expression=r"\s+", bow=False, mask_string="", random_state=SEED
        )
        result = explainer.explain_instance(
            _placeholders(count),
            lambda docs: predict(map(_kept, docs)),
            labels=(index,),
            num_features=count,
            num_samples=n_samples,
        )
        weights = np.zeros(count)
        for word, weight in result.local_exp[index]:
            weights[word] = weight
        yield weights, float(result.score)


def by_eli5(
    predictor: Any, passage: Passage, indices: list[int], n_samples: int
) -> Iterable[Weighed]:
    """eli5's TextExplainer (https://eli5.readthedocs.io): a linear classifier on variations."""
    _require("eli5")
    from eli5.lime import TextExplainer
    from sklearn.feature_extraction.text import CountVectorizer

    count, predict = len(passage.words), _predict_kept(predictor, passage)
    if count < 2:  # each of its samples lacks a word, so all of them would be empty
        raise DataError("eli5 needs two words or more; for a single word use method='lime'.")
    for index in indices:

        def one_or_not(docs: Sequence[str], index: int = index) -> np.ndarray:
            value = predict(map(_kept, docs))[:, index].astype("float64")
            return np.stack([1.0 - value, value], axis=1)

        words = CountVectorizer(token_pattern=r"\S+", vocabulary=_placeholders(count).split())
        explainer = TextExplainer(n_samples=n_samples, random_state=SEED, vec=words)
        explainer.fit(_placeholders(count), one_or_not)
        yield explainer.clf_.coef_[0], float(explainer.metrics_["score"])


def by_occlusion(
    predictor: Any, passage: Passage, indices: list[int], n_samples: int
) -> Iterable[Weighed]:
    """The drop in probability when a word is removed (https://arxiv.org/abs/1311.2901)."""
    count = len(passage.words)
    everything = set(range(count))
    kept = [everything, *(everything - {word} for word in range(count))]
    values = _predict_kept(predictor, passage)(map(sorted, kept)).astype("float64")
    for index in indices:
        yield values[0, index] - values[1:, index], None


def by_gradient(
    predictor: Any, passage: Passage, indices: list[int], n_samples: int
) -> Iterable[Weighed]:
    """Integrated gradients (https://arxiv.org/abs/1703.01365): no perturbed texts."""
    tokenizer = predictor.tokenizer
    text, pair = passage.texts[0], passage.texts[1] if len(passage.texts) > 1 else None
    places = tokenizer.places(text, pair, predictor.maxlen)
    inputs = _inputs(predictor, text, pair)
    neutral = next(filter(None, map(tokenizer.token_id, MASKS)), tokenizer.layout.pad_id)
    marks = np.array([place is None for place in places])
    baseline = inputs | {"input_ids": np.where(marks, inputs["input_ids"], neutral)}
    for index in indices:
        weights = predictor.gradients.token_weights(
            inputs, baseline, index, predictor.settings.temperature
        )
        yield _by_word(passage, places, weights), None


def _require(package: str) -> None:
    """Raises an ArgumentError if the package that a method needs is not installed."""
    try:
        import_module(package)
    except ImportError as error:
        raise ArgumentError(
            f"method={package!r} needs the package {package}, which can't be imported: "
            f"pip install {package}, or pass method='gradient'."
        ) from error


METHODS = {"lime": by_lime, "eli5": by_eli5, "gradient": by_gradient, "occlusion": by_occlusion}


def _check(
    method: str, labels: Labels, truncate_len: int, n_samples: int, top_n: int | None
) -> None:
    require_choice("method", method, METHODS)
    if method == "eli5" and not labels.kind.has_classes:
        raise ArgumentError("eli5 explains classes only; for a regression use method='lime'.")
    require_count("truncate_len", truncate_len)
    require_count("n_samples", n_samples, 10)
    if top_n is not None:
        require_count("top_n", top_n)


def _targets(predictor: Any, values: np.ndarray, all_targets: bool) -> list[int]:
    """Indices of the classes to explain: the predicted ones, then the others if requested."""
    kind = predictor.labels.kind
    if not all_targets:
        return kind.explained(values, predictor.thresholds)
    order = [int(i) for i in np.argsort(-values, kind="stable")]
    return order if kind.has_classes else sorted(order)


def _words(passage: Passage, weights: np.ndarray, top_n: int | None) -> tuple[Word, ...]:
    strongest = sorted(range(len(weights)), key=lambda i: -abs(weights[i]))[:top_n]
    return tuple(
        Word(passage.texts[part][start:end], start, end, float(weights[i]), part)
        for i, (part, start, end) in enumerate(passage.words)
        if i in strongest
    )


def _placeholders(count: int) -> str:
    """The text that the samplers perturb, one made-up word per word: "w0 w1 w2".

    So their own word splitting doesn't matter, and pairs and any language work.
    """
    return " ".join(f"w{i}" for i in range(count))


def _kept(placeholders: str) -> list[int]:
    return [int(word[1:]) for word in placeholders.split()]


def _predict_kept(predictor: Any, passage: Passage) -> Predict:
    """A function from kept words to probabilities, which predicts each text once."""
    cache: dict[Any, np.ndarray] = {}

    def predict(kept: Iterable[Sequence[int]]) -> np.ndarray:
        docs = [passage.keeping(set(words)) for words in kept]
        new = [doc for doc in dict.fromkeys(docs) if doc not in cache]
        cache.update(zip(new, predictor.predict_proba(new) if new else (), strict=True))
        return np.stack([cache[doc] for doc in docs])

    return predict


def _inputs(predictor: Any, text: str, pair: str | None) -> dict[str, np.ndarray]:
    """The model's inputs for one text."""
    pairs = None if pair is None else [pair]
    return predictor.encoder.encode([text], pairs).padded(np.arange(1))


def _by_word(passage: Passage, places: Sequence[Any], weights: np.ndarray) -> np.ndarray:
    """Token weights, summed per word."""
    word_at = {
        (part, at): word
        for word, (part, start, end) in enumerate(passage.words)
        for at in range(start, end)
    }
    sums = np.zeros(len(passage.words))
    for place, weight in zip(places, weights, strict=True):
        if place is not None:
            part, start, end = place
            inside = [word_at[part, at] for at in range(start, end) if (part, at) in word_at]
            if inside:  # a token may begin with the space before its word
                sums[inside[0]] += weight
    return sums
