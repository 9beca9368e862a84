"""A store goes to `all.parquet` and comes back."""

from there_and_back import goes_there_and_back

goes_there_and_back("all.parquet")
