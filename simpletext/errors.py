"""The exceptions of simpletext. Each message names the value, what is allowed and what to do."""


class SimpletextError(Exception):
    """The base of all errors that simpletext raises on purpose."""


class DataError(SimpletextError, ValueError):
    """Texts or labels that can't be used."""


class ArgumentError(SimpletextError, ValueError):
    """An argument whose value is outside of what is allowed."""


class CheckpointError(SimpletextError, OSError):
    """A checkpoint that can't be found, read or written."""


class UnknownModelError(CheckpointError):
    """Neither a folder, nor a model in the local cache, nor a name on the Hub."""


class UnreachableModelError(CheckpointError):
    """The Hub didn't hand the model out: no connection, a gate, or a missing login."""


class UnsupportedModelError(SimpletextError, ValueError):
    """A checkpoint of a kind, or with a config value, that simpletext has no code for."""


class WeightsError(CheckpointError):
    """A weight file that is damaged or doesn't fit its model, key by key."""


class FolderExistsError(SimpletextError, FileExistsError):
    """A folder to write into that exists already."""


class TrainingError(SimpletextError, RuntimeError):
    """A training that can't go on or that led to nothing."""


class NotEnoughMemoryError(TrainingError, MemoryError):
    """A batch that doesn't fit into memory."""


class ExportError(SimpletextError, RuntimeError):
    """A model that can't be exported, or whose export doesn't give the same numbers."""


class ClusterError(SimpletextError, RuntimeError):
    """A cluster that can't be used, or a worker that failed."""


class MovedNumbersWarning(UserWarning):
    """A saved predictor whose probabilities aren't those it was saved with."""
