"""The verbs of a `Predictor` that adjust its probabilities and thresholds on validation data."""

from dataclasses import replace
from typing import Any

from ..errors import ArgumentError
from .calibration import best_thresholds, calibrated, moved_thresholds
from .pipeline import validation_logits


class CalibrationVerbs:
    """Temperature and thresholds; `Predictor` has what they are fitted with."""

    def calibrate(self: Any, texts: Any, y: Any = None) -> dict[str, float]:
        """Calibrate probabilities with a temperature fitted on validation data.

        Predicted classes don't change; tuned thresholds are adjusted to the new
        probabilities. The temperature is saved with the predictor.

        Args:
            texts: validation texts, or the data that `preprocess_test` returned.
            y: their labels.

        Returns:
            The temperature, and the log loss and calibration error (ECE) before and after.

        Raises:
            DataError: texts or labels that can't be used.
            ArgumentError: a regression has no probabilities.
        """
        if not self.labels.kind.has_classes:
            raise ArgumentError("A regression has no probabilities to calibrate.")
        logits, true = validation_logits(self._pipeline, self.batch_size, self.labels, texts, y)
        old = self.settings.temperature
        new, scores = calibrated(logits, true, self.labels, old)
        moved = moved_thresholds(self.settings.thresholds, old / new)
        self.settings = replace(self.settings, temperature=new, thresholds=moved)
        return scores

    def tune_thresholds(self: Any, texts: Any, y: Any = None) -> dict[Any, float]:
        """For each label the threshold with the best F1 on validation data (multi-label).

        From then on `predict` uses them, and they are saved with the predictor. The arguments are
        those of `calibrate`; returns a dict of label to threshold.
        """
        if not self.labels.kind.has_thresholds:
            raise ArgumentError(f"Thresholds are for multi-label tasks; this is {self.labels.task}")
        logits, true = validation_logits(self._pipeline, self.batch_size, self.labels, texts, y)
        values = self.labels.kind.probabilities(logits / self.settings.temperature)
        found = best_thresholds(values, true)
        self.settings = replace(self.settings, thresholds=found)
        return dict(zip(self.labels.classes, found, strict=True))
