"""What comes back from the tools of sales and marketing: outcomes and consents, by webhook and by poll."""
