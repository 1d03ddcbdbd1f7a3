"""The Hugging Face Hub and its local cache: the only place that uses the network."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..errors import UnknownModelError, UnreachableModelError
from ..utils.files import read_json
from .weight_files import DENSE_FOLDER, INDEX, TF_FILES, TORCH_FILES, WEIGHTS, weights_are_whole

CONFIG = "config.json"
MODULES = "modules.json"
# A checkpoint's files besides its weights; other formats aren't downloaded.
SMALL_FILES = (CONFIG, INDEX, MODULES, "*token*.json", "vocab.*", "merges.txt", "*.model",
               "1_Pooling/config.json", "sentence_bert_config.json", "simpletext.json")  # fmt: skip
WEIGHT_FILES = (WEIGHTS, "model-*-of-*.safetensors", f"{DENSE_FOLDER}/*")
HUB_TIMEOUT = 5  # seconds per request to the Hub; downloads themselves may take longer


Accept = Callable[[dict[str, Any]], Any]


def find_on_hub(name: str, accept: Accept) -> Path:
    """The folder of a model in the local cache; downloads the model first if it isn't there.

    Args:
        name: such as "sentence-transformers/all-MiniLM-L6-v2".
        accept: raises for a config.json that the caller can't use, before weights are downloaded.

    Raises:
        UnknownModelError: not a valid name, or no such model.
        UnreachableModelError: the Hub can't be reached, or doesn't give the model out.
    """
    with _name_checked(name):
        return _cached(name) or _download(name, accept)


def find_small_files(name: str) -> Path:
    """A folder with a model's config and tokenizer; the weights aren't fetched.

    Raises:
        UnknownModelError: not a valid name, or no such model.
        UnreachableModelError: the Hub can't be reached, or doesn't give the model out.
    """
    with _name_checked(name):
        return _cached(name) or _fetch(name, SMALL_FILES)


@contextmanager
def _name_checked(name: str) -> Iterator[None]:
    """Refuse names that the Hub doesn't allow."""
    from huggingface_hub.errors import HFValidationError

    if name.startswith((".", "/", "~")) or name.count("/") > 1 or "\\" in name:
        raise UnknownModelError(f"There is no folder {name!r}. Check the path for typing errors.")
    try:
        yield
    except HFValidationError as error:
        raise UnknownModelError(
            f"{name!r} is neither a folder nor a valid name on the Hub: {error}"
        ) from error


def _cached(name: str) -> Path | None:
    """The snapshot of `name` in the local cache, if it is complete."""
    from huggingface_hub import try_to_load_from_cache

    config = try_to_load_from_cache(name, CONFIG)
    if not isinstance(config, str):
        return None
    folder = Path(config).parent
    has_tokenizer = any(next(folder.glob(p), None) for p in ("*token*.json", "vocab.*", "*.model"))
    return folder if has_tokenizer and weights_are_whole(folder) else None


def _download(name: str, accept: Accept) -> Path:
    """Download the checkpoint: first its config, which `accept` may refuse."""
    folder = _fetch(name, (CONFIG,))
    config = read_json(folder / CONFIG)
    if isinstance(config, dict):
        accept(config)
    _fetch(name, SMALL_FILES + WEIGHT_FILES)
    if not weights_are_whole(folder):
        _fetch(name, (*TORCH_FILES, "pytorch_model-*-of-*.bin"))
    if not weights_are_whole(folder):
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
            f"There is no model {name!r} on the Hub, and no folder of that name. Check the "
            "spelling; a private model needs `hf auth login`."
        ) from error
    except (OSError, errors.HfHubHTTPError) as error:
        raise UnreachableModelError(
            f"{name!r} isn't in the local cache, and the Hub can't be reached "
            f"({str(error).splitlines()[0]}). Connect once, or give a folder that holds the model."
        ) from error


def upload_folder(folder: Path, repo_id: str, private: bool, token: str | None) -> str:
    """Upload a folder to the Hub as the model `repo_id`; returns its address.

    Raises:
        UnreachableModelError: the Hub is unreachable, or the user isn't logged in or not allowed.
    """
    from huggingface_hub import HfApi, errors

    api = HfApi(token=token)
    try:
        url = api.create_repo(repo_id, private=private, exist_ok=True)
        api.upload_folder(
            repo_id=repo_id, folder_path=folder, commit_message="Upload with simpletext"
        )
    except errors.HFValidationError as error:
        raise UnknownModelError(f"{repo_id!r} isn't a valid name on the Hub: {error}") from error
    except (OSError, errors.HfHubHTTPError) as error:
        raise UnreachableModelError(
            f"{repo_id!r} wasn't uploaded ({str(error).splitlines()[0]}). Log in with "
            "`hf auth login` as a user who may write there, and try again."
        ) from error
    return str(url)
