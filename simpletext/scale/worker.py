"""What runs on each worker: the predictor, loaded once, and the files that it writes."""

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..errors import ClusterError, SimpletextError
from ..inference.predictions import Predictions
from ..predictor import load_predictor
from ..saving.archive import SavedFolder
from ..translator import Translator
from ..utils.files import sync
from .plan import Part, Run
from .sources import read_rows

ROW = "row"  # the column with the rows' numbers where no column names them
PREDICTED = "predicted"
ATTEMPTS = ".{}-*.parquet"  # files that workers are writing, by the number of their part
MOST_ATTEMPTS = 3


class Worker:
    """Predicts parts of the input and writes a file for each; Ray makes one in each process.

    Args:
        folder: the predictor's.
        batch_size: texts computed at a time.
        run: what is written.
        out: the folder of the output.
    """

    def __init__(self, folder: SavedFolder, batch_size: int, run: Run, out: str) -> None:
        self._folder, self._batch_size, self._run, self._out = folder, batch_size, run, Path(out)
        self._predictor: Any = None

    def __call__(self, batch: dict[str, Any]) -> dict[str, list[Any]]:
        """Ray's call with some parts; returns their rows and errors."""
        found: dict[str, list[Any]] = {"rows": [], "error": []}
        for content in batch["part"]:
            part = Part.from_json(str(content))
            try:
                self._write(part)
                error = ""
            except SimpletextError as problem:  # one that Ray shouldn't try again
                error = f"Rows {part.first} to {part.first + part.rows - 1}: {problem}"
            found["rows"].append(part.rows)
            found["error"].append(error)
        return found

    def _write(self, part: Part) -> None:
        """Predict a part and write its file, which appears when it is complete."""
        import pyarrow.parquet as pq

        # A worker that is killed leaves its file behind, and Ray would try the part for ever.
        if len(list(self._out.glob(ATTEMPTS.format(f"{part.number:06d}")))) >= MOST_ATTEMPTS:
            raise ClusterError(
                f"{MOST_ATTEMPTS} workers died of them, usually for lack of memory. Use fewer "
                "workers or a smaller batch_size."
            )
        number, name = tempfile.mkstemp(".parquet", f".{part.number:06d}-", self._out)
        os.close(number)
        path = Path(name)
        try:
            path.chmod(0o644)
            pq.write_table(predicted_table(self._loaded(), part, self._run), path)
            sync(path)
            path.replace(self._out / part.name)  # two workers on one part write the same
        finally:
            path.unlink(missing_ok=True)

    def _loaded(self) -> Any:
        """The predictor; loading it here, Ray doesn't see its errors."""
        if self._predictor is None:
            self._predictor = load_predictor(self._folder.opened(), self._batch_size)
        return self._predictor


def predicted_table(predictor: Any, part: Part, run: Run) -> Any:
    """The predictions of a part, as an Arrow table with the columns that the run asks for."""
    import pyarrow as pa

    named = [] if run.id is None else [run.id]
    needed = list(dict.fromkeys([*named, *run.columns, *run.text]))
    table = pa.concat_tables([read_rows(*piece, needed) for piece in part.slices])
    texts = [table[name].to_pylist() for name in run.text]
    rows = texts[0] if len(texts) == 1 else list(zip(*texts, strict=True))
    numbers = {} if named else {ROW: pa.array(range(part.first, part.first + part.rows))}
    copied = {name: table[name] for name in dict.fromkeys([*named, *run.columns])}
    return pa.table(numbers | copied | _predictions(predictor, rows, run))


def _predictions(predictor: Any, rows: Sequence[Any], run: Run) -> dict[str, Any]:
    import pyarrow as pa

    if isinstance(predictor, Translator):
        return {PREDICTED: pa.array(predictor.predict(rows), pa.string())}
    labels = predictor.labels
    if labels.kind.per_token:
        found = [list(row) for row in predictor.predict(rows, long_text=run.long_text)]
        return {PREDICTED: pa.array(found, _entities())}
    values = predictor.predict_proba(rows, long_text=run.long_text)
    decided = Predictions(values, labels).decoded(predictor.thresholds, None)
    classes = enumerate(labels.classes) if run.proba else ()
    return {PREDICTED: pa.array(decided, _type_of(labels))} | {
        str(name): pa.array(values[:, i]) for i, name in classes
    }


def _type_of(labels: Any) -> Any:
    """The type of a prediction, the same in all files, also where one has no labels at all."""
    import pyarrow as pa

    kind = labels.kind
    one = pa.array(labels.classes).type if kind.has_classes else pa.float64()
    single = kind.has_one_class if kind.has_classes else len(labels.classes) == 1
    return one if single else pa.list_(one)


def _entities() -> Any:
    import pyarrow as pa

    places = [("start", pa.int64()), ("end", pa.int64()), ("probability", pa.float64())]
    return pa.list_(pa.struct([("text", pa.string()), ("label", pa.string()), *places]))
