"""Writes the golden fixtures with the original implementation (torch and transformers).

    python make_golden.py              all families
    python make_golden.py bert xlnet   the ones named

For each variant of a family the checkpoint is built from its config with weights made from their
names, saved as the original saves it, rebuilt from the keys and shapes alone, loaded again with
`from_pretrained` (nothing missing, nothing unexpected) and run. What the tests need is written to
fixtures/<model_type>.json and .npz.
"""

from __future__ import annotations

import argparse
import json
import re
import tempfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers
from families import FAMILIES, FIRST_ID, FamilyCase, Variant
from safetensors import safe_open
from transformers import (
    AutoConfig,
    AutoModel,
    AutoModelForMaskedLM,
    AutoModelForPreTraining,
    AutoModelForSequenceClassification,
    PreTrainedModel,
)
from weights import write_checkpoint

FOLDER = Path(__file__).parent / "fixtures"
KEPT_CHANNELS = 16
# What fp32 rounding may move the original by; beyond it a fixture would test luck.
ROUNDING = {"tiny": 4e-6, "realistic": 4e-5}

Arrays = dict[str, np.ndarray]


# ------------------------------------------------------------------------------------ inputs


def make_inputs(family: FamilyCase, config: Any, case: str) -> Arrays:
    """The batch of a case: ids above the special ones, the pad id at padded places."""
    lengths, width = {
        "padded": ((9, 6, 4), 9),
        "pair": ((10, 7), 10),
        "single": ((7,), 7),
        "length_one": ((1,), 1),
        "limit": ((family.limit,), family.limit),
        "padded_long": ((family.limit, family.limit - 7), family.limit),
        "langs": ((8, 5), 8),
        "long": ((512,), 512),
        "realistic": ((24, 17), 24),
    }[case]
    if case != "length_one":
        lengths = tuple(max(length, family.shortest) for length in lengths)
    rng = np.random.RandomState(zlib.crc32(f"{family.model_type}/{case}".encode()))
    ids = rng.randint(FIRST_ID, config.vocab_size, (len(lengths), width))
    mask = np.array([_spread(length, width, family.padding_side) for length in lengths])
    if family.model_type == "bart":
        _end_with(ids, mask, config.eos_token_id)
    pad = config.pad_token_id if config.pad_token_id is not None else 0
    inputs = {"input_ids": np.where(mask == 1, ids, pad)}
    if family.masks:
        inputs["attention_mask"] = mask
    if case == "pair":
        inputs["token_type_ids"] = _segments(family, lengths, mask)
    if case == "langs":
        inputs["langs"] = rng.randint(0, config.n_langs, mask.shape)
    return {name: array.astype(np.int16) for name, array in inputs.items()}


def _spread(length: int, width: int, side: str) -> list[int]:
    ones, zeros = [1] * length, [0] * (width - length)
    return ones + zeros if side == "right" else zeros + ones


def _end_with(ids: np.ndarray, mask: np.ndarray, token: int) -> None:
    for row, length in enumerate(mask.sum(1)):
        ids[row, length - 1] = token


def _segments(family: FamilyCase, lengths: tuple[int, ...], mask: np.ndarray) -> np.ndarray:
    """0 and 1; XLNet has its <cls> (2) at the end and a padding of its own (3), Funnel 2 first."""
    segments = np.zeros(mask.shape, int)
    for row, length in enumerate(lengths):
        types = np.array([0] * (length // 2) + [1] * (length - length // 2))
        if family.model_type == "funnel":
            types[0] = 2
        if family.model_type == "xlnet":
            types[-1] = 2
            segments[row] = 3
        segments[row, mask[row] == 1] = types
    return segments


# ------------------------------------------------------------------------------------ models


def auto_class(variant: Variant) -> Any:
    return AutoModelForSequenceClassification if variant.head else AutoModel


def plan_checkpoint(family: FamilyCase, variant: Variant) -> tuple[dict[str, Any], dict[str, Any]]:
    """The config.json and the keys with their shapes, as `save_pretrained` writes them."""
    fields = family.full_config(variant)
    expected = family.classifier if variant.head else family.encoder
    if variant.hub:
        config = AutoConfig.for_model(**fields)
    else:
        config = AutoConfig.for_model(family.model_type, **fields, architectures=[expected])
    model = auto_class(variant).from_config(config, attn_implementation="eager")
    if type(model).__name__ != expected:
        raise SystemExit(f"{family.model_type}: the table says {expected}, got {type(model)}")
    with tempfile.TemporaryDirectory() as folder:
        model.save_pretrained(folder)
        saved = json.loads((Path(folder) / "config.json").read_text())
        shapes = read_shapes(Path(folder) / "model.safetensors")
    saved.pop("transformers_version")
    return (fields if variant.hub else saved), shapes


def read_shapes(path: Path) -> dict[str, list[int]]:
    """Keys and shapes of a safetensors file, all of them floats."""
    with safe_open(path, "pt") as tensors:
        slices = {key: tensors.get_slice(key) for key in sorted(tensors.keys())}
        odd = {key: part.get_dtype() for key, part in slices.items() if part.get_dtype() != "F32"}
        if odd:
            raise SystemExit(f"not float32: {odd}")
        return {key: list(part.get_shape()) for key, part in slices.items()}


def load_checkpoint(
    variant: Variant, config: dict[str, Any], shapes: dict[str, Any]
) -> PreTrainedModel:
    """Rebuild the file and load it with the original, which must want exactly these keys."""
    with tempfile.TemporaryDirectory() as folder:
        write_checkpoint(folder, config, shapes)
        model, told = auto_class(variant).from_pretrained(
            folder, attn_implementation="eager", dtype=torch.float32, output_loading_info=True
        )
    problems = {key: value for key, value in told.items() if value}
    if problems:
        raise SystemExit(f"the original doesn't load its own file: {problems}")
    return model.eval()


def other_heads(family: FamilyCase, own: set[str]) -> dict[str, list[str]]:
    """Keys that the files of other heads hold beyond the classifier's."""
    config = AutoConfig.for_model(family.model_type, **family.config)
    found = {}
    for auto in (AutoModelForPreTraining, AutoModelForMaskedLM):
        try:
            model = auto.from_config(config)
        except ValueError:
            continue
        with tempfile.TemporaryDirectory() as folder:
            model.save_pretrained(folder)
            keys = set(read_shapes(Path(folder) / "model.safetensors"))
        found[type(model).__name__] = sorted(keys - own)
    return found


# ------------------------------------------------------------------------------------ running


class NoCache:
    """FlauBERT with `pre_norm` indexes its cache by layer, which no cache of 5.23 can; it only
    wants to hear that nothing is cached."""

    def get_seq_length(self) -> int:
        return 0

    def __getitem__(self, layer: int) -> None:
        return None


def call(model: PreTrainedModel, inputs: Arrays, **more: Any) -> Any:
    if model.config.model_type == "flaubert" and model.config.pre_norm:
        more["cache"] = NoCache()
    if model.config.model_type == "big_bird":
        # A short input switches block sparse attention off for good.
        getattr(model, "bert", model).set_attention_type(model.config.attention_type)
    tensors = {name: torch.from_numpy(array.astype(np.int64)) for name, array in inputs.items()}
    with torch.no_grad():
        return model(**tensors, **more)


def run_case(model: PreTrainedModel, inputs: Arrays, head: bool) -> Arrays:
    """Hidden states of the base model and logits of the classifier, from one set of weights."""
    rows = len(inputs["input_ids"])
    if getattr(model.config, "attn_type", "bi") == "uni" and rows > 1:
        # XLNet's causal mask has a batch of one and is added to in place: more rows with an
        # attention mask fail in 5.23. Row by row it computes what it means to.
        parts = [{name: a[row : row + 1] for name, a in inputs.items()} for row in range(rows)]
        answers = [run_case(model, part, head) for part in parts]
        return {name: np.concatenate([a[name] for a in answers]) for name in answers[0]}
    encoder = model.base_model if head else model
    answer = call(encoder, inputs)
    outputs = {"hidden": answer.last_hidden_state}
    if model.config.model_type == "bart":
        outputs["encoder_hidden"] = answer.encoder_last_hidden_state
    if model.config.model_type == "longformer":
        outputs["global_hidden"] = _with_global_cls(encoder, inputs)
    if head:
        outputs["logits"] = call(model, inputs).logits
    return {name: tensor.float().numpy() for name, tensor in outputs.items()}


def _with_global_cls(encoder: PreTrainedModel, inputs: Arrays) -> torch.Tensor:
    """What Longformer's classifier sees: global attention on the first token."""
    seen = np.zeros_like(inputs["input_ids"])
    seen[:, 0] = 1
    return call(encoder, {**inputs, "global_attention_mask": seen}).last_hidden_state


# ------------------------------------------------------------------------------------ checks


def rows_alone(model: PreTrainedModel, inputs: Arrays) -> Iterator[tuple[int, np.ndarray, Arrays]]:
    """Each row of a batch by itself, without its padding."""
    mask = inputs.get("attention_mask")
    if mask is None:
        mask = inputs["input_ids"] != model.config.pad_token_id
    for row, keep in enumerate(np.asarray(mask) == 1):
        yield row, keep, {name: array[row : row + 1, keep] for name, array in inputs.items()}


def rounding_error(model: PreTrainedModel, inputs: Arrays, head: bool) -> float:
    """How far fp32 is from fp64 in the original itself.

    Without padding: in fp64 some families' masks overflow in their fp32 softmax.
    """
    alone = [inputs for _, _, inputs in rows_alone(model, inputs)]
    single = [run_case(model, inputs, head) for inputs in alone]
    exact = [run_case(model.double(), inputs, head) for inputs in alone]
    model.float()
    return max(
        distance(one[name], other[name])
        for one, other in zip(single, exact, strict=True)
        for name in one
    )


def look_at_padding(model: PreTrainedModel, inputs: Arrays, outputs: Arrays) -> dict[str, bool]:
    """Whether a row of the padded batch has the numbers that it has alone, without padding."""
    equal = dict.fromkeys(outputs, True)
    for row, keep, alone in rows_alone(model, inputs):
        for name, answer in run_case(model, alone, "logits" in outputs).items():
            batched = outputs[name][row]
            if name != "logits" and len(batched) == len(keep):
                batched = batched[keep]
            equal[name] = equal[name] and distance(batched, answer[0]) < 1e-5
    return equal


def check_rounding(family: FamilyCase, name: str, case: str, error: float) -> None:
    allowed = ROUNDING["realistic" if name == "realistic" else "tiny"]
    if not error <= allowed:
        raise SystemExit(f"{family.model_type}/{name}/{case}: rounding moves it by {error:.1e}")


def difference(outputs: dict[str, Arrays], base: dict[str, Arrays]) -> float | None:
    """The largest distance to the base variant in the cases that both have."""
    gaps = [
        distance(array, base[case][key])
        for case, arrays in outputs.items()
        for key, array in arrays.items()
        if case in base and key in base[case]
    ]
    return max(gaps) if gaps else None


def distance(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.abs(one - other).max()) if one.shape == other.shape else float("inf")


def check_difference(family: FamilyCase, name: str, variant: Variant, gap: float | None) -> None:
    if gap is None or name in ("base", "encoder", "hub"):
        return
    if variant.same != (gap < 1e-6) or (not variant.same and gap < 1e-4):
        raise SystemExit(f"{family.model_type}/{name}: differs from base by {gap:.1e}")


# ------------------------------------------------------------------------------------ writing


class Writer:
    """Gathers what goes into the two files of a family."""

    def __init__(self, family: FamilyCase) -> None:
        self.family = family
        self.variants: dict[str, Any] = {}
        self.arrays: Arrays = {}

    def add(self, name: str, config: Any, shapes: Any, cases: list[str], padding: Any) -> None:
        base = self.variants.get("base", {"config": {}, "shapes": {}})
        self.variants[name] = {
            "cases": cases,
            "padding": padding,
            "config": shorter(config, base["config"]),
            "shapes": shorter(shapes, base["shapes"]),
        }

    def add_case(self, variant: str, case: str, inputs: Arrays, outputs: Arrays) -> None:
        shared = {f"input/{case}/{name}": array for name, array in inputs.items()}
        known = all(np.array_equal(self.arrays.get(key, a), a) for key, a in shared.items())
        if known:
            self.arrays.update(shared)
        else:
            for name, array in inputs.items():
                self.arrays[f"input/{variant}/{case}/{name}"] = array
        for name, array in outputs.items():
            if case in ("realistic", "long") and name != "logits":
                array = array[..., :KEPT_CHANNELS]
            self.arrays[f"output/{variant}/{case}/{name}"] = array

    def write(self, heads: dict[str, list[str]]) -> int:
        told = {
            "model_type": self.family.model_type,
            "versions": {"torch": torch.__version__, "transformers": transformers.__version__},
            "other_heads": heads,
            "variants": self.variants,
        }
        path = FOLDER / f"{self.family.model_type}.json"
        path.write_text(short_json(told), encoding="utf-8")
        np.savez_compressed(path.with_suffix(".npz"), **self.arrays)
        return path.stat().st_size + path.with_suffix(".npz").stat().st_size


def shorter(whole: dict[str, Any], base: dict[str, Any]) -> dict[str, Any]:
    """What to set in the base's dict and what to drop from it, where that is the shorter tale."""
    changed = {key: whole[key] for key in whole if key not in base or base[key] != whole[key]}
    dropped = [key for key in base if key not in whole]
    if len(changed) + len(dropped) >= len(whole):
        return whole
    return {"of": "base", "set": changed, "drop": dropped}


def short_json(told: Any) -> str:
    """Indented, but a list of numbers on one line."""
    text = json.dumps(told, indent=1, ensure_ascii=False)
    flat = re.sub(r"\[\s+([^\[\]{}]*?)\s+\]", lambda m: "[" + _one_line(m[1]) + "]", text)
    return flat + "\n"


def _one_line(items: str) -> str:
    return re.sub(r"\s*\n\s*", " ", items)


def make_variant(writer: Writer, name: str, variant: Variant) -> dict[str, Arrays]:
    family = writer.family
    config, shapes = plan_checkpoint(family, variant)
    model = load_checkpoint(variant, config, shapes)
    cases = list(variant.cases or family.cases)
    outputs: dict[str, Arrays] = {}
    padding: dict[str, bool] = {}
    worst = 0.0
    for case in cases:
        inputs = make_inputs(family, model.config, case)
        outputs[case] = run_case(model, inputs, variant.head)
        error = rounding_error(model, inputs, variant.head)
        check_rounding(family, name, case, error)
        worst = max(worst, error)
        if case in ("padded", "realistic"):
            padding = look_at_padding(model, inputs, outputs[case])
        writer.add_case(name, case, inputs, outputs[case])
    writer.add(name, config, shapes, cases, padding)
    print(f"  {name:28} rounding {worst:.0e}", end="")
    return outputs


def make_family(family: FamilyCase) -> None:
    print(family.model_type, flush=True)
    writer = Writer(family)
    base: dict[str, Arrays] = {}
    for name, variant in family.checkpoints().items():
        outputs = make_variant(writer, name, variant)
        base = base or outputs
        gap = difference(outputs, base)
        size = max(np.abs(arrays["hidden"]).max() for arrays in outputs.values())
        print(f"  largest {size:6.2f}  to base {'-' if gap is None else f'{gap:.0e}'}", flush=True)
        check_difference(family, name, variant, gap)
    heads = other_heads(family, set(writer.variants["base"]["shapes"]))
    print(f"  {writer.write(heads) / 1000:.0f} kB", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("families", nargs="*", choices=[*FAMILIES, []], help="default: all")
    names = parser.parse_args().families or list(FAMILIES)
    torch.set_num_threads(1)
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    FOLDER.mkdir(exist_ok=True)
    for name in names:
        make_family(FAMILIES[name])


if __name__ == "__main__":
    main()
