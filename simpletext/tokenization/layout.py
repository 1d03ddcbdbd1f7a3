"""`Layout`: how batches of token ids are laid out for a model."""

from collections.abc import Sequence
from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Layout:
    """How batches are laid out for a model.

    Attributes:
        inputs: the model's inputs that the tokenizer returns, such as `input_ids`.
        pad_id, pad_type_id: the padding's id and token type.
        padding_side: "right" or "left".
        segments: whether token types separate a pair's texts; else all of them are 0.
    """

    inputs: tuple[str, ...]
    pad_id: int
    pad_type_id: int
    padding_side: str
    segments: bool = True

    def for_model(self, inputs: Sequence[str], segments: bool) -> "Layout":
        """The same layout for a model that takes these inputs.

        Token types separate a pair's texts if the model was trained with them or the tokenizer's
        settings list them; otherwise the original, too, takes 0 for all.
        """
        typed = segments or "token_type_ids" in self.inputs
        return replace(self, inputs=tuple(inputs), segments=typed)

    @property
    def model_input_names(self) -> list[str]:
        """`model_input_names` for transformers' tokenizer, which then returns the same batches."""
        known = ("input_ids", "attention_mask", *(["token_type_ids"] if self.segments else []))
        return [name for name in self.inputs if name in known]
