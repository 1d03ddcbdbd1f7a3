from simpletext.training.progress import EpochTable
from simpletext.utils import console

ROWS = [
    {"epoch": "1/2", "loss": "0.6931", "val_loss": "0.5123", "lr": "1.0e-04"},
    {"epoch": "2/2", "loss": "0.4001", "val_loss": "0.4500", "lr": "1.0e-06"},
]


def test_a_terminal_gets_one_table(capsys):
    table = EpochTable()
    for row in ROWS:
        table.add(row)
    assert capsys.readouterr().err == (
        "epoch    loss  val_loss       lr\n"
        "  1/2  0.6931    0.5123  1.0e-04\n"
        "  2/2  0.4001    0.4500  1.0e-06\n"
    )


def test_a_notebook_gets_one_output_that_grows(monkeypatch):
    shown = []
    monkeypatch.setattr(console, "in_notebook", lambda: True)
    monkeypatch.setattr(console.Cell, "show", lambda self, data: shown.append(data))
    table = EpochTable()
    for row in ROWS:
        table.add(row)
    assert [data["text/html"].count("<tr") for data in shown] == [2, 3]
    assert shown[-1]["text/plain"].count("\n") == 2


def test_a_wide_table_is_never_cut(capsys, monkeypatch):
    """A log of 80 columns has the validation scores too, which come last."""
    monkeypatch.setenv("COLUMNS", "80")
    row = {"epoch": "1/1"} | {f"val_score_{i}": f"0.{i:04}" for i in range(12)}
    EpochTable().add(row)
    header, line = capsys.readouterr().err.splitlines()
    assert header.split() == list(row)
    assert line.split() == list(row.values())
