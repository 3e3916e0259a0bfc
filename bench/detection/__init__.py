"""How well bad buzz is found: simulated weeks of real tweets, our rule and its peers."""
