"""Function words of English and French, and what every tweet says: words that tell no subject from another."""

from __future__ import annotations

from typing import Final

_ENGLISH: Final = """
a about above actually after again against ain't all almost already also although always am amp an and another any
anybody anymore anyone anything are aren't around as at away back be became because been before being below between
both but by came can can't cannot come comes coming could couldn't did didn't do does doesn't doing don't done down
during each either else enough even ever every everybody everyone everything few for from further gave get gets
getting give gives go goes going gone gonna got gotta had hadn't has hasn't have haven't having he he'd he'll he's
her here here's hers herself hey him himself his how how's however i i'd i'll i'm i've if im in into is isn't it
it'd it'll it's its itself just keep kind know let let's lets like little lol look looking lot made make makes
making many may maybe me might mine more most much must my myself need needs neither never next no nobody nor not
nothing now of off oh ok okay on once one ones only onto or other others our ours ourselves out over own per please
put quite rather really right rt said same saw say saying says see seem seems seen several shall she she'd she'll
she's should shouldn't since so some somebody someone something sometimes soon still such sure take takes taking
than that that's the their theirs them themselves then there there's these they they'd they'll they're they've thing
things think this those though through thus till to today together told tomorrow tonight too took toward try trying
two u under unless until up upon ur us use used using very via w was wasn't way we we'd we'll we're we've well went
were weren't what what's whatever when where where's whether which while who who's whole whom whose why will with
within without won't would wouldn't yeah yes yesterday yet you you'd you'll you're you've your yours yourself
yourselves
"""
_FRENCH: Final = """
a afin ai aie ainsi alors apres après as assez au aucun aucune auquel aura aurait aussi autant autre autres aux
avaient avais avait avant avec avez avions avoir avons ayant beaucoup bien c'est c'était ca car ce ceci cela celle
celles celui cependant certains ces cet cette ceux chaque chez ci comme comment contre d'un d'une dans de dedans
dehors deja déjà depuis des desquels deux devant dire dit dois doit donc dont du elle elles en encore enfin entre es
est et etaient étaient etait était etc ete été etes êtes etre être eu eux fait faire fais faites faut fois font hors
il ils j'ai j'avais j'étais je jusqu jusque l'a la là laquelle le lequel les lesquels leur leurs lors lorsque lui
m'a ma mais malgré me meme même mêmes mes mien moi moins mon n'a n'ai n'est n'y ne ni non nos notre nous on ont ou
où oui par parce parmi pas pendant peu peut peuvent peux plus plusieurs plutôt pour pourquoi pourtant pouvez puis
puisque qu'elle qu'en qu'il qu'ils qu'on qu'un qu'une quand que quel quelle quelles quelque quelques quels qui quoi
rien s'est s'il sa sans sauf se selon sera serait ses seulement si sien soi soit sommes son sont sous souvent suis
sur t'as ta tandis tant te tel telle tellement tes tjrs toi ton toujours tous tout toute toutes tres très trop tu un
une va vais vas vers veut veux voici voila voilà vont vos votre vous vs vu y
"""


def _spelt(words: str) -> set[str]:
    # The cleaning of the models leaves apostrophes out: `dont`, `cest`.
    return {spelling for word in words.split() for spelling in (word, word.replace("'", ""))}


# Some words lose their apostrophe and are another: "well", "ill", "shell", "wed", "shed", "hell", "id".
STOP_WORDS: Final = frozenset(_spelt(_ENGLISH) | _spelt(_FRENCH)) - {"hell", "shell", "shed", "wed", "ill", "id"}
"""In lower case, with `'` and without."""
