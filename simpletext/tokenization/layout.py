"""`Layout`: how batches of token ids are laid out for a model."""

from collections.abc import Sequence
from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Layout:
    """How a batch is laid out for the model.

    Attributes:
        inputs: the model's inputs that the tokenizer makes, such as `input_ids`.
        pad_id, pad_type_id: what fills a batch's shorter rows.
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

        Token types mean something where the model was trained with them, or the tokenizer's own
        settings name them; to the original all others are 0.
        """
        typed = segments or "token_type_ids" in self.inputs
        return replace(self, inputs=tuple(inputs), segments=typed)

    @property
    def told(self) -> list[str]:
        """What the original's tokenizer has to make to lay out the same batches."""
        makes = ("input_ids", "attention_mask", *(["token_type_ids"] if self.segments else []))
        return [name for name in self.inputs if name in makes]
