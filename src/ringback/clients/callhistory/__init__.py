"""The call history of one user: reading it, marking entries, and listening to what happens to it.

The wire is that of the Webex calling SDK, and so are names, results and messages: the HTTP API that is called Janus,
and events over the WebSocket protocol that is called Mercury. Neither has a public specification; what is said here of
servers holds for ringback's own, and of others as far as the published client shows it.

`client` has the asynchronous client, `blocking` the one for programs without asyncio, which runs the first in a thread.
"""
