"""PyTorch's side of benchmarks/translation.py: `nn.Transformer`, and `MarianMTModel.generate`."""

import json
import math
import sys
import time
from pathlib import Path

import numpy as np
import torch
from transformers import AutoTokenizer, MarianMTModel

IGNORED = -1


class Model(torch.nn.Module):
    """The architecture of the Marian model, made of PyTorch's own parts."""

    def __init__(self, config, dropout):
        super().__init__()
        self.size, self.pad = config["d_model"], config["pad_token_id"]
        self.words = torch.nn.Embedding(config["vocab_size"], self.size)
        torch.nn.init.normal_(self.words.weight, std=self.size**-0.5)
        self.transformer = torch.nn.Transformer(
            self.size, config["encoder_attention_heads"], config["encoder_layers"],
            config["decoder_layers"], config["encoder_ffn_dim"], dropout, batch_first=True,
        )  # fmt: skip
        # Marian has no norms behind the last blocks.
        self.transformer.encoder.norm = self.transformer.decoder.norm = None
        self.drop = torch.nn.Dropout(dropout)
        places = torch.arange(config["max_position_embeddings"])[:, None]
        angles = places / 10000 ** (torch.arange(0, self.size, 2) / self.size)
        self.register_buffer("positions", torch.cat([angles.sin(), angles.cos()], dim=1))

    def embed(self, ids):
        x = self.words(ids) * math.sqrt(self.size) + self.positions[: ids.shape[1]]
        return self.drop(x)

    def encode(self, ids):
        return self.transformer.encoder(self.embed(ids), src_key_padding_mask=ids == self.pad)

    def decode(self, states, padding, before):
        later = torch.ones(before.shape[1], before.shape[1], dtype=torch.bool).triu(1)
        y = self.transformer.decoder(
            self.embed(before), states, tgt_mask=later, memory_key_padding_mask=padding
        )
        return y @ self.words.weight.T

    def forward(self, ids, before):
        return self.decode(self.encode(ids), ids == self.pad, before)


def say(name, **values):
    print(json.dumps({"name": name, **values}), flush=True)


def train(model, folder, job):
    optimizer = torch.optim.Adam(model.parameters(), betas=(0.9, 0.98), eps=1e-9)
    loss_of = torch.nn.CrossEntropyLoss(ignore_index=IGNORED, label_smoothing=0.1)
    batches = np.load(folder / "batches.npz")
    steps = sorted({tuple(map(int, key.split("/")[:2])) for key in batches.files})
    arrays = [
        [torch.tensor(batches[f"{epoch}/{i}/{name}"].astype("int64"))
         for name in ("input_ids", "decoder_input_ids", "targets")]
        for epoch, i in steps
    ]  # fmt: skip
    tokens, total = sum(int((y != IGNORED).sum()) for *_, y in arrays), 0.0
    begin = time.perf_counter()
    for step, (ids, before, targets) in enumerate(arrays, start=1):
        rate = job["lr"] * min(step / job["warmup"], (job["warmup"] / step) ** 0.5)
        for group in optimizer.param_groups:
            group["lr"] = rate
        optimizer.zero_grad()
        loss = loss_of(model(ids, before).flatten(0, 1), targets.flatten())
        loss.backward()
        optimizer.step()
        last = steps[step - 1][0] == job["epochs"] - 1
        total += loss.item() if last else 0.0
    seconds = time.perf_counter() - begin
    count = sum(epoch == job["epochs"] - 1 for epoch, _ in steps)
    say("train PyTorch", seconds=seconds, target_tokens_per_second=tokens / seconds,
        loss=total / count)  # fmt: skip


def as_marian(model, folder):
    """The trained parts under the names of MarianMTModel, which has the beam search."""
    marian = MarianMTModel.from_pretrained(folder / "translator")
    state = {"model.shared.weight": model.words.weight}
    for side in ("encoder", "decoder"):
        state[f"model.{side}.embed_tokens.weight"] = model.words.weight
        for i, layer in enumerate(getattr(model.transformer, side).layers):
            state |= block(layer, f"model.{side}.layers.{i}.")
    state["lm_head.weight"] = model.words.weight
    missing, unexpected = marian.load_state_dict(state, strict=False)
    assert not unexpected, unexpected
    assert all("embed_positions" in key or "final_logits_bias" in key for key in missing), missing
    return marian.eval()


def block(layer, prefix):
    decodes = hasattr(layer, "multihead_attn")
    names = {"linear1": "fc1", "linear2": "fc2", "norm1": "self_attn_layer_norm"}
    attentions = {"self_attn": "self_attn"}
    if decodes:
        names |= {"norm2": "encoder_attn_layer_norm", "norm3": "final_layer_norm"}
        attentions["multihead_attn"] = "encoder_attn"
    else:
        names["norm2"] = "final_layer_norm"
    state = {
        f"{prefix}{theirs}.{leaf}": getattr(getattr(layer, own), leaf)
        for own, theirs in names.items()
        for leaf in ("weight", "bias")
    }
    for own, theirs in attentions.items():
        attention = getattr(layer, own)
        for leaf in ("weight", "bias"):
            parts = getattr(attention, f"in_proj_{leaf}").chunk(3)
            for name, part in zip("qkv", parts, strict=True):
                state[f"{prefix}{theirs}.{name}_proj.{leaf}"] = part
            state[f"{prefix}{theirs}.out_proj.{leaf}"] = getattr(attention.out_proj, leaf)
    return state


@torch.no_grad()
def translate(marian, tokenizer, job, name):
    order = sorted(range(len(job["sources"])), key=lambda i: -len(job["sources"][i]))
    for beams, size in ((1, 32), (1, 128), (4, 32), (4, 128)):
        found = [""] * len(order)
        begin = time.perf_counter()
        for start in range(0, len(order), size):
            rows = order[start : start + size]
            ids = {"input_ids": [job["sources"][i] for i in rows]}
            batch = tokenizer.pad(ids, return_tensors="pt")
            texts = tokenizer.batch_decode(
                marian.generate(**batch, num_beams=beams), skip_special_tokens=True
            )
            for i, text in zip(rows, texts, strict=True):
                found[i] = text.strip()
        seconds = time.perf_counter() - begin
        say(
            f"translate {name}, {beams} beams, batches of {size}",
            seconds=seconds,
            translations=found,
        )


def main():
    folder = Path(sys.argv[1])
    job = json.loads((folder / "job.json").read_text())
    torch.set_num_threads(job["threads"])
    torch.manual_seed(0)
    config = json.loads((folder / "translator" / "config.json").read_text())
    tokenizer = AutoTokenizer.from_pretrained(folder / "translator")
    ours = MarianMTModel.from_pretrained(folder / "translator").eval()
    translate(ours, tokenizer, job, "transformers, our weights")
    if sys.argv[2:] != ["train"]:
        return
    model = Model(config, job["dropout"])
    train(model.train(), folder, job)
    translate(as_marian(model, folder), tokenizer, job, "transformers, PyTorch's weights")


if __name__ == "__main__":
    main()
