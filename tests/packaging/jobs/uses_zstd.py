"""A store goes to `all.jsonl.zst` and comes back."""

from there_and_back import goes_there_and_back

goes_there_and_back("all.jsonl.zst")
