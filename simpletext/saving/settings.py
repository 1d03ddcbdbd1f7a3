"""`Settings`: a predictor's labels, maxlen and calibration; simpletext.json."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ..errors import ArgumentError, CheckpointError
from ..models.precision import POLICIES
from ..tasks.labels import Labels
from ..tasks.task import TASKS
from ..tasks.translation import TRANSLATION
from ..utils.files import read_json, write_json
from ..utils.validation import shown

FILE = "simpletext.json"
FORMAT = 1
THRESHOLD = 0.5


@dataclass(frozen=True)
class Settings:
    """A predictor's labels, maxlen and calibration.

    Attributes:
        labels: the task and the classes.
        maxlen: maximum number of tokens per text; longer texts are truncated.
        paired: whether it was trained on pairs of texts; None if unknown.
        temperature: what logits are divided by, 1 without calibration.
        thresholds: for multi-label the probability at or above which a label is predicted.
        base_model: the checkpoint it was trained from, a name on the Hub, or None.
        segments: False if all token types must be 0, as ktrain had them; None for the family's own
            rule.
        sizes: texts a data set, such as `{"train": 2000}`, for the model card.
        metrics: scores that were measured, for the model card.
    """

    labels: Labels
    maxlen: int
    paired: bool | None = None
    temperature: float = 1.0
    thresholds: tuple[float, ...] | None = None
    base_model: str | None = None
    segments: bool | None = None
    sizes: Mapping[str, int] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)

    def with_metrics(self, metrics: Mapping[str, float]) -> "Settings":
        """The same settings with further scores, checked."""
        if not isinstance(metrics, Mapping):
            raise ArgumentError(f"metrics={shown(metrics)}; it must be a dict, name -> number.")
        for name, value in metrics.items():
            if not isinstance(name, str) or not _is_number(value):
                raise ArgumentError(
                    f"metrics has {shown(name)}: {shown(value)}; it must be names with numbers, "
                    'such as {"accuracy": 0.93}.'
                )
        return replace(
            self, metrics=dict(self.metrics) | {name: float(v) for name, v in metrics.items()}
        )


def write_settings(folder: Path, settings: Settings, others: Mapping[str, Any]) -> None:
    """Write simpletext.json into an existing folder.

    Args:
        folder: the predictor's.
        settings: what is written.
        others: further entries: the pooling, the tokenizer's options, the probes.
    """
    write_json(
        folder / FILE,
        {
            "format": FORMAT,
            "task": settings.labels.task,
            "classes": list(settings.labels.classes),
            "numbered": settings.labels.numbered,
            "maxlen": settings.maxlen,
            "paired": settings.paired,
            "temperature": settings.temperature,
            "thresholds": settings.thresholds,
            "base_model": settings.base_model,
            **({} if settings.segments is None else {"segments": settings.segments}),
            "sizes": dict(settings.sizes),
            "metrics": dict(settings.metrics),
            **others,
        },
    )


def check_writable(settings: Settings) -> None:
    """Raise for classes that JSON can't store, before the model is written.

    Raises:
        ArgumentError: a class that isn't a string, a number or a boolean.
    """
    for name in settings.labels.classes:
        if not isinstance(name, (str, int, float)):
            raise ArgumentError(
                f"The class {shown(name)} is a {type(name).__name__}; a folder can keep classes "
                "that are strings, numbers or booleans. Train with the names as strings."
            )


def read_settings(folder: Path, name: str) -> tuple[Settings, dict[str, Any]]:
    """The settings in a predictor's folder, and the file's raw entries.

    Raises:
        CheckpointError: no such file, one that is damaged, or one of a newer version.
    """
    path = folder / FILE
    if not folder.is_dir():
        raise CheckpointError(
            f"There is no folder {shown(name)}. Check the path; Predictor.from_pretrained takes "
            "names on the Hub."
        )
    if not path.is_file():
        raise CheckpointError(
            f"There is no {FILE} in {shown(name)}, so it is no folder of Predictor.save. "
            "Predictor.from_pretrained loads classifiers that others have saved."
        )
    raw = read_json(path)
    if isinstance(raw, dict) and raw.get("task") == TRANSLATION:
        raise CheckpointError(f"{name!r} holds a translator; open it with load_predictor.")
    version = raw.get("format") if isinstance(raw, dict) else None
    if version != FORMAT:
        raise CheckpointError(
            f"{path} has format {version!r}; this version of simpletext reads format "
            f"{FORMAT}. A newer simpletext can read it: pip install --upgrade simpletext-keras."
        )
    try:
        return _parsed(raw), raw
    except (KeyError, TypeError, ValueError) as error:
        raise CheckpointError(
            f"{path} is damaged: {error!r}. Copy the folder again, whole, or save it anew."
        ) from error


def _parsed(raw: Mapping[str, Any]) -> Settings:
    """Every entry, of the kind it must be; entries that format 1 had later may be missing."""
    classes = tuple(raw["classes"])
    thresholds = raw.get("thresholds")
    temperature = raw.get("temperature", 1.0)
    _require(raw["task"] in TASKS, "task", raw["task"])
    _require(
        len(classes) > 0
        and len(set(classes)) == len(classes)
        and all(isinstance(c, (str, int, float)) for c in classes),
        "classes",
        classes,
    )
    _require(type(raw["maxlen"]) is int and raw["maxlen"] >= 3, "maxlen", raw["maxlen"])
    _require(raw["pooling"] in ("mean", "original", "tokens"), "pooling", raw["pooling"])
    _require(raw.get("precision", "float32") in POLICIES, "precision", raw.get("precision"))
    for name in ("paired", "segments"):
        _require(raw.get(name) in (None, True, False), name, raw.get(name))
    _require(_is_number(temperature) and 0 < temperature < 1e6, "temperature", temperature)
    if thresholds is not None:
        fits = TASKS[raw["task"]].has_thresholds and len(thresholds) == len(classes)
        _require(fits and all(map(_is_share, thresholds)), "thresholds", thresholds)
    _require(are_checksums(raw.get("files", {})), "files", raw.get("files"))
    for name in ("sizes", "metrics"):
        _require(isinstance(raw.get(name, {}), dict), name, raw.get(name))
    return Settings(
        Labels(raw["task"], classes, bool(raw.get("numbered"))),
        raw["maxlen"],
        raw.get("paired"),
        float(temperature),
        None if thresholds is None else tuple(map(float, thresholds)),
        raw.get("base_model"),
        raw.get("segments"),
        raw.get("sizes", {}),
        raw.get("metrics", {}),
    )


def are_checksums(files: Any) -> bool:
    """Whether they are names of files inside of a folder, each with a size and a SHA-256."""
    return isinstance(files, dict) and all(
        isinstance(found, dict)
        and type(found.get("size")) is int
        and isinstance(found.get("sha256"), str)
        and not Path(name).is_absolute()
        and ".." not in Path(name).parts
        for name, found in files.items()
    )


def _require(right: bool, name: str, value: Any) -> None:
    if not right:
        raise ValueError(f"{name} can't be {shown(value)}")


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and value == value


def _is_share(value: Any) -> bool:
    return _is_number(value) and 0.0 <= value <= 1.0
