"""How a digest reaches its readers: by e-mail, as a signed webhook, as files; each once."""
