"""What is to be expected: who may leave, how many will write, and what is broken right now."""
