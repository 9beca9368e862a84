"""The driver is there; without a server, and without an address, that is what is said."""

from serverless import says_that_no_server_answers

says_that_no_server_answers("redis", "redis://nobody:nothing@127.0.0.1:1/db")
