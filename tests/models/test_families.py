"""What a family has besides its numbers: checked fields, parts to freeze, a tokenizer, a row."""

import contextlib
import json
import shutil
from dataclasses import fields
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from parity.families import FAMILIES
from parity.fixtures import FOLDER, read_fixture
from parity.make_table import MEASURED, PAGES, table, with_table
from parity.weights import write_checkpoint

import simpletext as st
from simpletext.errors import UnsupportedModelError
from simpletext.models.families import MODULES, family_of
from simpletext.models.families.family import NOT_A_DECODER

ROOT = Path(__file__).parents[2]
TOKENIZERS = FOLDER.parent / "tokenizers"
# These change nothing but training, or how a new head begins.
TRAINING = ("drop", "initializer", "init_std")
# The size of a table shows in the file's shapes; FNet has no attention.
UNVARIED = {"fnet": ("type_vocab_size", "num_attention_heads")}


@cache
def fixture(model_type):
    return read_fixture(model_type)


def family(model_type):
    return family_of({"model_type": model_type})


# ---- the fixtures ----------------------------------------------------------------------------


def size(paths):
    return sum(path.stat().st_size for path in paths)


@pytest.mark.parametrize("model_type", MODULES)
def test_a_fixture_is_small(model_type):
    tokenizer = TOKENIZERS / FAMILIES[model_type].tokenizer
    folders = [tokenizer, tokenizer.with_name(f"{tokenizer.name}-vocab")]
    files = [*FOLDER.glob(f"{model_type}.*"), *(p for f in folders for p in f.glob("*"))]
    assert size(files) <= 300_000


def test_all_fixtures_together_are_small():
    assert size(path for path in FOLDER.parent.rglob("*") if path.is_file()) <= 6_000_000


@pytest.mark.parametrize("model_type", MODULES)
def test_the_fixture_has_every_kind_of_batch(model_type):
    row, checkpoints = FAMILIES[model_type], fixture(model_type).checkpoints
    cases = {name for checkpoint in checkpoints.values() for name in checkpoint.cases}
    assert {"padded", "single", "length_one", "limit", "realistic"} <= cases
    assert "pair" in cases or "token_type_ids" not in inputs_of(model_type)
    case = checkpoints["base"].cases["padded"]
    if row.masks:
        mask = case.inputs["attention_mask"]
        assert mask.min() == 0
        assert np.all(np.diff(mask, axis=1) * (1 if row.padding_side == "left" else -1) >= 0)


def inputs_of(model_type):
    config = fixture(model_type).checkpoints["base"].config
    return family(model_type).inputs_of(family(model_type).read_config(config))


@pytest.mark.parametrize("model_type", MODULES)
def test_every_field_that_changes_numbers_is_varied(model_type):
    """One that the code didn't read, or read wrongly, would show in the numbers."""
    kind = family(model_type)
    read = list(configs_read(model_type))
    default = kind.config()
    fixed = [
        part.name
        for part in fields(kind.config)
        if not any(word in part.name for word in TRAINING)
        and part.name not in UNVARIED.get(model_type, ("type_vocab_size",))
        and all(getattr(one, part.name) == getattr(default, part.name) for one in read)
    ]
    assert fixed == []


def configs_read(model_type):
    """What is read from all variants of a family, those left out that are refused."""
    for checkpoint in fixture(model_type).checkpoints.values():
        with contextlib.suppress(UnsupportedModelError):
            yield family(model_type).read_config(checkpoint.config)


# ---- bad configs -----------------------------------------------------------------------------


@pytest.mark.parametrize("model_type", MODULES)
def test_a_value_that_is_not_supported_is_named(model_type):
    kind, config = family(model_type), fixture(model_type).checkpoints["base"].config
    for name in NOT_A_DECODER | dict(kind.required):
        with pytest.raises(UnsupportedModelError, match=f"has {name}='wobbly'"):
            kind.read_config(config | {name: "wobbly"})


@pytest.mark.parametrize("model_type", MODULES)
def test_a_value_of_another_kind_is_named(model_type):
    kind, config = family(model_type), fixture(model_type).checkpoints["base"].config
    for part in fields(kind.config):
        names = kind.names.get(part.name, part.name)
        name = names if isinstance(names, str) else names[0]
        with pytest.raises(UnsupportedModelError, match=f"has {name}="):
            kind.read_config(config | {name: object()})


# ---- parts -----------------------------------------------------------------------------------


def frozen(model):
    return {layer.name for layer in model.layers if layer.weights and not layer.trainable_weights}


@pytest.mark.parametrize("model_type", MODULES)
def test_parts_are_frozen_by_the_same_names(model_type, tmp_path):
    checkpoint = fixture(model_type).checkpoints["base"]
    write_checkpoint(tmp_path, checkpoint.config, checkpoint.shapes)
    model = st.load_classifier(tmp_path)
    model.compile(loss="mse", optimizer=st.AdamW())
    learner, everything = st.get_learner(model), len(model.trainable_weights)
    blocks = {layer.name for layer in model.layers if layer.name.startswith("layer_")}
    learner.freeze("embeddings")
    lowest = frozen(model)
    assert "embeddings" in lowest
    assert not lowest & blocks
    learner.freeze(blocks=1)
    assert frozen(model) == lowest | {"layer_0"}
    learner.unfreeze()
    assert len(model.trainable_weights) == everything
    learner.freeze()
    head = [layer.name for layer in model.layers if layer.trainable_weights]
    assert head
    assert not {"embeddings", *blocks} & set(head)


# ---- tokenizers ------------------------------------------------------------------------------


@pytest.mark.parametrize("files", ["tokenizer.json", "vocabulary"])
@pytest.mark.parametrize("model_type", MODULES)
def test_its_tokenizer_works_through_transformer(model_type, files, tmp_path):
    kind = FAMILIES[model_type].tokenizer
    source = TOKENIZERS / (kind if files == "tokenizer.json" else f"{kind}-vocab")
    if not source.is_dir():
        pytest.skip(f"{kind} never had a vocabulary file that transformers reads")
    if kind in ("xlm", "flaubert"):
        pytest.importorskip("sacremoses")
    if list(source.glob("*.model")):
        pytest.importorskip("sentencepiece")
    shutil.copytree(source, tmp_path / "made")
    config = fixture(model_type).checkpoints["base"].config
    (tmp_path / "made" / "config.json").write_text(json.dumps(config), encoding="utf-8")
    golden = json.loads((source / "golden.json").read_text(encoding="utf-8"))
    rows = [row for row in golden["texts"] if row["pair"] is None]
    limit = family(model_type).max_length(family(model_type).read_config(config)) or 100
    transformer = st.Transformer(str(tmp_path / "made"), maxlen=min(limit, 100))
    texts = [row["text"] for row in rows]
    data = transformer.preprocess_train(texts, [str(i % 2) for i in range(len(texts))], verbose=0)
    for i, row in enumerate(rows):
        if data.full_lengths[i] <= transformer.maxlen:
            batch = data.padded(np.array([i]))
            assert batch["input_ids"][0].tolist() == row["input_ids"]
    assert set(data.padded(np.arange(2))) == set(inputs_of(model_type))
    side = slice(0, 1) if golden["padding_side"] == "left" else slice(-1, None)
    rows = np.argsort(data.lengths)[[0, -1]]
    assert data.padded(rows)["input_ids"][0][side].tolist() == [golden["pad_token_id"]]


# ---- the pages -------------------------------------------------------------------------------


@pytest.mark.parametrize("page", PAGES)
def test_the_table_of_families_is_up_to_date(page):
    text = (ROOT / page).read_text(encoding="utf-8")
    assert text == with_table(text), "run tests/parity/make_table.py"


def test_the_table_has_a_row_for_each_family():
    rows = table().splitlines()[2:]
    assert sorted(row.split("`")[1] for row in rows) == sorted(MODULES)
    measured = json.loads(MEASURED.read_text(encoding="utf-8")) if MEASURED.is_file() else {}
    for differences in measured.values():
        assert 0 < differences["tiny"] <= 1e-5
        assert 0 < differences["realistic"] <= 1e-4
