"""How the documentation is built: python3 dev.py docs."""

import re
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
HERE = Path(__file__).resolve().parent

project = "simpletext"
author = "The simpletext contributors"
release = version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
project_copyright = f"{author}. Apache-2.0"

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx_copybutton",
    "sphinx_llm.txt",
]
exclude_patterns = ["_build", "reference/examples.md"]

# --- pages -----------------------------------------------------------------------------------

# Notebooks are shown as they were saved, with their outputs; scripts/run_tutorials.py runs them.
nb_execution_mode = "off"
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 4
copybutton_prompt_text = r">>> |\.\.\. "
copybutton_prompt_is_regexp = True

# --- reference -------------------------------------------------------------------------------

default_role = "code"  # a single backtick is code, in docstrings as in Markdown
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_preserve_defaults = True  # a default is shown as it is written
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_ivar = True
add_module_names = False
python_maximum_signature_line_length = 88

# --- looks -----------------------------------------------------------------------------------

html_theme = "furo"
html_title = f"simpletext {release}"  # on every page
html_static_path = ["_static"]
html_css_files = ["simpletext.css"]
html_show_sourcelink = False
html_theme_options = {"navigation_with_keys": True, "top_of_page_buttons": []}

# --- for programs ----------------------------------------------------------------------------

# Each page as Markdown beside its HTML (data.html, data.md), and their list, llms.txt.
llms_txt_suffix_mode = "replace"
llms_txt_nested_enabled = False
llms_txt_suppress_unknown_node_warnings = True  # the star of keyword-only arguments
llms_txt_exclude = ["_downloads/**"]
llms_txt_description = "Fine-tune text encoders of the Hugging Face Hub in Keras 3."

# --- links -----------------------------------------------------------------------------------

# Builds run without a network: `-b linkcheck` looks at links within the pages, and, with
# `-D linkcheck_ignore=`, at those to other sites as well.
linkcheck_ignore = [r"https?://.*"]


def copy_tutorials() -> None:
    """Notebooks live in tutorials/, where a user opens them; Sphinx reads what is below docs/."""
    target = HERE / "tutorials"
    for old in target.glob("*.ipynb"):
        old.unlink()
    for notebook in sorted((ROOT / "tutorials").glob("*.ipynb")):
        text = notebook.read_text(encoding="utf-8").replace("](../docs/", "](../")
        (target / notebook.name).write_text(text, encoding="utf-8")


def adapt_page(app: Any, name: str, source: list[str]) -> None:
    """A page's link to Markdown outside of docs/ is a file to download, as one to code is."""
    if name == "tutorials/index" and not list((HERE / "tutorials").glob("*.ipynb")):
        source[0] = source[0].partition("```{toctree}")[0]  # as in a source distribution

    def adapted(link: re.Match[str]) -> str:
        inside = (HERE / name).parent.joinpath(link[1]).resolve().is_relative_to(HERE)
        return link[0] if inside else f"](<path:{link[1]}>)"

    source[0] = re.sub(r"\]\((\.\./[\w./-]+\.md)\)", adapted, source[0])


def examples() -> dict[str, str]:
    """What reference/examples.md has under the name of each object."""
    text = (HERE / "reference" / "examples.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^## (\S+)\n.*?^```python\n(.*?)^```$", text, re.M | re.S)
    return dict(blocks)


def add_example(app: Any, what: str, name: str, thing: Any, options: Any, lines: list[str]) -> None:
    """Below an object's docstring: its example, if the docstring has none."""
    code = next((EXAMPLES[key] for key in EXAMPLES if f".{name}".endswith(f".{key}")), None)
    if code and lines and ">>>" not in "".join(lines):
        indented = [f"   {line}".rstrip() for line in code.splitlines()]
        lines += ["", ".. code-block:: python", "", *indented, ""]


EXAMPLES = examples()


def setup(app: Any) -> None:
    """Sphinx' call."""
    copy_tutorials()
    app.connect("autodoc-process-docstring", add_example)
    app.connect("source-read", adapt_page)
