SELECT "s".forget_history(1000)
