"""Where signals go: one connector for each tool of sales and marketing."""
