"""Local look-alikes of the sites, to try everything without a network and without a contact.

`world.world` and `world.horses` invent the issues and the horses, `world.figure` and `world.drawing` draw the photos,
and `keibado` writes their pages in the layouts of all years. `world.races`, `world.running` and `world.registry`
make the races, `world.opinion` makes the reviewers' opinion of each month, and `netkeiba` writes the pages of both.
`faults` has the faults that can be switched on, `site` serves everything, `truth` lists the facts to find.
"""
