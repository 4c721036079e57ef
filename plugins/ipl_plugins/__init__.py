"""The seven roles of the cycle, built in."""
