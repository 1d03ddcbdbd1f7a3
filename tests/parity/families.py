"""The one table that drives the parity tests: a row a family.

Neither torch nor transformers is imported here. `make_golden.py` turns a row into a fixture, the
tests read the row and the fixture. A new family is one row (see README.md).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

CASES = ("padded", "pair", "single", "length_one", "limit")
PLAIN = ("padded", "single", "length_one", "limit")
BRIEF = ("padded",)
PADDED_PAIR = ("padded", "pair")
# Ids below this one are special tokens in every tiny config; the cases use it and what is above.
FIRST_ID = 10

Config = Mapping[str, Any]


@dataclass(frozen=True)
class Variant:
    """A tiny checkpoint beside the base one.

    config: laid over the family's base config; with `hub` it is the whole config.json, written
        as old files on the Hub have it and not as the original saves it today.
    cases: which batches it runs; None takes the family's.
    head: False for the file of the bare encoder (AutoModel), which has hidden states only.
    same: its numbers equal the base's on purpose (the field must not change anything).
    rare: hardly met in the wild; an error that names the field is as good as the right numbers.
    """

    config: Config = field(default_factory=dict)
    cases: tuple[str, ...] | None = None
    head: bool = True
    hub: bool = False
    same: bool = False
    rare: bool = False


@dataclass(frozen=True)
class FamilyCase:
    """One family.

    known, note: checkpoints that people know, and what a page should say besides (make_table.py).
    encoder, classifier: the classes that AutoModel and AutoModelForSequenceClassification give.
    config: the tiny base config; realistic: what the big one lays over it.
    pairs: the model has segments, so `token_type_ids` is an input.
    zero_types: leaving `token_type_ids` out is the same as zeros.
    masks: the model takes an attention mask.
    padding_side: where its tokenizer pads.
    shortest: the shortest input of the cases (but for length_one), where the original fails with
        short ones.
    limit: the longest input of the base config in tokens (beyond it the original fails, but for
        the families with relative or rotary positions, where it is just a long one).
    tokenizer: folder under tokenizers/ of the kind this family uses.
    """

    model_type: str
    known: str
    encoder: str
    classifier: str
    config: Config
    realistic: Config
    variants: Mapping[str, Variant]
    tokenizer: str
    note: str = ""
    cases: tuple[str, ...] = CASES
    pairs: bool = True
    zero_types: bool = True
    masks: bool = True
    padding_side: str = "right"
    shortest: int = 1
    limit: int = 20

    def checkpoints(self) -> dict[str, Variant]:
        """All variants by name, the ones that every family has included."""
        return {
            "base": Variant(),
            "encoder": Variant(head=False, cases=BRIEF),
            **self.variants,
            "realistic": Variant(self.realistic, ("realistic",)),
        }

    def full_config(self, variant: Variant) -> dict[str, Any]:
        """The config of a variant, before the original's class fills in its defaults."""
        return dict(variant.config) if variant.hub else {**self.config, **variant.config}


LABELS = {
    "id2label": {0: "negative", 1: "neutral", 2: "positive"},
    "label2id": {"negative": 0, "neutral": 1, "positive": 2},
}
TINY = {
    "vocab_size": 120,
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 48,
    "max_position_embeddings": 20,
    **LABELS,
}
REAL = {
    "vocab_size": 1000,
    "hidden_size": 384,
    "num_hidden_layers": 6,
    "num_attention_heads": 12,
    "intermediate_size": 1536,
    "max_position_embeddings": 64,
}
ONE_LABEL = {
    "id2label": {0: "score"},
    "label2id": {"score": 0},
    "problem_type": "regression",
}
MANY_LABELS = {
    "id2label": {i: f"topic {i}" for i in range(5)},
    "label2id": {f"topic {i}": i for i in range(5)},
    "problem_type": "multi_label_classification",
}


def acts(name: str, *values: str, cases: tuple[str, ...] = BRIEF) -> dict[str, Variant]:
    """A variant for each activation."""
    return {f"{name}_{value}": Variant({name: value}, cases) for value in values}


def common(
    act: str = "hidden_act", eps: str = "layer_norm_eps", heads: str = "num_attention_heads"
) -> dict[str, Variant]:
    """What nearly every family has: an activation, an epsilon large enough to show, heads."""
    return {
        **acts(act, "gelu_new", "relu", "silu"),
        eps: Variant({eps: 0.1}, PADDED_PAIR),
        heads: Variant({heads: 2}, BRIEF),
    }


def without_pair(variants: Mapping[str, Variant]) -> dict[str, Variant]:
    """The same variants for a family that has no segments."""
    return {
        name: Variant(variant.config, BRIEF) if variant.cases == PADDED_PAIR else variant
        for name, variant in variants.items()
    }


# `position_embedding_type` is gone from transformers 5.23: the encoders here know absolute
# positions only, read no `relative_key`, and report `distance_embedding` weights as unexpected.
# So only "absolute" occurs, in the configs that imitate old files.
BERT_HUB = {
    "architectures": ["BertForSequenceClassification"],
    "attention_probs_dropout_prob": 0.1,
    "gradient_checkpointing": False,
    "hidden_act": "gelu",
    "hidden_dropout_prob": 0.1,
    "hidden_size": 32,
    "initializer_range": 0.02,
    "intermediate_size": 48,
    "layer_norm_eps": 1e-12,
    "max_position_embeddings": 20,
    "model_type": "bert",
    "num_attention_heads": 4,
    "num_hidden_layers": 2,
    "pad_token_id": 0,
    "pooler_fc_size": 768,
    "position_embedding_type": "absolute",
    "type_vocab_size": 2,
    "use_cache": True,
    "vocab_size": 120,
}
BERT = FamilyCase(
    model_type="bert",
    known="bert-base-uncased, all-MiniLM-L6-v2",
    encoder="BertModel",
    classifier="BertForSequenceClassification",
    config=TINY,
    realistic=REAL,
    tokenizer="bert",
    variants={
        **common(),
        **acts("hidden_act", "gelu_pytorch_tanh", "gelu_fast", "swish", "tanh"),
        "hidden_act_gelu_python": Variant({"hidden_act": "gelu_python"}, BRIEF, same=True),
        "hidden_act_quick_gelu": Variant({"hidden_act": "quick_gelu"}, BRIEF, rare=True),
        "type_vocab_size": Variant({"type_vocab_size": 1}, PLAIN, same=True),
        "regression": Variant(ONE_LABEL, PADDED_PAIR),
        "multi_label": Variant(MANY_LABELS, PADDED_PAIR),
        "is_decoder": Variant({"is_decoder": True}, BRIEF, rare=True),
        "hub": Variant(BERT_HUB, PADDED_PAIR, hub=True),
    },
)

DISTILBERT = FamilyCase(
    model_type="distilbert",
    known="distilbert-base-uncased",
    encoder="DistilBertModel",
    classifier="DistilBertForSequenceClassification",
    config={
        "vocab_size": 120,
        "dim": 32,
        "n_layers": 2,
        "n_heads": 4,
        "hidden_dim": 48,
        "max_position_embeddings": 20,
        **LABELS,
    },
    realistic={
        "vocab_size": 1000,
        "dim": 384,
        "n_layers": 6,
        "n_heads": 12,
        "hidden_dim": 1536,
        "max_position_embeddings": 64,
    },
    tokenizer="bert",
    cases=PLAIN,
    pairs=False,
    variants={
        # The layer norms' epsilon is fixed at 1e-12: there is no field for it.
        **acts("activation", "gelu_new", "relu", "silu"),
        "n_heads": Variant({"n_heads": 2}, BRIEF),
        # The table is a parameter of the file even so; the file's values win.
        "sinusoidal_pos_embds": Variant({"sinusoidal_pos_embds": True}, BRIEF, same=True),
    },
)

ROBERTA_TINY = {
    **TINY,
    "max_position_embeddings": 22,
    "type_vocab_size": 1,
    "layer_norm_eps": 1e-5,
    "pad_token_id": 1,
    "bos_token_id": 0,
    "eos_token_id": 2,
}
ROBERTA_VARIANTS = {
    **without_pair(common()),
    "type_vocab_size": Variant({"type_vocab_size": 2}, ("pair",)),
    # Positions count from pad_token_id + 1.
    "pad_token_id": Variant({"pad_token_id": 0, "bos_token_id": 1}, ("padded", "limit")),
}


def roberta_like(
    model_type: str, name: str, tokenizer: str, known: str, note: str = ""
) -> FamilyCase:
    """RoBERTa and the families that are RoBERTa but for a name or a flag."""
    return FamilyCase(
        model_type=model_type,
        known=known,
        note=note,
        encoder=f"{name}Model",
        classifier=f"{name}ForSequenceClassification",
        config=ROBERTA_TINY,
        realistic=REAL,
        tokenizer=tokenizer,
        cases=PLAIN,
        pairs=False,
        variants=ROBERTA_VARIANTS,
    )


ROBERTA = roberta_like("roberta", "Roberta", "roberta", "roberta-base")
XLM_ROBERTA = roberta_like(
    "xlm-roberta", "XLMRoberta", "xlm-roberta", "xlm-roberta-base", "100 languages"
)
CAMEMBERT = roberta_like("camembert", "Camembert", "camembert", "camembert-base", "French")

ELECTRA = FamilyCase(
    model_type="electra",
    known="google/electra-small-discriminator",
    encoder="ElectraModel",
    classifier="ElectraForSequenceClassification",
    config={**TINY, "embedding_size": 16},
    realistic={**REAL, "embedding_size": 128},
    tokenizer="bert",
    variants={
        # The head's activation is gelu, whatever hidden_act and summary_activation say.
        **common(),
        "embedding_size": Variant({"embedding_size": 32}),
        "summary": Variant(
            {"summary_type": "mean", "summary_activation": "tanh"}, BRIEF, same=True
        ),
    },
)

ALBERT = FamilyCase(
    model_type="albert",
    known="albert-base-v2",
    encoder="AlbertModel",
    classifier="AlbertForSequenceClassification",
    config={**TINY, "embedding_size": 16, "num_hidden_layers": 3},
    realistic={**REAL, "embedding_size": 128},
    tokenizer="albert",
    variants={
        **acts("hidden_act", "gelu", "relu", "silu"),
        "layer_norm_eps": Variant({"layer_norm_eps": 0.1}, PADDED_PAIR),
        "num_attention_heads": Variant({"num_attention_heads": 2}, BRIEF),
        "num_hidden_groups": Variant({"num_hidden_groups": 2}),
        "three_groups": Variant({"num_hidden_groups": 3, "num_hidden_layers": 4}, BRIEF),
        "inner_group_num": Variant({"inner_group_num": 2}),
        "embedding_size": Variant({"embedding_size": 32}, BRIEF),
        "hub": Variant(
            {
                "architectures": ["AlbertForMaskedLM"],
                "attention_probs_dropout_prob": 0,
                "bos_token_id": 2,
                "classifier_dropout_prob": 0.1,
                "down_scale_factor": 1,
                "embedding_size": 16,
                "eos_token_id": 3,
                "gap_size": 0,
                "hidden_act": "gelu",
                "hidden_dropout_prob": 0,
                "hidden_size": 32,
                "initializer_range": 0.02,
                "inner_group_num": 1,
                "intermediate_size": 48,
                "layer_norm_eps": 1e-12,
                "layers_to_keep": [],
                "max_position_embeddings": 20,
                "model_type": "albert",
                "net_structure_type": 0,
                "num_attention_heads": 4,
                "num_hidden_groups": 1,
                "num_hidden_layers": 3,
                "num_memory_blocks": 0,
                "pad_token_id": 0,
                "type_vocab_size": 2,
                "vocab_size": 120,
            },
            PADDED_PAIR,
            hub=True,
        ),
    },
)

MPNET = FamilyCase(
    model_type="mpnet",
    known="all-mpnet-base-v2",
    encoder="MPNetModel",
    classifier="MPNetForSequenceClassification",
    # Long enough for the logarithmic buckets: distances above 8, and 16, 32, 64 at their edges.
    config={**TINY, "max_position_embeddings": 72, "layer_norm_eps": 1e-5},
    realistic=REAL,
    tokenizer="mpnet",
    cases=PLAIN,
    pairs=False,
    limit=70,
    variants={
        **without_pair(common()),
        # Sizes the table; the buckets are 32 of 128 tokens whatever it says, the padding id is 1.
        "relative_attention_num_buckets": Variant(
            {"relative_attention_num_buckets": 40}, BRIEF, same=True
        ),
    },
)

XLM_TINY = {
    "vocab_size": 120,
    "emb_dim": 32,
    "n_layers": 2,
    "n_heads": 4,
    "max_position_embeddings": 20,
    **LABELS,
}
XLM_REAL = {
    "vocab_size": 1000,
    "emb_dim": 384,
    "n_layers": 6,
    "n_heads": 12,
    "max_position_embeddings": 64,
}
XLM_VARIANTS = {
    "gelu_activation": Variant({"gelu_activation": False}, BRIEF),
    "layer_norm_eps": Variant({"layer_norm_eps": 0.1}, BRIEF),
    "n_heads": Variant({"n_heads": 2}, BRIEF),
    "causal": Variant({"causal": True}),
    # The table is a parameter of the file even so; the file's values win.
    "sinusoidal_embeddings": Variant({"sinusoidal_embeddings": True}, BRIEF, same=True),
    # Language embeddings are added only where the caller gives `langs`.
    "langs": Variant({"n_langs": 3}, ("padded", "langs"), same=True),
    "use_lang_emb": Variant({"n_langs": 3, "use_lang_emb": False}, BRIEF, same=True),
    # "last" and "mean" look at padded places as well: that is what the original does.
    "summary_last": Variant({"summary_type": "last"}, ("padded", "single")),
    "summary_mean": Variant({"summary_type": "mean"}, ("padded", "single")),
    "summary_cls_index": Variant({"summary_type": "cls_index"}, ("padded", "single"), rare=True),
    "summary_activation": Variant({"summary_activation": "tanh"}, BRIEF),
    # Without a projection to labels the "logits" are as wide as the hidden states.
    "summary_use_proj": Variant({"summary_use_proj": False}, BRIEF, rare=True),
    "summary_proj_to_labels": Variant({"summary_proj_to_labels": False}, BRIEF, rare=True),
}
XLM_HUB = {
    "architectures": ["XLMWithLMHeadModel"],
    "asm": False,
    "attention_dropout": 0.1,
    "bos_index": 0,
    "causal": False,
    "dropout": 0.1,
    "emb_dim": 32,
    "embed_init_std": 0.02209708691207961,
    "eos_index": 1,
    "gelu_activation": True,
    "id2lang": {"0": "de", "1": "en"},
    "init_std": 0.02,
    "is_encoder": True,
    "lang2id": {"de": 0, "en": 1},
    "lang_id": 1,
    "layer_norm_eps": 1e-12,
    "mask_index": 5,
    "mask_token_id": 0,
    "max_position_embeddings": 20,
    "max_vocab": -1,
    "min_count": 0,
    "model_type": "xlm",
    "n_heads": 4,
    "n_langs": 2,
    "n_layers": 2,
    "n_words": 120,
    "pad_index": 2,
    "pad_token_id": 2,
    "same_enc_dec": True,
    "share_inout_emb": True,
    "sinusoidal_embeddings": False,
    "summary_activation": None,
    "summary_first_dropout": 0.1,
    "summary_proj_to_labels": True,
    "summary_type": "first",
    "summary_use_proj": True,
    "unk_index": 3,
    "use_lang_emb": True,
}
XLM = FamilyCase(
    model_type="xlm",
    known="xlm-mlm-en-2048",
    encoder="XLMModel",
    classifier="XLMForSequenceClassification",
    config=XLM_TINY,
    realistic=XLM_REAL,
    tokenizer="xlm",
    # `token_type_ids` look up the word embeddings; the tokenizer of 5.23 makes none.
    pairs=False,
    zero_types=False,
    variants={
        **XLM_VARIANTS,
        "hub": Variant(XLM_HUB, ("padded", "langs"), hub=True),
    },
)
FLAUBERT = FamilyCase(
    model_type="flaubert",
    known="flaubert/flaubert_base_cased",
    note="French",
    encoder="FlaubertModel",
    classifier="FlaubertForSequenceClassification",
    config=XLM_TINY,
    realistic={**XLM_REAL, "pre_norm": True},
    tokenizer="flaubert",
    pairs=False,
    zero_types=False,
    variants={
        **XLM_VARIANTS,
        # Transformers 5.23 fails with pre_norm (it indexes its cache by layer); the numbers are
        # those of its code with an empty cache, as flaubert_small and flaubert_large need.
        "pre_norm": Variant({"pre_norm": True}),
        "layerdrop": Variant({"layerdrop": 0.5}, BRIEF, same=True),
        "hub": Variant(
            {
                **{key: XLM_HUB[key] for key in XLM_HUB if key not in ("id2lang", "lang2id")},
                "architectures": ["FlaubertWithLMHeadModel"],
                "layerdrop": 0.0,
                "model_type": "flaubert",
                "n_langs": 1,
                "pre_norm": False,
                "use_lang_emb": True,
            },
            BRIEF,
            hub=True,
        ),
    },
)

XLNET_TINY = {
    "vocab_size": 120,
    "d_model": 32,
    "n_layer": 2,
    "n_head": 4,
    "d_inner": 48,
    **LABELS,
}
XLNET = FamilyCase(
    model_type="xlnet",
    known="xlnet-base-cased",
    note="pads on the left",
    encoder="XLNetModel",
    classifier="XLNetForSequenceClassification",
    config=XLNET_TINY,
    realistic={"vocab_size": 1000, "d_model": 384, "n_layer": 6, "n_head": 12, "d_inner": 1536},
    tokenizer="xlnet",
    zero_types=False,
    padding_side="left",
    limit=30,
    variants={
        **acts("ff_activation", "gelu_new", "relu", "silu"),
        "layer_norm_eps": Variant({"layer_norm_eps": 0.1}, PADDED_PAIR),
        "n_head": Variant({"n_head": 2, "d_head": 16}, BRIEF),
        # With a mask and more than one row the original fails; the golden ones are row by row.
        "attn_type": Variant({"attn_type": "uni"}),
        "same_length": Variant({"attn_type": "uni", "same_length": True}),
        # Needs attn_type "uni"; without it nothing changes.
        "same_length_bi": Variant({"same_length": True}, BRIEF, same=True),
        "clamp_len": Variant({"clamp_len": 3}, ("padded", "limit")),
        # bi_data splits the batch in two halves and fails with an odd one: not a checkpoint's.
        "summary_first": Variant({"summary_type": "first"}, ("padded", "single")),
        "summary_mean": Variant({"summary_type": "mean"}, ("padded", "single")),
        "summary_activation": Variant({"summary_activation": "relu"}, BRIEF),
        "summary_use_proj": Variant({"summary_use_proj": False}, BRIEF),
        "mem_len": Variant({"mem_len": None, "use_mems_eval": False}, BRIEF, same=True),
        "hub": Variant(
            {
                "architectures": ["XLNetLMHeadModel"],
                "attn_type": "bi",
                "bi_data": False,
                "bos_token_id": 1,
                "clamp_len": -1,
                "d_head": 8,
                "d_inner": 48,
                "d_model": 32,
                "dropout": 0.1,
                "end_n_top": 5,
                "eos_token_id": 2,
                "ff_activation": "gelu",
                "initializer_range": 0.02,
                "layer_norm_eps": 1e-12,
                "mem_len": None,
                "model_type": "xlnet",
                "n_head": 4,
                "n_layer": 2,
                "pad_token_id": 5,
                "reuse_len": None,
                "same_length": False,
                "start_n_top": 5,
                "summary_activation": "tanh",
                "summary_last_dropout": 0.1,
                "summary_type": "last",
                "summary_use_proj": True,
                "untie_r": True,
                "vocab_size": 120,
            },
            PADDED_PAIR,
            hub=True,
        ),
    },
)

DEBERTA_TINY = {
    **TINY,
    "layer_norm_eps": 1e-7,
    "max_relative_positions": -1,
    "pos_att_type": ["c2p", "p2c"],
    "position_biased_input": False,
    "relative_attention": True,
    "type_vocab_size": 0,
}
DEBERTA_VARIANTS = {
    **common(),
    "relative_attention": Variant(
        {"relative_attention": False, "pos_att_type": None, "position_biased_input": True},
        ("padded", "limit"),
    ),
    # pos_att_type still counts in the scale of the scores.
    "scale_alone": Variant({"relative_attention": False, "position_biased_input": True}, BRIEF),
    "pos_att_c2p": Variant({"pos_att_type": ["c2p"]}, ("padded", "limit")),
    "pos_att_p2c": Variant({"pos_att_type": ["p2c"]}, ("padded", "limit")),
    "pos_att_none": Variant({"pos_att_type": []}, BRIEF),
    "pos_att_text": Variant({"pos_att_type": "p2c|c2p"}, BRIEF, same=True),
    "max_relative_positions": Variant({"max_relative_positions": 4}, ("padded", "limit")),
    "position_biased_input": Variant({"position_biased_input": True}, ("padded", "limit")),
    "type_vocab_size": Variant({"type_vocab_size": 2}, PADDED_PAIR),
    "embedding_size": Variant({"embedding_size": 16}, BRIEF),
    "pooler_hidden_act": Variant({"pooler_hidden_act": "tanh"}, BRIEF),
}
DEBERTA_HUB = {
    "attention_probs_dropout_prob": 0.1,
    "hidden_act": "gelu",
    "hidden_dropout_prob": 0.1,
    "hidden_size": 32,
    "initializer_range": 0.02,
    "intermediate_size": 48,
    "layer_norm_eps": 1e-7,
    "max_position_embeddings": 20,
    "max_relative_positions": -1,
    "model_type": "deberta",
    "num_attention_heads": 4,
    "num_hidden_layers": 2,
    "pad_token_id": 0,
    "padding_idx": 0,
    "pooler_dropout": 0,
    "pooler_hidden_act": "gelu",
    "pooler_hidden_size": 32,
    "pos_att_type": "c2p|p2c",
    "position_biased_input": False,
    "relative_attention": True,
    "type_vocab_size": 0,
    "vocab_size": 120,
}
DEBERTA = FamilyCase(
    model_type="deberta",
    known="microsoft/deberta-base",
    encoder="DebertaModel",
    classifier="DebertaForSequenceClassification",
    config=DEBERTA_TINY,
    realistic={**REAL, "max_position_embeddings": 512},
    tokenizer="deberta",
    variants={
        **DEBERTA_VARIANTS,
        # Every entry counts in the scale, also one that adds nothing.
        "pos_att_p2p": Variant({"pos_att_type": ["c2p", "p2c", "p2p"]}, BRIEF, rare=True),
        "talking_head": Variant({"talking_head": True}, BRIEF, rare=True),
        "hub": Variant(DEBERTA_HUB, PADDED_PAIR, hub=True),
    },
)

V3 = {"position_buckets": 8, "norm_rel_ebd": "layer_norm", "share_att_key": True}
V3_HUB = {
    **{key: DEBERTA_HUB[key] for key in DEBERTA_HUB if key != "padding_idx"},
    **V3,
    "max_position_embeddings": 40,
    "model_type": "deberta-v2",
    "pos_att_type": "p2c|c2p",
}
V2_HUB = {
    **V3_HUB,
    "attention_head_size": 8,
    "conv_act": "gelu",
    "conv_kernel_size": 3,
}
DEBERTA_V2 = FamilyCase(
    model_type="deberta-v2",
    known="microsoft/deberta-v3-small",
    note="v2 and v3",
    encoder="DebertaV2Model",
    classifier="DebertaV2ForSequenceClassification",
    config={
        **DEBERTA_TINY,
        **V3,
        "max_position_embeddings": 40,
        "pos_att_type": ["p2c", "c2p"],
    },
    realistic={**REAL, "max_position_embeddings": 512, "position_buckets": 256},
    tokenizer="deberta-v2",
    limit=40,
    variants={
        **DEBERTA_VARIANTS,
        "position_buckets": Variant({"position_buckets": -1}, ("padded", "limit")),
        "narrow_buckets": Variant(
            {"position_buckets": 4, "max_relative_positions": 12}, ("padded", "limit")
        ),
        # The v3 sizes at full length: every bucket edge is met once.
        "real_buckets": Variant(
            {
                "hidden_size": 8,
                "intermediate_size": 8,
                "max_position_embeddings": 512,
                "num_attention_heads": 2,
                "num_hidden_layers": 1,
                "position_buckets": 256,
            },
            ("long",),
        ),
        "norm_rel_ebd": Variant({"norm_rel_ebd": "none"}, ("padded", "limit")),
        "share_att_key": Variant({"share_att_key": False}, ("padded", "limit")),
        "own_key_c2p": Variant({"share_att_key": False, "pos_att_type": ["c2p"]}, BRIEF),
        "own_key_p2c": Variant({"share_att_key": False, "pos_att_type": ["p2c"]}, BRIEF),
        "conv_kernel_size": Variant({"conv_kernel_size": 3}, ("padded", "length_one", "limit")),
        "conv_wide": Variant({"conv_kernel_size": 5, "conv_act": "gelu"}, BRIEF),
        "conv_groups": Variant({"conv_kernel_size": 3, "conv_groups": 4}, BRIEF, rare=True),
        "hub": Variant(V3_HUB, PADDED_PAIR, hub=True),
        "hub_v2": Variant(V2_HUB, PADDED_PAIR, hub=True),
    },
)

MODERNBERT_TINY = {
    **TINY,
    "num_hidden_layers": 4,
    "max_position_embeddings": 24,
    "local_attention": 8,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "cls_token_id": 1,
    "eos_token_id": 2,
    "sep_token_id": 2,
}
MODERNBERT_HUB = {
    "architectures": ["ModernBertForMaskedLM"],
    "attention_bias": False,
    "attention_dropout": 0.0,
    "bos_token_id": 1,
    "classifier_activation": "gelu",
    "classifier_bias": False,
    "classifier_dropout": 0.0,
    "classifier_pooling": "mean",
    "cls_token_id": 1,
    "decoder_bias": True,
    "deterministic_flash_attn": False,
    "embedding_dropout": 0.0,
    "eos_token_id": 2,
    "global_attn_every_n_layers": 3,
    "global_rope_theta": 160000.0,
    "gradient_checkpointing": False,
    "hidden_activation": "gelu",
    "hidden_size": 32,
    "initializer_cutoff_factor": 2.0,
    "initializer_range": 0.02,
    "intermediate_size": 48,
    "layer_norm_eps": 1e-05,
    "local_attention": 8,
    "local_rope_theta": 10000.0,
    "max_position_embeddings": 24,
    "mlp_bias": False,
    "mlp_dropout": 0.0,
    "model_type": "modernbert",
    "norm_bias": False,
    "norm_eps": 1e-05,
    "num_attention_heads": 4,
    "num_hidden_layers": 4,
    "pad_token_id": 0,
    "position_embedding_type": "absolute",
    "sep_token_id": 2,
    "vocab_size": 120,
}
MODERNBERT = FamilyCase(
    model_type="modernbert",
    known="answerdotai/ModernBERT-base",
    note="8192 tokens",
    encoder="ModernBertModel",
    classifier="ModernBertForSequenceClassification",
    config=MODERNBERT_TINY,
    realistic={**REAL, "intermediate_size": 576, "local_attention": 16},
    tokenizer="modernbert",
    cases=(*PLAIN, "padded_long"),
    pairs=False,
    limit=24,
    variants={
        **acts("hidden_activation", "gelu_new", "relu", "silu"),
        "norm_eps": Variant({"norm_eps": 0.1}, BRIEF),
        "num_attention_heads": Variant({"num_attention_heads": 2}, BRIEF),
        # Old files say how often a layer is global; the original writes layer_types.
        "global_attn_every_n_layers": Variant(
            {**MODERNBERT_HUB, "global_attn_every_n_layers": 2, **LABELS},
            ("limit", "padded_long"),
            hub=True,
        ),
        "all_global": Variant(
            {**MODERNBERT_HUB, "global_attn_every_n_layers": 1, **LABELS},
            ("limit", "padded_long"),
            hub=True,
        ),
        "layer_types": Variant(
            {"layer_types": ["sliding_attention"] * 2 + ["full_attention"] * 2},
            ("limit", "padded_long"),
        ),
        "local_attention": Variant({"local_attention": 4}, ("limit", "padded_long")),
        "local_attention_odd": Variant({"local_attention": 7}, ("limit",)),
        "rope_theta": Variant(
            {
                "rope_parameters": {
                    "full_attention": {"rope_type": "default", "rope_theta": 300.0},
                    "sliding_attention": {"rope_type": "default", "rope_theta": 20.0},
                }
            },
            ("padded", "limit"),
        ),
        "rope_linear": Variant(
            {
                "rope_parameters": {
                    "full_attention": {
                        "rope_type": "linear",
                        "rope_theta": 160000.0,
                        "factor": 4.0,
                    },
                    "sliding_attention": {"rope_type": "default", "rope_theta": 10000.0},
                }
            },
            ("limit",),
            rare=True,
        ),
        "classifier_pooling": Variant({"classifier_pooling": "mean"}, ("padded", "single")),
        "classifier_activation": Variant({"classifier_activation": "relu"}, BRIEF),
        "classifier_bias": Variant({"classifier_bias": True}, BRIEF),
        "norm_bias": Variant({"norm_bias": True}, BRIEF),
        "attention_bias": Variant({"attention_bias": True}, BRIEF),
        "mlp_bias": Variant({"mlp_bias": True}, BRIEF),
        "hub": Variant(MODERNBERT_HUB, ("padded", "limit"), hub=True),
        "hub_rope_scaling": Variant(
            {**MODERNBERT_HUB, "rope_scaling": {"rope_type": "linear", "factor": 4.0}, **LABELS},
            ("padded", "limit"),
            hub=True,
        ),
        "hub_rope_theta": Variant(
            {**MODERNBERT_HUB, "global_rope_theta": 300.0, "local_rope_theta": 20.0, **LABELS},
            ("padded", "limit"),
            hub=True,
        ),
    },
)

# The field of the files on the Hub, `clf_pooling`, is not read by transformers 5.23.
EUROBERT_HUB = {
    "architectures": ["EuroBertForMaskedLM"],
    "attention_bias": False,
    "attention_dropout": 0.0,
    "bos_token_id": 1,
    "clf_pooling": "mean",
    "eos_token_id": 2,
    "head_dim": 8,
    "hidden_act": "silu",
    "hidden_dropout": 0.0,
    "hidden_size": 32,
    "initializer_range": 0.02,
    "intermediate_size": 48,
    "mask_token": "<|mask|>",
    "mask_token_id": 3,
    "max_position_embeddings": 24,
    "mlp_bias": False,
    "model_type": "eurobert",
    "num_attention_heads": 4,
    "num_hidden_layers": 2,
    "num_key_value_heads": 4,
    "pad_token": "<|end_of_text|>",
    "pad_token_id": 2,
    "pretraining_tp": 1,
    "rms_norm_eps": 1e-05,
    "rope_scaling": None,
    "rope_theta": 250000,
    "tie_word_embeddings": False,
    "use_cache": False,
    "vocab_size": 120,
}
EUROBERT = FamilyCase(
    model_type="eurobert",
    known="EuroBERT/EuroBERT-210m",
    encoder="EuroBertModel",
    classifier="EuroBertForSequenceClassification",
    config={
        **TINY,
        "bos_token_id": 1,
        "eos_token_id": 2,
        "mask_token_id": 3,
        "max_position_embeddings": 24,
        "pad_token_id": 2,
    },
    realistic={**REAL, "num_key_value_heads": 6},
    tokenizer="eurobert",
    cases=PLAIN,
    pairs=False,
    limit=24,
    variants={
        **acts("hidden_act", "gelu", "relu"),
        "rms_norm_eps": Variant({"rms_norm_eps": 0.1}, BRIEF),
        "num_attention_heads": Variant({"num_attention_heads": 2}, BRIEF),
        "num_key_value_heads": Variant({"num_key_value_heads": 2}),
        "head_dim": Variant({"head_dim": 4}, BRIEF),
        "rope_theta": Variant(
            {"rope_parameters": {"rope_type": "default", "rope_theta": 50.0}}, ("padded", "limit")
        ),
        "pooling_bos": Variant({"classifier_pooling": "bos"}, ("padded", "single")),
        "pooling_mean": Variant({"classifier_pooling": "mean"}, ("padded", "single")),
        "attention_bias": Variant({"attention_bias": True}, BRIEF),
        "mlp_bias": Variant({"mlp_bias": True}, BRIEF),
        "hub_rope_scaling": Variant(
            {**EUROBERT_HUB, "rope_scaling": {"rope_type": "linear", "factor": 4.0}, **LABELS},
            ("padded", "limit"),
            hub=True,
        ),
        "hub": Variant(EUROBERT_HUB, ("padded", "limit"), hub=True),
    },
)


NOMIC_TINY = {**TINY, "max_position_embeddings": 24}
NOMIC_BERT = FamilyCase(
    model_type="nomic_bert",
    known="nomic-ai/nomic-embed-text-v1.5",
    encoder="NomicBertModel",
    classifier="NomicBertForSequenceClassification",
    config=NOMIC_TINY,
    realistic=REAL,
    tokenizer="bert",
    limit=24,
    variants={
        **acts("hidden_act", "gelu", "relu"),
        "layer_norm_eps": Variant({"layer_norm_eps": 0.1}, PADDED_PAIR),
        "num_attention_heads": Variant({"num_attention_heads": 2}, BRIEF),
        "head_dim": Variant({"head_dim": 4}, BRIEF, rare=True),
        "rope_theta": Variant(
            {"rope_parameters": {"rope_type": "default", "rope_theta": 50.0}}, ("padded", "limit")
        ),
        "hub_rope_theta": Variant(
            {**NOMIC_TINY, "model_type": "nomic_bert", "rope_theta": 50.0},
            ("padded", "limit"),
            hub=True,
        ),
    },
)

REMBERT = FamilyCase(
    model_type="rembert",
    known="google/rembert",
    note="110 languages",
    encoder="RemBertModel",
    classifier="RemBertForSequenceClassification",
    config={**TINY, "input_embedding_size": 16, "bos_token_id": 2, "eos_token_id": 3},
    realistic={**REAL, "input_embedding_size": 128},
    tokenizer="rembert",
    variants={
        **common(),
        "input_embedding_size": Variant({"input_embedding_size": 32}, BRIEF),
        "output_embedding_size": Variant({"output_embedding_size": 24}, BRIEF, same=True),
    },
)

ERNIE = FamilyCase(
    model_type="ernie",
    known="nghuyong/ernie-2.0-base-en",
    encoder="ErnieModel",
    classifier="ErnieForSequenceClassification",
    config=TINY,
    realistic={**REAL, "use_task_id": True},
    tokenizer="bert",
    variants={
        **common(),
        "use_task_id": Variant({"use_task_id": True}),
        "task_type_vocab_size": Variant({"use_task_id": True, "task_type_vocab_size": 5}, BRIEF),
    },
)

DATA2VEC_TEXT = roberta_like(
    "data2vec-text", "Data2VecText", "roberta", "facebook/data2vec-text-base"
)
ROBERTA_PRELAYERNORM = roberta_like(
    "roberta-prelayernorm", "RobertaPreLayerNorm", "roberta", "andreasmadsen/efficient_mlm_m0.40"
)

CONVBERT = FamilyCase(
    model_type="convbert",
    known="YituTech/conv-bert-base",
    encoder="ConvBertModel",
    classifier="ConvBertForSequenceClassification",
    config={**TINY, "embedding_size": 16, "pad_token_id": 0},
    realistic={**REAL, "embedding_size": 384},
    tokenizer="bert",
    variants={
        # Padding shows: the convolution runs over the padded places. The head's activation is
        # hidden_act.
        **common(),
        "embedding_size": Variant({"embedding_size": 32}, BRIEF),
        "conv_kernel_size": Variant({"conv_kernel_size": 5}),
        "head_ratio": Variant({"head_ratio": 4}, PADDED_PAIR),
        "head_ratio_over": Variant({"head_ratio": 8}, BRIEF),
        "num_groups": Variant({"num_groups": 2}, PADDED_PAIR),
    },
)

BART_TINY = {
    "vocab_size": 120,
    "d_model": 32,
    "encoder_layers": 2,
    "decoder_layers": 2,
    "encoder_attention_heads": 4,
    "decoder_attention_heads": 4,
    "encoder_ffn_dim": 48,
    "decoder_ffn_dim": 40,
    "max_position_embeddings": 20,
    **LABELS,
}
BART = FamilyCase(
    model_type="bart",
    known="facebook/bart-large-mnli",
    note="its sequence classification",
    encoder="BartModel",
    classifier="BartForSequenceClassification",
    config=BART_TINY,
    realistic={
        "vocab_size": 1000,
        "d_model": 384,
        "encoder_layers": 6,
        "decoder_layers": 6,
        "encoder_attention_heads": 12,
        "decoder_attention_heads": 12,
        "encoder_ffn_dim": 1536,
        "decoder_ffn_dim": 1536,
        "max_position_embeddings": 64,
    },
    tokenizer="roberta",
    cases=PLAIN,
    pairs=False,
    variants={
        # `hidden` is the decoder's (the model's last_hidden_state), `encoder_hidden` beside it.
        # The layer norms' epsilon is torch's 1e-5: there is no field for it.
        **acts("activation_function", "gelu_new", "relu", "silu"),
        "scale_embedding": Variant({"scale_embedding": True}),
        "heads": Variant({"encoder_attention_heads": 2, "decoder_attention_heads": 8}, BRIEF),
        "layers": Variant({"encoder_layers": 1, "decoder_layers": 3}, BRIEF),
        "decoder_start_token_id": Variant({"decoder_start_token_id": 0}, BRIEF),
        "eos_token_id": Variant({"pad_token_id": 0, "eos_token_id": 3}, BRIEF),
        "hub": Variant(
            {
                **{key: BART_TINY[key] for key in BART_TINY if key not in LABELS},
                "_num_labels": 3,
                "activation_dropout": 0.0,
                "activation_function": "gelu",
                "add_bias_logits": False,
                "add_final_layer_norm": False,
                "architectures": ["BartForSequenceClassification"],
                "attention_dropout": 0.0,
                "bos_token_id": 0,
                "classif_dropout": 0.0,
                "classifier_dropout": 0.0,
                "decoder_layerdrop": 0.0,
                "decoder_start_token_id": 2,
                "dropout": 0.1,
                "encoder_layerdrop": 0.0,
                "eos_token_id": 2,
                "forced_eos_token_id": 2,
                "id2label": {"0": "contradiction", "1": "neutral", "2": "entailment"},
                "init_std": 0.02,
                "is_encoder_decoder": True,
                "label2id": {"contradiction": 0, "entailment": 2, "neutral": 1},
                "model_type": "bart",
                "normalize_before": False,
                "num_hidden_layers": 2,
                "output_past": False,
                "pad_token_id": 1,
                "scale_embedding": False,
                "use_cache": True,
            },
            BRIEF,
            hub=True,
        ),
    },
)

LONGFORMER = FamilyCase(
    model_type="longformer",
    known="allenai/longformer-base-4096",
    note="4096 tokens",
    encoder="LongformerModel",
    classifier="LongformerForSequenceClassification",
    config={**ROBERTA_TINY, "attention_window": [4, 4], "sep_token_id": 2},
    realistic={**REAL, "attention_window": [8] * 6},
    tokenizer="roberta",
    cases=(*PLAIN, "padded_long"),
    pairs=False,
    variants={
        # `hidden` is without global attention, `global_hidden` with it on the first token, which
        # is what the classifier does.
        **without_pair(common()),
        "attention_window": Variant({"attention_window": [6, 6]}, ("limit", "padded_long")),
        "mixed_windows": Variant({"attention_window": [8, 4]}, ("limit", "padded_long")),
        "window_number": Variant({"attention_window": 8}, ("limit", "padded_long")),
        "pad_token_id": Variant({"pad_token_id": 0, "bos_token_id": 1}, ("padded", "limit")),
        "type_vocab_size": Variant({"type_vocab_size": 2}, ("pair",)),
    },
)

BIG_BIRD_TINY = {
    **TINY,
    "block_size": 4,
    "num_random_blocks": 1,
    "sep_token_id": 3,
}
SPARSE_CASES = ("padded", "limit", "padded_long")
BIG_BIRD = FamilyCase(
    model_type="big_bird",
    known="google/bigbird-roberta-base",
    note="4096 tokens",
    encoder="BigBirdModel",
    classifier="BigBirdForSequenceClassification",
    config=BIG_BIRD_TINY,
    realistic=REAL,
    tokenizer="big_bird",
    cases=(*CASES, "padded_long"),
    variants={
        # Inputs of up to (5 + 2 * num_random_blocks) * block_size tokens get full attention; the
        # "random" blocks of longer ones are all block 0 outside of training.
        **acts("hidden_act", "gelu", "relu", "silu"),
        "layer_norm_eps": Variant({"layer_norm_eps": 0.1}, PADDED_PAIR),
        "num_attention_heads": Variant({"num_attention_heads": 2}, BRIEF),
        "use_bias": Variant({"use_bias": False}, BRIEF),
        "rescale_embeddings": Variant({"rescale_embeddings": True}, PADDED_PAIR),
        "original_full": Variant({"attention_type": "original_full"}, SPARSE_CASES, same=True),
        "block_sparse": Variant({"block_size": 2}, SPARSE_CASES),
        "num_random_blocks": Variant(
            {"block_size": 1, "num_random_blocks": 3}, ("limit", "padded_long")
        ),
    },
)

FUNNEL_TINY = {
    "vocab_size": 120,
    "d_model": 32,
    "n_head": 4,
    "d_head": 8,
    "d_inner": 48,
    "block_sizes": [1, 2, 1],
    "num_decoder_layers": 1,
    **LABELS,
}
FUNNEL_LONG = ("padded", "pair", "padded_long")
# With three blocks and relative_shift the original fails for less than five tokens, without
# truncate_seq for six as well; "factorized" takes any length.
FUNNEL = FamilyCase(
    model_type="funnel",
    known="funnel-transformer/small",
    # AutoModel gives the model with a decoder; the classifier stands on FunnelBaseModel, whose
    # hidden states are pooled: shorter than the input, padding mixed into them.
    encoder="FunnelModel",
    classifier="FunnelForSequenceClassification",
    config=FUNNEL_TINY,
    realistic={
        "vocab_size": 1000,
        "d_model": 384,
        "n_head": 12,
        "d_head": 32,
        "d_inner": 1536,
        "block_sizes": [2, 2, 2],
        "num_decoder_layers": 2,
    },
    tokenizer="funnel",
    cases=("padded", "pair", "single", "limit", "padded_long"),
    shortest=7,
    variants={
        **acts("hidden_act", "gelu", "relu", "silu"),
        "layer_norm_eps": Variant({"layer_norm_eps": 0.1}, BRIEF),
        "n_head": Variant({"n_head": 2}, BRIEF),
        "block_sizes": Variant({"block_sizes": [2, 1]}, FUNNEL_LONG),
        "block_repeats": Variant({"block_repeats": [1, 2, 2]}, FUNNEL_LONG),
        "pooling_type": Variant({"pooling_type": "max"}, FUNNEL_LONG),
        # The same numbers by other means.
        "attention_type": Variant(
            {"attention_type": "factorized"}, ("padded", "pair", "length_one"), same=True
        ),
        "separate_cls": Variant({"separate_cls": False}, FUNNEL_LONG),
        "truncate_seq": Variant({"truncate_seq": False}, FUNNEL_LONG),
        "pool_q_only": Variant({"pool_q_only": False}, FUNNEL_LONG),
        "encoder_long": Variant(head=False, cases=("pair", "limit", "padded_long")),
    },
)

MOBILEBERT = FamilyCase(
    model_type="mobilebert",
    known="google/mobilebert-uncased",
    encoder="MobileBertModel",
    classifier="MobileBertForSequenceClassification",
    config={
        **TINY,
        "embedding_size": 16,
        "intra_bottleneck_size": 24,
        "num_feedforward_networks": 2,
    },
    realistic={
        "vocab_size": 1000,
        "hidden_size": 512,
        "embedding_size": 128,
        "intra_bottleneck_size": 128,
        "num_hidden_layers": 6,
        "intermediate_size": 512,
        "num_feedforward_networks": 4,
        "max_position_embeddings": 64,
    },
    tokenizer="bert",
    variants={
        # Trigrams reach into the padding: the last token's vector holds the padding id's.
        **acts("hidden_act", "gelu", "silu"),
        "num_attention_heads": Variant({"num_attention_heads": 2}, BRIEF),
        "normalization_type": Variant({"normalization_type": "layer_norm"}, PADDED_PAIR),
        # Two of the norms have torch's 1e-5 whatever the field says.
        "layer_norm_eps": Variant(
            {"normalization_type": "layer_norm", "layer_norm_eps": 0.1}, PADDED_PAIR
        ),
        "use_bottleneck": Variant({"use_bottleneck": False}, BRIEF),
        "use_bottleneck_attention": Variant({"use_bottleneck_attention": True}, BRIEF),
        "key_query_shared_bottleneck": Variant(
            {"key_query_shared_bottleneck": False, "intra_bottleneck_size": 32}, BRIEF
        ),
        "num_feedforward_networks": Variant({"num_feedforward_networks": 1}, BRIEF),
        "trigram_input": Variant({"trigram_input": False}, PADDED_PAIR),
        # The transformation is in the file and isn't used.
        "plain_embedding": Variant({"trigram_input": False, "embedding_size": 32}, BRIEF),
        "classifier_activation": Variant({"classifier_activation": False}, BRIEF),
    },
)

SQUEEZEBERT = FamilyCase(
    model_type="squeezebert",
    known="squeezebert/squeezebert-uncased",
    encoder="SqueezeBertModel",
    classifier="SqueezeBertForSequenceClassification",
    config={**TINY, "embedding_size": 32},
    realistic={**REAL, "embedding_size": 384},
    tokenizer="bert",
    variants={
        # layer_norm_eps is the embeddings' alone; the other norms have 1e-12.
        **common(),
        "attention_groups": Variant({"q_groups": 1, "k_groups": 2, "v_groups": 8}, PADDED_PAIR),
        "other_groups": Variant(
            {"post_attention_groups": 2, "intermediate_groups": 1, "output_groups": 2},
            PADDED_PAIR,
        ),
    },
)

FNET = FamilyCase(
    model_type="fnet",
    known="google/fnet-base",
    note="takes no attention mask",
    encoder="FNetModel",
    classifier="FNetForSequenceClassification",
    config={key: TINY[key] for key in TINY if key != "num_attention_heads"},
    realistic={key: REAL[key] for key in REAL if key != "num_attention_heads"},
    tokenizer="fnet",
    # It takes no mask: padding takes part in the transform. use_tpu_fourier_optimizations, the
    # same transform by other means, writes its matrices into the file.
    masks=False,
    variants={
        **acts("hidden_act", "gelu", "relu", "silu"),
        "layer_norm_eps": Variant({"layer_norm_eps": 0.1}, PADDED_PAIR),
    },
)

FAMILIES: dict[str, FamilyCase] = {
    case.model_type: case
    for case in (
        BERT,
        DISTILBERT,
        ROBERTA,
        XLM_ROBERTA,
        CAMEMBERT,
        ELECTRA,
        ALBERT,
        MPNET,
        XLM,
        FLAUBERT,
        XLNET,
        DEBERTA,
        DEBERTA_V2,
        MODERNBERT,
        EUROBERT,
        NOMIC_BERT,
        REMBERT,
        ERNIE,
        DATA2VEC_TEXT,
        ROBERTA_PRELAYERNORM,
        CONVBERT,
        BART,
        LONGFORMER,
        BIG_BIRD,
        FUNNEL,
        MOBILEBERT,
        SQUEEZEBERT,
        FNET,
    )
}
