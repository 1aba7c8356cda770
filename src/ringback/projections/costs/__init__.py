"""What calls cost: a projection that rates each call to the telephone network once, by the tariff of the settings.

Costs stand beside the records and never in them. A call keeps its cost whatever becomes of the tariff, until somebody
rates a range of time anew. `docs/tariffs.md` has the rules.
"""
