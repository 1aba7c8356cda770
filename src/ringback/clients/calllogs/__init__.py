"""The client of the PortSIP call-log API, for a PortSIP PBX and for ringback's server alike.

As in the rest of the SDK, what to do next is decided by generators that do no input or output themselves (`exchange`,
`access`, `pages`, `calls`); they yield a step and are sent its result. The two carriers carry the steps out, one
blocking and one awaiting, so that both clients read in the same way.
"""
