"""One set of training options: every way into the library takes the same ones."""

import inspect

import pytest

import simpletext as st
from simpletext import cli, scale
from simpletext.cli.tuning import tune as tune_command
from simpletext.sklearn import TextClassifier, TextRegressor, TokenClassifier
from simpletext.training.verbs import SCHEDULES, FittingVerbs
from simpletext.tuning.settings import TrainingSettings

pytest.importorskip("optuna")

OPTIONS = {
    "checkpoint", "maxlen", "epochs", "lr", "batch_size", "schedule", "early_stopping",
    "class_weight", "loss", "metrics", "pooling", "few_shot", "cache_dir", "seed", "verbose",
}  # fmt: skip
# What a table needs, and scikit-learn passes to `fit` or decides by the estimator.
TABLE = {"data", "text", "label", "label_sep", "val", "val_pct", "task"}
# On the command line: a file's encoding, output files, and a file of options.
COMMAND = {"ctx", "out", "encoding", "sep", "config"}
WORKERS = {"workers", "gpus_per_worker"}
SEARCH = {"minutes", "space", "trials", "folder", "resume"}
# What the command line calls differently: an option is repeated, and a flag has no number.
RENAMED = {"metric": "metrics", "quiet": "verbose"}
# What only a `Learner` takes: objects, files to continue from, and the details of one verb.
OF_LEARNER = {
    "model", "train_data", "val_data", "eval_batch_size", "sample_weight", "optimizer",
    "callbacks", "label_smoothing", "checkpoint_folder", "resume", "head_start", "warmup_ratio",
    "cycle_momentum", "max_momentum", "min_momentum", "n_cycles", "cycle_len", "cycle_mult",
    "lr_decay", "reduce_on_plateau", "reduce_factor", "monitor",
}  # fmt: skip


def names_of(function):
    return {RENAMED.get(name, name) for name in inspect.signature(function).parameters} - {"self"}


WAYS = {
    "train": (st.train, TABLE | {"class_names", "minutes"}),
    "tune": (st.tune, TABLE | SEARCH | {"class_names", "fixed"}),
    "compare": (st.compare, TABLE | {"class_names", "settings"}),
    "scale.train": (scale.train, TABLE | {"class_names", "folder", "resume", *WORKERS}),
    "scale.tune": (scale.tune, TABLE | SEARCH - {"minutes"} | {"class_names", "fixed", *WORKERS}),
    "simpletext train": (cli.train, TABLE | COMMAND | {"minutes", "report"}),
    "simpletext tune": (tune_command, TABLE | COMMAND | SEARCH | {"table", "plot"}),
    "TextClassifier": (TextClassifier, set()),
    "TextRegressor": (TextRegressor, set()),
    "TokenClassifier": (TokenClassifier, set()),
}
# A search or a comparison takes these as settings, one value or several.
SETTINGS = set(inspect.signature(TrainingSettings).parameters)


@pytest.mark.parametrize("way", WAYS)
def test_each_way_takes_these_options_and_no_others(way):
    function, own = WAYS[way]
    searches = way in ("tune", "scale.tune", "compare", "simpletext tune")
    searched = SETTINGS & OPTIONS if searches else set()
    if way == "scale.tune":
        searched |= {"cache_dir"}  # its folder keeps the encoded texts
    assert names_of(function) - searched == (own | OPTIONS) - searched


def test_an_option_of_the_learner_is_everywhere_or_its_own():
    verbs = [getattr(FittingVerbs, verb) for verb in SCHEDULES.values()]
    makers = [st.get_learner, st.Transformer.get_classifier, st.Transformer.get_regression_model]
    taken = set().union(*map(names_of, [*verbs, *makers]))
    elsewhere = {"checkpoint", "maxlen", "schedule", "cache_dir", "few_shot"}
    assert taken - OF_LEARNER == OPTIONS - elsewhere
    assert taken >= OF_LEARNER


@pytest.mark.parametrize("estimator", [TextClassifier, TextRegressor, TokenClassifier])
@pytest.mark.parametrize("option", sorted(OPTIONS))
def test_an_estimator_describes_its_options(estimator, option):
    assert option in inspect.getdoc(estimator)


def test_defaults_are_the_same():
    """A search's default is the first try; `train` has None where `minutes` would choose."""
    default = {name: each.default for name, each in inspect.signature(st.train).parameters.items()}
    for way, (function, own) in WAYS.items():
        for name, each in inspect.signature(function).parameters.items():
            if name in OPTIONS - own - {"verbose", "checkpoint", "metrics"}:
                usual = {"epochs": 3, "batch_size": 32}.get(name, default[name])
                assert each.default in (default[name], usual), f"{way}: {name}"
