"""Card drafts: what a README and an ONNX file say of a model, written down as a card, and the rest as questions."""

from harness.drafts.draft import Draft, Request, draft, write

__all__ = ["Draft", "Request", "draft", "write"]
