"""From log probabilities of units to text: greedy or prefix beam search, and the exact score of a text."""
