"""Local look-alikes of the sites, so that everything can be tried at once, without a network and without a contact.

`world` and `horses` make up what there is, `figure` and `drawing` draw it, `keibado` writes its pages as the site
did over the years. `races`, `running` and `registry` let the horses run, `opinion` says what the public thinks of them
from month to month, `netkeiba` writes the pages of both. `hostile` and its kin misbehave on demand, `site` serves it
all, `truth` tells what is to be found.
"""
