"""The documentation does what it says: its Python runs, its names exist, its links lead somewhere.

The Python blocks of a page run one after the other in one namespace, which starts with what
`scene` puts there. Every model on the Hub is a tiny one here. A block that needs more than that
stands below a comment `<!-- not run: why -->`.
"""

import importlib
import inspect
import re
import shlex
import tomllib
from pathlib import Path

import numpy as np
import pytest
from conftest import BAD, GOOD, TEXTS, write_tokenizer
from parity.fixtures import read_fixture
from parity.weights import write_checkpoint

import simpletext as st
from simpletext import cli, errors
from simpletext.checkpoints import folder as checkpoints

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]
BLOCK = re.compile(
    r"(?:<!-- not run: (?P<why>[^>]+) -->\n)?^```python\n(?P<code>.*?)^```$", re.M | re.S
)
LINK = re.compile(r"\]\((?!https?://|mailto:)([^)\s]+)\)")
WORDS = [*TEXTS[0].split(), *GOOD, *BAD, "the", "a", "film", "was", "it", "very"]


def name_of(path):
    return path.relative_to(ROOT).as_posix()


def blocks(page):
    """The page's Python, the blocks that run; as many lines before each as in the page."""
    text = page.read_text(encoding="utf-8")
    found = [m for m in BLOCK.finditer(text) if m["why"] is None]
    return ["\n" * text.count("\n", 0, m.start("code")) + m["code"] for m in found]


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """A tiny BERT for texts of up to 512 tokens."""
    folder = tmp_path_factory.mktemp("small") / "bert"
    tiny = read_fixture("bert").checkpoints["encoder"]
    shapes = {
        key: [512, shape[1]] if "position_embeddings" in key else shape
        for key, shape in tiny.shapes.items()
    }
    write_checkpoint(folder, tiny.config | {"max_position_embeddings": 512}, shapes)
    write_tokenizer(folder, list(dict.fromkeys(WORDS)))
    return folder


@pytest.fixture
def scene(small, tmp_path, monkeypatch):
    """What a page may take for granted: data, files, and a `t` and a `learner` to go on with."""
    import matplotlib

    matplotlib.use("Agg")
    monkeypatch.setattr(checkpoints, "find_on_hub", lambda name, accept: small)
    monkeypatch.chdir(tmp_path)
    texts = TEXTS[:32]
    labels = ["neg" if i % 2 else "pos" for i in range(32)]
    rows = [f"{text},{label}" for text, label in zip(texts, labels, strict=True)]
    Path("reviews.csv").write_text("\n".join(["text,label", *rows]) + "\n")
    mails = [f"{text},{i % 2},{i % 3 % 2}" for i, text in enumerate(texts)]
    Path("mails.csv").write_text("\n".join(["text,urgent,billing", *mails]) + "\n")
    t = st.Transformer(str(small), maxlen=32)
    train = t.preprocess_train(texts, labels, verbose=0)
    valid = t.preprocess_test(texts, labels, verbose=0)
    model = t.get_classifier()
    return {
        "st": st, "np": np, "t": t, "train": train, "valid": valid, "model": model,
        "learner": st.get_learner(model, train, valid, batch_size=16),
        "texts": texts, "labels": labels,
        "train_texts": texts, "train_labels": labels,
        "valid_texts": texts[:8], "valid_labels": labels[:8],
    }  # fmt: skip


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page)], ids=name_of)
def test_the_python_of_a_page_runs(page, scene):
    for code in blocks(page):
        exec(compile(code, str(page), "exec"), scene)


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_the_links_of_a_page_lead_somewhere(page):
    for link in LINK.findall(page.read_text(encoding="utf-8")):
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        if anchor:
            titles = re.findall(r"^#+ (.+)$", target.read_text(encoding="utf-8"), re.M)
            slugs = {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}
            assert anchor in slugs, link


def commands(page):
    consoles = re.findall(r"^```console\n(.*?)^```$", page.read_text("utf-8"), re.M | re.S)
    return re.findall(r"^simpletext (.+)$", "\n".join(consoles), re.M)


@pytest.mark.parametrize("page", [page for page in PAGES if commands(page)], ids=name_of)
def test_the_commands_of_a_page_are_understood(page, tmp_path, monkeypatch):
    import typer

    monkeypatch.chdir(tmp_path)  # as after a run
    Path("my-predictor").mkdir()
    Path("my-predictor/train.yaml").write_text("data: reviews.csv\n")
    group = typer.main.get_command(cli.app)
    for line in commands(page):
        name, *words = shlex.split(line, comments=True)
        assert group.commands[name].make_context(name, words).info_name == name


def public_names():
    return sorted(st.__all__)


@pytest.mark.parametrize("name", public_names())
def test_the_reference_has_every_public_name(name):
    assert f"`{name}`" in (DOCS / "reference" / "index.md").read_text()
    if inspect.isclass(getattr(st, name)) or inspect.isfunction(getattr(st, name)):
        pages = "".join(page.read_text() for page in (DOCS / "reference").glob("*.md"))
        directive = rf"^\.\. auto(class|function):: {name}$"
        assert name in vars(errors) or re.search(directive, pages, re.M)


def own_errors():
    found = inspect.getmembers(errors, inspect.isclass)
    return [name for name, kind in found if kind.__module__ == errors.__name__]


@pytest.mark.parametrize("name", own_errors())
def test_every_error_and_its_remedy_are_told(name):
    text = (DOCS / "errors.md").read_text()
    assert f"\n## {name}\n" in text
    row = re.search(rf"^\| \[`{name}`\]\(#{name.lower()}\) \|(.*?)\|", text, re.M)
    assert set(re.findall(r"`(\w+)`", row[1])) <= {c.__name__ for c in getattr(errors, name).mro()}


def migrated():
    """The rows of the migration page: names, and what the page says about them."""
    text = (DOCS / "migrating.md").read_text()
    rows = re.findall(r"^\| (.+?) \| (same|changed|gone) \|", text, re.M)
    return [(name, word) for names, word in rows for name in re.findall(r"`([\w.]+)`", names)]


@pytest.mark.parametrize(("name", "word"), migrated())
def test_ktrain_names_called_same_or_changed_exist(name, word):
    """`Learner.fit`, `text.Transformer` and the like; names without a dot may be arguments."""
    if "." in name or hasattr(st, name):
        found = st
        for part in name.split("."):
            found = getattr(found, part, None)
        assert (found is None) == (word == "gone")


def test_ktrain_names_are_all_told():
    told = {name.rpartition(".")[2] for name, _ in migrated()}
    ktrain = """
        texts_from_array texts_from_csv texts_from_df texts_from_folder Transformer
        entities_from_array entities_from_conll2003 entities_from_df entities_from_txt
        preprocess_train preprocess_test text_classifier text_regression_model get_classifier
        get_regression_model get_learner lr_find lr_plot lr_estimate fit fit_onecycle autofit
        validate evaluate top_losses view_top_losses plot print_layers freeze unfreeze
        set_weight_decay get_weight_decay layer_output reset_weights save_model load_model
        set_model ground_truth get_predictor load_predictor predict predict_proba explain
        get_classes save export_model_to_onnx export_model_to_tflite create_onnx_session
    """
    assert set(ktrain.split()) - told == set()


def test_the_install_page_has_every_extra_and_python():
    page = (DOCS / "install.md").read_text(encoding="utf-8")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for extra in project["optional-dependencies"].keys() - {"dev", "docs", "test"}:
        assert f"| `{extra}` |" in page
    for line in project["classifiers"]:
        version = re.fullmatch(r"Programming Language :: Python :: (3\.\d+)", line)
        assert version is None or version[1] in page


def test_every_module_has_its_line_in_the_layout():
    text = (DOCS / "design.md").read_text()
    package = importlib.util.find_spec("simpletext").submodule_search_locations[0]
    missing = [p.name for p in Path(package).glob("*.py") if f"`{p.name}`" not in text]
    assert missing == []


def test_the_ten_lines_run_and_give_their_picture(scene, tmp_path, monkeypatch, capsys):
    """On a tiny model and a few texts; `python scripts/readme.py` takes the real ones."""
    from types import SimpleNamespace

    import readme
    from sklearn import datasets

    def fetch(subset, categories):
        return SimpleNamespace(data=scene["texts"], target=[i % 4 for i in range(32)])

    monkeypatch.setattr(datasets, "fetch_20newsgroups", fetch)
    monkeypatch.setattr(readme, "PICTURE", tmp_path / "explanation.png")
    readme.draw(readme.run()["explanation"])
    assert (tmp_path / "explanation.png").stat().st_size < 100_000
    assert "accuracy" in capsys.readouterr().out
    lines = readme.ten_lines((ROOT / "README.md").read_text(encoding="utf-8"))
    assert lines in (DOCS / "quickstart.md").read_text(encoding="utf-8")
    assert (DOCS / "explanation.png").stat().st_size < 100_000


def test_every_picture_is_shown_drawn_by_a_script_and_small():
    scripts = (path.read_text(encoding="utf-8") for path in (ROOT / "scripts").glob("*.py"))
    code = "".join(scripts)
    pages = "".join(page.read_text(encoding="utf-8") for page in PAGES)
    for picture in DOCS.glob("*.png"):
        assert f"{picture.name})" in pages
        assert picture.name in code or f"--figure docs/{picture.name}" in pages
        assert picture.stat().st_size < 150_000


def test_figures_that_need_no_training_are_drawn(tmp_path, monkeypatch):
    import pictures

    monkeypatch.setattr(pictures, "DOCS", tmp_path)
    pictures.rates(tmp_path)
    assert (tmp_path / "schedules.png").stat().st_size < 150_000
    sure, right = np.array([0.55, 0.95] * 20), np.array([True, False] * 20)
    means, shares = pictures.reliability(sure, right)
    assert means == pytest.approx([0.55, 0.95])
    assert shares == [1.0, 0.0]
    _, labels = pictures.rare(["a"] * 19 + ["b"] * 9, ["pos"] * 19 + ["neg"] * 9)
    assert (labels.count("pos"), labels.count("neg")) == (19, 1)
