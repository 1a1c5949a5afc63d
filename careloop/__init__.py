"""Settings, composition root, command line."""
