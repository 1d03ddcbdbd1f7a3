"""`predict`: a saved predictor on many rows, by workers on one machine or many."""

import os
import shutil
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..data.tables import column_names
from ..errors import ArgumentError, ClusterError, DataError
from ..predictor import Predictor
from ..saving.archive import SavedFolder, absolute
from ..saving.settings import FILE, read_settings
from ..saving.translator_folder import is_translator_folder
from ..tasks.labels import Labels
from ..translator import Translator
from ..utils import console
from ..utils.checksums import sha256
from ..utils.files import local_path, new_folder, plain_path, require_new_folder
from ..utils.validation import (
    require_choice,
    require_count,
    require_flag,
    require_verbose,
    shown,
)
from . import sources
from .cluster import check_machines, connected, cpus_per_worker, machines, worker_environment
from .plan import FILE as RUN
from .plan import Part, Run, parts_of, rows_per_file
from .worker import ATTEMPTS, PREDICTED, ROW, Worker


def predict(
    predictor: Any,
    source: Any,
    out: str | os.PathLike,
    text: str | Sequence[str] = "text",
    *,
    workers: int,
    gpus_per_worker: float = 0,
    batch_size: int = 32,
    id: str | None = None,
    columns: str | Sequence[str] | None = None,
    proba: bool = False,
    long_text: str = "truncate",
    verbose: int = 1,
) -> None:
    """Predict the rows of files with several workers, by Ray, and write Parquet files.

    Each worker is a process that loads the predictor once. The files of `out` are in the order of
    the input. A run that was killed continues where it was when it is started again with the same
    arguments (`workers` may differ): files that are there are kept, and each row is in one file.

    Args:
        predictor: the folder of a saved predictor or translator, or one that was loaded from or
            saved to a folder. All machines must see the folder under the same path.
        source: a .parquet, .csv, .tsv, .jsonl or .json file; a folder with such files; a list of
            files; a Ray Dataset. What isn't Parquet is first copied to Parquet, within `out`.
        out: the new folder, on storage that all machines see; `pandas.read_parquet(out)` reads it.
        text: the column with the texts, or two columns with pairs of texts.
        workers: the number of processes; the CPUs are divided between them.
        gpus_per_worker: GPUs of each worker; 0.5 lets two share one.
        batch_size: texts computed at a time.
        id: a column that is copied to name the rows; by default the column `row` has their numbers
            from 0.
        columns: a further column to copy, a list of them, or "all".
        proba: whether the probability of each class is written, in a column named after it.
        long_text: "truncate" or "chunk", as for `Predictor.predict`.
        verbose: 0 shows nothing.

    Raises:
        ArgumentError: a predictor without a folder; more workers than rows or than fit on the
            machines.
        DataError: a file that can't be read, a column that isn't there.
        ClusterError: no Ray, no such cluster, a machine with other versions or without the files;
            rows that can't be predicted, or that killed three workers.
        FolderExistsError: `out` is there and isn't a run that these arguments continue.
    """
    require_verbose(verbose)
    folder, labels = _saved(predictor)
    files = [] if sources.is_dataset(source) else sources.files_of(source)
    run = Run(
        folder.sha256,
        [[str(file), file.stat().st_size, file.stat().st_mtime_ns] for file in files],
        _names(text),
        _id_column(id),
        _copied(columns, source, files),
        require_flag("proba", proba),
        require_choice("long_text", long_text, ("truncate", "chunk")),
    )
    _check_columns(run, labels, sources.columns_of(source, files))
    batch_size = require_count("batch_size", batch_size)
    workers = require_count("workers", workers)
    target = local_path(out).absolute()
    run = run.resumed(target)
    ray = connected("data")
    cpus = cpus_per_worker(machines(ray), workers, gpus_per_worker)
    if not sources.is_parquet(files):  # copying the rows may take long
        check_machines(ray, folder, [])
    parts, run = _begun(run, source, files, target, workers)
    _clear(target)
    left = [part for part in parts if not (target / part.name).is_file()]
    seen = sorted({name for part in left for name, _, _ in part.slices})
    check_machines(ray, folder, [str(target / RUN), *seen])
    options = {
        "num_cpus": cpus,
        "num_gpus": gpus_per_worker,
        "runtime_env": {"env_vars": worker_environment(cpus, gpus_per_worker)},
    }
    arguments = (folder, batch_size, run, str(target))
    _work(ray, left, parts, workers, arguments, options, verbose)
    _clear(target)
    replace(run, complete=True).write(target)


def _saved(predictor: Any) -> tuple[SavedFolder, Labels | None]:
    """The folder of a predictor, and its labels; a translator has none.

    Raises:
        ArgumentError: not a predictor, or not in a folder as it is.
        CheckpointError: no such folder.
    """
    if isinstance(predictor, (str, os.PathLike)):
        folder = absolute(predictor)
        translates = is_translator_folder(folder)
        labels = None if translates else read_settings(plain_path(folder), folder)[0].labels
        return SavedFolder(folder, sha256(Path(folder) / FILE)), labels
    if not isinstance(predictor, (Predictor, Translator)):
        raise ArgumentError(
            f"predictor={shown(predictor)}; it must be a predictor or the folder of one."
        )
    content = predictor.__reduce__()[1][0]
    if not isinstance(content, SavedFolder):
        raise ArgumentError(
            "The workers load the predictor from its folder, and this one isn't saved, or was "
            "changed since. Save it on storage that all machines see: predictor.save(folder)."
        )
    return content, None if isinstance(predictor, Translator) else predictor.labels


def _copied(columns: Any, source: Any, files: Sequence[Path]) -> list[str]:
    if columns is None:
        return []
    if isinstance(columns, str) and columns == "all":
        return sources.columns_of(source, files)
    return _names(columns)


def _names(columns: Any) -> list[str]:
    return [str(name) for name in column_names(columns)]


def _id_column(id: Any) -> str | None:
    names = [] if id is None else _names(id)
    if len(names) > 1:
        raise ArgumentError(f"id={shown(id)}; name one column.")
    return names[0] if names else None


def _check_columns(run: Run, labels: Labels | None, columns: Sequence[str]) -> None:
    """Refuse columns that aren't there, and two columns of one name in the output."""
    if len(run.text) not in (1, 2):
        raise ArgumentError(f"text={run.text}; name one column, or two for pairs of texts.")
    named = [] if run.id is None else [run.id]
    sources.require_columns([*run.text, *named, *run.columns], columns)
    if run.proba and (labels is None or labels.kind.per_token):
        raise ArgumentError("proba=True is for classes of whole texts. Leave it out.")
    classes = [str(name) for name in labels.classes] if labels is not None and run.proba else []
    written = [PREDICTED, *classes, *([] if named else [ROW])]
    taken = [name for name in {*named, *run.columns} if name in written]
    if taken:
        raise DataError(
            f"The column {taken[0]!r} has the name of a column that predict writes. Rename it, or "
            "leave it out of columns."
        )


def _begun(
    run: Run, source: Any, files: Sequence[Path], target: Path, workers: int
) -> tuple[list[Part], Run]:
    """The parts of the output, and the run with its plan written in the output's folder."""
    if sources.is_parquet(files):  # nothing is written before the rows are counted
        counts = sources.counted(files)
        planned = _planned(run, counts, workers)
        _begin(run, target)
    else:
        begun = target.is_dir()
        _begin(run, target)
        try:
            counts = sources.counted(sources.staged(source, files, target))
            planned = _planned(run, counts, workers)
        except BaseException:
            if not begun:
                shutil.rmtree(target, ignore_errors=True)
            raise
    if planned != run:
        planned.write(target)
    return parts_of(counts, planned.rows_per_file), planned


def _begin(run: Run, target: Path) -> None:
    """Make the output's folder, with the run's file in it from the start."""
    if not target.is_dir():
        require_new_folder(target)
        with new_folder(target) as temporary:
            run.write(temporary)


def _planned(run: Run, counts: Sequence[tuple[str, int]], workers: int) -> Run:
    rows = sum(count for _, count in counts)
    return run if run.rows_per_file else replace(run, rows_per_file=rows_per_file(rows, workers))


def _work(
    ray: Any,
    left: Sequence[Part],
    parts: Sequence[Part],
    workers: int,
    arguments: tuple[Any, ...],
    options: dict[str, Any],
    verbose: int,
) -> None:
    """Let the workers write the files that are left."""
    total, started = sum(part.rows for part in parts), time.perf_counter()
    missing = sum(part.rows for part in left)
    if not left:
        return
    data = ray.data.from_items(
        [{"part": part.as_json()} for part in left], override_num_blocks=len(left)
    )
    data.context.enable_progress_bars = False
    rows = data.map_batches(
        Worker,
        fn_constructor_args=arguments,
        batch_size=None,
        compute=ray.data.ActorPoolStrategy(size=min(workers, len(left))),
        **options,
    ).iter_rows()
    with console.bar(total, "predicting", verbose) as bar, console.silent("ray.data"):
        bar.update(total - missing)
        try:
            for found in rows:
                if found["error"]:
                    raise ClusterError(f"{found['error']} The other files are kept.")
                bar.update(int(found["rows"]))
        except ray.exceptions.RayError as error:
            raise ClusterError(
                f"A worker failed: {type(error).__name__}: {str(error).strip().splitlines()[-1]} "
                "Start the run again to continue it."
            ) from error
    if verbose:
        seconds = time.perf_counter() - started
        console.note(
            f"{missing} rows in {seconds:.0f} s, {missing / seconds:.0f} rows per second"
            + (f"; {total - missing} were there already" if missing < total else "")
        )


def _clear(target: Path) -> None:
    """Remove the files that killed workers left."""
    for path in target.glob(ATTEMPTS.format("*")):
        path.unlink(missing_ok=True)
