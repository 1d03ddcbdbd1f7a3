"""The tutorials: each runs from top to bottom on a little data, and has outputs worth reading."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NOTEBOOKS = sorted((ROOT / "tutorials").glob("*.ipynb"))
# Folders of one machine: homes, temporary ones, mounted ones, Windows' drives.
MACHINE_PATH = re.compile(r"(?<![\w.:/])/(home|root|tmp|work|opt|usr|var|mnt|Users)/\w|[A-Z]:\\\w")

# What the library says to every reader, up to the first value.
MESSAGES = re.compile(
    r"(?m)^(tokens [a-z ]+: mean )|no weights for \w+; (.+)$|^(precision: bfloat16.*)$"
)

named = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


@pytest.fixture(scope="module")
def hub(data_folder, minilm, tmp_path_factory):
    """A Hub cache with the model and the data sets, laid out as on the Hub."""
    import fill_data_cache
    from huggingface_hub import constants

    cache = tmp_path_factory.mktemp("hub")
    model = f"models--{minilm.replace('/', '--')}"
    (cache / model).symlink_to(Path(constants.HF_HUB_CACHE) / model)
    fill_data_cache.main([str(data_folder), "--cache", str(cache)])
    return cache


@pytest.fixture(scope="module")
def runs(hub, data_folder):
    """What the script says of each notebook."""
    pytest.importorskip("nbclient")
    environment = {
        "HF_HUB_CACHE": str(hub),
        "HF_HUB_OFFLINE": "1",
        "SCIKIT_LEARN_DATA": str(data_folder / "20newsgroups"),
    }
    command = [sys.executable, ROOT / "scripts" / "run_tutorials.py", "--small", "--jobs", "2"]
    done = subprocess.run(
        command, env=os.environ | environment, stdout=subprocess.PIPE, text=True, check=False
    )
    parts = re.split(r"(?m)^(\d\d-[\w-]+)\.ipynb: (\d+) s\n", done.stdout)
    return {
        name: (int(time), wrong) for name, time, wrong in zip(*[iter(parts[1:])] * 3, strict=True)
    }


@pytest.mark.slow
@named
def test_it_runs_from_top_to_bottom(path, runs):
    _, wrong = runs[path.stem]
    assert not wrong.strip(), wrong


def outputs_of(notebook):
    for cell in notebook["cells"]:
        yield from cell.get("outputs", ())


@named
def test_its_outputs_are_saved(path):
    notebook = json.loads(path.read_text(encoding="utf-8"))
    code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert [cell["execution_count"] for cell in code] == list(range(1, len(code) + 1))
    kinds = {kind for output in outputs_of(notebook) for kind in output.get("data", ())}
    assert "image/png" in kinds or "text/html" in kinds
    assert path.stat().st_size < 500_000


@named
def test_nothing_in_it_is_of_one_machine_or_wrong(path):
    for output in outputs_of(json.loads(path.read_text(encoding="utf-8"))):
        assert output["output_type"] != "error"
        assert output.get("name") != "stderr"
        said = "".join(output.get("text", ""))
        said += "".join("".join(v) for k, v in output.get("data", {}).items() if "image" not in k)
        assert not MACHINE_PATH.search(said), MACHINE_PATH.search(said)


@named
def test_its_outputs_are_what_the_library_prints_today(path):
    """Messages of the library in saved outputs are in its source: else save the notebook again."""
    files = (ROOT / "simpletext").rglob("*.py")
    source = "".join(re.sub(r'"\s*\n\s*f?"', "", file.read_text("utf-8")) for file in files)
    outputs = outputs_of(json.loads(path.read_text(encoding="utf-8")))
    shown = "\n".join("".join(output.get("text", "")) for output in outputs)
    said = {message for found in MESSAGES.findall(shown) for message in found}
    assert [message for message in said if message not in source] == []


@named
def test_its_links_lead_somewhere(path):
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    prose = "\n".join("".join(c["source"]) for c in cells if c["cell_type"] == "markdown")
    for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", prose):
        assert (path.parent / target).exists(), target


def test_the_list_names_each_once():
    page = (ROOT / "tutorials" / "README.md").read_text(encoding="utf-8")
    assert re.findall(r"\((\d\d-[\w-]+\.ipynb)\)", page) == [path.name for path in NOTEBOOKS]


def test_the_cache_is_filled_with_the_columns_of_the_hub(hub):
    import pandas as pd
    from huggingface_hub import try_to_load_from_cache

    columns = {
        ("SetFit/sst2", "dev.jsonl"): ["text", "label", "label_text"],
        ("mteb/banking77", "data/test-00000-of-00001.parquet"): ["text", "label", "label_text"],
        ("google-research-datasets/go_emotions", "simplified/test-00000-of-00001.parquet"): [
            "text", "labels", "id",
        ],
        ("nyu-mll/glue", "mrpc/test-00000-of-00001.parquet"): [
            "sentence1", "sentence2", "label", "idx",
        ],
        ("sentence-transformers/stsb", "data/test-00000-of-00001.parquet"): [
            "sentence1", "sentence2", "score",
        ],
        ("ncbi/ncbi_disease", "ncbi_disease/test/0000.parquet"): ["id", "tokens", "ner_tags"],
        ("bentrevett/multi30k", "test.jsonl"): ["en", "de"],
    }  # fmt: skip
    revisions = {"ncbi/ncbi_disease": "refs/convert/parquet"}
    for (repo, name), expected in columns.items():
        path = try_to_load_from_cache(
            repo, name, cache_dir=hub, repo_type="dataset", revision=revisions.get(repo)
        )
        lines = name.endswith(".jsonl")
        table = pd.read_json(path, lines=True) if lines else pd.read_parquet(path)
        assert list(table.columns) == expected


def test_a_filled_cache_is_left_alone(hub, data_folder, capsys):
    import fill_data_cache

    fill_data_cache.main([str(data_folder), "--cache", str(hub)])
    assert capsys.readouterr().out.count("there already") == len(fill_data_cache.DATASETS)


def test_small_numbers_replace_those_of_the_tagged_cell_only():
    nbformat = pytest.importorskip("nbformat")
    import run_tutorials

    tagged = nbformat.v4.new_code_cell(
        "ROWS = 1_000  # texts\nNAME = 3", metadata={"tags": ["parameters"]}
    )
    other = nbformat.v4.new_code_cell("ROWS = 1000")
    notebook = nbformat.v4.new_notebook(cells=[tagged, other])
    run_tutorials.shrink(notebook)
    small = run_tutorials.SMALL["ROWS"]
    assert tagged.source == f"ROWS = {small}  # texts\nNAME = 3"
    assert other.source == "ROWS = 1000"


def test_a_warning_is_a_complaint_and_a_startup_note_is_not():
    nbformat = pytest.importorskip("nbformat")
    import run_tutorials

    note = "I0000 00:00:1795273455.635488    1996 port.cc:153] oneDNN custom operations are on.\n"
    warning = "x.py:1: UserWarning: careful\n"
    stream = nbformat.v4.new_output("stream", name="stderr", text=note + warning)
    assert run_tutorials.without_startup(stream)
    assert stream.text == warning
    cell = nbformat.v4.new_code_cell("1", outputs=[stream])
    notebook = nbformat.v4.new_notebook(cells=[cell])
    assert run_tutorials.complaints(notebook) == [f"cell 0 on stderr: {warning}"]
    assert not run_tutorials.without_startup(
        nbformat.v4.new_output("stream", name="stderr", text=note)
    )
