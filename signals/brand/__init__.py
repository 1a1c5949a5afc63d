"""What a brand approves, and whether a text keeps to it."""
