"""What the company knows: sources, documents, passages, and keeping them in step."""
