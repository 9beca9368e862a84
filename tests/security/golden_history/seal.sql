SELECT "s".seal_history(1000)
