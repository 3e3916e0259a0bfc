"""Text in batches: normal form, masks, languages, terms, digests."""
