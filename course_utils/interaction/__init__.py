"""Ce que `live` et `exercises` emploient : réglages, encadrés, comparaisons, quiz."""
