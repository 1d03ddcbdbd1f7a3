"""`--config`: a command's options from a YAML file, and the file that repeats a run."""

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .. import __version__
from ..errors import ArgumentError

if TYPE_CHECKING:
    from yaml import Node

MOST_BYTES = 100_000
# What a run writes is there afterwards, and the next run needs other names.
LEFT_OUT = ("config", "out", "report", "plot", "table", "folder", "resume")


def _take(ctx: typer.Context, path: Path | None) -> Path | None:
    """Make the file's options the defaults, so that those of the command line win."""
    if path is not None:
        ctx.default_map = read_options(path, ctx)
    return path


Config = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE", callback=_take, is_eager=True,
        help="A YAML file with options; those on the command line win.",
    ),
]  # fmt: skip


def read_options(path: Path, ctx: typer.Context) -> dict[str, Any]:
    """The options in a YAML file, checked: name -> text or list of texts.

    Values are texts, as on the command line: YAML's own types would make `no` a boolean and
    leave 1e-4 a text.

    Raises:
        ArgumentError: a damaged or huge file, an unknown or repeated option, a wrong value.
    """
    from ..utils.validation import did_you_mean, shown

    known = {param.name: param for param in ctx.command.params if param.name != "config"}
    found: dict[str, Any] = {}
    for name, value in _entries(path):
        if name not in known:
            raise ArgumentError(
                f"{path}: {ctx.info_name} has no option {shown(name)}; allowed are "
                f"{', '.join(map(str, known))}.{did_you_mean(name, known, 1)}"
            )
        if name in found:
            raise ArgumentError(f"{path}: {name} is there twice. Leave out one of them.")
        found[name] = _value(f"{path}: {name}", value, known[name], ctx)
    return found


def write_options(folder: Path, ctx: typer.Context, unused: Collection[str] = ()) -> None:
    """Write the options of a run into its folder, under the command's name: `train.yaml`.

    Args:
        folder: the run's.
        ctx: the command's options.
        unused: options that the run doesn't have.
    """
    import yaml

    from ..utils.files import whole_file

    names = [param.name for param in ctx.command.params if param.name not in {*LEFT_OUT, *unused}]
    given = {name: ctx.params[name] for name in names if ctx.params[name] not in (None, [])}
    options = {name: str(v) if isinstance(v, Path) else v for name, v in given.items()}
    path = folder / f"{ctx.info_name}.yaml"
    head = (
        f"# simpletext {__version__}\n# simpletext {ctx.info_name} --config {path.name} --out NEW\n"
    )
    with whole_file(path) as file:
        text = yaml.safe_dump(options, sort_keys=False, allow_unicode=True)
        file.write_text(head + text, encoding="utf-8")


def _entries(path: Path) -> Iterator[tuple[str, "Node"]]:
    """The names in a YAML file and their nodes; no objects are made of them."""
    import yaml

    from ..data.text_files import existing_file

    with existing_file(path).open("rb") as file:
        content = file.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise ArgumentError(f"{path} is over {MOST_BYTES:,} bytes, too much for options.")
    try:
        root = yaml.compose(content.decode("utf-8-sig"), yaml.BaseLoader)
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise ArgumentError(f"{path} isn't valid YAML: {' '.join(str(error).split())}.") from error
    if not isinstance(root, yaml.MappingNode):
        raise ArgumentError(f"{path} has no options; they are lines such as 'epochs: 3'.")
    for key, value in root.value:
        if not isinstance(key, yaml.ScalarNode):
            raise ArgumentError(f"{path}: the name of an option must be a word.")
        yield key.value, value


def _value(where: str, node: "Node", param: Any, ctx: typer.Context) -> Any:
    """An option's text, or its list of texts, after the check of the command line."""
    from yaml import ScalarNode, SequenceNode

    from ..utils.validation import shown

    several = param.multiple and isinstance(node, SequenceNode)
    nodes = node.value if several else [node]
    if not all(isinstance(each, ScalarNode) for each in nodes):
        allowed = "one value, or a list of values" if param.multiple else "one value"
        raise ArgumentError(f"{where} must be {allowed}. {param.help}")
    texts = [each.value for each in nodes]
    value = texts if param.multiple else texts[0]
    try:
        param.process_value(ctx, value)
    except typer.BadParameter as error:
        reason = f"{where} is {shown(value)}. {error.message.rstrip('.')}."
        raise ArgumentError(f"{reason} {param.help}") from error
    return value
