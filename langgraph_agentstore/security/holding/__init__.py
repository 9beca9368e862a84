"""Legal holds: what must not be deleted, whoever asks."""
