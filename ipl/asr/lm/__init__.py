"""N-gram language models over a recogniser's units: from ARPA files or from text, fused into the search."""
