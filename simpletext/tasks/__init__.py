"""One file per task. Every module in this folder is imported, so a new file is a new task."""

from importlib import import_module
from pkgutil import iter_modules

for _module in iter_modules(__path__):
    import_module(f".{_module.name}", __name__)
