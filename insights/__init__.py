"""What a week of conversations, tickets and signals says to marketing, sales and whoever runs care."""
