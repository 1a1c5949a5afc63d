"""What outcomes teach: which signals are worth telling."""
