"""The Python SDK: reading call detail records from the Webex cloud, or from a server that speaks like it.

What to do next is decided by generators that do no input or output themselves (`history`, `fetch`): they yield a step,
are sent its result, and so serve both the synchronous and the asynchronous session (`session`), which only carry the
steps out.

Programs that only read records install this room and `ringback.records`. Nothing that only a server needs (databases,
a web framework, a command line) may ever be imported here.
"""
