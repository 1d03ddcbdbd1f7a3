"""The functions of docs/scale.md on Spark or Dask: python engines.py dask FOLDER OF A PREDICTOR."""

import re
import sys
from functools import partial
from pathlib import Path

import pandas as pd

import simpletext as st

PAGE = Path(__file__).parents[2] / "docs" / "scale.md"
TEXTS = ["a good film", "an awful film"] * 20


def functions():
    """The page's definitions, without its calls."""
    code = re.search(r"(def predict_frame\(.*?)\n\npredict_frame\(", PAGE.read_text("utf-8"), re.S)
    names = {"st": st, "pd": pd}
    exec(code[1], names)
    return names["predict_frame"], names["predict_frames"]


def by_dask(folder, frame):
    import dask
    import dask.dataframe as dd

    predict_frame, _ = functions()
    meta = {"text": "object", "predicted": "object"}
    parts = dd.from_pandas(frame, npartitions=4)
    with dask.config.set(scheduler="threads"):
        return parts.map_partitions(predict_frame, st.load_predictor(folder), meta=meta).compute()


def by_spark(folder, frame):
    from pyspark.sql import SparkSession

    _, predict_frames = functions()
    spark = (
        SparkSession.builder.master("local[1]")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.ui.enabled", "false")
        .getOrCreate()
    )
    rows = spark.createDataFrame(frame)
    function = partial(predict_frames, folder=folder)
    return rows.mapInPandas(function, "text string, predicted string").toPandas()


if __name__ == "__main__":
    engine, folder = sys.argv[1:]
    found = {"dask": by_dask, "spark": by_spark}[engine](folder, pd.DataFrame({"text": TEXTS}))
    assert found["text"].tolist() == TEXTS
    assert found["predicted"].tolist() == st.load_predictor(folder).predict(TEXTS)
    print("same")
