"""Token classification by PyTorch's Trainer of transformers: a job in, predictions out, as JSON."""

import json
import os
import sys
import tempfile
import time

os.environ["TOKENIZERS_PARALLELISM"] = "true"

import numpy as np
import torch
from transformers import (
    AutoModelForTokenClassification,
    AutoTokenizer,
    DataCollatorForTokenClassification,
    Trainer,
    TrainingArguments,
    logging,
)

logging.set_verbosity_error()


class Rows(torch.utils.data.Dataset):
    def __init__(self, encodings, labels):
        self.encodings, self.labels = encodings, labels

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, i):
        row = {name: values[i] for name, values in self.encodings.items()}
        return row | {"labels": self.labels[i]}


def first_tokens(encodings, row):
    """The number of the word whose first token each token is, else None."""
    words = encodings.word_ids(row)
    before = [None, *words[:-1]]
    return [w if w != b else None for w, b in zip(words, before, strict=True)]


def main():
    job = json.load(sys.stdin)
    words, tags = job["train"]
    start = time.perf_counter()
    tokenizer = AutoTokenizer.from_pretrained(job["model"])
    model = AutoModelForTokenClassification.from_pretrained(
        job["model"], num_labels=len(job["tags"])
    )
    numbers = {tag: i for i, tag in enumerate(job["tags"])}

    def encode(rows):
        return tokenizer(rows, is_split_into_words=True, truncation=True, max_length=job["maxlen"])

    encoded = encode(words)
    labels = [
        [-100 if word is None else numbers[row[word]] for word in first_tokens(encoded, i)]
        for i, row in enumerate(tags)
    ]
    bf16 = job["precision"] == "bfloat16"
    arguments = TrainingArguments(
        output_dir=tempfile.mkdtemp(), per_device_train_batch_size=job["batch_size"],
        num_train_epochs=job["epochs"], learning_rate=job["lr"], weight_decay=0.01,
        warmup_steps=0.1, lr_scheduler_type="linear", bf16=bf16, use_cpu=True,
        train_sampling_strategy="group_by_length", save_strategy="no", report_to=[],
        disable_tqdm=True, logging_strategy="no", seed=job["seed"], dataloader_pin_memory=False,
    )  # fmt: skip
    trainer = Trainer(
        model, arguments, train_dataset=Rows(encoded, labels),
        data_collator=DataCollatorForTokenClassification(tokenizer),
    )  # fmt: skip
    if job["epochs"]:
        trainer.train()
    trained = time.perf_counter()
    found = predict(model.eval(), tokenizer, encode, job, bf16)
    predicted = time.perf_counter()
    print(json.dumps({
        "found": found,
        "train_seconds": round(trained - start, 1),
        "predict_seconds": round(predicted - trained, 2),
    }))  # fmt: skip


def predict(model, tokenizer, encode, job, bf16):
    """A tag for each word, sorted by length in batches of 64."""
    encoded = encode(job["test"])
    ids = encoded["input_ids"]
    order = sorted(range(len(ids)), key=lambda i: len(ids[i]))
    found = [["O"] * len(row) for row in job["test"]]
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=bf16):
        for start in range(0, len(order), 64):
            rows = order[start : start + 64]
            batch = tokenizer.pad({"input_ids": [ids[i] for i in rows]}, return_tensors="pt")
            best = model(**batch).logits.float().argmax(-1).numpy().astype(np.int64)
            for row, answers in zip(rows, best, strict=True):
                for token, word in enumerate(first_tokens(encoded, row)):
                    if word is not None:
                        found[row][word] = job["tags"][answers[token]]
    return found


if __name__ == "__main__":
    main()
