"""Hugging Face folders: found on disk, in the local Hub cache or on the Hub; read; written.

The only place that touches the Hub or weight files.
"""

import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import (
    CheckpointError,
    FolderExistsError,
    UnknownModelError,
    UnreachableModelError,
    WeightsError,
)
from .safetensors_file import TensorFile, is_lfs_pointer
from .tf_h5 import TfH5File, TorchNames
from .torch_file import TorchFile

CONFIG = "config.json"
WEIGHTS = "model.safetensors"
INDEX = "model.safetensors.index.json"
MODULES = "modules.json"
DENSE_FOLDER = "2_Dense"
# What belongs to a checkpoint besides its weights; large foreign formats stay on the Hub.
SMALL_FILES = (CONFIG, INDEX, MODULES, "*token*.json", "vocab.*", "merges.txt", "*.model",
               "1_Pooling/config.json", "sentence_bert_config.json", "simpletext.json")  # fmt: skip
WEIGHT_FILES = (WEIGHTS, "model-*-of-*.safetensors", f"{DENSE_FOLDER}/*")
TORCH_FILES = ("pytorch_model.bin", "pytorch_model.bin.index.json")
TF_FILES = ("tf_model.h5", "tf_model.h5.index.json")
FORMATS = ((WEIGHTS, INDEX), TORCH_FILES, TF_FILES)  # whole file and index, the best first
# Weight files of other libraries, by name: what they are, for a message.
FOREIGN = {
    "*.gguf": "a GGUF file, for llama.cpp",
    "flax_model.msgpack": "Flax weights",
    "adapter_config.json": "an adapter (LoRA or another) without the model that it adapts",
    "*.onnx": "an ONNX export",
    "*.ckpt.index": "a TensorFlow 1 checkpoint",
    "saved_model.pb": "a TensorFlow SavedModel",
    "*.weights.h5": "Keras weights without a checkpoint's config",
    "*.keras": "a model saved by Keras itself",
}
HUB_TIMEOUT = 5  # seconds for each question to the Hub; downloads themselves may take longer


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint's folder, with its config.json as the dict that it is."""

    name: str
    folder: Path
    config: dict[str, Any]

    @property
    def weights(self) -> "WeightFiles":
        """The tensors, opened afresh."""
        return WeightFiles(self.folder)

    @cached_property
    def has_mean_pooling(self) -> bool:
        """Whether this is a sentence-transformers folder whose embedding is the tokens' mean."""
        modules = self.folder / MODULES
        if not modules.is_file():
            return False
        kinds = [str(module.get("type", "")).rpartition(".")[2] for module in read_json(modules)]
        pooling = self.folder / "1_Pooling" / CONFIG
        if "Pooling" not in kinds or not pooling.is_file():
            return False
        options = read_json(pooling)
        modes = [name for name, on in options.items() if name.startswith("pooling_mode") and on]
        return modes in (["pooling_mode_mean_tokens"], ["pooling_mode"]) and (
            options.get("pooling_mode", "mean") == "mean"
        )


def find_checkpoint(name_or_path: str | os.PathLike) -> Checkpoint:
    """The checkpoint of that name: a folder, else the local Hub cache, else the Hub.

    A model in the cache is taken as it is there, with no question to the network.

    Raises:
        UnknownModelError: there is no such folder or model.
        UnreachableModelError: the Hub is out of reach, or doesn't give the model out.
    """
    name = os.fspath(name_or_path)
    folder = Path(name).expanduser()
    if not folder.is_dir():
        folder = _find_on_hub(name)
    return open_folder(folder, name)


def open_folder(folder: Path, name: str) -> Checkpoint:
    """The checkpoint in `folder`, its config read."""
    if not (folder / CONFIG).is_file():
        raise CheckpointError(
            f"{name}: there is no {CONFIG} in {folder}{_foreign_files(folder)}, so it isn't a "
            "checkpoint."
        )
    config = read_json(folder / CONFIG)
    if not isinstance(config, dict):
        raise CheckpointError(f"{folder / CONFIG} holds {type(config).__name__}, not an object.")
    return Checkpoint(name, folder, config)


def read_json(path: Path) -> Any:
    """The content of a JSON file, or an error that names the file."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"{path} isn't valid JSON: {error}.") from error


def write_json(path: Path, content: Any) -> None:
    """Write `content` as JSON, readable and in its own order."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _find_on_hub(name: str) -> Path:
    from huggingface_hub.errors import HFValidationError

    if name.startswith((".", "/", "~")) or name.count("/") > 1 or "\\" in name:
        raise UnknownModelError(f"There is no folder {name!r}. Check the path for typing errors.")
    try:
        return _cached(name) or _download(name)
    except HFValidationError as error:
        raise UnknownModelError(
            f"{name!r} is neither a folder nor a possible name on the Hub: {error}"
        ) from error


def _cached(name: str) -> Path | None:
    """The snapshot of `name` in the local cache, if it is whole."""
    from huggingface_hub import try_to_load_from_cache

    config = try_to_load_from_cache(name, CONFIG)
    if not isinstance(config, str):
        return None
    folder = Path(config).parent
    has_tokenizer = any(next(folder.glob(p), None) for p in ("*token*.json", "vocab.*", "*.model"))
    return folder if has_tokenizer and _weights_are_whole(folder) else None


def _weights_are_whole(folder: Path) -> bool:
    for whole, index in FORMATS:
        if (folder / whole).is_file():
            return True
        if (folder / index).is_file():
            shards = set(_weight_map(folder / index).values())
            return all((folder / shard).is_file() for shard in shards)
    return False


def _download(name: str) -> Path:
    """Fetch the checkpoint; its config first, so that an unsupported kind costs no download."""
    from ..models.families import family_of

    folder = _fetch(name, (CONFIG,))
    family_of(open_folder(folder, name).config)
    _fetch(name, SMALL_FILES + WEIGHT_FILES)
    if not _weights_are_whole(folder):
        _fetch(name, (*TORCH_FILES, "pytorch_model-*-of-*.bin"))
    if not _weights_are_whole(folder):
        _fetch(name, (*TF_FILES, "tf_model-*-of-*.h5"))
    return folder


def _fetch(name: str, patterns: tuple[str, ...]) -> Path:
    from huggingface_hub import errors, snapshot_download

    try:
        return Path(
            snapshot_download(name, allow_patterns=list(patterns), etag_timeout=HUB_TIMEOUT)
        )
    except errors.GatedRepoError as error:
        raise UnreachableModelError(
            f"{name!r} is a gated model. Accept its terms at https://huggingface.co/{name}, "
            "log in with `hf auth login`, and try again."
        ) from error
    except errors.RepositoryNotFoundError as error:
        raise UnknownModelError(
            f"The Hub knows no model {name!r}, and there is no folder of that name. Check the "
            "spelling; a private model needs `hf auth login`."
        ) from error
    except (OSError, errors.HfHubHTTPError) as error:
        raise UnreachableModelError(
            f"{name!r} isn't in the local cache, and the Hub can't be reached "
            f"({str(error).splitlines()[0]}). Connect once, or give a folder that holds the model."
        ) from error


def upload_folder(folder: Path, repo_id: str, private: bool, token: str | None) -> str:
    """Put a folder on the Hub as the model `repo_id`, and give its address.

    Raises:
        UnreachableModelError: the Hub is out of reach, or doesn't know or allow the user.
    """
    from huggingface_hub import HfApi, errors

    api = HfApi(token=token)
    try:
        url = api.create_repo(repo_id, private=private, exist_ok=True)
        api.upload_folder(
            repo_id=repo_id, folder_path=folder, commit_message="Upload with simpletext"
        )
    except errors.HFValidationError as error:
        raise UnknownModelError(f"{repo_id!r} is no possible name on the Hub: {error}") from error
    except (OSError, errors.HfHubHTTPError) as error:
        raise UnreachableModelError(
            f"{repo_id!r} wasn't uploaded ({str(error).splitlines()[0]}). Log in with "
            "`hf auth login`, as one who may write there, and try again."
        ) from error
    return str(url)


class WeightFiles(Mapping[str, np.ndarray]):
    """The tensors of a folder by name, from one safetensors file or several shards.

    Read one at a time and only when asked; half precision comes as float32; the legacy names
    `gamma` and `beta` are answered to as `weight` and `bias`.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.name = str(folder)
        self._files = {path: _open(path) for path in self._paths()}
        self._where = {
            _modern(key): (key, file)
            for file in self._files.values()
            for key in file.keys()  # noqa: SIM118 - it is no dict
        }

    def _paths(self) -> list[Path]:
        for whole, index in FORMATS:
            if (self.folder / whole).is_file():
                paths = [self.folder / whole]
            elif (self.folder / index).is_file():
                shards = sorted(set(_weight_map(self.folder / index).values()))
                paths = [inside(self.folder, shard) for shard in shards]
            else:
                continue
            self.name = str(paths[0])
            dense = self.folder / DENSE_FOLDER / WEIGHTS
            return [*paths, dense] if dense.is_file() else paths
        raise WeightsError(
            f"There is no {WEIGHTS} in {self.folder}{_foreign_files(self.folder)}. The checkpoint "
            "is incomplete; get it again."
        )

    def __getitem__(self, key: str) -> np.ndarray:
        name, file = self._where[key]
        return np.asarray(file.get_tensor(name), dtype="float32")

    def __contains__(self, key: object) -> bool:
        return key in self._where  # Mapping's own would read the tensor

    def __iter__(self) -> Iterator[str]:
        return iter(self._where)

    def __len__(self) -> int:
        return len(self._where)


def _weight_map(index: Path) -> dict[str, str]:
    """Which shard holds each tensor, from an index file."""
    content = read_json(index)
    weight_map = content.get("weight_map") if isinstance(content, dict) else None
    if not isinstance(weight_map, dict) or not all(isinstance(v, str) for v in weight_map.values()):
        raise CheckpointError(f"{index} names no shards (weight_map); get the checkpoint again.")
    return weight_map


def _foreign_files(folder: Path) -> str:
    """What lies in the folder instead of weights, for a message."""
    found = [what for pattern, what in FOREIGN.items() if next(folder.glob(pattern), None)]
    return f", but {' and '.join(found)}, which simpletext doesn't load" if found else ""


def inside(folder: Path, name: str) -> Path:
    """`folder / name`, refused when the name leads out of the folder."""
    path = folder / name
    if Path(name).is_absolute() or ".." in Path(name).parts:
        raise CheckpointError(f"{folder} names a file outside of itself: {name!r}. Don't trust it.")
    return path


def check_links(folder: Path) -> None:
    """Refuse links out of `folder`, and anything in it that is neither a file nor a folder.

    The Hub's cache keeps a snapshot's files as links into the `blobs` beside it; those are right.

    Raises:
        CheckpointError: a link that leads elsewhere, by name.
    """
    homes = [folder.resolve()]
    if folder.parent.name == "snapshots":
        homes.append(folder.parent.parent.resolve() / "blobs")
    for path in folder.rglob("*"):
        real = path.resolve()
        if not any(real.is_relative_to(home) for home in homes):
            raise CheckpointError(
                f"{path} is a link out of its folder, to {real}. Don't trust the folder, or put "
                "the file itself in the link's place."
            )
        if not (real.is_file() or real.is_dir()):
            raise CheckpointError(f"{path} is neither a file nor a folder. Don't trust the folder.")


def _open(path: Path) -> Any:
    from safetensors import SafetensorError

    if is_lfs_pointer(path):
        raise WeightsError(
            f"{path} is a Git LFS pointer, not the weights themselves. Run `git lfs pull` in the "
            "folder, or download the file."
        )
    if path.suffix == ".bin":
        return TorchFile(path)
    if path.suffix == ".h5":
        return TfH5File(path)
    try:
        file = TensorFile(path)
        return TorchNames(file) if file.is_of_tensorflow else file
    except (SafetensorError, OSError) as error:
        raise WeightsError(
            f"{path} can't be read ({error}). It is missing, cut short or damaged; get it again."
        ) from error


def _modern(key: str) -> str:
    for old, new in ((".gamma", ".weight"), (".beta", ".bias")):
        if key.endswith(old):
            return key.removesuffix(old) + new
    return key


@contextmanager
def new_folder(target: str | os.PathLike) -> Iterator[Path]:
    """A temporary folder beside `target` that becomes `target` when the block ends well.

    Raises:
        FolderExistsError: `target` is there already.
    """
    target = Path(target).expanduser().absolute()
    check_absent(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    try:
        temporary.chmod(0o755)
        yield temporary
        check_absent(target)
        temporary.rename(target)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def check_absent(target: str | os.PathLike) -> None:
    """Refuse a path that exists."""
    if Path(target).expanduser().exists():
        raise FolderExistsError(
            f"{os.fspath(target)!r} exists already and is left as it is. "
            "Choose another folder, or remove this one first."
        )


def write_tensors(path: Path, tensors: Mapping[str, np.ndarray]) -> None:
    """Write a safetensors file as PyTorch's tools expect it."""
    from safetensors.numpy import save_file

    path.parent.mkdir(parents=True, exist_ok=True)
    save_file(dict(tensors), path, metadata={"format": "pt"})
    path.chmod(0o644)  # for its owner alone otherwise, and a server often runs as somebody else
