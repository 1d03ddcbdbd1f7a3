"""PyTorch's Trainer of transformers, with batches by length and dynamic padding."""

import time

STARTED = time.perf_counter()

import os  # noqa: E402
import tempfile  # noqa: E402

from common import read_job, run  # noqa: E402

os.environ["TOKENIZERS_PARALLELISM"] = "true"

import numpy as np  # noqa: E402
import torch  # noqa: E402
from transformers import (  # noqa: E402
    AutoModelForSequenceClassification,
    AutoTokenizer,
    DataCollatorWithPadding,
    Trainer,
    TrainingArguments,
    logging,
)

logging.set_verbosity_error()
DEVICE = "cuda" if torch.cuda.is_available() else "cpu"


class Rows(torch.utils.data.Dataset):
    def __init__(self, encodings, labels):
        self.encodings, self.labels = encodings, labels

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, i):
        row = {name: values[i] for name, values in self.encodings.items()}
        return row | {"labels": self.labels[i]}


class Peer:
    def __init__(self, job):
        self.job = job
        self.bf16 = job["precision"] == "bfloat16"

    def encode(self, texts):
        return self.tokenizer(texts, truncation=True, max_length=self.job["maxlen"])

    def fit(self, texts, labels):
        job = self.job
        self.tokenizer = AutoTokenizer.from_pretrained(job["model"])
        self.model = AutoModelForSequenceClassification.from_pretrained(
            job["model"], num_labels=len(job["classes"])
        )
        arguments = TrainingArguments(
            output_dir=tempfile.mkdtemp(), per_device_train_batch_size=job["batch_size"],
            num_train_epochs=job["epochs"], learning_rate=job["lr"], weight_decay=0.01,
            warmup_steps=0.1, lr_scheduler_type="linear", bf16=self.bf16, use_cpu=DEVICE == "cpu",
            train_sampling_strategy="group_by_length", save_strategy="no", report_to=[],
            disable_tqdm=True, logging_strategy="no", seed=job["seed"], dataloader_pin_memory=False,
        )  # fmt: skip
        Trainer(
            self.model, arguments, train_dataset=Rows(self.encode(texts), labels),
            data_collator=DataCollatorWithPadding(self.tokenizer),
        ).train()  # fmt: skip

    def predict(self, texts):
        """Sorted by length, in batches of 64, as Trainer wouldn't: the peer at its best."""
        self.model.eval()
        ids = self.encode(texts)["input_ids"]
        order = sorted(range(len(ids)), key=lambda i: len(ids[i]))
        found = np.empty(len(ids), "int64")
        autocast = torch.autocast(DEVICE, torch.bfloat16, enabled=self.bf16)
        with torch.inference_mode(), autocast:
            for start in range(0, len(order), 64):
                rows = order[start : start + 64]
                batch = self.tokenizer.pad(
                    {"input_ids": [ids[i] for i in rows]}, return_tensors="pt"
                ).to(DEVICE)
                found[rows] = self.model(**batch).logits.argmax(-1).cpu().numpy()
        return found


job = read_job()
run(Peer(job), job, STARTED)
