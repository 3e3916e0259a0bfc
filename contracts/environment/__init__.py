"""What the environment holds beside the settings' own values: names of variables, ports of the stack that runs."""
