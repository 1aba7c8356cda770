"""The commands. Thin: each reads its options, calls the room that does the work, and tells what came of it."""
