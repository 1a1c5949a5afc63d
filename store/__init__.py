"""Tables, transactions, migrations, encryption at rest."""
