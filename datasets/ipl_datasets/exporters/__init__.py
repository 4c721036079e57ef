"""Built-in exporters: utterances to outside formats."""
