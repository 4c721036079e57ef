"""Built-in recognizers."""
