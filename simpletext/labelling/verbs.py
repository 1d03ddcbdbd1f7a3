"""What a `Predictor` does where labels are missing."""

import os
from typing import Any

from ..data.texts import as_texts
from ..errors import ArgumentError
from ..models.loading import find_model
from ..saving.settings import Settings
from ..utils.defaults import DEFAULT_MODEL
from ..utils.validation import require_count, require_verbose, shown
from .entailment import HYPOTHESIS, EntailmentPredictor, entailment_output, require_hypothesis
from .picking import spread_out, vectors_and_logits
from .suspects import require_text_classes
from .zero_shot import classifier_from_labels, described_labels


class LabellingVerbs:
    """Predictors from names alone, and the choice of texts to label; `Predictor` has the rest."""

    @classmethod
    def from_labels(
        cls,
        labels: Any,
        checkpoint: str | os.PathLike = DEFAULT_MODEL,
        maxlen: int = 128,
        batch_size: int = 32,
        *,
        hypothesis: str | None = None,
        precision: str = "auto",
    ) -> Any:
        """A predictor without a single labelled text, from the labels' names or descriptions.

        With a sentence-transformers model the texts' vectors are compared with those of the
        descriptions; the time for a text doesn't depend on the number of labels. The result is an
        ordinary predictor, which `save` writes.

        With a model of natural language inference (`...-mnli`) each description becomes a sentence,
        and the model judges whether it follows from the text. There is one pass of the model per
        text and sentence. The result is an `EntailmentPredictor`, which only predicts.

        Args:
            labels: label -> description, or a list of descriptions or of typical texts; or a list
                of labels whose names describe them.
            checkpoint: a name on the Hub or a folder: a sentence-transformers model with mean
                pooling, or a classifier with an output for entailment.
            maxlen: maximum tokens per text, with its sentence; longer texts are truncated, with a
                message.
            batch_size: texts, or texts with a sentence, at a time.
            hypothesis: for natural language inference: the sentence, with {} where a description
                is put; by default "This example is about {}."
            precision: see `Transformer`.

        Raises:
            ArgumentError: labels without descriptions, another kind of checkpoint, a hypothesis
                without {}, or one for a sentence-transformers model.
            UnknownModelError, UnreachableModelError, UnsupportedModelError: see `load_encoder`.

        Example:
            >>> import simpletext as st
            >>> predictor = st.Predictor.from_labels(
            ...     {"refund": "I want my money back", "card": "my card was stolen"}
            ... )
            >>> predictor.predict("Someone took my credit card!")
            'card'
        """
        require_count("batch_size", batch_size)
        names, texts = described_labels(labels)
        found = find_model(checkpoint)
        if entailment_output(found.config) is not None:
            sentence = require_hypothesis(HYPOTHESIS if hypothesis is None else hypothesis)
            return EntailmentPredictor(names, texts, found, sentence, maxlen, batch_size, precision)
        if hypothesis is not None:
            raise ArgumentError(
                f"hypothesis={shown(hypothesis)} is for models of natural language inference; "
                f"{found.name} isn't one. Leave it out."
            )
        model, tokenizer, known = classifier_from_labels(names, texts, found, maxlen, precision)
        name = None if os.path.exists(checkpoint) else str(checkpoint)
        make: Any = cls
        return make(model, tokenizer, Settings(known, maxlen, False, base_model=name), batch_size)

    def pick(self: Any, texts: Any, n: int, *, verbose: int = 0) -> list[int]:
        """The rows of the texts to label next, the most useful first.

        Texts that the model is unsure of, weighted by how far they are from those before them: the
        same question twice teaches little.

        Args:
            texts: texts without labels.
            n: how many to pick; fewer texts are all picked.
            verbose: 1 shows a progress bar.

        Raises:
            ArgumentError: another task than a classification of texts.
        """
        n, verbose = require_count("n", n), require_verbose(verbose)
        require_text_classes(self.labels, "Texts to label are picked")
        data = self.encoder.encode(*as_texts(texts), verbose=verbose)
        vectors, logits = vectors_and_logits(self.model, data, self.batch_size, verbose)
        values = self.labels.kind.probabilities(logits / self.settings.temperature)
        return spread_out(vectors, self.labels.kind.doubt(values) ** 2, n)
