"""From the legs of one call to what is told of it. Pure: no store, no clock, no ids but those of the records."""
