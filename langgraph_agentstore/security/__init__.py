"""Controls of data care, each in a room of its own: off unless asked for."""
