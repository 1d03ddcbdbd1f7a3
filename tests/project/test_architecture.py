"""The layers of the package, the sizes of its files, and its table in docs/design.md."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "simpletext"
LONGEST_FUNCTION = 50
LONGEST_FILE = 450
LARGEST_FOLDER = 25
LARGEST_TOP = 14

# The lowest layer first: a module imports from the layers before its own only.
LAYERS = """
errors < utils < data < tasks < layers < checkpoints, tokenization < models < inference
< training, saving, explaining < transformer, seq2seq < labelling
< evaluation, exporting, preparation, inspection
< translator < learner, predictor < tuning < quick, compat, scale, serving < text, cli, sklearn
"""
LEVEL = {
    name.strip(): level
    for level, group in enumerate(LAYERS.split("<"))
    for name in group.split(",")
}

SOURCE = sorted(PACKAGE.rglob("*.py"))


def name_of(path):
    return path.relative_to(PACKAGE).as_posix()


def imports(node):
    """All import statements, those within functions too, without those for type checkers."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            continue
        if isinstance(child, ast.Import | ast.ImportFrom):
            yield child
        yield from imports(child)


def targets(node, path):
    """The modules that an import statement names, as tuples of their parts."""
    if isinstance(node, ast.Import):
        return [tuple(alias.name.split(".")) for alias in node.names]
    folder = ("simpletext", *path.relative_to(PACKAGE).parts[:-1])
    base = folder[: len(folder) - node.level + 1] if node.level else ()
    module = base + tuple((node.module or "").split(".") if node.module else ())
    if module == ("simpletext",):
        return [(*module, alias.name) for alias in node.names]
    return [module]


def found_pairs():
    pairs = set()
    for path in SOURCE:
        here = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
        for node in imports(ast.parse(path.read_text(encoding="utf-8"))):
            for parts in targets(node, path):
                if parts[0] == "simpletext" and len(parts) > 1 and parts[1] in LEVEL:
                    pairs.add((here, parts[1]))
    return {(one, other) for one, other in pairs if one != other and one != "__init__"}


def test_every_module_has_a_layer():
    names = {path.relative_to(PACKAGE).parts[0].removesuffix(".py") for path in SOURCE}
    assert names - {"__init__"} - set(LEVEL) == set()


def test_imports_go_to_lower_layers_only():
    assert {(one, other) for one, other in found_pairs() if LEVEL[other] >= LEVEL[one]} == set()


def test_folders_are_small():
    folders = {path.parent for path in SOURCE}
    sizes = {folder: len(list(folder.glob("*.py"))) for folder in folders}
    assert sizes.pop(PACKAGE) <= LARGEST_TOP
    assert [name_of(folder) for folder, size in sizes.items() if size > LARGEST_FOLDER] == []


def test_files_are_short():
    lengths = {name_of(path): len(path.read_text("utf-8").splitlines()) for path in SOURCE}
    assert [name for name, length in lengths.items() if length > LONGEST_FILE] == []


def python_files():
    """All Python files of the project except the tests."""
    folders = (ROOT / "examples", ROOT / "scripts")
    return [ROOT / "dev.py", *SOURCE, *(path for top in folders for path in top.rglob("*.py"))]


def length_of(function):
    """The number of lines of the function without its docstring."""
    docstring = function.body[0] if ast.get_docstring(function) else None
    words = docstring.end_lineno - docstring.lineno + 1 if docstring else 0
    return function.end_lineno - function.lineno + 1 - words


@pytest.mark.parametrize("path", python_files(), ids=lambda path: path.relative_to(ROOT).as_posix())
def test_no_function_is_too_long(path):
    nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    functions = [node for node in nodes if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    assert [node.name for node in functions if length_of(node) > LONGEST_FUNCTION] == []


def test_the_table_in_the_design_names_every_file():
    """The rows of docs/design.md name files as `training/run.py`, and families as a folder."""
    rows = re.findall(r"^\|.*$", (ROOT / "docs" / "design.md").read_text("utf-8"), re.MULTILINE)
    named = {word for row in rows for word in re.findall(r"`([\w/]+(?:\.py|/))`", row)}
    families = "models/families/"
    files = {name_of(path) for path in SOURCE if path.stem != "__init__" or path.parent == PACKAGE}
    expected = {families if name.startswith(families) else name for name in files}
    assert named == expected
